"""Find artifacts of the detector: hot, dead, saturated and clipped pixels; rounded intensities."""

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.pixels import Pixels, find_places
from napari_tf_deblur._core.smoothing import mean_kernel, smooth
from napari_tf_deblur._core.typing import BoolArray, Float32Array
from napari_tf_deblur._noise.slabs import SLAB_PIXELS, iterate_slabs, lowest_value

DEAD_PART = 0.001
"""Part of the pixels that may be dead; they lie below the lowest value of noise. If more have the
lowest intensity, values may be clipped there. Guard: against a
loss of contrast, and of the right method; ``tests/solvers/test_richardson_lucy.py``."""

MAX_HOT_PART = 0.01
"""Largest part of the pixels that may be hot or dead. Guard: more isolated bright pixels are
photons; ``tests/noise/test_noise.py``."""


def find_hot_pixels(values: Float32Array, usable: BoolArray, noise: float) -> BoolArray:
    """Find single pixels that are much brighter than all their neighbours."""
    return find_outlier_pixels(values, usable, noise)[0] > 0


def find_outlier_pixels(
    values: Float32Array, usable: BoolArray, noise: float
) -> tuple[NDArray[np.int8], Float32Array]:
    """Find hot and dead single pixels.

    Parameters
    ----------
    values : ndarray of float32
        One frame, of 1 to 3 axes.
    usable : ndarray of bool
        Pixels that may be reported, of the same shape.
    noise : float
        Standard deviation of the noise, in the same units.

    Returns
    -------
    outliers : ndarray of int8
        1 for hot pixels, -1 for dead ones, 0 for others.
    means : ndarray of float32
        Local means of the values.
    """
    size = 3 if values.ndim > 1 else 7
    around = smooth(values, mean_kernel(size))
    above = values - around
    outliers = np.zeros(values.shape, np.int8)
    padded = None
    for sign in (1, -1):
        least = max(
            6 * noise, 0.01 * max(float((above.max if sign > 0 else above.min)()) * sign, 0)
        )
        places = find_places((above > least if sign > 0 else above < -least) & usable)
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
                neighbour = padded[tuple(place + step for place, step in zip(places, shift))]
                highest, lowest = np.maximum(highest, neighbour), np.minimum(lowest, neighbour)
        excess = values[places] - highest if sign > 0 else lowest - values[places]
        alone = excess > 5 * (highest - lowest)
        if np.count_nonzero(alone) <= max(1, MAX_HOT_PART * np.count_nonzero(usable)):
            outliers[tuple(place[alone] for place in places)] = sign
    return outliers, around


def find_saturation_level(pixels: Pixels) -> float:
    """Return the highest intensity if its pixels look saturated; else infinity.

    They do if at least five pixels have it, and more than three times as many as have the
    second highest intensity.
    """
    planes, valid = pixels
    usable = True if valid is None else valid
    top = float(np.max(planes, where=usable, initial=-np.inf))
    at_top = np.count_nonzero((planes == top) & usable)
    if at_top < 5:
        return float("inf")
    second = float(np.max(planes, where=(planes < top) & usable, initial=-np.inf))
    return top if at_top > 3 * np.count_nonzero((planes == second) & usable) else float("inf")


def find_clipping_level(pixels: Pixels) -> float:
    """Return the lowest intensity if lower values may be clipped there; else minus infinity.

    They may be if more than `DEAD_PART` of the pixels have it.
    """
    planes, valid = pixels
    usable = True if valid is None else valid
    bottom = lowest_value(pixels)
    at_bottom = np.count_nonzero((planes == bottom) & usable)
    return bottom if at_bottom > DEAD_PART * planes.size else float("-inf")


def find_rounding_step(pixels: Pixels) -> float:
    """Return the step to which intensities are rounded; 0 if they are not rounded."""
    sample = np.concatenate(
        [values[usable][: 2**15] for values, usable in iterate_slabs(pixels, 1.0, SLAB_PIXELS)]
        or [np.zeros(0, np.float32)]
    )
    levels = np.unique(sample)
    if len(levels) < 2 or len(levels) > sample.size / 4:
        return 0.0
    return float(np.median(np.diff(levels)))
