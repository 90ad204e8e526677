"""Pieces of images, in units in which their squares are finite."""

from collections.abc import Iterator

import numpy as np

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.typing import BoolArray, Float32Array

SLAB_PIXELS = 2**19
"""Pixels that are looked at together, about. Limit: of memory; what fits into the cache is fast."""


def lowest_value(pixels: Pixels) -> float:
    """Lowest valid intensity; infinite if there is none."""
    planes, valid = pixels
    return float(np.min(planes, where=True if valid is None else valid, initial=np.inf))


def highest_value(pixels: Pixels) -> float:
    """Highest valid intensity; minus infinity if there is none."""
    planes, valid = pixels
    return float(np.max(planes, where=True if valid is None else valid, initial=-np.inf))


def find_peak_and_unit(pixels: Pixels) -> tuple[float, float]:
    """Largest absolute valid intensity, 0.5 to 1 times a power of two; that power.

    Divided by the power, intensities of any size can be squared in float32.
    """
    peak = max(highest_value(pixels), -lowest_value(pixels))
    if not np.isfinite(peak) or peak <= 0:
        return 0.0, 1.0
    part, exponent = np.frexp(peak)
    return float(part), float(2.0 ** int(exponent))


def iterate_slabs(
    pixels: Pixels, unit: float, max_pixels: float = np.inf
) -> Iterator[tuple[Float32Array, BoolArray]]:
    """Pieces of the frames that hold more than one value, divided by `unit`; what is valid.

    A slab is a number of whole rows of one frame; at most about `max_pixels` pixels come, from
    slabs that are evenly spread. Invalid pixels are 0.
    """
    planes, valid = pixels
    frame = planes.shape[2:]
    rows = max(16, SLAB_PIXELS // max(1, int(np.prod(frame[1:]))))
    every = [
        (plane, channel, slice(start, start + rows))
        for plane in range(planes.shape[0])
        for channel in range(planes.shape[1])
        for start in range(0, frame[0], rows)
    ]
    mask = None if valid is None else np.broadcast_to(valid, planes.shape)
    kept = [
        place
        for place in every
        if (
            np.ptp(planes[place]) > 0
            if mask is None
            else mask[place].any() and np.ptp(planes[place][mask[place]]) > 0
        )
    ]
    most = max(1, int(min(len(kept), max_pixels // max(1, planes[every[0]].size))))
    picked = np.unique(np.round((np.arange(most) + 0.5) / most * len(kept) - 0.5).astype(int))
    for index in picked if kept else ():
        values = planes[kept[index]] * np.float32(1 / unit)
        usable = np.ones(values.shape, bool) if mask is None else mask[kept[index]]
        yield np.where(usable, values, np.float32(0)), usable


def select_valid(pixels: Pixels) -> Float32Array:
    """The pixels that count: all as they are, or those of a mask, broadcast, along one axis."""
    values, valid = pixels
    return values if valid is None else values[np.broadcast_to(valid, values.shape)]
