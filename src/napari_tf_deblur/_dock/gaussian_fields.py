"""The fields of a Gaussian PSF: its sigmas in pixels or units of length, angle and size."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from magicgui.widgets import ComboBox, FloatSpinBox, LineEdit

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._dock.form import Form
from napari_tf_deblur._dock.image_field_values import ImageFieldValues
from napari_tf_deblur._dock.image_fields import ImageChoice
from napari_tf_deblur._dock.kind_fields import KindFields, LayerProvider
from napari_tf_deblur._layers.psf_kinds import EstimatedPSF, GaussianPSF, PSFKind
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._storage.axes import short_unit


class GaussianFields(KindFields):
    """A Gaussian by its sigmas, angle and size.

    Attributes
    ----------
    unit, sigmas, angle, size : magicgui widgets
        The fields.
    """

    def __init__(
        self, kind: type[PSFKind], form: Form, advanced: Form, layers: LayerProvider
    ) -> None:
        super().__init__(kind, form, advanced, layers)
        self._unit_scale: tuple[float, ...] = (1.0, 1.0, 1.0)  # pixels in the unit shown
        self._spacing: tuple[float, ...] = (1.0, 1.0, 1.0)
        self._units: tuple[str, ...] = ("px", "px", "px")
        self._source: Source | None = None
        self._numbers = ImageFieldValues()
        self._visible = True
        self.unit = ComboBox(
            label="Sigma in",
            choices=lambda _: self._unit_choices(),
            tooltip="Pixels, or the physical units of the image layer",
        )
        self.sigmas = [
            FloatSpinBox(
                label=f"Sigma {axis}",
                value=0.0,
                min=0.0,
                max=1e9,
                tooltip="Standard deviation of the Gaussian along this axis; 0 for no blur. While "
                "all are 0, the blur is found from the image",
            )
            for axis in "zyx"
        ]
        self.angle = FloatSpinBox(
            label="PSF angle (°)",
            value=0.0,
            min=-180.0,
            max=180.0,
            step=1.0,
            tooltip="Rotation of the Gaussian, counter-clockwise; for a blur along a slant",
        )
        self.size = LineEdit(
            label="PSF size (px)",
            tooltip="Odd number of pixels, or one per axis as in 5, 13, 13; empty: the "
            "smallest that holds 4 sigma each side, but not more than the image",
        )
        self.size.native.setPlaceholderText("automatic")
        self._add(self.unit, *self.sigmas)
        for widget in (self.angle, self.size):
            advanced.add(widget)
        self.unit.changed.connect(self._choose_unit)
        fields: list[FloatSpinBox | LineEdit] = [*self.sigmas, self.angle, self.size]
        for field in fields:
            field.changed.connect(self._tell)

    def psf(self, image: int = 0) -> PSFKind:
        """Return the PSF that the fields describe, sigmas in pixels, the same for all images.

        While no sigma is given it is one to be found in the image.

        Raises
        ------
        ValueError
            If the size is not made of whole numbers, one for all axes or one for each.
        """
        size = parse_size(self.size.value)
        if isinstance(size, tuple) and len(size) != self._ndim:
            raise InvalidValueError(
                f"The PSF's size has {len(size)} numbers, but {self._ndim} axes are deblurred; "
                f"give a single number for all axes, or {self._ndim}."
            )
        steps = self._unit_scale[-self._ndim :]
        sigmas = [field.value for field in self.sigmas[-self._ndim :]]
        if not any(sigmas):
            return EstimatedPSF(self._ndim)
        return GaussianPSF(
            sigma=tuple(float(f"{s / p:.9g}") for s, p in zip(sigmas, steps, strict=True)),
            size=size,
            angle=self.angle.value if self._ndim == 2 else 0.0,
        )

    def set_images(self, images: Sequence[ImageChoice], ndim: int) -> None:
        """Offer the units that suit an image, deblurred along `ndim` axes."""
        former, self._ndim = self._source, ndim
        self._source = images[0].source if images else None
        is_other = (former and former.layer) != (self._source and self._source.layer)
        if is_other:
            self._numbers.store(former, self._get_values())
        if images:
            source = images[0].source
            axes = source.frame(ndim).axes
            pad = 3 - len(axes)
            self._spacing = (1.0,) * pad + tuple(axis.spacing for axis in axes)
            self._units = ("px",) * pad + tuple(short_unit(axis.unit) for axis in axes)
            for field, axis in zip(self.sigmas[pad:], axes, strict=True):
                field.label = f"Sigma {axis.name}"
        if list(self.unit.choices) != self._unit_choices():
            with self.unit.changed.blocked():
                self.unit.reset_choices()
        self._convert()
        if is_other:
            self._set_values(self._numbers.get_values(self._source))

    def _get_values(self) -> dict[str, Any]:
        """What the user has given, sigmas in pixels."""
        sigmas = [f.value / step for f, step in zip(self.sigmas, self._unit_scale, strict=True)]
        return {"sigmas": sigmas, "angle": self.angle.value, "size": self.size.value}

    def _set_values(self, values: Mapping[str, Any]) -> None:
        """Show what was given for an image, without a signal; nothing, if nothing was."""
        sigmas = values.get("sigmas", (0.0, 0.0, 0.0))
        shown: list[tuple[FloatSpinBox | LineEdit, Any]] = [
            *(
                (f, s * step)
                for f, s, step in zip(self.sigmas, sigmas, self._unit_scale, strict=True)
            ),
            (self.angle, values.get("angle", 0.0)),
            (self.size, values.get("size", "")),
        ]
        for field, value in shown:
            with field.changed.blocked():
                field.value = value

    def show(self, visible: bool) -> None:
        """Show the fields that matter, or none."""
        self._visible = visible
        show = self._form.show_row
        for index, field in enumerate(self.sigmas):
            unit = "px" if self.unit.value == "pixels" else self._units[index]
            used = visible and index >= 3 - self._ndim
            show(field, used, f"{field.label} ({unit})" if unit else field.label)
        show(self.unit, visible and len(self.unit.choices) > 1)
        self._advanced.show_row(self.angle, visible and self._ndim == 2)
        self._advanced.show_row(self.size, visible)

    def restore(self, record: Mapping[str, Any]) -> None:
        """Put back the numbers of a PSF."""
        psf = GaussianPSF.from_record(record)
        self.unit.value = "pixels"
        for field, sigma in zip(self.sigmas[-psf.ndim :], psf.sigma, strict=True):
            field.value = sigma
        self.angle.value = psf.angle
        size = psf.size
        sizes = size if isinstance(size, tuple) else (() if size is None else (size,))
        self.size.value = ", ".join(map(str, sizes))

    def _unit_choices(self) -> list[str]:
        names = self._units[-self._ndim :]
        scaled = any(abs(s - 1) > 1e-9 for s in self._spacing[-self._ndim :])
        if not scaled and set(names) == {"px"}:
            return ["pixels"]
        unit = ", ".join(dict.fromkeys(names))
        return ["pixels", "world units" if unit == "px" else unit]

    def _choose_unit(self, *_: object) -> None:
        self._convert()
        self.show(self._visible)
        self._tell()

    def _convert(self) -> None:
        """Show the same sigmas in the unit that is chosen now."""
        former, self._unit_scale = self._unit_scale, (1.0, 1.0, 1.0)
        if self.unit.value != "pixels":
            self._unit_scale = self._spacing
        for field, old, new in zip(self.sigmas, former, self._unit_scale, strict=True):
            if old != new:
                value = field.value * new / old
                field.native.setDecimals(max(2, 2 - math.floor(math.log10(new))))
                field.value = value


def parse_size(text: str) -> int | tuple[int, ...] | None:
    """Read the size field.

    Parameters
    ----------
    text : str
        Nothing, a whole number, or one per axis with commas between them.

    Returns
    -------
    int, tuple of int or None
        The size; None for an automatic one.

    Raises
    ------
    ValueError
        If it is anything else.

    Examples
    --------
    >>> parse_size("5, 13, 13")
    (5, 13, 13)
    """
    parts = [part for part in text.replace("x", ",").split(",") if part.strip()]
    try:
        sizes = tuple(int(part) for part in parts)
    except ValueError:
        raise InvalidValueError(
            f"The PSF's size is '{text}'; give an odd whole number such as 13, or one per "
            "axis such as 5, 13, 13, or leave it empty."
        ) from None
    if len(sizes) == 1:
        return sizes[0]
    return sizes or None
