"""Kinds of PSF: what a run needs of each, whatever it is made from.

To add one: write its class here, and its fields in the dock
(:data:`napari_tf_deblur._dock.psf_fields.KINDS`).
"""

from dataclasses import asdict, dataclass
from math import prod
from typing import Any, ClassVar, Protocol

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray

from napari_tf_deblur._layers.axes import Axis
from napari_tf_deblur._layers.psf_spacing import Spacing, layer_spacing
from napari_tf_deblur._layers.source import Source, read
from napari_tf_deblur.bead import measured_psf
from napari_tf_deblur.blur_estimate import estimate_blur
from napari_tf_deblur.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur.psf import checked_psf, gaussian_psf, gaussian_shape

PSFArray = NDArray[np.float32]

MAX_PIXELS = 2**27
"""Of a PSF: more than these are taken for a mistake in a number or a unit."""

NO_BLUR = 1e-3
"""Sigma in pixels that stands for 0: so narrow that all light stays in one pixel."""

MIN_EXTENT = 8
"""Pixels of an image from which on a sigma larger than the image is taken for a mistake."""


class PSFKind(Protocol):
    """A PSF before its array is made; making it may take long and belongs in the worker."""

    title: ClassVar[str]
    """What the dock calls this kind."""

    hint: ClassVar[str]
    """What the dock says about it."""

    shown: ClassVar[bool]
    """Whether a run shows it as a layer, because it is not one already."""

    making: ClassVar[str]
    """What a run says while it makes the array."""

    @property
    def ndim(self) -> int:
        """Number of axes, which says how many axes of the image are deblurred."""

    def check(self, source: Source) -> None:
        """Refuse at once, in words, what cannot be made or used; by arithmetic only."""

    def array(self, source: Source) -> tuple[PSFArray, tuple[str, ...]]:
        """Make the PSF on the pixels of this image; also return what was done, in words."""

    def warnings(self, source: Source) -> tuple[str, ...]:
        """Return what the user should know before a run; by arithmetic only."""

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is kept with a result: "kind", "python" and what made it."""


@dataclass(frozen=True)
class GaussianPSF:
    """A Gaussian PSF, by the arguments of :func:`~napari_tf_deblur.gaussian_psf`.

    A sigma of 0 means no blur along that axis.
    """

    title: ClassVar[str] = "Gaussian"
    hint: ClassVar[str] = "A Gaussian, by its standard deviations"
    shown: ClassVar[bool] = True
    making: ClassVar[str] = "making the PSF"

    sigma: tuple[float, ...]
    size: int | tuple[int, ...] | None = None
    angle: float = 0.0

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.sigma)

    def check(self, source: Source) -> None:
        """Refuse sigmas that are wider than the image, and sizes beyond all memory."""
        if not any(self.sigma):
            raise InvalidValueError(
                "Every sigma of the PSF is 0, which is no blur at all; set the sigma of at "
                "least one axis."
            )
        shape = gaussian_shape(self._sigmas, self.size, angle=self.angle)
        for sigma, axis in zip(self.sigma, source.frame(self.ndim).axes):
            if sigma > max(axis.size, MIN_EXTENT):
                raise InvalidValueError(
                    f"'Sigma {axis.name}' is {sigma:.6g} pixels, but the image has only "
                    f"{axis.size} along this axis; check the number and its unit ('Sigma in')."
                )
        if prod(shape) > MAX_PIXELS:
            raise InvalidValueError(
                f"The PSF would have {_by(shape)} pixels, which is too many; give smaller "
                "sigmas, or a number of pixels in 'Size (px)'."
            )

    def array(self, source: Source) -> tuple[PSFArray, tuple[str, ...]]:
        """Return the PSF, and what was done to it, in words."""
        psf = gaussian_psf(self._sigmas, self.size, angle=self.angle)
        names = source.frame(self.ndim).names
        notes = [f"no blur along {name}" for s, name in zip(self.sigma, names) if s == 0]
        return psf, tuple(notes)

    def warnings(self, source: Source) -> tuple[str, ...]:
        """Return nothing: all is as the user said."""
        return ()

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is needed to make it again."""
        python = f"gaussian_psf({self._sigmas}, {self.size}, angle={self.angle})"
        return {"kind": "gaussian", **asdict(self), "python": python}

    @property
    def _sigmas(self) -> tuple[float, ...]:
        return tuple(s or NO_BLUR for s in self.sigma)


