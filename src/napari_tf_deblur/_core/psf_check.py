"""Look for faults in a PSF: a background, light off its middle, a part of a whole PSF."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.psf_background import find_psf_background
from napari_tf_deblur._core.psf_centre import light_centre

FloatingPSF = TypeVar("FloatingPSF", bound=NDArray[np.floating])

MIN_BACKGROUND_LIGHT = 0.02
"""A background that holds more than this part of the light gives a warning. Guard: against warnings
of backgrounds that do no harm; ``tests/core/test_psf_check.py``."""

MAX_CENTRE_OFFSET = 0.1
"""Light whose centre is farther than this from the middle, in pixels, gives a warning. Guard:
against the error of the centre in noise; ``tests/core/test_psf_check.py``."""

MAX_PEAK_OFFSET = 0.2
"""Peak that is at most as far from the middle, in pixels, by a parabola through three of them, is
in the middle. Guard: against warnings of lopsided PSFs; ``tests/core/test_psf_check.py``."""

AXIS_LETTERS = "zyx"

MIN_QUARTER_PIXELS = 4
"""Least number of pixels along an axis of a quarter of a PSF. Guard: against small kernels;
``tests/core/test_psf_check.py``."""


def refuse_partial_psf(psf: FloatingPSF) -> FloatingPSF:
    """Return a PSF; raise an error if it is a quarter or an octant of one.

    Such a part has its focus in a corner.

    Raises
    ------
    ValueError
        If the brightest pixel, and most of the light, lies at the end of two axes or more.
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
            f"The PSF is brightest at index {', '.join(map(str, place))}, in a corner: it is not a "
            f"whole PSF, but one half of it along {names}. Make the whole PSF: in the package "
            "'psf', use '.volume()'; else mirror it along each of these axes, for example with "
            "'numpy.concatenate([psf[:0:-1], psf])', so that its brightest pixel is in the middle."
        )
    return psf


def psf_warnings(psf: NDArray[np.floating]) -> tuple[Notice, ...]:
    """Return warnings about faults of a PSF that make results wrong.

    Parameters
    ----------
    psf : ndarray
        1 to 3 axes, of positive sum.

    Returns
    -------
    tuple of Notice
        At most two: of a background, and of light off the middle. Most PSFs have none.

    Examples
    --------
    >>> from napari_tf_deblur import gaussian_psf
    >>> psf_warnings(gaussian_psf(2))
    ()
    """
    warnings = []
    background = find_psf_background(psf)
    part = background * psf.size / float(psf.sum(dtype=np.float64))
    if part > MIN_BACKGROUND_LIGHT:
        text = (
            f"{100 * min(part, 1):.2g} % of the PSF's light is spread evenly over the whole array, "
            "up to its rim. No PSF does that: it is the background of the picture that the PSF was "
            "taken from. 'measured_psf' makes a PSF without it."
        )
        warnings.append(Notice("light around the PSF", text))
    offsets = light_centre(psf) - [n // 2 for n in psf.shape]
    offsets[[_peaks_in_the_middle(psf, axis) for axis in range(psf.ndim)]] = 0
    if np.abs(offsets).max() > MAX_CENTRE_OFFSET:
        shifts = [
            f"{shift:+.1f} pixels along {_axis_letter(axis, psf.ndim)}"
            for axis, shift in enumerate(offsets)
            if abs(shift) > MAX_CENTRE_OFFSET / 2
        ]
        text = (
            f"The PSF's light lies {' and '.join(shifts)} from its middle, which is index n // 2 "
            "of each axis: the result is shifted by the same distance in the opposite direction. "
            "'measured_psf' centres a PSF."
        )
        warnings.append(Notice("PSF off centre", text))
    return tuple(warnings)


def _peaks_in_the_middle(psf: NDArray[np.floating], axis: int) -> bool:
    """Whether a PSF has its peak in the middle along an axis, as one that is lopsided there has.

    The centre of its light lies elsewhere, but it images a point where the point is.
    """
    middle = tuple(n // 2 for n in psf.shape)
    if psf[middle] < psf.max() or not 0 < middle[axis] < psf.shape[axis] - 1:
        return False
    line = psf[(*middle[:axis], slice(None), *middle[axis + 1 :])]
    before, peak, after = (float(line[middle[axis] + step]) for step in (-1, 0, 1))
    bend = before - 2 * peak + after
    return bend < 0 and abs(before - after) < 2 * MAX_PEAK_OFFSET * -bend


def _axis_letter(axis: int, axes: int) -> str:
    """Letter of an axis: x is the last, y the one before, z the third from the end."""
    return AXIS_LETTERS[axis - axes]
