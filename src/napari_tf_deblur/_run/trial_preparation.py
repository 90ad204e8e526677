"""Prepare the run of a trial from the run that it is done for, without measuring anything again."""

from dataclasses import replace
from math import prod

import numpy as np

from napari_tf_deblur._core.masking import fill_ignored
from napari_tf_deblur._core.planes import PlaneLayout
from napari_tf_deblur._core.psf_resizing import resize_psf
from napari_tf_deblur._core.scene_grid import Boundary, Grid
from napari_tf_deblur._core.typing import PSF, BoolArray, Float32Array
from napari_tf_deblur._preparation import memory
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.prepared_run import PreparedRun, plan_grid
from napari_tf_deblur.methods import Method

LARGE_PSF_LIGHT_KEPT, MAX_SCENE_RATIO, MIN_LARGE_SCENE = 0.8, 4.0, 2**18
"""Part of the light of a large PSF for which a trial has a margin, where the rest wraps round; and
the ratio of voxels of scene and frame, and the number of voxels of the scene, with margins for all
of the light, above both of which a PSF is large. Limit: of time. The PSF of a widefield microscope
is as large as a volume, and the scene 16 times as large as the frame. Chosen by
``benchmarks/trial_margins.py``: runs take a third of the time, and results change by less than
0.1 dB."""


def prepare_trial(
    prepared: PreparedRun,
    values: Float32Array,
    valid: BoolArray | None,
    boundary: Boundary,
    calibration: Calibration,
) -> PreparedRun:
    """Prepare a run on patches of an image.

    Parameters
    ----------
    prepared : PreparedRun
        The run on the whole image.
    values : ndarray of float32
        Patches of shape (patches, channels, *size), in the units of the image, without the
        method's offset. Ignored pixels are filled in place.
    valid : ndarray of bool or None
        Pixels that count, of the same shape; None for all.
    boundary : {"unknown", "zero", "periodic"}
        What lies beyond the patches.
    calibration : Calibration
        The method with all its values, and the width of the PSF.

    Returns
    -------
    PreparedRun
        The run on the patches.
    """
    width = calibration.psf_width / prepared.calibration.psf_width
    psf = prepared.psf if width == 1 else resize_psf(prepared.psf, width)
    layout = PlaneLayout(values.shape, values.shape[2:], channel_axis=1, transparency=None)
    used = list(range(len(values)))
    if valid is not None and not valid.all():
        valid = np.logical_and.reduce(valid, axis=1, keepdims=True)
        used = [plane for plane in used if valid[plane].any()]
    else:
        valid = None
    grid = _plan_trial_grid(layout.frame, psf, boundary, calibration.method)
    batch_size, has_spare_memory = memory.plan_batch(grid, values.shape, calibration.method)
    return replace(
        prepared,
        planes=layout,
        values=values,
        valid=valid,
        batches=memory.make_batches(used, batch_size),
        psf=psf,
        boundary=boundary,
        calibration=calibration,
        grid=grid,
        has_spare_memory=has_spare_memory,
        hides_areas=valid is not None and fill_ignored(values, valid, used),
        gap=(),
        are_samples=False,
        brightness=None,
        warnings=(),
    )


def _plan_trial_grid(frame: tuple[int, ...], psf: PSF, boundary: Boundary, method: Method) -> Grid:
    """Plan the grid of a trial; for a large PSF, with smaller margins than those of a run."""
    grid = plan_grid(frame, psf, boundary, method)
    if prod(grid.scene) <= max(MAX_SCENE_RATIO * prod(frame), MIN_LARGE_SCENE):
        return grid
    return plan_grid(frame, psf, boundary, method, LARGE_PSF_LIGHT_KEPT)
