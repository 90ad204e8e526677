"""The fields of the dock that say what the PSF is."""

import math
from collections.abc import Callable, Sequence

from magicgui.widgets import ComboBox, FloatSpinBox, LineEdit, PushButton
from napari.layers import Image
from psygnal import Signal

from napari_tf_deblur._dock.form import Form
from napari_tf_deblur._layers.psf_layers import GaussianPSF, MeasuredPSF
from napari_tf_deblur._layers.source import Source, read, short_unit

DEFAULT_SIGMA = 2.0
"""In pixels."""


class PSFFields:
    """A Gaussian by its sigmas, angle and size, or any image layer.

    Parameters
    ----------
    form : Form
        Where to put the fields.
    layers : callable
        Returns the image layers that may hold a measured PSF.

    Attributes
    ----------
    kind, unit, sigmas, angle, size, show : magicgui widgets
        The fields, and the button that shows the PSF.
    changed : psygnal.Signal
        Emitted when another PSF is described.
    """

    changed = Signal()

    def __init__(self, form: Form, layers: Callable[[], Sequence[Image]]) -> None:
        self._form = form
        self._step: tuple[float, ...] = (1.0, 1.0, 1.0)  # pixels in the unit shown
        self._spacing: tuple[float, ...] = (1.0, 1.0, 1.0)
        self._units: tuple[str, ...] = ("px", "px", "px")
        self._ndim = 2
        self.kind = ComboBox(
            label="PSF",
            choices=lambda _: [("Gaussian", None), *((x.name, x) for x in layers())],
            tooltip="The blur of one bright point: a Gaussian, or an image layer that shows "
            "one (a bead), which is resampled to the image's pixels, background-subtracted, "
            "centred and normalised",
        )
        self.unit = ComboBox(
            label="Sigma in",
            choices=["pixels"],
            tooltip="Pixels, or the physical units of the image layer",
        )
        self.sigmas = [
            FloatSpinBox(
                label=f"Sigma {axis}",
                value=DEFAULT_SIGMA,
                min=0.0,
                max=1e9,
                tooltip="Standard deviation of the Gaussian along this axis",
            )
            for axis in "zyx"
        ]
        self.angle = FloatSpinBox(
            label="Angle (°)",
            value=0.0,
            min=-180.0,
            max=180.0,
            step=1.0,
            tooltip="Rotation of the Gaussian, counter-clockwise",
        )
        self.size = LineEdit(
            label="Size (px)",
            tooltip="Odd number of pixels, or one per axis as in 5, 13, 13; empty: the "
            "smallest that holds 4 sigma each side, but not more than the image",
        )
        self.size.native.setPlaceholderText("automatic")
        self.show = PushButton(text="Show PSF", tooltip="Show the PSF as a layer beside the image")
        for widget in (self.kind, self.unit, *self.sigmas, self.angle, self.size, self.show):
            form.add(widget)
        self.unit.changed.connect(self._rearrange)
        fields: list[FloatSpinBox | LineEdit] = [*self.sigmas, self.angle, self.size]
        for field in fields:
            field.changed.connect(self._tell)

    @property
    def measured(self) -> Image | None:
        """The layer that shows the PSF; none for a Gaussian."""
        layer = self.kind.value
        return layer if isinstance(layer, Image) else None

    def psf(self) -> GaussianPSF | MeasuredPSF:
        """Return the PSF that the fields describe, sigmas in pixels.

        Raises
        ------
        ValueError
            If the size is not made of whole numbers, one for all axes or one for each.
        """
        if self.measured is not None:
            return MeasuredPSF(read(self.measured))
        size = parse_size(self.size.value)
        if isinstance(size, tuple) and len(size) != self._ndim:
            raise ValueError(
                f"The PSF's size has {len(size)} numbers, but {self._ndim} axes are deblurred; "
                f"give a single number for all axes, or {self._ndim}."
            )
        steps = self._step[-self._ndim :]
        sigmas = [field.value for field in self.sigmas[-self._ndim :]]
        return GaussianPSF(
            sigma=tuple(float(f"{s / p:.9g}") for s, p in zip(sigmas, steps, strict=True)),
            size=size,
            angle=self.angle.value if self._ndim == 2 else 0.0,
        )

    def fit(self, source: Source | None, ndim: int) -> None:
        """Offer the fields and units that suit an image, deblurred along `ndim` axes."""
        self._ndim = ndim
        if source is not None:
            pad = 3 - min(source.ndim, 3)
            self._spacing = (1.0,) * pad + source.spacing[-3:]
            self._units = ("px",) * pad + tuple(short_unit(u) for u in source.units[-3:])
            for field, axis in zip(self.sigmas[pad:], source.axes[-3:], strict=True):
                field.label = f"Sigma {axis}"
        self._offer_units()
        self._rearrange()

    def _offer_units(self) -> None:
        names = self._units[-self._ndim :]
        scaled = any(abs(s - 1) > 1e-9 for s in self._spacing[-self._ndim :])
        other = [] if not scaled and set(names) == {"px"} else [", ".join(dict.fromkeys(names))]
        choices = ["pixels", *("world units" if name == "px" else name for name in other)]
        if list(self.unit.choices) != choices:
            self.unit._default_choices = choices
            self.unit.choices = choices

    def _convert(self) -> None:
        """Show the same sigmas in the unit that is chosen now."""
        former, self._step = self._step, (1.0, 1.0, 1.0)
        if self.unit.value != "pixels":
            self._step = self._spacing
        for field, old, new in zip(self.sigmas, former, self._step, strict=True):
            if old != new:
                value = field.value * new / old
                field.native.setDecimals(max(2, 2 - math.floor(math.log10(new))))
                field.value = value

    def _tell(self, *_: object) -> None:
        self.changed.emit()

    def _rearrange(self, *_: object) -> None:
        """Show the fields that matter now."""
        self._convert()
        gaussian = self.measured is None
        show = self._form.show_row
        for index, field in enumerate(self.sigmas):
            unit = "px" if self.unit.value == "pixels" else self._units[index]
            used = gaussian and index >= 3 - self._ndim
            show(field, used, f"{field.label} ({unit})" if unit else field.label)
        show(self.unit, gaussian and len(self.unit.choices) > 1)
        show(self.angle, gaussian and self._ndim == 2)
        show(self.size, gaussian)
        show(self.show, gaussian)
        self._tell()


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
        raise ValueError(
            f"The PSF's size is '{text}'; give an odd whole number such as 13, or one per "
            "axis such as 5, 13, 13, or leave it empty."
        ) from None
    if len(sizes) == 1:
        return sizes[0]
    return sizes or None
