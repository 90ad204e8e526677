"""Deblur a large image by workers that write the result, piece by piece, into an OME-Zarr."""

import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.packages import require_packages
from napari_tf_deblur._core.steps import RunStage, Step, StoredImage, map_steps
from napari_tf_deblur._large.cluster import WorkerPool, connect_workers
from napari_tf_deblur._large.large_image import LargeImage
from napari_tf_deblur._large.local_workers import start_local_workers
from napari_tf_deblur._large.memory_budget import GB, get_memory_budget, resolve_method
from napari_tf_deblur._large.piece_dispatch import EMPTY_ARRAY, PieceDispatcher
from napari_tf_deblur._large.piece_summary import PieceSummary, is_complete
from napari_tf_deblur._large.plan import Plan
from napari_tf_deblur._large.progress import CALIBRATION_SHARE
from napari_tf_deblur._large.results import build_result, combine_verdicts
from napari_tf_deblur._large.run import FLOAT32, make_search_step, plan_image, relabel_sample_step
from napari_tf_deblur._large.run_restore import refuse_existing_result, restore_run
from napari_tf_deblur._large.run_state import RunState, fingerprint_image, fingerprint_run
from napari_tf_deblur._large.sample_calibration import (
    SampleCalibration,
    build_sample_arguments,
    build_sample_calibration,
    check_given_psf,
    count_deblurred_axes,
    raise_if_stopped,
    sample_image,
)
from napari_tf_deblur._large.sample_dispatch import solve_samples_on_worker
from napari_tf_deblur._large.task_errors import report_full_disk
from napari_tf_deblur._large.worker_plan import (
    CLIENT_BYTES,
    WORKER_BYTES,
    make_wide_psf,
    plan_workers,
)
from napari_tf_deblur._large.written_image import WrittenImage
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._storage.image_description import ImageDescription, default_description
from napari_tf_deblur._storage.journal import Journal
from napari_tf_deblur._storage.ome_zarr import create_image, open_image

if TYPE_CHECKING:
    from napari_tf_deblur._run.deconvolution import Deconvolution

WORKER_MEMORY_SHARE = 0.8
"""Part of the memory of an external worker that pieces may use. Derived: dask pauses a worker at
0.8."""


def solve_and_write(
    arguments: Arguments,
    image: LargeImage,
    stop: Event | None = None,
    description: ImageDescription | None = None,
    dtype: np.dtype[Any] = FLOAT32,
) -> Generator[Step, None, "Deconvolution"]:
    """Deblur an image into an OME-Zarr, with the workers of dask.distributed.

    Pieces that an earlier run has finished are not repeated, if it had the same settings, image
    and version of this package.

    Parameters
    ----------
    arguments : Arguments
        The arguments of `deconvolve`, with an output.
    image : LargeImage
        The image.
    stop : threading.Event, optional
        Ends the run. The pieces that are done stay in the file.
    description : ImageDescription, optional
        Axes, channels and name of the result; by default, axes without units.
    dtype : dtype, optional
        Type of the pixels that are written. If it is an integer type, they are rounded.

    Yields
    ------
    Step
        The progress of the run.

    Returns
    -------
    Deconvolution
        The result. Its image is lazy and its residual is empty.

    Raises
    ------
    FileInTheWayError
        If the output belongs to another run, or is no result of this package.
    PiecesFailedError
        If some pieces failed; the others are done.
    """
    require_packages("distributed", "zarr", "yaozarrs")
    stop = stop or Event()
    path = Path(str(arguments.output)).absolute()
    journal = Journal.for_image(path)
    stored_run = journal.read_run()
    if stored_run is None:
        refuse_existing_result(path)
    if not journal.is_finished:
        with connect_workers(arguments.scheduler):
            pass  # a wrong address raises its error before anything is read

    def search_step() -> Step:
        raise_if_stopped(stop)
        return make_search_step(image)

    written = WrittenImage(str(path))

    yield search_step()
    fingerprints = yield from map_steps(
        fingerprint_run(arguments, image, dtype), lambda _: search_step()
    )
    run = None
    if stored_run is None:
        samples = sample_image(arguments, image, stop)
        fingerprints |= fingerprint_image(image, samples)
    else:
        run = restore_run(stored_run, fingerprints, path, image, stop)
        if is_complete(journal, run.piece_grid, open_image(path)):
            yield replace(
                search_step(), image_source=written, sample_calibration=run.sample_calibration
            )
            summary = PieceSummary(journal.read_entries(), len(run.piece_grid))
            return _build_written_result(run, path, summary, 0.0, description)
    with _open_workers(arguments, image) as worker_pool:
        stage: RunStage = "starting workers"
        yield Step(stage, stage, 0.0, EMPTY_ARRAY, StoredImage(image.data))
        if run is None:
            sample_arguments = build_sample_arguments(arguments, image, samples)
            sample_result = yield from map_steps(
                solve_samples_on_worker(worker_pool, sample_arguments, stop), relabel_sample_step
            )
            calibration = build_sample_calibration(arguments, image, samples, sample_result)
            plan = _plan_for_workers(arguments, image, calibration, worker_pool)
            axes = image.frame_axes(calibration.piece_solver.psf.ndim)
            stored_description = description or default_description(
                path.name, len(image.shape), axes, image.channel_axis, arguments.spacing
            )
            run = RunState(fingerprints, plan.piece_grid, plan.summary_text, calibration)
            with report_full_disk(path):
                _check_space(path, image)
                create_image(path, image.shape, dtype, stored_description, run.piece_grid.size)
                journal.begin(run.to_dict())
        calibration = run.sample_calibration
        stage = "giving out pieces"
        yield Step(stage, stage, CALIBRATION_SHARE, EMPTY_ARRAY, written, calibration)
        dispatcher = PieceDispatcher(
            image,
            calibration.piece_solver,
            run.piece_grid,
            str(path),
            worker_pool,
            stop,
            calibration.sample_result.loss_history,
        )
        yield from dispatcher.steps()
    return _build_written_result(run, path, dispatcher.summary, dispatcher.seconds, description)


