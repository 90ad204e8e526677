"""Pixels of an image, and which of them count."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


class Pixels(NamedTuple):
    """Intensities, and a mask of those that count.

    Attributes
    ----------
    values : ndarray of float32
        Intensities; shape (planes, channels, *frame) unless said otherwise.
    valid : ndarray of bool or None
        Pixels that count, broadcastable to `values`; None for all.
    """

    values: Array
    valid: Mask | None = None
