"""Compute how the PSF of a microscope changes along a stack in a specimen of another index."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._core.varying_psf import VaryingPSF
from napari_tf_deblur._optics.microscope import microscope_psf
from napari_tf_deblur._optics.optics import Microscope
from napari_tf_deblur._optics.specimen import Specimen

MAX_DEPTHS = 16
"""Largest number of depths for which a PSF is computed. Limit: of time."""


def microscope_psf_by_depth(
    numerical_aperture: float,
    emission: float,
    *,
    spacing: Sequence[float],
    planes: int,
    specimen: Specimen | Mapping[str, Any],
    refractive_index: float | None = None,
    microscope: Microscope = "widefield",
    excitation: float | None = None,
    pinhole: float = 1.0,
    sheet: float | None = None,
    shape: Sequence[int] | None = None,
    within: Sequence[int] | None = None,
) -> VaryingPSF:
    """Make the PSF of a microscope for a stack in which it changes with depth.

    Parameters
    ----------
    numerical_aperture, emission, refractive_index, microscope, excitation, pinhole, sheet
        As for :func:`microscope_psf`.
    spacing : sequence of float
        Pixel size along z, y and x, in the unit of `emission`; along z as the drive of the
        microscope counts it.
    planes : int
        Number of planes of the stack.
    specimen : Specimen or mapping
        Mounting medium and coverslip; its `depth` is that of the middle plane of the stack, and its
        `first_plane` says which plane is the first. Planes before the coverslip get the PSF of
        depth 0.
    shape, within : sequence of int, optional
        As for :func:`microscope_psf`, for each PSF.

    Returns
    -------
    VaryingPSF
        PSFs at up to 16 planes, equally far apart.

    Raises
    ------
    TypeError, ValueError
        As :func:`microscope_psf`, or if `planes` is not a whole number above 0.

    Notes
    -----
    Each PSF is that of the point that is sharpest in its plane, with this focus in the middle. So
    points are deblurred in the plane in which they are sharpest. Their distance from the coverslip
    is not that of the drive: it is `Optics.focus_depth`, and the result is not corrected for it.

    Examples
    --------
    >>> specimen = Specimen(refractive_index=1.33, depth=10000)
    >>> psf = microscope_psf_by_depth(
    ...     1.4, 520, spacing=(500, 100, 100), planes=41, specimen=specimen, shape=(9, 15, 15)
    ... )
    >>> bool(psf.at((0, 0, 0)).max() > 2 * psf.at((40, 0, 0)).max())
    True
    """
    count = _check_planes(planes)
    if len(spacing) != 3:
        raise InvalidValueError(
            f"The pixel size has {len(spacing)} values; a stack needs three: along z, y and x."
        )
    specimen = Specimen.from_value(specimen)
    places = np.unique(np.linspace(0, count - 1, min(count, MAX_DEPTHS)).round())
    direction = -1 if specimen.first_plane == "deepest" else 1
    depths = specimen.depth + direction * (places - (count - 1) / 2) * float(spacing[0])
    psfs = [
        microscope_psf(
            numerical_aperture,
            emission,
            spacing=spacing,
            refractive_index=refractive_index,
            microscope=microscope,
            excitation=excitation,
            pinhole=pinhole,
            sheet=sheet,
            specimen=replace(specimen, depth=max(0.0, float(depth))),
            shape=shape,
            within=within,
        )
        for depth in depths
    ]
    return VaryingPSF.along_z(psfs, places)


def _check_planes(planes: object) -> int:
    """Return the number of planes; raise an error if it is not a whole number above 0."""
    try:
        count = operator.index(planes)  # type: ignore[arg-type]
    except TypeError:
        raise InvalidTypeError(
            f"The number of planes is {planes!r}; it must be a whole number."
        ) from None
    if count < 1:
        raise InvalidValueError(f"The number of planes is {count}; it must be 1 or more.")
    return count
