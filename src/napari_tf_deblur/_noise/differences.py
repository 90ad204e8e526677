"""Differences of neighbouring pixels, in which a blurred image has next to nothing but noise."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._core.typing import BoolArray, Float32Array

FLAT_WINDOW = {1: 25, 2: 5, 3: 3}
"""Pixels per axis that have exactly one value only where no noise is seen: in planes without data,
in saturated parts, where the dark was set to 0. Guard: ``tests/noise/test_noise.py``."""


def second_differences_along(
    values: Float32Array, usable: BoolArray, axes: list[int]
) -> tuple[Float32Array, BoolArray]:
    """Second differences along axes, scaled to keep the noise's variance; where known."""
    for axis in axes:
        before, here, after = neighbours(values, axis)
        values = (before - 2 * here + after) * np.float32(1 / np.sqrt(6))
        first, middle, last = neighbours(usable, axis)
        usable = first & middle & last
    return values, usable


def second_differences(values: Float32Array, usable: BoolArray) -> tuple[Float32Array, BoolArray]:
    """Along all axes, scaled to keep the noise's variance; where they are known."""
    return second_differences_along(
        values, usable, [a for a, n in enumerate(values.shape) if n > 2]
    )


def neighbours(values: NDArray[Any], axis: int) -> list[NDArray[Any]]:
    """Along an axis, what lies before each value, the value and what lies after it."""
    lead = (slice(None),) * axis
    return [values[(*lead, slice(k, k + values.shape[axis] - 2))] for k in range(3)]


def flat_windows(values: Float32Array) -> BoolArray:
    """Find windows in which all values are exactly the same."""
    size = FLAT_WINDOW[values.ndim]
    highest = ndimage.maximum_filter(values, size, mode="nearest")
    lowest = ndimage.minimum_filter(values, size, mode="nearest")
    return np.asarray(ndimage.maximum_filter(highest == lowest, size, mode="constant"))