def _build_written_result(
    run: RunState,
    path: Path,
    summary: PieceSummary,
    seconds: float,
    description: ImageDescription | None,
) -> "Deconvolution":
    """Make the result from the file and the journal."""
    written = open_image(path)
    if written.read_verdicts() != summary.kinds:
        with report_full_disk(path):
            written.set_verdicts(summary.kinds)
    return build_result(
        run.sample_calibration,
        written.dask_levels() if description else written.dask_levels()[0],
        EMPTY_ARRAY,  # the residual is not kept
        combine_verdicts(summary.kinds, run.sample_calibration.sample_result.verdict),
        run.plan_summary,
        seconds,
        summary.warnings,
    )


@contextmanager
def _open_workers(arguments: Arguments, image: LargeImage) -> Iterator[WorkerPool]:
    """Connect to existing workers, or start some on this machine."""
    with connect_workers(arguments.scheduler) as worker_pool:
        if worker_pool is not None:
            yield worker_pool
            return
        psf = check_given_psf(arguments, image)
        if psf is None:
            psf = make_wide_psf(count_deblurred_axes(arguments, image))
        channels = 1 if image.channel_axis is None else image.shape[image.channel_axis]
        cores = os.cpu_count() or 1
        workers, memory = plan_workers(
            psf.ndim, channels, psf, resolve_method(arguments), get_memory_budget(arguments), cores
        )
        with start_local_workers(workers, max(1, cores // workers), memory) as worker_pool:
            yield worker_pool


def _plan_for_workers(
    arguments: Arguments,
    image: LargeImage,
    calibration: SampleCalibration,
    worker_pool: WorkerPool,
) -> Plan:
    """Plan the pieces for the memory of the workers."""
    workers = worker_pool.workers
    overhead_bytes = workers * WORKER_BYTES
    if worker_pool.is_local:
        budget, overhead_bytes = get_memory_budget(arguments), CLIENT_BYTES + overhead_bytes
    elif worker_pool.memory:
        budget = int(worker_pool.memory * WORKER_MEMORY_SHARE * workers)
    else:
        budget = int(get_memory_budget(arguments) / workers * workers)
    return plan_image(
        arguments, image, calibration, budget, workers, worker_pool.threads, overhead_bytes
    )


def _check_space(path: Path, image: LargeImage) -> None:
    """Raise an error if the disk has much less free space than the result needs."""
    folder = next(parent for parent in path.parents if parent.exists())
    free = shutil.disk_usage(folder).free
    needed = 4 * int(np.prod(image.shape)) // 3  # most images can be compressed
    if needed > free:
        raise InvalidValueError(
            f"The result needs about {4 * needed / 3 / GB:.1f} GB, and the disk of {folder} has "
            f"{free / GB:.1f} GB free. Choose another folder, or free some space."
        )
