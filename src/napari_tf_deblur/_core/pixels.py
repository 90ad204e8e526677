"""Pixel values with a mask of valid pixels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.typing import BoolArray, Float32Array

PIXEL_SIGNIFICANCE = 5.0
"""Least deviation of a pixel that counts, in standard deviations of the noise. Derived: normal
noise exceeds it, up or down, once in two million pixels."""


class Pixels(NamedTuple):
    """Intensities and the mask of valid pixels.

    Attributes
    ----------
    values : ndarray of float32
        Intensities; shape (planes, channels, *frame) unless stated otherwise.
    valid : ndarray of bool or None
        True for valid pixels, broadcastable to `values`; None if all are valid.
    """

    values: Float32Array
    valid: BoolArray | None = None


def find_places(mask: BoolArray) -> tuple[NDArray[np.intp], ...]:
    """Return the indices of the few pixels that are True; faster than `numpy.nonzero`."""
    return np.unravel_index(np.flatnonzero(mask), mask.shape)
