"""Find the centre of the light of a PSF."""

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.typing import Float64Array

CENTROID_THRESHOLD = 0.1
"""Part of the peak from which on light counts for the centre. Set by hand;
``benchmarks/constants.py --vary`` measures its effect."""


def light_centre(psf: NDArray[np.floating]) -> Float64Array:
    """Find where the light of a PSF lies: the centroid of the square of what is bright in it.

    So neither a ground nor noise count. Of each axis only as much is looked at as
    lies on both sides of the centre, so that a tail that is cut off earlier on one side does not
    move it.

    Parameters
    ----------
    psf : ndarray
        Not all 0.

    Returns
    -------
    ndarray of float64
        One index for each axis.

    Examples
    --------
    >>> from napari_tf_deblur import gaussian_psf
    >>> light_centre(np.pad(gaussian_psf(2, 17), ((5, 0), (0, 2)))).round(2)
    array([13.,  8.])
    """
    low, top = float(np.quantile(psf, 0.25)), float(psf.max())
    power = np.square(
        np.maximum(psf - (low + CENTROID_THRESHOLD * (top - low)), 0), dtype=np.float64
    )
    if not power.any():  # the same all over
        power = np.square(psf, dtype=np.float64)
    axes = range(psf.ndim)
    return np.array([_line_centroid(power.sum(axis=tuple(set(axes) - {axis}))) for axis in axes])


def _line_centroid(line: Float64Array) -> float:
    """Centroid of a line, of as much of it as lies on both sides of that."""
    places = np.arange(len(line), dtype=np.float64)
    centre = float(np.average(places, weights=line))
    for _ in range(30):
        half = min(centre + 0.5, len(line) - 0.5 - centre)
        inside = np.minimum(places + 0.5, centre + half) - np.maximum(places - 0.5, centre - half)
        weights = line * np.clip(inside, 0, 1)
        if not weights.any():
            return centre
        last, centre = centre, float(np.average(places, weights=weights))
        if abs(centre - last) < 1e-4:
            break
    return centre
