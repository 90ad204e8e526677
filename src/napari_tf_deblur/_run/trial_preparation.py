"""Prepare the run of a trial from the run that it is done for, without measuring anything again."""

from dataclasses import replace

import numpy as np

from napari_tf_deblur._core.masking import fill_ignored
from napari_tf_deblur._core.planes import PlaneLayout
from napari_tf_deblur._core.psf_resizing import resize_psf
from napari_tf_deblur._core.scene_grid import Boundary
from napari_tf_deblur._core.typing import BoolArray, Float32Array
from napari_tf_deblur._preparation import memory
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.prepared_run import PreparedRun, plan_grid


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
    grid = plan_grid(layout.frame, psf, boundary, calibration.method)
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
