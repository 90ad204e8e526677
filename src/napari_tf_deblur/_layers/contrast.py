"""Contrast limits with which a result can be compared with its source."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_tf_deblur._core.typing import Float64Array

MIN_SATURATED_FRACTION = 0.01
"""Smallest part of the lit pixels that may be saturated: a few beads, but not all there is. Set by
eye."""

LIT_LEVEL = 0.1
"""Part of the range from black to white from which on a pixel is lit. Set by eye."""

MAX_CONTRAST_SAMPLES = 2_000_000
"""Most pixels that are looked at. Limit: of time."""


def match_contrast_limits(
    source: ArrayLike, shown: tuple[float, float], result: ArrayLike, offset: float = 0.0
) -> tuple[float, float]:
    """Return contrast limits for a result: those of its source, as far as they fit.

    With the same limits, what has not changed looks the same. They are widened where else more
    of the result's bright structures would be saturated than of the source's; the same goes for
    dark ones. A bead that becomes a hundred times brighter is saturated, and the cells look as
    before; where there is nothing but beads, the limits follow them. Black is not moved below
    zero for a source that has no negative values.

    Parameters
    ----------
    source : array_like
        The grey image that was deblurred, or enough of its pixels; NaN is left out.
    shown : tuple of float
        The source's contrast limits.
    result : array_like
        The result.
    offset : float
        What is part of the source's intensities, but not of the result's: the background that
        a method for photons takes away (``Method.offset``).

    Returns
    -------
    tuple of float
        Two different values, lowest first.

    Examples
    --------
    >>> comparable_limits([0, 20, 100, 20], (0, 100), [0, 20, 80, 20])
    (0.0, 100.0)
    >>> comparable_limits([100, 120, 200, 120], (100, 200), [0, 20, 80, 20], offset=100)
    (0.0, 100.0)
    """
    before, after = _sample_finite(source) - offset, _sample_finite(result)
    low, high = (float(end) - offset for end in shown)
    if not after.size or not before.size or not high > low:
        low, high = (after.min(), after.max()) if after.size else (0.0, 1.0)
        return (float(low), float(high)) if high > low else (float(low), float(low) + 1.0)
    top = _raise_white_level(before, after, low, high)
    bottom = -_raise_white_level(-before, -after, -high, -low)
    if before.min() >= -offset:  # the source has no negative values
        bottom = max(bottom, min(low, 0.0))
    if offset:  # there may be nothing as dark as the source's black without it
        bottom = max(bottom, min(float(after.min()), top))
    return (bottom, top) if top > bottom else (low, high)


def _raise_white_level(
    before: Float64Array, after: Float64Array, black: float, white: float
) -> float:
    """Return the white level, raised where too much would be saturated."""
    lit = black + LIT_LEVEL * (white - black)
    before, after = before[before > lit], after[after > lit]
    if not after.size:
        return white
    saturated = np.count_nonzero(before > white) / before.size if before.size else 0.0
    allowed = min(after.size - 1, int(np.ceil(max(saturated, MIN_SATURATED_FRACTION) * after.size)))
    fitting = np.partition(after, -1 - allowed)[-1 - allowed]
    return max(white, float(fitting))


def thin_pixels(image: ArrayLike) -> NDArray[Any]:
    """Return some pixels of an image, evenly spread.

    Parameters
    ----------
    image : array_like
        Any shape and dtype.

    Returns
    -------
    ndarray
        A copy, of one axis; all pixels, if they are few.
    """
    values: NDArray[Any] = np.asarray(image).reshape(-1)
    return values[:: -(-values.size // MAX_CONTRAST_SAMPLES) or 1].copy()


def _sample_finite(image: ArrayLike) -> Float64Array:
    some = thin_pixels(image).astype(np.float64)
    return some[np.isfinite(some)]
