"""Plans a job on an image that is larger than memory: whether and where it is written in pieces."""

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_tf_deblur._large.lazy_arrays import is_lazy
from napari_tf_deblur._large.memory_budget import exceeds_budget, get_memory_budget, resolve_method
from napari_tf_deblur._large.plan import Plan
from napari_tf_deblur._large.worker_plan import estimate_plan
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._storage.axes import Frame
from napari_tf_deblur._storage.ome_zarr import ZARR_SUFFIX
from napari_tf_deblur.methods import PoissonLikelihood

if TYPE_CHECKING:
    from napari_tf_deblur._layers.job import Job

RESULTS_FOLDER = "napari deblurred"
"""Folder in the user's home for results whose image has no file, or one in a folder that cannot be
written to."""


def is_large(job: "Job") -> bool:
    """Whether a job is done in pieces, into a file.

    This is so if the user asks for a file, and for a lazy image that does not fit into the memory.
    """
    if job.output is not None:
        return True
    if not is_lazy(job.source.data):
        return False
    frame = job.source.frame(job.psf.ndim)
    return exceeds_budget(build_arguments(job, frame), frame.shape)


def estimate_job_plan(job: "Job") -> Plan:
    """Estimate how a large job is cut into pieces; no pixel is read.

    Parameters
    ----------
    job : Job
        A job that is done in pieces. A PSF of usual size is assumed.

    Returns
    -------
    Plan
        The pieces and the memory that they need.

    Raises
    ------
    OutOfMemoryError
        If even the smallest piece does not fit into the memory.
    """
    source, frame = job.source, job.source.frame(job.psf.ndim)
    shape = tuple(source.shape[k] for k in frame.order()) + source.data.shape[source.ndim :]
    axes = tuple(range(source.ndim))[-len(frame.indices) :]
    arguments = build_arguments(job, frame)
    channel_axis = len(shape) - 1 if source.rgb else None
    if isinstance(arguments.method, str):  # most images choose a method for photon counts
        arguments = replace(arguments, method=PoissonLikelihood())
    budget = get_memory_budget(arguments)
    return estimate_plan(shape, axes, channel_axis, resolve_method(arguments), budget)


def build_arguments(job: "Job", frame: Frame) -> Arguments:
    """Return the arguments of the core, with a PSF of one pixel as a stand-in."""
    return Arguments(
        job.source.data,
        np.ones((1,) * len(frame.indices)),  # only its number of axes is used
        job.calibration or job.method,
        channel_axis=job.source.channel_axis,
        alpha=job.source.has_alpha,
        spacing=job.spacing,
        uncertainty=job.uncertainty,
        **job.options.run_arguments(),
    )


def iterate_output_paths(job: "Job") -> Iterator[Path]:
    """Yield the folders for a result, the first choice first.

    That is the requested one alone; else names beside the file of the image; else names in
    `RESULTS_FOLDER`.
    """
    if job.output is not None:
        yield Path(job.output)
        return
    path = job.source.origin.path
    folder = Path(path).parent if path and "://" not in path else None
    if folder is None or not folder.is_dir() or not os.access(folder, os.W_OK):
        folder = Path.home() / RESULTS_FOLDER
    name = "".join(c if c.isalnum() or c in " ._-()" else "_" for c in job.source.name).strip(". ")
    for number in count(1):
        suffix = f" {number}" if number > 1 else ""
        yield folder / f"{name or 'image'} deblurred{suffix}{ZARR_SUFFIX}"
