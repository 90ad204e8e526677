"""Deblurs the image of a large job in pieces, into a file; yields the steps and the result."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import FileInTheWayError, UserError
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.steps import ImageSource, Step, StoredImage, map_steps
from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._large.lazy_arrays import read_region, to_dask
from napari_tf_deblur._large.run import solve_in_pieces
from napari_tf_deblur._large.sample_calibration import SampleCalibration
from napari_tf_deblur._large.samples import take_samples
from napari_tf_deblur._large.transfer import is_transferable
from napari_tf_deblur._layers.contrast import MAX_CONTRAST_SAMPLES
from napari_tf_deblur._layers.job_record import build_record
from napari_tf_deblur._layers.large_job import build_arguments, iterate_output_paths
from napari_tf_deblur._layers.layer_description import describe_layer
from napari_tf_deblur._layers.layer_image import LayerLevels, to_layer_order
from napari_tf_deblur._layers.psf_kinds import EstimatedPSF
from napari_tf_deblur._layers.result import INTENSITY_UNIT, Result, match_source_contrast
from napari_tf_deblur._layers.result_names import format_result_name
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._layers.stage import Stage
from napari_tf_deblur._preparation.image_check import find_saturated_pixels
from napari_tf_deblur._process.solver import THIS_PROCESS, Solver
from napari_tf_deblur._storage.axes import Frame
from napari_tf_deblur._storage.ome_zarr import open_image

if TYPE_CHECKING:
    from napari_tf_deblur._layers.job import Job
    from napari_tf_deblur._run.deconvolution import Deconvolution


def iterate_large_job(
    job: "Job", stop: Event, solver: Solver
) -> Generator[Stage | Step, None, Result | None]:
    """Run a job in pieces; yield its progress, and return the result.

    Parameters
    ----------
    job : Job
        A job for which `is_large` is True.
    stop : threading.Event
        Set it to stop the run. Finished pieces are kept, and are not done again.
    solver : Solver
        Where the image is deblurred.

    Yields
    ------
    Stage or Step
        The image of a step is a list of lazy arrays, with the axes in the order of the layer.

    Returns
    -------
    Result or None
        The result. It has no residual.
    """
    source = job.source
    frame = source.frame(job.psf.ndim)
    psf: PSF | None = None
    notes: tuple[str, ...] = ()
    if not isinstance(job.psf, EstimatedPSF):
        yield Stage(job.psf.progress_text)
        made, notes = job.make_psf()
        psf = np.asarray(made)
    yield Stage("preparing", psf=psf)

    samples = np.zeros(0)
    levels: LayerLevels | None = None

    def to_layer_step(step: Step) -> Step:
        nonlocal samples, levels
        limits = None
        if step.stage not in ("giving out pieces", "pieces") and step.sample_calibration is None:
            return replace(step, image_source=StoredImage(source.data))  # there is no file yet
        if step.sample_calibration is not None:
            samples = step.sample_calibration.samples.pixels
            limits = _initial_contrast_limits(source, step.sample_calibration, step.image_source)
        levels = LayerLevels(step.image_source, frame, source.rgb, levels)
        return replace(step, image_source=levels, limits=limits)

    steps = _solve_into_file(job, frame, psf, stop, solver)
    deconvolution, path = yield from map_steps(steps, to_layer_step)
    deconvolution = job.restrict_verdict(deconvolution)
    written: Any = deconvolution.image
    if psf is None:
        assert deconvolution.blur is not None
        psf, notes = deconvolution.blur.psf(), (str(deconvolution.blur),)
    warnings = tuple(dict.fromkeys((*job.warnings, *deconvolution.warnings)))
    record = build_record(job, deconvolution, psf, notes, None, frame, warnings, stop.is_set())
    if message := _write_record(path, record):
        warnings += (Notice("record not written", message),)
    return Result(
        name=format_result_name(source.name, type(deconvolution.method)),
        data=to_layer_order(written, frame, source.rgb),
        residual=None,
        residual_unit=INTENSITY_UNIT,
        uncertainty=None,
        limits=match_source_contrast(
            source, samples, _read_some_pixels(written), deconvolution.method.offset
        ),
        deconvolution=deconvolution,
        notes=notes,
        warnings=warnings,
        record=record,
    )


def _solve_into_file(
    job: "Job", frame: Frame, psf: PSF | None, stop: Event, solver: Solver
) -> Generator[Step, None, tuple["Deconvolution", Path]]:
    """Deblur the image into the first folder that is free; return the result and the folder.

    Without a PSF, it is found in the image. Images of steps and result are lists of lazy arrays,
    from the finest to the coarsest resolution, with the axes in the order of the core.
    """
    source = job.source
    image = frame.to_core(to_dask(source.data))
    mask = _build_mask(job, frame, image)
    arguments = replace(build_arguments(job, frame), image=image, psf=psf, mask=mask)
    description = describe_layer(source, f"{source.name} deblurred")
    axes = tuple(description.axes[k] for k in frame.order(source.rgb))
    description = replace(description, axes=axes)
    dtype = np.dtype(source.data.dtype) if source.rgb else np.dtype(np.float32)
    size = source.data.nbytes if type(source.data) is np.ndarray else 0
    if not is_transferable((image, mask), size):
        solver = THIS_PROCESS  # the pixels can be read here alone
    for path in iterate_output_paths(job):
        try:
            steps = solver.iterate(
                solve_in_pieces,
                replace(arguments, output=path),
                description=description,
                dtype=dtype,
                stop=stop,
            )
            return (yield from steps), path
        except FileInTheWayError:
            if job.output is not None:
                raise
    raise AssertionError("there is always another name")


def _initial_contrast_limits(
    source: Source, calibration: SampleCalibration, result: ImageSource
) -> tuple[float, float] | None:
    """Return contrast limits for a result that is still being written.

    They are those of the deblurred samples. A resumed run has no deblurred samples; it uses pixels
    of the result that was written before.
    """
    pixels = calibration.sample_result.image
    if not pixels.size:
        pixels = _read_some_pixels(result.current_image())
    offset = calibration.sample_result.method.offset
    before = calibration.samples.pixels
    return match_source_contrast(source, before, pixels, offset) if pixels.size else None


def _write_record(path: Path, record: Mapping[str, Any]) -> str:
    """Write the record into the file of a result; return why that failed, or nothing."""
    try:
        open_image(path).set_record(record)
    except (OSError, UserError) as error:
        return f"The record of the run could not be written into {path}: {error}"
    return ""


def _read_some_pixels(levels: Any) -> NDArray[Any]:
    """Read some pixels of a result, from its coarsest resolution."""
    level = levels[-1]
    step = max(1, prod(level.shape) // MAX_CONTRAST_SAMPLES)
    values = np.asarray(level[::step])
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def _build_mask(job: "Job", frame: Frame, image: Any) -> Any:
    """Return the pixels to ignore, in the order of the core; lazy if the image decides them."""
    import dask.array as da

    source, rgb = job.source, job.source.rgb
    mask: Any = None
    if job.mask is not None:
        mask = np.broadcast_to(job.mask(), source.shape)
        mask = mask if frame.is_trailing else mask.transpose(frame.order())
    lazy_masks = []
    if job.options.ignore_nan and image.dtype.kind == "f":
        lazy_masks.append(~da.isfinite(image))
    if job.options.ignore_saturated:
        axes = tuple(k for k in range(image.ndim - rgb))[-len(frame.indices) :]
        axis = image.ndim - 1 if rgb else None
        samples = take_samples(image.shape, axes, axis, lambda region: read_region(image, region))
        pixels = samples.pixels[..., :3] if rgb else samples.pixels
        if find_saturated_pixels(pixels).any():
            colours = image[..., :3] if rgb else image
            lazy_masks.append(colours >= pixels[np.isfinite(pixels)].max())
    for lazy_mask in lazy_masks:
        pixel_mask = lazy_mask.any(axis=-1) if rgb else lazy_mask
        mask = pixel_mask if mask is None else da.logical_or(mask, pixel_mask)
    return mask
