"""Find a background in a PSF: light at its rim that cannot be a tail of the PSF."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.psf_centre import light_centre
from napari_tf_deblur._core.typing import Float64Array

RIM_ZONE, HALFWAY_ZONE = (0.8, 1.0), (0.5, 0.7)
"""Ranges in which light is compared, as parts of the way from the centre to the rim. Set by hand;
``benchmarks/constants.py --vary`` measures its effect."""

DARKEST_DIRECTION_PART = 0.25
"""Part of the directions that are looked at, the darkest: light out of focus reaches far in some.
Set by hand; ``benchmarks/constants.py --vary`` measures its effect."""

SLOWEST_DECAY = 1.5
"""Slowest decay of a PSF, as a power of the distance. Source: light that spreads over a cone falls
with the square, and so does the aureole of a star (King, PASP 83, 1971); less leaves room."""

MAX_RIM_BRIGHTNESS = 0.7
"""Part of the peak from which on the rim belongs to a box or a disc that the array cuts. Guard:
``tests/core/test_psf_check.py``."""

MIN_BACKGROUND_SIGNIFICANCE = 4.0
"""Standard errors from which on a ground is certain. Derived: chance exceeds them once in 30 000
times."""

MAX_DARKER_PART = 0.02
"""Largest part of the pixels that may be darker than a quarter of the ground. Guard: dark rings
have more, and are no ground; ``tests/core/test_psf_check.py``."""

MIN_TAIL_PIXELS = 7
"""Least pixels along an axis that tell a ground from a tail. Guard: against small kernels;
``tests/core/test_psf_check.py``."""


def find_psf_background(psf: NDArray[np.floating]) -> float:
    """Find the light at the rim of a PSF that cannot be a tail of it.

    In its darkest directions, light is compared near the rim and half way to it. A tail falls
    at least as ``(1 + r**2 / s**2) ** (-TAIL / 2)`` does. What must be taken away for that, is
    the ground.

    Parameters
    ----------
    psf : ndarray
        Of positive sum.

    Returns
    -------
    float
        In the units of `psf`; 0 where there is none.

    Examples
    --------
    >>> from napari_tf_deblur import gaussian_psf
    >>> light = gaussian_psf(2, 41)
    >>> round(float(ground_of(light + 0.001)), 6), ground_of(light)
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
    """Light near the rim and half way, each with its squared distance, and the former's error."""
    room = [(c, n - 1 - c) for c, n in zip(centre, psf.shape)]
    long = [
        n >= MIN_TAIL_PIXELS and min(r) >= MIN_TAIL_PIXELS // 2 for n, r in zip(psf.shape, room)
    ]
    found = []
    for direction in product((-1, 0, 1), repeat=psf.ndim):
        if any(direction) and all(is_long for d, is_long in zip(direction, long) if d):
            outer, far = _zone_pixels(psf, centre, direction, RIM_ZONE)
            inner, near = _zone_pixels(psf, centre, direction, HALFWAY_ZONE)
            found.append((outer.mean(), far, inner.mean(), near, outer.var() / outer.size))
    if not found:
        return (0.0, 1.0), (0.0, 0.5), 0.0
    found.sort()
    darkest = np.array(
        found[: max(2, round(DARKEST_DIRECTION_PART * len(found)))], dtype=np.float64
    )
    rim, far, half_way, near, variance = darkest.mean(axis=0)
    return (rim, far), (half_way, near), float(np.sqrt(variance / len(darkest)))


def _zone_pixels(
    psf: NDArray[np.floating],
    centre: Float64Array,
    direction: tuple[int, ...],
    zone: tuple[float, float],
) -> tuple[NDArray[np.floating], float]:
    """Pixels in a direction from the centre, and the mean square of how far to the rim they lie."""
    places, squares = [], []
    for c, n, d in zip(centre, psf.shape, direction):
        pixels = np.arange(n)
        if not d:
            places.append(pixels[np.abs(pixels - c) <= max(0.1 * min(c, n - 1 - c), 0.51)])
            continue
        way = (pixels - c) * d / (n - 1 - c if d > 0 else c)
        inside = (way > zone[0] - 1e-9) & (way < zone[1] + 1e-9)
        if not inside.any():
            inside = np.arange(n) == np.argmin(np.abs(way - np.mean(zone)))
        places.append(pixels[inside])
        squares.append(float(np.mean(way[inside] ** 2)))
    return psf[np.ix_(*places)], float(np.mean(squares))


def _solve_background(rim: float, far: float, half_way: float, near: float) -> float:
    """Least ground over which light, of a peak of 1, falls as fast as the slowest tail does."""
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
