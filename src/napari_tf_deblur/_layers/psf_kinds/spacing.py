"""Compares the pixel sizes of a PSF layer and of an image, in one unit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._storage.axes import Axis, convert_length, is_length, short_unit

SUSPECT_SIZE_RATIO = 10.0
"""Smallest ratio of two pixel sizes along one axis that causes a warning. Guard: against a wrong
unit; ``tests/layers/test_psf_kinds.py``."""

MAX_SIZE_RATIO = 100.0
"""Largest ratio of the pixel size of the PSF layer to that of the image. Guard: a PSF layer with
larger pixels does not contain details of the size of an image pixel;
``tests/layers/test_psf_kinds.py``."""


@dataclass(frozen=True)
class Spacing:
    """Pixel sizes of a PSF layer and of its image, both in the units of the image.

    Attributes
    ----------
    psf, image : tuple of Axis
        The axes of both layers, in the same order.
    psf_sizes, image_sizes : tuple of float or None
        The pixel sizes of both layers; None if they cannot be compared.
    """

    psf: tuple[Axis, ...]
    image: tuple[Axis, ...]
    psf_sizes: tuple[float, ...] | None
    image_sizes: tuple[float, ...] | None

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed, in words, for the record."""
        return () if self.psf_sizes else ("used pixel by pixel; pixel sizes were not considered",)

    def check(self, psf: str, image: str, max_pixels: int) -> None:
        """Raise an error if the PSF would become far too large on the pixels of the image."""
        if self.psf_sizes is None or self.image_sizes is None:
            return
        zoom = np.divide(self.psf_sizes, self.image_sizes)
        sizes = [int(np.ceil(axis.size * z)) for axis, z in zip(self.psf, zoom)]
        if zoom.max() > MAX_SIZE_RATIO or np.prod(np.asarray(sizes, float)) > max_pixels:
            k = int(zoom.argmax())
            raise InvalidValueError(
                f"The PSF layer '{psf}' has pixels of {_size(self.psf[k])} and the image "
                f"'{image}' of {_size(self.image[k])}, so the PSF would have "
                f"{' x '.join(str(n) for n in sizes)} pixels; correct the scale or the units of "
                "one of the two layers."
            )

    def warnings(self, psf: str, image: str) -> tuple[Notice, ...]:
        """Return warnings about pixel sizes that were assumed, or look wrong."""
        if self.psf_sizes is not None and self.image_sizes is not None:
            ratio = np.divide(self.psf_sizes, self.image_sizes)
            k = int(np.abs(np.log(ratio)).argmax())
            if 1 / SUSPECT_SIZE_RATIO < ratio[k] < SUSPECT_SIZE_RATIO:
                return ()
            words = (
                f"The PSF layer '{psf}' has pixels of {_size(self.psf[k])} and the image "
                f"'{image}' of {_size(self.image[k])}; check the scale and units of both."
            )
            return (Notice("pixel sizes differ", words),)
        if _is_known(self.image) and not _is_known(self.psf):
            words = (
                f"The PSF layer '{psf}' has no pixel size: that of the image was assumed, "
                f"{_sizes(self.image)}. Set the scale and units of the layer if they differ."
            )
        elif _is_known(self.psf) and not _is_known(self.image):
            words = (
                f"The image '{image}' has no pixel size: that of the PSF layer '{psf}' was "
                f"assumed, {_sizes(self.psf)}. Set the scale and units of the image if they "
                "differ."
            )
        else:
            return ()
        return (Notice("pixel size assumed", words),)


def compare_spacing(psf: Sequence[Axis], image: Sequence[Axis]) -> Spacing:
    """Compare the pixel sizes of a PSF layer with those of its image, axis by axis.

    They can be compared if both have units of length, or if both have the same units and a scale.
    """
    psf_sizes = image_sizes = None
    if all(is_length(axis.unit) for axis in (*psf, *image)):
        psf_sizes = tuple(convert_length(p.spacing, p.unit, i.unit) for p, i in zip(psf, image))
    elif all(p.unit == i.unit for p, i in zip(psf, image)) and _is_scaled(psf):
        psf_sizes = tuple(axis.spacing for axis in psf)
    if psf_sizes is not None:
        image_sizes = tuple(axis.spacing for axis in image)
    return Spacing(tuple(psf), tuple(image), psf_sizes, image_sizes)


def _is_scaled(axes: Sequence[Axis]) -> bool:
    """Whether a layer has a scale other than 1."""
    return not np.allclose([axis.spacing for axis in axes], 1)


def _is_known(axes: Sequence[Axis]) -> bool:
    """Whether a layer has a pixel size: units of length, or a scale."""
    return all(is_length(axis.unit) for axis in axes) or _is_scaled(axes)


def _size(axis: Axis) -> str:
    """Format the pixel size of an axis."""
    return f"{axis.spacing:.4g} {short_unit(axis.unit)}"


def _sizes(axes: Sequence[Axis]) -> str:
    """Format the different pixel sizes of some axes."""
    return " x ".join(dict.fromkeys(_size(axis) for axis in axes))
