"""Cut patches out of an image to measure its spectrum."""

import numpy as np
from scipy import ndimage

from napari_tf_deblur._core.masking import fill_with_nearest
from napari_tf_deblur._core.patches import (
    LARGEST_LOOK,
    LARGEST_SERIES,
    fade_window,
    find_patches,
    read_patch,
)
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.typing import BoolArray, Float32Array
from napari_tf_deblur._noise.slabs import find_peak_and_unit

MIN_FRAME_SIZE = {1: 32, 2: 32, 3: 8}
"""Least number of pixels along an axis for an estimate of the blur, by number of axes. Guard:
against small images; ``tests/blur/test_blur_estimate.py``."""

FADE_SIGMA = 4.0
"""Sigma, in pixels, of the smooth edge of the window around ignored pixels. Guard: a sharp window
looks like detail, a wide one hides the image; ``tests/blur/test_blur_estimate.py``."""


def extract_patches(pixels: Pixels) -> list[tuple[Float32Array, Float32Array]]:
    """Cut out patches of one size with structure, and multiply them by a window.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame).

    Returns
    -------
    list of tuple
        For each patch: its windowed values, shape (channels, *size), relative to the peak of the
        image; and its window, shape (*size,). Empty for images that are too small.
    """
    peak, unit = find_peak_and_unit(pixels)
    if not peak:
        return []
    frame = pixels.values.shape[2:]
    if min(frame) < MIN_FRAME_SIZE[len(frame)]:
        return []
    size = tuple(min(n, LARGEST_LOOK[len(frame)]) for n in frame)
    frame_window = fade_window(size)
    patches = []
    for plane, place in find_patches(pixels, unit, size, LARGEST_SERIES):
        patch, valid = read_patch(pixels, plane, place)
        patch, window = patch * np.float32(1 / unit), frame_window
        if valid is not None and not valid.all():
            ignored = ~np.asarray(valid.all(axis=0))
            if ignored.all():
                continue
            mask_window = _mask_window(ignored)
            patch, window = _flatten_masked(patch, ignored, mask_window), window * mask_window
        if window.any():
            mean = np.average(patch.reshape(len(patch), -1), axis=1, weights=frame_window.ravel())
            mean = mean.reshape(-1, *(1,) * len(frame)).astype(np.float32)
            patches.append(((patch - mean) * frame_window, window))
    return patches


def _mask_window(ignored: BoolArray) -> Float32Array:
    """Make a window that is 0 at ignored pixels, 1 away from them, and smooth between."""
    part = np.clip(1 - 2 * ndimage.gaussian_filter(ignored.astype(np.float32), FADE_SIGMA), 0, 1)
    return np.asarray(part**3 * (10 - 15 * part + 6 * part**2))


def _flatten_masked(
    patch: Float32Array, ignored: BoolArray, mask_window: Float32Array
) -> Float32Array:
    """Replace a patch by a constant level where the window hides it.

    The level is that of the pixels beside the ignored ones, so that neither these nor the window
    make an edge. Saturated areas, for example, lie among bright pixels.
    """
    filled = patch.copy()
    fill_with_nearest(filled, ignored)
    level = filled[:, ignored].mean(axis=1).reshape(-1, *(1,) * ignored.ndim)
    return np.asarray(level + (filled - level) * mask_window)
