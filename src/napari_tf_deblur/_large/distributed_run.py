"""A large image, deblurred by workers that write the result, piece by piece, into an OME-Zarr."""

import os
import shutil
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tf_deblur._core.errors import FileInTheWayError, InvalidValueError
from napari_tf_deblur._core.packages import require_packages
from napari_tf_deblur._core.psf import check_psf
from napari_tf_deblur._core.steps import RunStage, Step, StoredImage, map_steps
from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._large.cluster import WorkerPool, connect_workers, start_local_workers
from napari_tf_deblur._large.large_image import LargeImage
from napari_tf_deblur._large.memory_budget import GB, get_memory_budget, resolve_method
from napari_tf_deblur._large.piece_dispatch import (
    PieceDispatcher,
    report_full_disk,
    solve_samples_on_worker,
)
from napari_tf_deblur._large.piece_summary import PieceSummary, is_complete
from napari_tf_deblur._large.plan import CLIENT_BYTES, WORKER_BYTES, Plan, plan_workers
from napari_tf_deblur._large.progress import CALIBRATION_SHARE
from napari_tf_deblur._large.run import (
    FLOAT32,
    build_result,
    combine_verdicts,
    looking_step,
    plan_image,
    relabel_sample_step,
)
from napari_tf_deblur._large.run_state import (
    Fingerprints,
    RunState,
    fingerprint_image,
    fingerprint_run,
    read_samples,
)
from napari_tf_deblur._large.sample_calibration import (
    SampleCalibration,
    build_sample_arguments,
    build_sample_calibration,
    make_region_reader,
    raise_if_stopped,
    sample_image,
)
from napari_tf_deblur._large.written_image import WrittenImage
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._storage.image_description import (
    CHANNEL_TYPE,
    SPACE_TYPE,
    TIME_TYPE,
    ImageDescription,
    StoredAxis,
)
from napari_tf_deblur._storage.journal import Journal
from napari_tf_deblur._storage.ome_zarr import check_free, create_image, open_image

if TYPE_CHECKING:
    from napari_tf_deblur._run.deconvolution import Deconvolution

WORKER_MEMORY_SHARE = 0.8
"""Part of the memory of another's worker that is planned for. Derived: dask pauses a worker at
0.8."""

PLANNING_PSF_SIZE = 33
"""Pixels per axis of a PSF that is still to be found, for the plan. Set by hand; it changes the
plan that is announced, and no result."""

DIFFERENCE_TEXTS = {
    "version": "another version of this program",
    "settings": "other settings",
    "PSF": "another PSF",
    "mask": "another mask",
    "image": "another image",
}
"""What may differ between two runs, in words."""

EMPTY_ARRAY = np.zeros(0, np.float32)
"""Array that stands for no pixels. Definition: of a step without an image."""


