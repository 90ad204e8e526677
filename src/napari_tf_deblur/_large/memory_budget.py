"""Which images are deblurred piece by piece: those that are not in memory, or take too much."""

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
from napari_tf_deblur.methods import METHODS, Method, TotalVariation

GB = 2**30
"""Bytes of a gigabyte. Definition: of the unit."""

MEMORY_SHARE = 0.5
"""Part of the free memory that a run takes, if nothing else is said. Limit: of memory."""

IMAGE_COPIES = 4
"""Float32 arrays of the image's size that a run at once has besides those of its solver. Derived:
image, planes, result and residual."""


def get_memory_budget(options: RunOptions) -> int:
    """Return the bytes that a run may take."""
    memory: Any = options.memory
    if memory == "auto":
        return int(MEMORY_SHARE * psutil.virtual_memory().available)
    return int(float(memory) * GB)


def resolve_method(arguments: Arguments) -> Method:
    """Return the method that is asked for; where the image shall pick one, the usual one."""
    method = arguments.method
    if isinstance(method, Calibration):
        return method.method
    return TotalVariation() if isinstance(method, str) else method


def needs_pieces(arguments: Arguments) -> bool:
    """Whether an image is not in memory, is to be written to a file, or takes too much memory.

    Parameters
    ----------
    arguments : Arguments
        What is asked for; nothing of the image is read.
    """
    image: Any = arguments.image
    if arguments.output is not None or is_lazy(image):
        return True
    if not isinstance(image, np.ndarray) or image.ndim == 0:
        return False
    if not resolve_method(arguments).can_be_cut:
        return False  # at once, or not at all
    frame = [n for a, n in enumerate(image.shape) if a != _channel_axis(arguments, image.ndim)]
    return exceeds_budget(arguments, frame[-_guess_axis_count(arguments) :])


def exceeds_budget(arguments: Arguments, frame: Sequence[int]) -> bool:
    """Whether an image at once would take more memory than a run may.

    Parameters
    ----------
    arguments : Arguments
        What is asked for.
    frame : sequence of int
        Pixels along each deblurred axis.
    """
    image: Any = arguments.image
    size = prod(image.shape)
    axis = _channel_axis(arguments, len(image.shape))
    channels = 1 if axis is None else image.shape[axis]
    solver = _max_working_copies(arguments, len(frame)) * prod(frame) * channels
    return bool(4 * (solver + IMAGE_COPIES * size) > get_memory_budget(arguments))


def _max_working_copies(arguments: Arguments, axes: int) -> int:
    """Copies of the scene that the method works with; the most of all, where one is picked."""
    if isinstance(arguments.method, str):
        return max(method().working_copies(axes) for method in METHODS)
    return resolve_method(arguments).working_copies(axes)


def _guess_axis_count(arguments: Arguments) -> int:
    """Deblurred axes, as far as can be told without looking at the image."""
    psf: Any = arguments.psf
    if psf is None:
        axes = 2 if arguments.spacing is None else int(np.size(arguments.spacing))
    else:
        with suppress(ValueError):  # rows of different lengths: the check of PSFs says so
            psf = psf.psf() if hasattr(psf, "psf") else np.asarray(psf)
        axes = getattr(psf, "ndim", 1)
    return min(3, max(1, axes))


def _channel_axis(arguments: Arguments, ndim: int) -> int | None:
    axis = arguments.channel_axis
    return axis % ndim if isinstance(axis, int) else None