@dataclass(frozen=True)
class LayerPSF:
    """A PSF that an image layer shows, such as a bead, with the pixel size of that layer.

    Axes of length 1 before the last two are left out.
    """

    title: ClassVar[str] = "Image layer"
    hint: ClassVar[str] = (
        "An image layer that shows the blur of one bright point, such as a bead; it is "
        "resampled to the image's pixels, freed of its background, centred and normalised"
    )
    shown: ClassVar[bool] = False
    making: ClassVar[str] = "making the PSF"

    layer: Source

    @property
    def ndim(self) -> int:
        """Number of axes that are used."""
        return len(self._axes)

    def check(self, source: Source) -> None:
        """Refuse a layer that is no PSF for this image."""
        psf = self.layer
        if psf.layer() is source.layer():
            raise InvalidValueError(
                f"'{psf.name}' is both the image and its PSF; as PSF, choose a layer that "
                "shows the blur of one bright point."
            )
        if psf.rgb:
            raise InvalidTypeError(
                f"The PSF layer '{psf.name}' is a colour picture; choose one with a single "
                "intensity per pixel."
            )
        if self.ndim > min(source.ndim, 3):
            raise InvalidValueError(
                f"The PSF layer '{psf.name}' has {self.ndim} axes and the image "
                f"'{source.name}' has {source.ndim}; a PSF has at most 3, and no more than "
                "its image."
            )
        self._spacing(source).check(psf.name, source.name, MAX_PIXELS)

    def array(self, source: Source) -> tuple[PSFArray, tuple[str, ...]]:
        """Return the PSF on the pixels of `source`, and what was done to it, in words."""
        spacing = self._spacing(source)
        values, notes = measured_psf(
            np.asarray(self.layer.data).reshape([axis.size for axis in self._axes]),
            spacing=spacing.of_psf,
            image_spacing=spacing.of_image,
        )
        return values, (*spacing.notes, *notes)

    def warnings(self, source: Source) -> tuple[str, ...]:
        """Say which pixel sizes were assumed, and which look wrong."""
        return self._spacing(source).warnings(self.layer.name, source.name)

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is needed to make it again."""
        return {"kind": "measured", "layer": self.layer.name, "python": "psf"}

    @property
    def _axes(self) -> tuple[Axis, ...]:
        axes = self.layer.axes
        return tuple(a for k, a in enumerate(axes) if a.size != 1 or k >= len(axes) - 2)

    def _spacing(self, source: Source) -> Spacing:
        return layer_spacing(self._axes, source.frame(self.ndim).axes)


@dataclass(frozen=True)
class EstimatedPSF:
    """A Gaussian PSF whose widths are found in the image itself.

    Attributes
    ----------
    ndim : int
        Number of axes along which the image is deblurred.
    """

    title: ClassVar[str] = "Found in the image"
    hint: ClassVar[str] = (
        "A Gaussian as wide as the image's own blur, which is found from its finest detail; "
        "rather too narrow than too wide"
    )
    shown: ClassVar[bool] = True
    making: ClassVar[str] = "measuring the blur"

    ndim: int

    def check(self, source: Source) -> None:
        """Refuse nothing: what cannot be found is said when it is looked for."""

    def array(self, source: Source) -> tuple[PSFArray, tuple[str, ...]]:
        """Look for the blur; return its PSF, and how wide it is, in words."""
        image = source.frame(self.ndim).to_core(np.asarray(source.data))
        if image.dtype.kind == "f":
            image = np.ma.masked_invalid(image)
        found = estimate_blur(
            image,
            ndim=self.ndim,
            channel_axis=source.channel_axis,
            alpha=source.has_alpha,
        )
        return found.psf(), (str(found),)

    def warnings(self, source: Source) -> tuple[str, ...]:
        """Return nothing: before it is looked for, nothing is known."""
        return ()

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is needed to make it again: the PSF itself."""
        return {"kind": "estimated", "ndim": self.ndim, "python": "psf"}


@dataclass(frozen=True)
class ArrayPSF:
    """A PSF that is used as it is given, from Python."""

    title: ClassVar[str] = "Array"
    hint: ClassVar[str] = "An array, used as it is"
    shown: ClassVar[bool] = True
    making: ClassVar[str] = "making the PSF"

    values: Any

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return int(np.ndim(self.values))

    def check(self, source: Source) -> None:
        """Refuse what is no PSF."""
        checked_psf(self.values)

    def array(self, source: Source) -> tuple[PSFArray, tuple[str, ...]]:
        """Return the PSF and what was done to it: nothing."""
        return np.asarray(self.values), ()

    def warnings(self, source: Source) -> tuple[str, ...]:
        """Return nothing: it is taken to have the pixels of the image."""
        return ()

    def record(self, source: Source) -> dict[str, Any]:
        """Return what is needed to make it again: the PSF itself."""
        return {"kind": "array", "array": self.values, "python": "psf"}


def psf_from(psf: object, source: Source) -> PSFKind:
    """Take a PSF as a layer or as an array; None is to be found in the image."""
    if psf is None:
        return EstimatedPSF(3 if source.is_volume else min(source.ndim, 2))
    return LayerPSF(read(psf)) if isinstance(psf, Layer) else ArrayPSF(psf)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)
