"""What can be seen in a PSF to be wrong: a ground, light beside its middle, a part of a whole."""

from itertools import product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.typing import Float64Array

PSF = TypeVar("PSF", bound=NDArray[np.floating])

RIM_ZONE, HALFWAY_ZONE = (0.8, 1.0), (0.5, 0.7)
"""Ranges in which light is compared, as parts of the way from the centre to the rim. Set by hand:
half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

DARKEST_DIRECTION_PART = 0.25
"""Part of the directions that are looked at, the darkest: light out of focus reaches far in some.
Set by hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

SLOWEST_DECAY = 1.5
"""Slowest decay of a PSF, as a power of the distance. Source: light that spreads over a cone falls
with the square, and so does the aureole of a star (King, PASP 83, 1971); less leaves room."""

MIN_BACKGROUND_LIGHT = 0.02
"""Part of the light from which on a ground is warned of. Set by hand: half or 1.5 times changes
nothing in ``benchmarks/CONSTANTS.md``."""

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

MAX_CENTRE_OFFSET = 0.1
"""Distance, in pixels, of the light from the middle from which on it is warned of. Set by hand:
half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

CENTROID_THRESHOLD = 0.1
"""Part of the peak from which on light counts for the centre. Set by hand: half or 1.5 times
changes nothing in ``benchmarks/CONSTANTS.md``."""

AXIS_LETTERS = "zyx"

MIN_QUARTER_PIXELS = 4
"""Least pixels along an axis of a quarter of a PSF. Guard: against small kernels;
``tests/core/test_psf_check.py``."""


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


def refuse_partial_psf(psf: PSF) -> PSF:
    """Return a PSF; refuse a quarter or an octant of one, whose focus lies in a corner.

    Raises
    ------
    ValueError
        If the brightest pixel, and what is near it, lies at the end of several axes.
    """
    place = np.unravel_index(np.argmax(psf), psf.shape)
    power = np.square(psf, dtype=np.float64)
    cut = []
    for axis, (at, n) in enumerate(zip(place, psf.shape)):
        line = power.sum(axis=tuple(a for a in range(psf.ndim) if a != axis))
        mean = float(line @ np.arange(n)) / float(line.sum())
        if (
            n >= MIN_QUARTER_PIXELS
            and at in (0, n - 1)
            and abs(mean - at) < n / 4
            and line.max() < line.sum()
        ):
            cut.append(axis)
    if len(cut) >= 2:
        names = " and ".join(_axis_letter(axis, psf.ndim) for axis in cut)
        raise InvalidValueError(
            f"The PSF is brightest at index {', '.join(map(str, place))}, in a corner: it is no "
            f"whole PSF but one half of it along {names}. Make the whole of it: the package 'psf' "
            "does so with '.volume()'; else mirror it along each of these axes, for example with "
            "'numpy.concatenate([psf[:0:-1], psf])', so that its brightest pixel is in the middle."
        )
    return psf


def psf_warnings(psf: NDArray[np.floating]) -> tuple[Notice, ...]:
    """Warn of what makes results wrong and can be seen in a PSF.

    Parameters
    ----------
    psf : ndarray
        Of positive sum.

    Returns
    -------
    tuple of Notice
        Sentences; none for most PSFs.

    Examples
    --------
    >>> from napari_tf_deblur import gaussian_psf
    >>> psf_warnings(gaussian_psf(2))
    ()
    """
    found = []
    ground = find_psf_background(psf)
    part = ground * psf.size / float(psf.sum(dtype=np.float64))
    if part > MIN_BACKGROUND_LIGHT:
        words = (
            f"{100 * min(part, 1):.2g} % of the PSF's light lies evenly all over it, up to its "
            "rim, as no PSF's does: it is the background of the picture that the PSF was taken "
            "from. 'measured_psf' makes a PSF without it."
        )
        found.append(Notice("light around the PSF", words))
    off = light_centre(psf) - [n // 2 for n in psf.shape]
    if np.abs(off).max() > MAX_CENTRE_OFFSET:
        shifts = [
            f"{shift:+.1f} pixels along {_axis_letter(axis, psf.ndim)}"
            for axis, shift in enumerate(off)
            if abs(shift) > MAX_CENTRE_OFFSET / 2
        ]
        words = (
            f"The PSF's light lies {' and '.join(shifts)} from its middle, which is index n // 2 "
            "of each axis: the result is shifted by as much the other way. 'measured_psf' centres "
            "a PSF."
        )
        found.append(Notice("PSF off centre", words))
    return tuple(found)


def _axis_letter(axis: int, axes: int) -> str:
    return AXIS_LETTERS[axis - axes]


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
