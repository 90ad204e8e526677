"""What an image itself says about its fitness: saturated, blank, or all background."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]

PLATEAU = 2.0
"""Times as many pixels at the maximum as in the next few per cent below it: a smooth peak that
is cut off has that many where it would have been higher by more than 4 % of the range."""

BELOW = 0.02
"""Part of the range below the maximum that the plateau is compared with."""

STEPS = 4.0
"""Fewest whole numbers below the maximum to compare with: fewer say more of the rounding."""

FEWEST = 9
"""Saturated pixels: fewer are hot pixels, or do no harm."""

LEVELS = 8
"""Different values in the upper half of the range: an image with fewer is a mask or a drawing."""

MOSTLY = 0.98
"""Part of the pixels below the background from which on it is too high: half of those without
light lie above the true one."""

SAMPLE = 2**18
"""Pixels looked at to count different values."""


SATURATED = "they look saturated"
"""What a warning of saturated pixels says, and no other."""


def image_warnings(
    image: Values,
    *,
    background: float = 0.0,
    valid: NDArray[np.bool_] | None = None,
) -> tuple[str, ...]:
    """Warn of what makes the result of an image doubtful, whatever the method.

    Parameters
    ----------
    image : ndarray
        Any shape and real dtype, in the camera's own values, without transparency. Integers
        say more than the same image in float32. NaN and infinite pixels are left out.
    background : float, optional
        What the method takes for no light.
    valid : ndarray of bool, optional
        Pixels that count, of the image's shape; all by default.

    Returns
    -------
    tuple of str
        Sentences; none for most images.

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
        return (f"The image is blank: every pixel is {low:g}, so there is nothing to deblur.",)
    found = [_background(values, background, high)]
    peak = image == high
    if valid is not None:
        peak &= valid
    found.append(_saturation(values, _without_margins(peak), image.dtype.kind in "iu"))
    return tuple(warning for warning in found if warning)


def _background(values: Values, background: float, high: Any) -> str:
    part = np.count_nonzero(values < background) / values.size if background else 0.0
    if part < MOSTLY:
        return ""
    return (
        f"The background of {background:g} is above {_percent(part)} of the pixels, and the "
        f"brightest is {high:g}; set it to what the camera shows without light."
    )


def _saturation(values: Values, peak: NDArray[np.bool_], whole_numbers: bool) -> str:
    count = int(np.count_nonzero(peak))
    low, high = float(values.min()), float(values.max())
    if count < FEWEST or high == 0:
        return ""
    reach = max(BELOW * (high - low), STEPS if whole_numbers else 0.0)
    near = np.count_nonzero((values >= high - reach) & (values < high))
    upper = values[values > (low + high) / 2]
    levels = np.unique(upper[:: max(1, upper.size // SAMPLE)]).size
    if count < PLATEAU * near or levels < LEVELS:
        return ""
    return (
        f"{count} pixels ({_percent(count / values.size)}) have exactly the largest value, "
        f"{high:g}: {SATURATED}, and what is near them will be wrong. Mark them in a "
        "labels layer and choose it as pixels to ignore, or take the image with less light."
    )


def _without_margins(peak: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Leave out lines and planes at the rim that are at the maximum throughout: a margin."""
    for axis in range(peak.ndim):
        lines = np.moveaxis(peak, axis, 0)
        begin, end = 0, len(lines)
        while begin < end and lines[begin].all():
            begin += 1
        while end > begin and lines[end - 1].all():
            end -= 1
        peak = np.moveaxis(lines[begin:end], 0, axis)
    return peak


def _percent(part: float) -> str:
    return f"{100 * part:.3g} %"
