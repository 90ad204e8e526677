"""The fields of a Gaussian PSF: its sigmas, in pixels or units of length, its angle and size."""

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
    """Fields for the sigmas, the angle and the size of a Gaussian PSF.

    Attributes
    ----------
    unit : ComboBox
        Unit of the sigmas: pixels, or the unit of the image layer.
    sigmas : list of FloatSpinBox
        Standard deviations along z, y, x, in that unit.
    angle : FloatSpinBox
        Rotation in degrees.
    size : LineEdit
        Size of the PSF array in pixels.
    """

    def __init__(
        self, kind: type[PSFKind], form: Form, advanced: Form, layers: LayerProvider
    ) -> None:
        super().__init__(kind, form, advanced, layers)
        self._unit_scale: tuple[float, ...] = (1.0, 1.0, 1.0)  # size of a pixel in the chosen unit
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
                tooltip="Standard deviation of the Gaussian along this axis; 0 for no blur. If "
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
            tooltip="Rotation of the Gaussian, counter-clockwise; for a blur along a diagonal",
        )
        self.size = LineEdit(
            label="PSF size (px)",
            tooltip="Odd number of pixels, or one per axis, such as 5, 13, 13. If empty: the "
            "smallest size that holds 4 sigma on each side, but not more than the image",
        )
        self.size.native.setPlaceholderText("automatic")
        self._add(self.unit, *self.sigmas)
        for widget in (self.angle, self.size):
            advanced.add(widget)
        self.unit.changed.connect(self._choose_unit)
        fields: list[FloatSpinBox | LineEdit] = [*self.sigmas, self.angle, self.size]
        for field in fields:
            field.changed.connect(self._emit_changed)

    def psf(self, image: int = 0) -> PSFKind:
        """Return the PSF that the fields describe, with sigmas in pixels; the same for all images.

        If all sigmas are 0, it is an `EstimatedPSF`.

        Raises
        ------
        ValueError
            If the size is neither one whole number nor one whole number per axis.
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
        """Offer the units of the first image; show what the user typed for it before."""
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
        """Return the values of the fields, with sigmas in pixels."""
        sigmas = [f.value / step for f, step in zip(self.sigmas, self._unit_scale, strict=True)]
        return {"sigmas": sigmas, "angle": self.angle.value, "size": self.size.value}

    def _set_values(self, values: Mapping[str, Any]) -> None:
        """Set the fields without a signal; missing values get their defaults."""
        sigmas = values.get("sigmas", (0.0, 0.0, 0.0))
        field_values: list[tuple[FloatSpinBox | LineEdit, Any]] = [
            *(
                (f, s * step)
                for f, s, step in zip(self.sigmas, sigmas, self._unit_scale, strict=True)
            ),
            (self.angle, values.get("angle", 0.0)),
            (self.size, values.get("size", "")),
        ]
        for field, value in field_values:
            with field.changed.blocked():
                field.value = value

    def show(self, visible: bool) -> None:
        """Show the fields that the image needs, or none."""
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
        """Set the fields to the numbers in a PSF's record; sigmas are in pixels."""
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
        self._emit_changed()

    def _convert(self) -> None:
        """Convert the sigmas to the unit that is chosen now."""
        former, self._unit_scale = self._unit_scale, (1.0, 1.0, 1.0)
        if self.unit.value != "pixels":
            self._unit_scale = self._spacing
        for field, old, new in zip(self.sigmas, former, self._unit_scale, strict=True):
            if old != new:
                value = field.value * new / old
                field.native.setDecimals(max(2, 2 - math.floor(math.log10(new))))
                field.value = value


def parse_size(text: str) -> int | tuple[int, ...] | None:
    """Convert the text of the size field.

    Parameters
    ----------
    text : str
        An empty text, a whole number, or whole numbers with commas between them, one per axis.

    Returns
    -------
    int, tuple of int or None
        The size in pixels; None for an automatic size.

    Raises
    ------
    ValueError
        If the text is anything else.

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
