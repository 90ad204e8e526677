"""A large image, deblurred piece by piece."""

import time
from collections.abc import Generator, Mapping
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.steps import CopiedImage, RunStage, Step, StoredImage, mapped
from napari_tf_deblur._large.calibration import (
    Calibrated,
    calibrated,
    of_samples,
    samples_of,
)
from napari_tf_deblur._large.pieces import Piece
from napari_tf_deblur._large.plan import Plan, plan_pieces
from napari_tf_deblur._large.progress import CALIBRATION_PART, Progress
from napari_tf_deblur._large.size import budget_of
from napari_tf_deblur._large.source import LargeImage
from napari_tf_deblur._preparation.arguments import Arguments, StepArguments
from napari_tf_deblur._run.verdict import Kind, Verdict, together
from napari_tf_deblur._storage.description import ImageDescription

if TYPE_CHECKING:
    from napari_tf_deblur._run.deconvolution import Deconvolution


FLOAT = np.dtype(np.float32)


def solve_in_pieces(
    arguments: Arguments,
    stop: Event | None = None,
    description: ImageDescription | None = None,
    dtype: np.dtype[Any] = FLOAT,
) -> Generator[Step, None, "Deconvolution"]:
    """Deblur an image piece by piece; see :func:`napari_tf_deblur.iter_deconvolve`.

    Parameters
    ----------
    arguments : Arguments
        What is asked for. An image in memory gives one in memory. A lazy one gives a lazy one,
        which is computed when it is asked for; or, with an output, is written there.
    stop : threading.Event, optional
        Ends it.
    description : ImageDescription, optional
        What is written to the output besides the pixels.
    dtype : dtype, optional
        Of the pixels that are written: of integers, they are rounded.
    """
    if isinstance(arguments, StepArguments):
        arguments = replace(arguments, stop=None)  # it does not travel to other processes
    image = LargeImage.of(arguments)
    if arguments.output is not None:
        from napari_tf_deblur._large.written import solve_and_write

        return (yield from solve_and_write(arguments, image, stop, description, dtype))
    yield looking_step(image)
    samples = samples_of(arguments, image, stop)
    from napari_tf_deblur._run.run import solve

    asked = of_samples(arguments, image, samples)
    done = yield from mapped(solve(asked, stop), of_the_samples)
    found = calibrated(arguments, image, samples, done)
    plan = plan_for(arguments, image, found, budget_of(arguments))
    if image.is_lazy:
        return lazy_result(image, plan, found)
    return (yield from _solve_in_memory(image, plan, found, stop))


def looking_step(image: LargeImage) -> Step:
    """Return the step of a run that takes samples, or reads its mask."""
    words: RunStage = "looking for something to see"
    return Step(words, words, 0.0, np.zeros(0, np.float32), StoredImage(image.data))


def plan_for(
    arguments: Arguments,
    image: LargeImage,
    found: Calibrated,
    budget: int,
    workers: int = 0,
    threads: int = 1,
    own_process: int = 0,
) -> Plan:
    """Plan the pieces of an image whose calibration is known."""
    recipe = found.recipe
    axes = image.frame_axes(recipe.psf.ndim)
    plan = plan_pieces(
        image.shape,
        axes,
        image.channel_axis,
        recipe.psf,
        recipe.calibration.method,
        budget,
        workers,
        threads,
        own_process,
    )
    is_cut = any(plan.cut.size[axis] < image.shape[axis] for axis in axes)
    if is_cut and arguments.boundary != "unknown":
        raise InvalidValueError(
            f"What lies beyond the frame is {arguments.boundary!r}, which is not done in pieces, "
            "and the image is too large to be done at once; leave it at 'unknown', or allow more "
            "memory."
        )
    return plan


def of_the_samples(step: Step) -> Step:
    """Show a step of the calibration as the first part of the work."""
    words = f"samples of the image: {step.message}"
    return replace(step, message=words, fraction=CALIBRATION_PART * step.fraction)


def verdict_of(kinds: Mapping[str, Kind], samples: Verdict) -> Verdict:
    """Put the verdicts of pieces together; what is known of the PSF, the samples have said."""
    if not kinds:
        return samples
    verdicts = {name: Verdict(kind, samples.psf) for name, kind in kinds.items()}
    return replace(together(verdicts), unit="piece")


