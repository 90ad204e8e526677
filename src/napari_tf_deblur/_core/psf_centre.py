"""Find the centre of the light of a PSF."""

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.typing import Float64Array

CENTROID_THRESHOLD = 0.1
"""Part of the peak above which light counts for the centre. Guard: against tails that the array
cuts on one side; ``tests/core/test_psf_check.py``."""


def light_centre(psf: NDArray[np.floating]) -> Float64Array:
    """Find the centre of the light of a PSF: the centroid of the square of its bright part.

    A background and noise do not count, because they are below the threshold. Each axis is used
    only as far as the array reaches on both sides of the centre; a tail that is cut off earlier
    on one side does not move the centre.

    Parameters
    ----------
    psf : ndarray
        Any shape; not all values are 0.

    Returns
    -------
    ndarray of float64
        One index, in pixels, for each axis.

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
    if not power.any():  # a constant array
        power = np.square(psf, dtype=np.float64)
    axes = range(psf.ndim)
    return np.array([_line_centroid(power.sum(axis=tuple(set(axes) - {axis}))) for axis in axes])


def _line_centroid(line: Float64Array) -> float:
    """Centroid of a line, over the part that lies symmetrically about the centroid."""
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
