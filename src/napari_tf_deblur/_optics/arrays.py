"""Check the pixel sizes and the shape of a PSF."""

from collections.abc import Iterable, Sequence

import numpy as np

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._optics.optics import Optics

LARGEST_PIXEL = 20.0
"""Largest pixel, in wavelengths per numerical aperture. Guard: against a wrong unit."""


def check_voxel_sizes(optics: Optics, spacing: Sequence[float]) -> tuple[float, ...]:
    """Check pixel sizes along y and x, or along z, y and x.

    Parameters
    ----------
    optics : Optics
        The microscope.
    spacing : sequence of float
        Two or three sizes, in the unit of the emission.

    Raises
    ------
    TypeError, ValueError
        If they are not positive numbers, or so large that no blur would be visible.
    """
    try:
        sizes = np.asarray(spacing, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidTypeError(
            f"The pixel size is {spacing!r}; it must be one number for each of 2 or 3 axes."
        ) from None
    if sizes.shape not in ((2,), (3,)):
        raise InvalidValueError(
            f"The pixel size is {spacing!r}; give two numbers, along y and x, or three, along z, "
            "y and x."
        )
    if not np.all((sizes > 0) & np.isfinite(sizes)):
        raise InvalidValueError(
            f"The pixel size is {format_sizes(sizes)}; each must be a number above 0, in the unit "
            "of the emission."
        )
    largest = float(sizes[-2:].max())
    if largest > LARGEST_PIXEL * optics.wavelength / optics.numerical_aperture:
        raise InvalidValueError(
            f"The pixels of {format_sizes(sizes)} are {largest / optics.wavelength:.2g} times as "
            f"large as the wavelength of {optics.wavelength:g}, so no blur would be visible. Give "
            "both in the same unit."
        )
    return tuple(float(size) for size in sizes)


def check_psf_shape(shape: Sequence[int], axes: int) -> tuple[int, ...]:
    """Check the shape of a PSF: one odd number of pixels for each of `axes` axes."""
    try:
        sizes = np.asarray(shape, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidTypeError(
            f"The PSF's shape is {shape!r}; it must be one whole number for each axis."
        ) from None
    if sizes.shape != (axes,):
        raise InvalidValueError(
            f"The PSF's shape is {shape!r}, and the pixel size has {axes} axes; give one number "
            "for each axis."
        )
    if not np.all((sizes >= 1) & (sizes % 2 == 1)):
        raise InvalidValueError(
            f"The PSF's shape is {shape!r}; every size must be an odd number of pixels, so that "
            "the PSF has a middle pixel."
        )
    return tuple(int(size) for size in sizes)


def format_sizes(sizes: Iterable[float]) -> str:
    """Format sizes as text, such as "200 x 65 x 65"."""
    return " x ".join(f"{size:g}" for size in sizes)
