"""The part of an image that trials use, and the pixels that they compare."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_tf_deblur._core.patches import PatchSlices, find_patches, read_patch, symmetric_size
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.typing import PSF, BoolArray, Float32Array
from napari_tf_deblur._noise.detector_artifacts import find_saturation_level
from napari_tf_deblur._preparation.prepared_run import PreparedRun

SATURATION_REACH = 0.1
"""Part of the PSF's largest value down to which pixels count as near a saturated one. Guard:
against light of saturated pixels where results are compared; ``tests/run/test_psf_width.py``."""

MIN_COMPARED_PART = 0.1
"""Least part of the pixels that must remain for the comparison. Guard: against images of which most
is masked."""


@dataclass(frozen=True)
class TrialRegion:
    """The size of the part of an image that trials use.

    Attributes
    ----------
    size : dict of int
        Largest number of pixels per axis, by the number of axes.
    pixels : int
        Approximate number of pixels of all patches together.
    """

    size: dict[int, int]
    pixels: int


def select_region(
    prepared: PreparedRun, region: TrialRegion
) -> tuple[Float32Array, BoolArray | None, bool]:
    """Select patches with structure, or the whole image if it is small.

    Parameters
    ----------
    prepared : PreparedRun
        The run.
    region : TrialRegion
        The size of the patches, and of all together.

    Returns
    -------
    values : ndarray of float32
        Shape (patches, channels, *size).
    valid : ndarray of bool or None
        Which of these pixels count, of the same shape; None for all.
    is_whole_frame : bool
        Whether the patches are as large as the frame.
    """
    used = prepared.used_planes
    values, valid = prepared.values, prepared.valid
    if len(used) < len(values):
        values, valid = values[used], None if valid is None else valid[used]
    frame = values.shape[2:]
    size = tuple(symmetric_size(n, region.size[len(frame)]) for n in frame)
    max_patches = max(1, region.pixels // int(np.prod(size)))
    places: list[tuple[int, PatchSlices]] = []
    if size != frame or len(values) > max_patches:
        places = find_patches(Pixels(values, valid), prepared.calibration.scale, size, max_patches)
    if not places:  # the image is small, or no patch has structure
        return values, None if valid is None else np.broadcast_to(valid, values.shape), True
    patches = [read_patch(Pixels(values, valid), *place) for place in places]
    masks = [mask for _, mask in patches if mask is not None]
    return (
        np.stack([patch for patch, _ in patches]),
        np.stack(masks) if masks else None,
        (size == frame),
    )


def mask_saturated(values: Float32Array, valid: BoolArray | None) -> BoolArray:
    """Mark the pixels that count and are saturated, channel by channel."""
    counted = np.ones(values.shape, np.bool_) if valid is None else valid
    saturated = np.zeros(values.shape, np.bool_)
    for channel in range(values.shape[1]):
        one = np.s_[:, channel : channel + 1]
        saturated[one] = counted[one] & (
            values[one] >= find_saturation_level(Pixels(values[one], counted[one]))
        )
    return saturated


def mask_near_saturated(
    saturated: BoolArray, valid: BoolArray | None, psf: PSF
) -> BoolArray | None:
    """Mark the pixels that count and are not near a saturated one; None for all.

    Saturated pixels have lost their true value. No scene explains them, and a result that fits them
    is wrong at their neighbours, too. If too few pixels remain, only the saturated ones are left
    out.
    """
    if not saturated.any():
        return valid
    counted = np.ones(saturated.shape, np.bool_) if valid is None else valid
    bright = np.nonzero(psf > SATURATION_REACH * psf.max())
    size = [2 * max(abs(at - n // 2)) + 1 for at, n in zip(bright, psf.shape)]
    near = ndimage.maximum_filter(saturated, (1, 1, *size))
    for compared in (counted & ~near, counted & ~saturated):
        if np.count_nonzero(compared) > MIN_COMPARED_PART * np.count_nonzero(counted):
            return compared
    return valid
