"""A job on a layer that is larger than memory: its result is written to a file, in pieces."""

import os
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from itertools import count
from math import prod
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import FileInTheWayError, UserError
from napari_tf_deblur._core.steps import Step
from napari_tf_deblur._large.lazy_arrays import is_lazy, read_region, to_dask
from napari_tf_deblur._large.memory_budget import exceeds_budget, get_memory_budget, resolve_method
from napari_tf_deblur._large.plan import Plan
from napari_tf_deblur._large.run import solve_in_pieces
from napari_tf_deblur._large.samples import take_samples
from napari_tf_deblur._large.worker_plan import estimate_plan
from napari_tf_deblur._layers.contrast import MAX_CONTRAST_SAMPLES
from napari_tf_deblur._layers.layer_description import describe_layer
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.image_check import find_saturated_pixels
from napari_tf_deblur._storage.axes import Frame
from napari_tf_deblur._storage.ome_zarr import open_image
from napari_tf_deblur.methods import PoissonLikelihood

if TYPE_CHECKING:
    from napari_tf_deblur._layers.job import Job
    from napari_tf_deblur._run.deconvolution import Deconvolution

ZARR_SUFFIX = ".ome.zarr"

RESULTS_FOLDER = "napari deblurred"
"""In the user's home, for results of layers that come from no file that can be written beside."""


def is_large(job: "Job") -> bool:
    """Whether a job is done in pieces, into a file.

    It is where a file is asked for, and for an image that is not in memory and would take too much
    of it.
    """
    if job.output is not None:
        return True
    if not is_lazy(job.source.data):
        return False
    frame = job.source.frame(job.psf.ndim)
    return exceeds_budget(_arguments(job, frame), frame.shape)


def estimate_job_plan(job: "Job") -> Plan:
    """Say about how a large job is cut into pieces, without looking at pixels.

    Parameters
    ----------
    job : Job
        One that is done in pieces; its PSF is taken to be of a usual size.

    Raises
    ------
    OutOfMemoryError
        If even the smallest piece does not fit into the memory.
    """
    source, frame = job.source, job.source.frame(job.psf.ndim)
    rgb = source.rgb
    shape = tuple(source.shape[k] for k in frame.order()) + source.data.shape[len(source.shape) :]
    axes = tuple(range(len(source.shape)))[-len(frame.indices) :]
    asked = _arguments(job, frame)
    channel_axis = len(shape) - 1 if rgb else None
    if isinstance(asked.method, str):  # the image picks one that counts photons, most often
        asked = replace(asked, method=PoissonLikelihood())
    return estimate_plan(shape, axes, channel_axis, resolve_method(asked), get_memory_budget(asked))


def solve_large(
    job: "Job", frame: Frame, psf: Any, stop: Event
) -> Generator[Step, None, tuple["Deconvolution", Path]]:
    """Deblur the image of a job into a file.

    Parameters
    ----------
    job : Job
        What is asked for.
    frame : Frame
        The axes that are deblurred.
    psf : ndarray or None
        The PSF; None if it is to be found in the image.
    stop : threading.Event
        Ends it; what is done is kept, and is not done again.

    Yields
    ------
    Step
        Its image is a list of lazy arrays, of falling resolution, in the core's order of axes.

    Returns
    -------
    Deconvolution, Path
        Whose image is such a list, too; and the folder of the file.
    """
    source = job.source
    image = frame.to_core(to_dask(source.data))
    asked = replace(_arguments(job, frame), image=image, psf=psf, mask=_mask(job, frame, image))
    order = frame.order(source.rgb)
    about = describe_layer(source, f"{source.name} deblurred")
    about = replace(about, axes=tuple(about.axes[k] for k in order))
    dtype = np.dtype(source.data.dtype) if source.rgb else np.dtype(np.float32)
    for path in iterate_output_paths(job):
        try:
            steps = solve_in_pieces(replace(asked, output=path), stop, about, dtype)
            return (yield from steps), path
        except FileInTheWayError:
            if job.output is not None:
                raise
    raise AssertionError("there is always another name")


def write_record(path: Path, record: Mapping[str, Any]) -> str:
    """Write the record of a result into its file; say in words if that cannot be."""
    try:
        open_image(path).set_record(record)
    except (OSError, UserError) as error:
        return f"The record of the run could not be written into {path}: {error}"
    return ""


def to_layer_order(levels: Any, frame: Frame, rgb: bool) -> list[Any]:
    """Bring the axes of lazy arrays back to where they were; nothing is computed."""
    back = np.argsort(frame.order(rgb))
    return [level if frame.is_trailing else level.transpose(back) for level in levels]


def read_some_pixels(levels: Any) -> NDArray[Any]:
    """Read some pixels of a result, from its coarsest resolution."""
    level = levels[-1]
    step = max(1, prod(level.shape) // MAX_CONTRAST_SAMPLES)
    values = np.asarray(level[::step])
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def _arguments(job: "Job", frame: Frame) -> Arguments:
    return Arguments(
        job.source.data,
        np.ones((1,) * len(frame.indices)),  # it is only asked how many axes it has
        job.calibration or job.method,
        channel_axis=job.source.channel_axis,
        alpha=job.source.has_alpha,
        spacing=frame.spacing,
        **job.options.run_arguments(),
    )


def _mask(job: "Job", frame: Frame, image: Any) -> Any:
    """Return the pixels to ignore, in the core's order; lazy as far as it is found in the image."""
    import dask.array as da

    source, rgb = job.source, job.source.rgb
    found: Any = None
    if job.mask is not None:
        found = np.broadcast_to(job.mask(), source.shape)
        found = found if frame.is_trailing else found.transpose(frame.order())
    marked = []
    if job.options.ignore_nan and image.dtype.kind == "f":
        marked.append(~da.isfinite(image))
    if job.options.ignore_saturated:
        axes = tuple(k for k in range(image.ndim - rgb))[-len(frame.indices) :]
        axis = image.ndim - 1 if rgb else None
        samples = take_samples(image.shape, axes, axis, lambda region: read_region(image, region))
        pixels = samples.pixels[..., :3] if rgb else samples.pixels
        if find_saturated_pixels(pixels).any():
            light = image[..., :3] if rgb else image
            marked.append(light >= pixels[np.isfinite(pixels)].max())
    for one in marked:
        one = one.any(axis=-1) if rgb else one
        found = one if found is None else da.logical_or(found, one)
    return found


def iterate_output_paths(job: "Job") -> Iterator[Path]:
    """Yield where the result may go: what is asked for, or beside the image, or in the home."""
    if job.output is not None:
        yield Path(job.output)
        return
    path = job.source.origin.path
    folder = Path(path).parent if path and "://" not in path else None
    if folder is None or not folder.is_dir() or not os.access(folder, os.W_OK):
        folder = Path.home() / RESULTS_FOLDER
    name = "".join(c if c.isalnum() or c in " ._-()" else "_" for c in job.source.name).strip(". ")
    for number in count(1):
        again = f" {number}" if number > 1 else ""
        yield folder / f"{name or 'image'} deblurred{again}{ZARR_SUFFIX}"