def solve_and_write(
    arguments: Arguments,
    image: LargeImage,
    stop: Event | None = None,
    description: ImageDescription | None = None,
    dtype: np.dtype[Any] = FLOAT32,
) -> Generator[Step, None, "Deconvolution"]:
    """Deblur an image into an OME-Zarr, with the workers of dask.distributed.

    What was done before, with the same settings, of the same image and by the same version, is not
    done again.

    Parameters
    ----------
    arguments : Arguments
        What is asked for; with an output.
    image : LargeImage
        The image.
    stop : threading.Event, optional
        Ends it; what is done is kept.
    description : ImageDescription, optional
        Of the result; by default one without units.
    dtype : dtype, optional
        Of its pixels: of integers, they are rounded.

    Raises
    ------
    FileInTheWayError
        If the output is another run's, or no result of this package.
    PiecesFailedError
        If some pieces failed; the others are done.
    """
    require_packages("distributed", "zarr", "yaozarrs")
    stop = stop or Event()
    path = Path(str(arguments.output)).absolute()
    journal = Journal.for_image(path)
    kept = journal.read_run()
    if kept is None:
        _refuse_existing_result(path)
    if not journal.is_finished:
        with connect_workers(arguments.scheduler):
            pass  # a wrong address is said before anything is read

    def make_search_step() -> Step:
        raise_if_stopped(stop)
        return looking_step(image)

    written = WrittenImage(str(path))

    yield make_search_step()
    marks = yield from map_steps(
        fingerprint_run(arguments, image, dtype), lambda _: make_search_step()
    )
    run = None
    if kept is None:
        samples = sample_image(arguments, image, stop)
        marks |= fingerprint_image(image, samples)
    else:
        run = _restore_run(kept, marks, path, image, stop)
        if is_complete(journal, run.piece_grid, open_image(path)):
            yield replace(make_search_step(), image_source=written, found=run.sample_calibration)
            return _build_written_result(
                run,
                path,
                PieceSummary(journal.read_entries(), len(run.piece_grid)),
                0.0,
                description,
            )
    with _open_workers(arguments, image) as crew:
        words: RunStage = "starting workers"
        yield Step(words, words, 0.0, EMPTY_ARRAY, StoredImage(image.data))
        if run is None:
            asked = build_sample_arguments(arguments, image, samples)
            done = yield from map_steps(
                solve_samples_on_worker(crew, asked, stop), relabel_sample_step
            )
            found = build_sample_calibration(arguments, image, samples, done)
            plan = _plan_for_workers(arguments, image, found, crew)
            axes = image.frame_axes(found.piece_solver.psf.ndim)
            shown = description or build_default_description(
                path.name, image, axes, arguments.spacing
            )
            run = RunState(marks, plan.piece_grid, plan.summary_text, found)
            with report_full_disk(path):
                _check_space(path, image)
                create_image(path, image.shape, dtype, shown, run.piece_grid.size)
                journal.begin(run.to_dict())
        found = run.sample_calibration
        words = "giving out pieces"
        yield Step(words, words, CALIBRATION_SHARE, EMPTY_ARRAY, written, found)
        work = PieceDispatcher(
            image,
            found.piece_solver,
            run.piece_grid,
            str(path),
            crew,
            stop,
            found.sample_result.loss_history,
        )
        yield from work.steps()
    return _build_written_result(run, path, work.outcome, work.seconds, description)


def _build_written_result(
    run: RunState,
    path: Path,
    outcome: PieceSummary,
    seconds: float,
    description: ImageDescription | None,
) -> "Deconvolution":
    """Make the result of what is written and noted."""
    written = open_image(path)
    if written.read_verdicts() != outcome.kinds:
        with report_full_disk(path):
            written.set_verdicts(outcome.kinds)
    return build_result(
        run.sample_calibration,
        written.dask_levels() if description else written.dask_levels()[0],
        EMPTY_ARRAY,  # the residual is not kept
        combine_verdicts(outcome.kinds, run.sample_calibration.sample_result.verdict),
        run.plan_summary,
        seconds,
        outcome.warnings,
    )


def build_default_description(
    name: str, image: LargeImage, frame_axes: tuple[int, ...], spacing: Any
) -> ImageDescription:
    """Name the axes of an image of which nothing is known but what is deblurred."""
    steps = dict(zip(frame_axes, spacing or (1.0,) * len(frame_axes)))
    names = dict(zip(frame_axes, "zyx"[-len(frame_axes) :]))
    others = [a for a in range(len(image.shape)) if a not in frame_axes and a != image.channel_axis]
    axes = []
    for axis in range(len(image.shape)):
        if axis in frame_axes:
            axes.append(StoredAxis(names[axis], SPACE_TYPE, None, float(steps[axis])))
        elif axis == image.channel_axis:
            axes.append(StoredAxis("c", CHANNEL_TYPE))
        elif axis == others[0]:
            axes.append(StoredAxis("t", TIME_TYPE))
        else:
            axes.append(StoredAxis(f"q{axis}", None))
    return ImageDescription(name.removesuffix(".zarr").removesuffix(".ome"), tuple(axes))


