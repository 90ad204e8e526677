"""Pixels of an image, and which of them count."""

from typing import NamedTuple

from napari_tf_deblur._core.typing import BoolArray, Float32Array


class Pixels(NamedTuple):
    """Intensities, and a mask of those that count.

    Attributes
    ----------
    values : ndarray of float32
        Intensities; shape (planes, channels, *frame) unless said otherwise.
    valid : ndarray of bool or None
        Pixels that count, broadcastable to `values`; None for all.
    """

    values: Float32Array
    valid: BoolArray | None = None
