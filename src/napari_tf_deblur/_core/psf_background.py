"""Find a background in a PSF: light at its rim that cannot be a tail of the PSF."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.psf_centre import light_centre
from napari_tf_deblur._core.typing import Float64Array

RIM_ZONE, HALFWAY_ZONE = (0.8, 1.0), (0.5, 0.7)
"""Ranges in which light is compared, as fractions of the way from the centre to the rim. Guard:
light nearer to the centre is not a tail yet; ``tests/core/test_psf_check.py``."""

SLOWEST_DECAY = 1.5
"""Slowest decay of a PSF, as a power of the distance. Source: light that spreads over a cone falls
with the square, and so does the aureole of a star (King, PASP 83, 1971); this is a little less."""

MAX_RIM_BRIGHTNESS = 0.7
"""A rim brighter than this part of the peak belongs to a box or a disc that the array cuts. Guard:
``tests/core/test_psf_check.py``."""

MIN_BACKGROUND_SIGNIFICANCE = 4.0
"""Least background that counts, in standard errors. Derived: chance exceeds it once in 30 000
times."""

MAX_DARKER_PART = 0.02
"""Largest part of the pixels that may be darker than a quarter of the background. Guard: PSFs with
dark rings have more such pixels, and no background; ``tests/core/test_psf_check.py``."""

MIN_TAIL_PIXELS = 7
"""Least number of pixels along an axis to distinguish a background from a tail. Guard: against
small kernels; ``tests/core/test_psf_check.py``."""


def find_psf_background(psf: NDArray[np.floating]) -> float:
    """Find the background of a PSF: light at the rim that cannot be a tail of the PSF.

    In the two darkest directions, the light near the rim is compared with the light half way to it.
    A tail falls at least as fast as ``(1 + r**2 / s**2) ** (-SLOWEST_DECAY / 2)``. The background
    is the least level that must be subtracted until the light falls that fast.

    Parameters
    ----------
    psf : ndarray
        1 to 3 axes, of positive sum.

    Returns
    -------
    float
        In the units of `psf`; 0 if there is no background.

    Examples
    --------
    >>> from napari_tf_deblur import gaussian_psf
    >>> light = gaussian_psf(2, 41)
    >>> round(float(find_psf_background(light + 0.001)), 6), find_psf_background(light)
    (0.001, 0.0)
    """
    peak = float(psf.max())
    if peak <= 0:
        return 0.0
    outer, inner, error = _measure_tails(psf / peak, light_centre(psf))
    level = _solve_background(*outer, *inner)
    if level < MIN_BACKGROUND_SIGNIFICANCE * error or not 0 < level < MAX_RIM_BRIGHTNESS:
        return 0.0
    level *= peak
    return 0.0 if psf.min() >= 0 and np.mean(psf < level / 4) > MAX_DARKER_PART else level


def _measure_tails(
    psf: NDArray[np.floating], centre: Float64Array
) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Mean light in the two darkest directions, near the rim and half way to it.

    Returns both as pairs (light, mean square of the relative distance), and the standard error of
    the light near the rim.
    """
    room = [(c, n - 1 - c) for c, n in zip(centre, psf.shape)]
    long = [
        n >= MIN_TAIL_PIXELS and min(r) >= MIN_TAIL_PIXELS // 2 for n, r in zip(psf.shape, room)
    ]
    measurements = []
    for direction in product((-1, 0, 1), repeat=psf.ndim):
        if any(direction) and all(is_long for d, is_long in zip(direction, long) if d):
            outer, far = _zone_pixels(psf, centre, direction, RIM_ZONE)
            inner, near = _zone_pixels(psf, centre, direction, HALFWAY_ZONE)
            variance = outer.var() / outer.size
            measurements.append((outer.mean(), far, inner.mean(), near, variance))
    if not measurements:
        return (0.0, 1.0), (0.0, 0.5), 0.0
    measurements.sort()
    darkest = np.array(measurements[:2], dtype=np.float64)  # others may have light out of focus
    rim, far, half_way, near, variance = darkest.mean(axis=0)
    return (rim, far), (half_way, near), float(np.sqrt(variance / len(darkest)))


def _zone_pixels(
    psf: NDArray[np.floating],
    centre: Float64Array,
    direction: tuple[int, ...],
    zone: tuple[float, float],
) -> tuple[NDArray[np.floating], float]:
    """Pixels of a zone in a direction, and the mean square of their relative distance.

    The relative distance is 0 at the centre and 1 at the rim.
    """
    places, squares = [], []
    for c, n, d in zip(centre, psf.shape, direction):
        pixels = np.arange(n)
        if not d:
            places.append(pixels[np.abs(pixels - c) <= max(0.1 * min(c, n - 1 - c), 0.51)])
            continue
        distance = (pixels - c) * d / (n - 1 - c if d > 0 else c)
        inside = (distance > zone[0] - 1e-9) & (distance < zone[1] + 1e-9)
        if not inside.any():
            inside = np.arange(n) == np.argmin(np.abs(distance - np.mean(zone)))
        places.append(pixels[inside])
        squares.append(float(np.mean(distance[inside] ** 2)))
    return psf[np.ix_(*places)], float(np.mean(squares))


def _solve_background(rim: float, far: float, half_way: float, near: float) -> float:
    """Least background above which the light (peak 1) falls as fast as the slowest tail."""
    if rim <= 0:
        return 0.0
    if half_way <= rim:
        return rim

    def too_slow(level: float) -> bool:
        def distance(light: float) -> float:
            return float(((1 - level) / max(light - level, 1e-30)) ** (2 / SLOWEST_DECAY) - 1)

        return distance(rim) * near < distance(half_way) * far

    low, high = 0.0, rim
    if not too_slow(low):
        return 0.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if too_slow(middle) else (low, middle)
    return low
