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
from napari_tf_deblur._core.installed import need
from napari_tf_deblur._core.psf import checked_psf
from napari_tf_deblur._core.steps import RunStage, Step, StoredImage, mapped
from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._large.calibration import (
    Calibrated,
    calibrated,
    of_samples,
    read_until,
    refuse_stopped,
    samples_of,
)
from napari_tf_deblur._large.cluster import Crew, local_workers, other_workers
from napari_tf_deblur._large.kept import KeptRun, Marks, mark_of_image, marks_of, read_samples
from napari_tf_deblur._large.outcome import Outcome, is_whole
from napari_tf_deblur._large.plan import CALLER_BYTES, PROCESS_BYTES, Plan, plan_workers
from napari_tf_deblur._large.progress import CALIBRATION_PART
from napari_tf_deblur._large.run import (
    FLOAT,
    looking_step,
    of_the_samples,
    plan_for,
    result,
    verdict_of,
)
from napari_tf_deblur._large.size import GB, budget_of, usual_method
from napari_tf_deblur._large.source import LargeImage
from napari_tf_deblur._large.work import PieceWork, disk_in_words, wait_for
from napari_tf_deblur._large.written_image import WrittenImage
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._storage.description import CHANNEL, SPACE, TIME, Axis, ImageDescription
from napari_tf_deblur._storage.journal import Journal
from napari_tf_deblur._storage.ome_zarr import check_free, create_image, open_image

if TYPE_CHECKING:
    from napari_tf_deblur._run.deconvolution import Deconvolution

OF_LIMIT = 0.8
"""Part of the memory of another's worker that is planned for. Derived: dask pauses a worker at
0.8."""

UNKNOWN_PSF = 33
"""Pixels per axis of a PSF that is still to be found, for the plan. Set by hand; it changes the
plan that is announced, and no result."""

OTHER = {
    "version": "another version of this program",
    "settings": "other settings",
    "PSF": "another PSF",
    "mask": "another mask",
    "image": "another image",
}
"""What may differ between two runs, in words."""

NOTHING = np.zeros(0, np.float32)
"""Array that stands for no pixels. Definition: of a step without an image."""


