"""Differences of neighbouring pixels: in a blurred image, they contain almost only noise."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._core.typing import BoolArray, Float32Array

FLAT_WINDOW = {1: 25, 2: 5, 3: 3}
"""Window, in pixels per axis; if all its values are equal, the image shows no noise there, as in
planes without data, in saturated parts, and where the dark was set to 0. Guard:
``tests/noise/test_noise.py``."""


def second_differences_along(
    values: Float32Array, usable: BoolArray, axes: list[int]
) -> tuple[Float32Array, BoolArray]:
    """Compute second differences along some axes.

    They are scaled so that independent noise keeps its variance. Also returns where they are
    known: at pixels that are usable together with their neighbours.
    """
    for axis in axes:
        before, middle_value, after = neighbours(values, axis)
        values = (before - 2 * middle_value + after) * np.float32(1 / np.sqrt(6))
        first, middle, last = neighbours(usable, axis)
        usable = first & middle & last
    return values, usable


def second_differences(values: Float32Array, usable: BoolArray) -> tuple[Float32Array, BoolArray]:
    """Compute second differences along all axes longer than 2; see `second_differences_along`."""
    return second_differences_along(
        values, usable, [a for a, n in enumerate(values.shape) if n > 2]
    )


def neighbours(values: NDArray[Any], axis: int) -> list[NDArray[Any]]:
    """Return three views along an axis: before each inner value, the value, and after it."""
    lead = (slice(None),) * axis
    return [values[(*lead, slice(k, k + values.shape[axis] - 2))] for k in range(3)]


def flat_windows(values: Float32Array) -> BoolArray:
    """Mark the pixels of windows in which all values are exactly equal."""
    size = FLAT_WINDOW[values.ndim]
    highest = ndimage.maximum_filter(values, size, mode="nearest")
    lowest = ndimage.minimum_filter(values, size, mode="nearest")
    return np.asarray(ndimage.maximum_filter(highest == lowest, size, mode="constant"))
