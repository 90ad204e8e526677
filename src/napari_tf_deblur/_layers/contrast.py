"""Finds contrast limits with which a result can be compared with its source."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_tf_deblur._core.typing import Float64Array

MIN_SATURATED_FRACTION = 0.01
"""Fraction of the bright pixels of a result that may always be saturated: a few beads, but not the
whole image. Set by eye."""

LIT_LEVEL = 0.1
"""Fraction of the range from black to white above which a pixel counts as bright. Set by eye."""

MAX_CONTRAST_SAMPLES = 2_000_000
"""Largest number of pixels that are used. Limit: of time."""


def match_contrast_limits(
    source: ArrayLike,
    source_limits: tuple[float, float],
    result: ArrayLike,
    offset: float = 0.0,
) -> tuple[float, float]:
    """Return contrast limits for a result: those of its source, widened if necessary.

    With equal limits, unchanged parts of the image look the same. The limits are widened if
    otherwise a larger fraction of the bright pixels would be saturated in the result than in the
    source, and likewise for dark pixels. If one bead becomes a hundred times brighter, it is
    saturated, and the cells look the same as before. If the image contains only beads, the limits
    follow the beads. Black stays at zero or above if the source has no negative values.

    Parameters
    ----------
    source : array_like
        The grey image that was deblurred, or a sample of its pixels; NaN is ignored.
    source_limits : tuple of float
        Contrast limits of the source.
    result : array_like
        The result, or a sample of its pixels; NaN is ignored.
    offset : float
        The background that a method for photon counts subtracts (``Method.offset``): it is part of
        the intensities of the source, but not of those of the result.

    Returns
    -------
    tuple of float
        Black and white: two different values, the lower one first.

    Examples
    --------
    >>> match_contrast_limits([0, 20, 100, 20], (0, 100), [0, 20, 80, 20])
    (0.0, 100.0)
    >>> match_contrast_limits([100, 120, 200, 120], (100, 200), [0, 20, 80, 20], offset=100)
    (0.0, 100.0)
    """
    before, after = _sample_finite(source) - offset, _sample_finite(result)
    low, high = (float(end) - offset for end in source_limits)
    if not after.size or not before.size or not high > low:
        low, high = (after.min(), after.max()) if after.size else (0.0, 1.0)
        return (float(low), float(high)) if high > low else (float(low), float(low) + 1.0)
    top = _raise_white_level(before, after, low, high)
    bottom = -_raise_white_level(-before, -after, -high, -low)
    if before.min() >= -offset:  # the source has no negative values
        bottom = max(bottom, min(low, 0.0))
    if offset:  # the result may have no pixel as dark as black in the source minus the offset
        bottom = max(bottom, min(float(after.min()), top))
    return (bottom, top) if top > bottom else (low, high)


def _raise_white_level(
    before: Float64Array, after: Float64Array, black: float, white: float
) -> float:
    """Return the white level, raised if too many bright pixels would be saturated."""
    threshold = black + LIT_LEVEL * (white - black)
    before, after = before[before > threshold], after[after > threshold]
    if not after.size:
        return white
    saturated = np.count_nonzero(before > white) / before.size if before.size else 0.0
    allowed = min(after.size - 1, int(np.ceil(max(saturated, MIN_SATURATED_FRACTION) * after.size)))
    level = np.partition(after, -1 - allowed)[-1 - allowed]
    return max(white, float(level))


def thin_pixels(image: ArrayLike) -> NDArray[Any]:
    """Return a sample of the pixels of an image, at regular distances.

    Parameters
    ----------
    image : array_like
        An image of any shape and dtype.

    Returns
    -------
    ndarray
        A copy with one axis and at most `MAX_CONTRAST_SAMPLES` pixels.
    """
    values: NDArray[Any] = np.asarray(image).reshape(-1)
    return values[:: -(-values.size // MAX_CONTRAST_SAMPLES) or 1].copy()


def _sample_finite(image: ArrayLike) -> Float64Array:
    """Return the finite pixels of a sample of an image."""
    sample = thin_pixels(image).astype(np.float64)
    return sample[np.isfinite(sample)]