def solve_and_write(
    arguments: Arguments,
    image: LargeImage,
    stop: Event | None = None,
    description: ImageDescription | None = None,
    dtype: np.dtype[Any] = FLOAT,
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
    need("distributed", "zarr", "yaozarrs")
    stop = stop or Event()
    path = Path(str(arguments.output)).absolute()
    journal = Journal.of_image(path)
    kept = journal.run()
    if kept is None:
        _refuse_result(path)
    if not journal.is_finished:
        with other_workers(arguments.scheduler):
            pass  # a wrong address is said before anything is read

    def look() -> Step:
        refuse_stopped(stop)
        return looking_step(image)

    written = WrittenImage(str(path))

    yield look()
    marks = yield from mapped(marks_of(arguments, image, dtype), lambda _: look())
    run = None
    if kept is None:
        samples = samples_of(arguments, image, stop)
        marks |= mark_of_image(image, samples)
    else:
        run = _known_run(kept, marks, path, image, stop)
        if is_whole(journal, run.cut, open_image(path)):
            yield replace(look(), image_source=written, found=run.found)
            return _result(run, path, Outcome(journal.done(), len(run.cut)), 0.0, description)
    with _workers(arguments, image) as crew:
        words: RunStage = "starting workers"
        yield Step(words, words, 0.0, NOTHING, StoredImage(image.data))
        if run is None:
            asked = of_samples(arguments, image, samples)
            done = yield from mapped(wait_for(crew, asked, stop), of_the_samples)
            found = calibrated(arguments, image, samples, done)
            plan = _plan(arguments, image, found, crew)
            axes = image.frame_axes(found.recipe.psf.ndim)
            shown = description or usual_description(path.name, image, axes, arguments.spacing)
            run = KeptRun(marks, plan.cut, plan.words, found)
            with disk_in_words(path):
                _check_space(path, image)
                create_image(path, image.shape, dtype, shown, run.cut.size)
                journal.begin(run.as_json())
        found = run.found
        words = "giving out pieces"
        yield Step(words, words, CALIBRATION_PART, NOTHING, written, found)
        work = PieceWork(
            image, found.recipe, run.cut, str(path), crew, stop, found.done.loss_history
        )
        yield from work.steps()
    return _result(run, path, work.outcome, work.seconds, description)


def _result(
    run: KeptRun,
    path: Path,
    outcome: Outcome,
    seconds: float,
    description: ImageDescription | None,
) -> "Deconvolution":
    """Make the result of what is written and noted."""
    written = open_image(path)
    if written.verdicts() != outcome.kinds:
        with disk_in_words(path):
            written.set_verdicts(outcome.kinds)
    return result(
        run.found,
        written.dask_levels() if description else written.dask_levels()[0],
        NOTHING,  # the residual is not kept
        verdict_of(outcome.kinds, run.found.done.verdict),
        run.words,
        seconds,
        outcome.warnings,
    )


def usual_description(
    name: str, image: LargeImage, frame_axes: tuple[int, ...], spacing: Any
) -> ImageDescription:
    """Name the axes of an image of which nothing is known but what is deblurred."""
    steps = dict(zip(frame_axes, spacing or (1.0,) * len(frame_axes)))
    names = dict(zip(frame_axes, "zyx"[-len(frame_axes) :]))
    others = [a for a in range(len(image.shape)) if a not in frame_axes and a != image.channel_axis]
    axes = []
    for axis in range(len(image.shape)):
        if axis in frame_axes:
            axes.append(Axis(names[axis], SPACE, None, float(steps[axis])))
        elif axis == image.channel_axis:
            axes.append(Axis("c", CHANNEL))
        elif axis == others[0]:
            axes.append(Axis("t", TIME))
        else:
            axes.append(Axis(f"q{axis}", None))
    return ImageDescription(name.removesuffix(".zarr").removesuffix(".ome"), tuple(axes))


@contextmanager
def _workers(arguments: Arguments, image: LargeImage) -> Iterator[Crew]:
    """Give workers: those that there are, or new ones on this machine."""
    with other_workers(arguments.scheduler) as crew:
        if crew is not None:
            yield crew
            return
        psf = _psf_to_plan_for(arguments, image)
        channels = 1 if image.channel_axis is None else image.shape[image.channel_axis]
        cores = os.cpu_count() or 1
        workers, memory = plan_workers(
            psf.ndim, channels, psf, usual_method(arguments), budget_of(arguments), cores
        )
        with local_workers(workers, max(1, cores // workers), memory) as crew:
            yield crew


def _psf_to_plan_for(arguments: Arguments, image: LargeImage) -> PSF:
    """Return the PSF that is given; a usual one where it is still to be found."""
    given: Any = arguments.psf
    if hasattr(given, "psf"):
        given = given.psf()
    if given is None:
        ndim = 2 if arguments.spacing is None else int(np.size(arguments.spacing))
        given = np.ones((UNKNOWN_PSF,) * ndim)
    return checked_psf(given, most_axes=len(image.shape) - (image.channel_axis is not None))


def _plan(arguments: Arguments, image: LargeImage, found: Calibrated, crew: Crew) -> Plan:
    """Plan the pieces for the workers that there are."""
    if crew.is_local:
        budget, own = budget_of(arguments), CALLER_BYTES + crew.workers * PROCESS_BYTES
    else:
        each = crew.memory * OF_LIMIT if crew.memory else budget_of(arguments) / crew.workers
        budget, own = int(each * crew.workers), crew.workers * PROCESS_BYTES
    return plan_for(arguments, image, found, budget, crew.workers, crew.threads, own)


def _refuse_result(path: Path) -> None:
    """Refuse to write over a result; an image that is still empty is none."""
    if not check_free(path):
        return
    image = open_image(path)
    if any(image.is_written(part) for part in image.parts()):
        raise FileInTheWayError(
            f"{path} holds a result already: choose another name, or delete it first."
        )


def _known_run(
    kept: Mapping[str, Any], marks: Marks, path: Path, image: LargeImage, stop: Event
) -> KeptRun:
    """Return the run that was broken off; refuse to go on with another one."""
    check_free(path)
    other = f"{path} holds a result of"
    advice = "choose another name, or delete it first."
    told = kept.get("marks")
    known: Mapping[str, str] = told if isinstance(told, Mapping) else {}
    changed = [name for name in marks if known.get(name) != marks[name]]
    if not changed:
        try:
            samples = read_samples(kept, read_until(image, stop))
        except (KeyError, ValueError, TypeError) as error:
            raise FileInTheWayError(f"{other} a run whose notes are damaged: {advice}") from error
    if changed or mark_of_image(image, samples)["image"] != known.get("image"):
        what = " and ".join(OTHER[name] for name in changed or ["image"])
        raise FileInTheWayError(f"{other} {what}: {advice}")
    try:
        return KeptRun.from_json(kept, samples)
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
