"""Warn of images that cannot be deblurred well: saturated, blank, or all background."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.typing import RealArray

MIN_PLATEAU_RATIO = 2.0
"""Least ratio of the pixels at the maximum to those in `PLATEAU_RANGE` below it, for saturation.
Derived: a smooth peak that is cut off has twice as many pixels at the maximum if it would have been
higher by 4 % of the range."""

PLATEAU_RANGE = 0.02
"""Part of the range, below the maximum, whose pixels the pixels at the maximum are compared with.
Guard: a wider range misses saturation; ``tests/preparation/test_image_check.py``."""

MIN_INTEGER_RANGE = 4.0
"""Least number of whole numbers below the maximum to compare with. Guard: against the effect of
rounding to whole numbers; ``tests/preparation/test_image_check.py``."""

MIN_SATURATED_PIXELS = 9
"""Least number of saturated pixels. Fewer are hot pixels, or do no harm. Derived: a square of 3
by 3 is the smallest with a pixel that has no neighbour outside."""

MIN_LEVELS = 8
"""Least number of different values in the upper half of the range. An image with fewer is a mask or
a drawing, and is not called saturated. Guard: against warnings about such images;
``tests/preparation/test_image_check.py``."""

MAX_PART_BELOW_BACKGROUND = 0.98
"""Part of the pixels that are below the background from which on the background is too high.
Derived: half of the pixels without light lie above the true background."""

LEVEL_SAMPLE_PIXELS = 2**18
"""Number of pixels in which different values are counted. Limit: of time."""


def image_warnings(
    image: RealArray,
    *,
    background: float = 0.0,
    valid: NDArray[np.bool_] | None = None,
) -> tuple[Notice, ...]:
    """Warn of properties of an image that make any result doubtful.

    Parameters
    ----------
    image : ndarray
        Image of any shape and real dtype, in the camera's own values, without transparency.
        Saturation is found better in integers than in float32. NaN and infinite pixels are left
        out.
    background : float, optional
        Intensity that the method treats as no light.
    valid : ndarray of bool, optional
        Pixels that count, of the shape of the image; all by default.

    Returns
    -------
    tuple of Notice
        The warnings; empty for most images.

    Examples
    --------
    >>> image_warnings(np.full((8, 8), 7))
    ('The image is blank: every pixel is 7, so there is nothing to deblur.',)
    """
    values = image.ravel() if valid is None else image[valid]
    if image.dtype.kind == "f":
        finite = np.isfinite(values)
        values = values if finite.all() else values[finite]
    if not values.size or image.dtype.kind == "b":
        return ()
    low, high = values.min(), values.max()
    if low == high:
        text = f"The image is blank: every pixel is {low:g}, so there is nothing to deblur."
        return (Notice("blank image", text),)
    warnings = [_background_warning(values, background, high)]
    peak = image == high
    if valid is not None:
        peak &= valid
    warnings.append(_saturation_warning(values, _without_margins(peak), image.dtype.kind in "iu"))
    return tuple(warning for warning in warnings if warning)


def find_saturated_pixels(image: RealArray) -> NDArray[np.bool_]:
    """Find pixels at the largest value of the camera: the light there may have been brighter.

    Parameters
    ----------
    image : ndarray
        Image of any shape and real dtype, in the camera's own values. NaN and infinite pixels are
        left out.

    Returns
    -------
    ndarray of bool
        True for saturated pixels, of the shape of the image. All False if too few pixels have the
        largest value.

    Examples
    --------
    >>> arch = np.arange(20) * np.arange(19, -1, -1)
    >>> int(find_saturated_pixels(np.minimum(np.add.outer(arch, arch), 150)).sum())
    96
    """
    values = image[np.isfinite(image)] if image.dtype.kind == "f" else image.ravel()
    if image.dtype.kind == "b" or not values.size:
        return np.zeros(image.shape, bool)
    peak = _without_margins(image == values.max())
    return peak if _is_cut_off(values, peak, image.dtype.kind in "iu") else np.zeros_like(peak)


def _background_warning(values: RealArray, background: float, high: Any) -> Notice | None:
    part = np.count_nonzero(values < background) / values.size if background else 0.0
    if part < MAX_PART_BELOW_BACKGROUND:
        return None
    return Notice(
        "background too high",
        f"The background of {background:g} is above {_percent(part)} of the pixels, and the "
        f"brightest pixel is {high:g}; set it to what the camera shows without light.",
    )


def _saturation_warning(
    values: RealArray, peak: NDArray[np.bool_], whole_numbers: bool
) -> Notice | None:
    if not _is_cut_off(values, peak, whole_numbers):
        return None
    count = int(np.count_nonzero(peak))
    return Notice(
        "saturated pixels",
        f"{count} pixels ({_percent(count / values.size)}) have exactly the largest value, "
        f"{float(values.max()):g}: they look saturated, and the result near them will be wrong. "
        "Ignore saturated pixels (in the dock: 'Ignore pixels', 'Saturated pixels'), or take the "
        "image with less light.",
    )


def _is_cut_off(values: RealArray, peak: NDArray[np.bool_], whole_numbers: bool) -> bool:
    """Whether enough pixels have the largest value to be saturated."""
    count = int(np.count_nonzero(peak))
    low, high = float(values.min()), float(values.max())
    if count < MIN_SATURATED_PIXELS or high == 0:
        return False
    reach = max(PLATEAU_RANGE * (high - low), MIN_INTEGER_RANGE if whole_numbers else 0.0)
    near = np.count_nonzero((values >= high - reach) & (values < high))
    upper = values[values > (low + high) / 2]
    levels = np.unique(upper[:: max(1, upper.size // LEVEL_SAMPLE_PIXELS)]).size
    return bool(count >= MIN_PLATEAU_RATIO * near and levels >= MIN_LEVELS)


def _without_margins(peak: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Leave out lines and planes at the rim in which all pixels are at the maximum."""
    inner = peak
    inner_slices = []
    for axis in range(peak.ndim):
        lines = np.moveaxis(inner, axis, 0)
        begin, end = 0, len(lines)
        while begin < end and lines[begin].all():
            begin += 1
        while end > begin and lines[end - 1].all():
            end -= 1
        inner_slices.append(slice(begin, end))
        inner = np.moveaxis(lines[begin:end], 0, axis)
    without = np.zeros_like(peak)
    without[tuple(inner_slices)] = inner
    return without


def _percent(part: float) -> str:
    return f"{100 * part:.3g} %"
