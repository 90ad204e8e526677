"""A large image, deblurred by workers that write the result, piece by piece, into an OME-Zarr."""

import os
import shutil
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tf_deblur._large.calibration import Calibrated, calibrated, of_samples, samples_of
from napari_tf_deblur._large.cluster import Crew, local_workers, other_workers
from napari_tf_deblur._large.description import CHANNEL, SPACE, TIME, Axis, ImageDescription
from napari_tf_deblur._large.installed import need
from napari_tf_deblur._large.journal import Journal
from napari_tf_deblur._large.ome_zarr import check_free, create_image, open_image
from napari_tf_deblur._large.plan import (
    CALLER_BYTES,
    PROCESS_BYTES,
    Plan,
    plan_workers,
)
from napari_tf_deblur._large.recipe import Recipe, fingerprint
from napari_tf_deblur._large.run import FLOAT, of_the_samples, plan_for, result, verdict_of
from napari_tf_deblur._large.size import GB, budget_of, usual_method
from napari_tf_deblur._large.source import LargeImage
from napari_tf_deblur._large.work import PieceWork, wait_for
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur.errors import FileInTheWayError, InvalidValueError
from napari_tf_deblur.psf import PSF, checked_psf
from napari_tf_deblur.steps import Step, mapped

if TYPE_CHECKING:
    from napari_tf_deblur.deconvolve import Deconvolution

OF_LIMIT = 0.8
"""Part of the memory of somebody else's worker that is planned for."""

UNKNOWN_PSF = 33
"""Pixels per axis of a PSF that is still to be found in the image, for planning."""

NOTHING = np.zeros(0, np.float32)


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
    yield Step("looking for something to see", 0.0, NOTHING, lambda: image.data)
    samples = samples_of(arguments, image)
    mark = fingerprint(arguments, samples.pixels, _versions())
    journal = Journal.of_image(path)
    known = _known_run(journal, path, mark)
    with _workers(arguments, image) as crew:
        yield Step("starting workers", 0.0, NOTHING, lambda: image.data)
        asked = of_samples(arguments, image, samples)
        done = yield from mapped(wait_for(crew, asked, stop), of_the_samples)
        found = calibrated(arguments, image, samples, done)
        if known is not None:
            found = replace(found, recipe=Recipe.from_json(known["recipe"]))
        plan = _plan(arguments, image, found, crew, known)
        if known is None:
            _check_space(path, image)
            axes = image.frame_axes(found.recipe.psf.ndim)
            shown = description or usual_description(path.name, image, axes, arguments.spacing)
            create_image(path, image.shape, dtype, shown, plan.cut.size)
            recipe = found.recipe.as_json()
            journal.begin({"fingerprint": mark, "size": plan.cut.size, "recipe": recipe})
        else:
            open_image(path).remove_leftovers()
        work = PieceWork(image, found.recipe, plan.cut, str(path), crew, stop, done.loss_history)
        yield from work.steps()
    written = open_image(path)
    return result(
        found,
        written.dask_levels() if description else written.dask_levels()[0],
        NOTHING,  # the residual is not kept
        verdict_of(work.kinds, found.done.verdict),
        plan,
        work.seconds,
        work.warnings,
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


def _plan(
    arguments: Arguments,
    image: LargeImage,
    found: Calibrated,
    crew: Crew,
    known: Mapping[str, Any] | None,
) -> Plan:
    """Plan the pieces, or take those of the run that goes on."""
    if crew.is_local:
        budget, own = budget_of(arguments), CALLER_BYTES + crew.workers * PROCESS_BYTES
    else:
        each = crew.memory * OF_LIMIT if crew.memory else budget_of(arguments) / crew.workers
        budget, own = int(each * crew.workers), crew.workers * PROCESS_BYTES
    plan = plan_for(arguments, image, found, budget, crew.workers, crew.threads, own)
    if known is None:
        return plan
    return replace(plan, cut=replace(plan.cut, size=tuple(known["size"])))


def _known_run(journal: Journal, path: Path, mark: str) -> dict[str, Any] | None:
    """Return what is known of the run that was broken off; refuse what another run has written."""
    known = journal.run()
    if known is None:
        if path.is_dir() and any(path.iterdir()):
            check_free(path)  # which says so where it is no result of this package
            raise FileInTheWayError(
                f"{path} holds a result already: choose another name, or delete it first."
            )
        return None
    if known.get("fingerprint") != mark:
        raise FileInTheWayError(
            f"{path} holds a result of other settings, of another image or of another version: "
            "choose another name, or delete it first."
        )
    return known


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


def _versions() -> str:
    found = []
    for package in ("napari-tf-deblur", "tensorflow", "numpy"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} unknown")
    return ", ".join(found)
