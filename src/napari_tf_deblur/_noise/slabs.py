"""Iterate over slabs of an image, in units in which squares of intensities fit into float32."""

from collections.abc import Iterator

import numpy as np

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.typing import BoolArray, Float32Array

SLAB_PIXELS = 2**19
"""Pixels of a slab, about. Limit: of memory; a slab that fits into the cache is fast."""


def lowest_value(pixels: Pixels) -> float:
    """Return the lowest valid intensity; infinity if no pixel is valid."""
    planes, valid = pixels
    return float(np.min(planes, where=True if valid is None else valid, initial=np.inf))


def highest_value(pixels: Pixels) -> float:
    """Return the highest valid intensity; minus infinity if no pixel is valid."""
    planes, valid = pixels
    return float(np.max(planes, where=True if valid is None else valid, initial=-np.inf))


def find_peak_and_unit(pixels: Pixels) -> tuple[float, float]:
    """Split the largest absolute valid intensity into a factor and a power of two.

    Divided by this power, intensities of any size can be squared in float32.

    Returns
    -------
    peak : float
        The factor, from 0.5 to 1; 0 for an image of zeros or without valid pixels.
    unit : float
        The power of two, in image units; 1 in these cases.
    """
    peak = max(highest_value(pixels), -lowest_value(pixels))
    if not np.isfinite(peak) or peak <= 0:
        return 0.0, 1.0
    part, exponent = np.frexp(peak)
    return float(part), float(2.0 ** int(exponent))


def iterate_slabs(
    pixels: Pixels, unit: float, max_pixels: float = np.inf
) -> Iterator[tuple[Float32Array, BoolArray]]:
    """Yield the slabs of an image that contain more than one value.

    A slab is a number of whole rows of one frame. If the slabs have more than about `max_pixels`
    pixels together, only some of them are yielded, evenly spread.

    Yields
    ------
    values : ndarray of float32
        Intensities divided by `unit`; invalid pixels are 0.
    usable : ndarray of bool
        True for valid pixels.
    """
    planes, valid = pixels
    frame = planes.shape[2:]
    rows = max(16, SLAB_PIXELS // max(1, int(np.prod(frame[1:]))))
    places = [
        (plane, channel, slice(start, start + rows))
        for plane in range(planes.shape[0])
        for channel in range(planes.shape[1])
        for start in range(0, frame[0], rows)
    ]
    mask = None if valid is None else np.broadcast_to(valid, planes.shape)
    varied = [
        place
        for place in places
        if (
            np.ptp(planes[place]) > 0
            if mask is None
            else mask[place].any() and np.ptp(planes[place][mask[place]]) > 0
        )
    ]
    count = max(1, int(min(len(varied), max_pixels // max(1, planes[places[0]].size))))
    indices = np.unique(np.round((np.arange(count) + 0.5) / count * len(varied) - 0.5).astype(int))
    for index in indices if varied else ():
        values = planes[varied[index]] * np.float32(1 / unit)
        usable = np.ones(values.shape, bool) if mask is None else mask[varied[index]]
        yield np.where(usable, values, np.float32(0)), usable


def select_valid(pixels: Pixels) -> Float32Array:
    """Return the valid pixels: in one axis if there is a mask, else all in their own shape."""
    values, valid = pixels
    return values if valid is None else values[np.broadcast_to(valid, values.shape)]