@contextmanager
def _open_workers(arguments: Arguments, image: LargeImage) -> Iterator[WorkerPool]:
    """Give workers: those that there are, or new ones on this machine."""
    with connect_workers(arguments.scheduler) as crew:
        if crew is not None:
            yield crew
            return
        psf = _choose_planning_psf(arguments, image)
        channels = 1 if image.channel_axis is None else image.shape[image.channel_axis]
        cores = os.cpu_count() or 1
        workers, memory = plan_workers(
            psf.ndim, channels, psf, resolve_method(arguments), get_memory_budget(arguments), cores
        )
        with start_local_workers(workers, max(1, cores // workers), memory) as crew:
            yield crew


def _choose_planning_psf(arguments: Arguments, image: LargeImage) -> PSF:
    """Return the PSF that is given; a usual one where it is still to be found."""
    given: Any = arguments.psf
    if hasattr(given, "psf"):
        given = given.psf()
    if given is None:
        ndim = 2 if arguments.spacing is None else int(np.size(arguments.spacing))
        given = np.ones((PLANNING_PSF_SIZE,) * ndim)
    return check_psf(given, most_axes=len(image.shape) - (image.channel_axis is not None))


def _plan_for_workers(
    arguments: Arguments, image: LargeImage, found: SampleCalibration, crew: WorkerPool
) -> Plan:
    """Plan the pieces for the workers that there are."""
    if crew.is_local:
        budget, own = get_memory_budget(arguments), CLIENT_BYTES + crew.workers * WORKER_BYTES
    else:
        each = (
            crew.memory * WORKER_MEMORY_SHARE
            if crew.memory
            else get_memory_budget(arguments) / crew.workers
        )
        budget, own = int(each * crew.workers), crew.workers * WORKER_BYTES
    return plan_image(arguments, image, found, budget, crew.workers, crew.threads, own)


def _refuse_existing_result(path: Path) -> None:
    """Refuse to write over a result; an image that is still empty is none."""
    if not check_free(path):
        return
    image = open_image(path)
    if any(image.is_written(part) for part in image.shard_regions()):
        raise FileInTheWayError(
            f"{path} holds a result already: choose another name, or delete it first."
        )


def _restore_run(
    kept: Mapping[str, Any], marks: Fingerprints, path: Path, image: LargeImage, stop: Event
) -> RunState:
    """Return the run that was broken off; refuse to go on with another one."""
    check_free(path)
    other = f"{path} holds a result of"
    advice = "choose another name, or delete it first."
    told = kept.get("marks")
    known: Mapping[str, str] = told if isinstance(told, Mapping) else {}
    changed = [name for name in marks if known.get(name) != marks[name]]
    if not changed:
        try:
            samples = read_samples(kept, make_region_reader(image, stop))
        except (KeyError, ValueError, TypeError) as error:
            raise FileInTheWayError(f"{other} a run whose notes are damaged: {advice}") from error
    if changed or fingerprint_image(image, samples)["image"] != known.get("image"):
        what = " and ".join(DIFFERENCE_TEXTS[name] for name in changed or ["image"])
        raise FileInTheWayError(f"{other} {what}: {advice}")
    try:
        return RunState.from_dict(kept, samples)
    except (KeyError, ValueError, TypeError) as error:
        raise FileInTheWayError(f"{other} a run whose notes are damaged: {advice}") from error


def _check_space(path: Path, image: LargeImage) -> None:
    """Refuse a result for which the disk has no room, by far."""
    folder = next(parent for parent in path.parents if parent.exists())
    free = shutil.disk_usage(folder).free
    needed = 4 * int(np.prod(image.shape)) // 3  # most images can be compressed
    if needed > free:
        raise InvalidValueError(
            f"The result needs about {4 * needed / 3 / GB:.1f} GB and the disk of {folder} has "
            f"{free / GB:.1f} GB free: choose another folder, or make room."
        )
