"""Pixels that show something else than light: hot, dead, saturated; rounded intensities."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.typing import BoolArray, Float32Array
from napari_tf_deblur._noise.slabs import SLAB_PIXELS, iterate_slabs, lowest_value

DEAD_PART = 0.001
"""Part of the pixels that may be dead, and so lie below what noise reaches. Guard: against a loss
of contrast, and of the right method; ``tests/solvers/test_richardson_lucy.py``."""

MAX_HOT_PART = 0.01
"""Part of the pixels from which on isolated bright pixels are photons, and not faults of the
camera. Set by hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

MIN_PILE_PART = 1e-3
"""Part of the pixels at the lowest intensity from which on values may be cut off there. Set by
hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""


def find_hot_pixels(values: Float32Array, usable: BoolArray, noise: float) -> BoolArray:
    """Find single pixels that stand out from all their neighbours as no image does."""
    return find_outlier_pixels(values, usable, noise)[0] > 0


def find_outlier_pixels(
    values: Float32Array, usable: BoolArray, noise: float
) -> tuple[NDArray[np.int8], Float32Array]:
    """Find single pixels that stand out: 1 if hot, -1 if dead, else 0; and local means."""
    size = 3 if values.ndim > 1 else 7
    around = ndimage.uniform_filter(values, size, mode="nearest")
    above = values - around
    stray = np.zeros(values.shape, np.int8)
    padded = None
    for sign in (1, -1):
        least = max(
            6 * noise, 0.01 * max(float((above.max if sign > 0 else above.min)()) * sign, 0)
        )
        places = np.nonzero((above > least if sign > 0 else above < -least) & usable)
        if not len(places[0]):
            continue
        reach = size // 2
        if padded is None:
            padded = np.pad(values, reach, mode="reflect" if min(values.shape) > reach else "edge")
        shifts = np.indices((size,) * values.ndim).reshape(values.ndim, -1)
        middle = shifts.shape[1] // 2
        highest = np.full(len(places[0]), -np.inf, np.float32)
        lowest = -highest
        for k, shift in enumerate(shifts.T):
            if k != middle:
                here = padded[tuple(place + step for place, step in zip(places, shift))]
                highest, lowest = np.maximum(highest, here), np.minimum(lowest, here)
        beyond = values[places] - highest if sign > 0 else lowest - values[places]
        alone = beyond > 5 * (highest - lowest)
        if np.count_nonzero(alone) <= max(1, MAX_HOT_PART * np.count_nonzero(usable)):
            stray[tuple(place[alone] for place in places)] = sign
    return stray, around


def find_saturation_level(pixels: Pixels) -> float:
    """Lowest intensity that is saturated; infinite if the brightest pixels are no pile."""
    planes, valid = pixels
    kept = True if valid is None else valid
    top = float(np.max(planes, where=kept, initial=-np.inf))
    at_top = np.count_nonzero((planes == top) & kept)
    if at_top < 5:
        return float("inf")
    second = float(np.max(planes, where=(planes < top) & kept, initial=-np.inf))
    return top if at_top > 3 * np.count_nonzero((planes == second) & kept) else float("inf")


def find_clipping_level(pixels: Pixels) -> float:
    """Lowest intensity, if so many pixels have it that what was below may be cut off."""
    planes, valid = pixels
    kept = True if valid is None else valid
    bottom = lowest_value(pixels)
    at_bottom = np.count_nonzero((planes == bottom) & kept)
    return bottom if at_bottom > MIN_PILE_PART * planes.size else float("-inf")


def find_rounding_step(pixels: Pixels) -> float:
    """Step to which intensities are rounded; 0 if they are not."""
    sample = np.concatenate(
        [values[usable][: 2**15] for values, usable in iterate_slabs(pixels, 1.0, SLAB_PIXELS)]
        or [np.zeros(0, np.float32)]
    )
    levels = np.unique(sample)
    if len(levels) < 2 or len(levels) > sample.size / 4:
        return 0.0
    return float(np.median(np.diff(levels)))