def lazy_result(image: LargeImage, plan: Plan, found: Calibrated) -> "Deconvolution":
    """Return a result that is computed, piece by piece, when its image is asked for."""
    import dask.array as da
    from dask.delayed import delayed

    solve = delayed(_solve_part, pure=True)
    grid: NDArray[Any] = np.empty(plan.cut.counts, object)
    rest: NDArray[Any] = np.empty(plan.cut.counts, object)
    light = None if image.channel_axis is None or not found.recipe.alpha else image.channel_axis
    for place, piece in zip(np.ndindex(plan.cut.counts), plan.cut):
        part = image.part(piece.read, piece.gap)
        mask = part.mask
        both = solve(found.recipe, part.pixels, mask, piece)
        shape = tuple(s.stop - s.start for s in piece.write)
        left = tuple(n - (axis == light) for axis, n in enumerate(shape))
        grid[place] = da.from_delayed(both.image, shape, np.float32, meta=_META)
        rest[place] = da.from_delayed(both.residual, left, np.float32, meta=_META)
    return result(
        found, da.block(grid.tolist()), da.block(rest.tolist()), found.done.verdict, plan.words, 0.0
    )


_META = np.zeros(0, np.float32)
"""Array that tells dask the dtype. Definition: of dask's `meta`."""


def _solve_part(recipe: Any, pixels: Any, mask: Any, piece: Any) -> Any:
    return recipe.solve(np.asarray(pixels), None if mask is None else np.asarray(mask), piece)


def result(
    found: Calibrated,
    image: Any,
    residual: Any,
    verdict: Verdict,
    plan: str,
    seconds: float,
    warnings: tuple[Notice, ...] = (),
) -> "Deconvolution":
    """Make a result of what its pieces have in common."""
    done = found.done
    return replace(
        done,
        image=image,
        residual=residual,
        calibration=found.recipe.calibration,
        seconds=done.seconds + seconds,
        verdict=verdict,
        warnings=tuple(dict.fromkeys((*warnings, *done.warnings))),
        pieces=f"Deblurred {plan}. {found.samples}",
    )


def _solve_in_memory(
    image: LargeImage, plan: Plan, found: Calibrated, stop: Event | None
) -> Generator[Step, None, "Deconvolution"]:
    """Do one piece after another in this process."""
    from napari_tf_deblur._run.run import solve

    values = np.empty(image.shape, np.float32)
    axis = image.channel_axis if found.recipe.alpha else None
    residual = np.zeros([n - (a == axis) for a, n in enumerate(image.shape)], np.float32)
    progress, began = Progress(len(plan.cut)), time.perf_counter()
    kinds: dict[str, Kind] = {}
    warnings: list[Notice] = []
    stopped = False

    def shown(step: Step) -> Step:
        within = step.fraction
        return Step(
            "pieces" if step.stage == "iterating" else step.stage,
            progress.message(within),
            progress.fraction(within),
            step.loss_history,
            CopiedImage(values),
            seconds_left=progress.seconds_left(within),
            pieces_done=progress.done,
        )

    values[...] = image.data
    for piece in plan.cut:
        part = image.part(piece.read, piece.gap)
        done = yield from mapped(
            solve(found.recipe.arguments(*part.read(), piece.gap), stop), shown
        )
        if stop is not None and stop.is_set() and not done.converged:
            stopped = True
            break
        _put(values, residual, piece, done, axis)
        kinds[name_of(piece)] = done.verdict.kind
        warnings += done.warnings
        progress.done += 1
    if stopped:
        words = (
            f"Only {progress.done} of {progress.total} pieces are deblurred, for the run was "
            "stopped: the others show the image as it was."
        )
        warnings.insert(0, Notice("stopped", words))
    verdict = verdict_of(kinds, found.done.verdict)
    seconds = time.perf_counter() - began
    return result(found, values, residual, verdict, plan.words, seconds, tuple(warnings))


def name_of(piece: Piece) -> str:
    """Say where a piece begins."""
    return f"({', '.join(str(part.start) for part in piece.write)})"


def _put(
    values: NDArray[np.float32],
    residual: NDArray[np.float32],
    piece: Piece,
    done: "Deconvolution",
    transparent: int | None,
) -> None:
    values[piece.write] = done.image[piece.inside]
    where, inside = list(piece.write), list(piece.inside)
    if transparent is not None:
        where[transparent] = inside[transparent] = slice(None)
    residual[tuple(where)] = done.residual[tuple(inside)]
