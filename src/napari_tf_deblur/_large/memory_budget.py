"""Decide whether an image is deblurred in pieces: if it is lazy, or needs too much memory."""

from collections.abc import Sequence
from contextlib import suppress
from math import prod
from typing import Any

import numpy as np
import psutil

from napari_tf_deblur._large.lazy_arrays import is_lazy
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.run_options import RunOptions
from napari_tf_deblur._run.uncertainty import UNCERTAINTY_RUNS
from napari_tf_deblur.methods import METHODS, Method, TotalVariation

GB = 2**30
"""Bytes of a gigabyte. Definition: of the unit."""

MEMORY_SHARE = 0.5
"""Part of the available memory that a run may use by default. Limit: of memory."""

IMAGE_COPIES = 4
"""Float32 arrays of the size of the image in a run on the whole image, besides those of the solver.
Derived: image, planes, result and residual."""


def get_memory_budget(options: RunOptions) -> int:
    """Return the memory that a run may use, in bytes; see `RunOptions.memory`."""
    memory: Any = options.memory
    if memory == "auto":
        return int(MEMORY_SHARE * psutil.virtual_memory().available)
    return int(float(memory) * GB)


def resolve_method(arguments: Arguments) -> Method:
    """Return the method of a run; total variation stands for "auto"."""
    method = arguments.method
    if isinstance(method, Calibration):
        return method.method
    return TotalVariation() if isinstance(method, str) else method


def needs_pieces(arguments: Arguments) -> bool:
    """Whether an image is lazy, is to be written to a file, or needs too much memory.

    Parameters
    ----------
    arguments : Arguments
        The arguments of the run. No pixel of the image is read.
    """
    image: Any = arguments.image
    if arguments.output is not None or is_lazy(image):
        return True
    if not isinstance(image, np.ndarray) or image.ndim == 0:
        return False
    if not resolve_method(arguments).can_be_cut:
        return False  # the method needs the whole image
    frame = [n for a, n in enumerate(image.shape) if a != _channel_axis(arguments, image.ndim)]
    return exceeds_budget(arguments, frame[-_guess_axis_count(arguments) :])


def exceeds_budget(arguments: Arguments, frame: Sequence[int]) -> bool:
    """Whether a run on the whole image would need more memory than it may use.

    Parameters
    ----------
    arguments : Arguments
        The arguments of the run.
    frame : sequence of int
        Pixels of the image along each deblurred axis.
    """
    image: Any = arguments.image
    size = prod(image.shape)
    axis = _channel_axis(arguments, len(image.shape))
    channels = 1 if axis is None else image.shape[axis]
    solver = _max_working_copies(arguments, len(frame)) * prod(frame) * channels
    copies = IMAGE_COPIES + (UNCERTAINTY_RUNS if arguments.uncertainty else 0)
    return bool(4 * (solver + copies * size) > get_memory_budget(arguments))


def _max_working_copies(arguments: Arguments, axes: int) -> int:
    """Return the copies of the scene that the method needs; for "auto", the most of any method."""
    if isinstance(arguments.method, str):
        return max(method().working_copies(axes) for method in METHODS)
    return resolve_method(arguments).working_copies(axes)


def estimated_psf_ndim(arguments: Arguments) -> int:
    """Return the number of axes of a PSF that is estimated from the image."""
    return 2 if arguments.spacing is None else int(np.size(arguments.spacing))


def _guess_axis_count(arguments: Arguments) -> int:
    """Return the number of deblurred axes, before the PSF has been checked."""
    psf: Any = arguments.psf
    if psf is None:
        axes = estimated_psf_ndim(arguments)
    else:
        with suppress(ValueError):  # rows of different lengths: check_psf reports them later
            psf = psf.psf() if hasattr(psf, "psf") else np.asarray(psf)
        axes = getattr(psf, "ndim", 1)
    return min(3, max(1, axes))


def _channel_axis(arguments: Arguments, ndim: int) -> int | None:
    axis = arguments.channel_axis
    return axis % ndim if isinstance(axis, int) else None
