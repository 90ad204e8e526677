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
from napari_tf_deblur._core.steps import CopiedImage, RunStage, Step, StoredImage, map_steps
from napari_tf_deblur._large.large_image import LargeImage
from napari_tf_deblur._large.memory_budget import get_memory_budget
from napari_tf_deblur._large.pieces import Piece
from napari_tf_deblur._large.plan import Plan, plan_pieces
from napari_tf_deblur._large.progress import CALIBRATION_SHARE, Progress
from napari_tf_deblur._large.sample_calibration import (
    SampleCalibration,
    build_sample_arguments,
    build_sample_calibration,
    sample_image,
)
from napari_tf_deblur._preparation.arguments import Arguments, StepArguments
from napari_tf_deblur._run.verdict import Verdict, VerdictKind, summarise_verdicts
from napari_tf_deblur._storage.image_description import ImageDescription

if TYPE_CHECKING:
    from napari_tf_deblur._run.deconvolution import Deconvolution


FLOAT32 = np.dtype(np.float32)


def solve_in_pieces(
    arguments: Arguments,
    stop: Event | None = None,
    description: ImageDescription | None = None,
    dtype: np.dtype[Any] = FLOAT32,
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
    image = LargeImage.from_arguments(arguments)
    if arguments.output is not None:
        from napari_tf_deblur._large.distributed_run import solve_and_write

        return (yield from solve_and_write(arguments, image, stop, description, dtype))
    yield looking_step(image)
    samples = sample_image(arguments, image, stop)
    from napari_tf_deblur._run.whole_image import solve

    asked = build_sample_arguments(arguments, image, samples)
    done = yield from map_steps(solve(asked, stop), relabel_sample_step)
    found = build_sample_calibration(arguments, image, samples, done)
    plan = plan_image(arguments, image, found, get_memory_budget(arguments))
    if image.is_lazy:
        return build_lazy_result(image, plan, found)
    return (yield from _solve_in_memory(image, plan, found, stop))


def looking_step(image: LargeImage) -> Step:
    """Return the step of a run that takes samples, or reads its mask."""
    words: RunStage = "looking for something to see"
    return Step(words, words, 0.0, np.zeros(0, np.float32), StoredImage(image.data))


def plan_image(
    arguments: Arguments,
    image: LargeImage,
    found: SampleCalibration,
    budget: int,
    workers: int = 0,
    threads: int = 1,
    own_process: int = 0,
) -> Plan:
    """Plan the pieces of an image whose calibration is known."""
    recipe = found.piece_solver
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
    is_cut = any(plan.piece_grid.size[axis] < image.shape[axis] for axis in axes)
    if is_cut and arguments.boundary != "unknown":
        raise InvalidValueError(
            f"What lies beyond the frame is {arguments.boundary!r}, which is not done in pieces, "
            "and the image is too large to be done at once; leave it at 'unknown', or allow more "
            "memory."
        )
    return plan


def relabel_sample_step(step: Step) -> Step:
    """Show a step of the calibration as the first part of the work."""
    words = f"samples of the image: {step.message}"
    return replace(step, message=words, fraction=CALIBRATION_SHARE * step.fraction)


def combine_verdicts(kinds: Mapping[str, VerdictKind], samples: Verdict) -> Verdict:
    """Put the verdicts of pieces together; what is known of the PSF, the samples have said."""
    if not kinds:
        return samples
    verdicts = {name: Verdict(kind, samples.psf) for name, kind in kinds.items()}
    return replace(summarise_verdicts(verdicts), unit="piece")


def build_lazy_result(image: LargeImage, plan: Plan, found: SampleCalibration) -> "Deconvolution":
    """Return a result that is computed, piece by piece, when its image is asked for."""
    import dask.array as da
    from dask.delayed import delayed

    solve = delayed(_solve_part, pure=True)
    grid: NDArray[Any] = np.empty(plan.piece_grid.counts, object)
    rest: NDArray[Any] = np.empty(plan.piece_grid.counts, object)
    light = (
        None if image.channel_axis is None or not found.piece_solver.alpha else image.channel_axis
    )
    for place, piece in zip(np.ndindex(plan.piece_grid.counts), plan.piece_grid):
        part = image.get_region_reader(piece.input_region, piece.gap)
        mask = part.mask
        both = solve(found.piece_solver, part.pixels, mask, piece)
        shape = tuple(s.stop - s.start for s in piece.output_region)
        left = tuple(n - (axis == light) for axis, n in enumerate(shape))
        grid[place] = da.from_delayed(both.image, shape, np.float32, meta=_META)
        rest[place] = da.from_delayed(both.residual, left, np.float32, meta=_META)
    return build_result(
        found,
        da.block(grid.tolist()),
        da.block(rest.tolist()),
        found.sample_result.verdict,
        plan.summary_text,
        0.0,
    )


_META = np.zeros(0, np.float32)
"""Array that tells dask the dtype. Definition: of dask's `meta`."""


def _solve_part(recipe: Any, pixels: Any, mask: Any, piece: Any) -> Any:
    return recipe.solve(np.asarray(pixels), None if mask is None else np.asarray(mask), piece)


def build_result(
    found: SampleCalibration,
    image: Any,
    residual: Any,
    verdict: Verdict,
    plan: str,
    seconds: float,
    warnings: tuple[Notice, ...] = (),
) -> "Deconvolution":
    """Make a result of what its pieces have in common."""
    done = found.sample_result
    return replace(
        done,
        image=image,
        residual=residual,
        calibration=found.piece_solver.calibration,
        seconds=done.seconds + seconds,
        verdict=verdict,
        warnings=tuple(dict.fromkeys((*warnings, *done.warnings))),
        pieces=f"Deblurred {plan}. {found.samples}",
    )


def _solve_in_memory(
    image: LargeImage, plan: Plan, found: SampleCalibration, stop: Event | None
) -> Generator[Step, None, "Deconvolution"]:
    """Do one piece after another in this process."""
    from napari_tf_deblur._run.whole_image import solve

    values = np.empty(image.shape, np.float32)
    axis = image.channel_axis if found.piece_solver.alpha else None
    residual = np.zeros([n - (a == axis) for a, n in enumerate(image.shape)], np.float32)
    progress, began = Progress(len(plan.piece_grid)), time.perf_counter()
    kinds: dict[str, VerdictKind] = {}
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
            pieces_done=progress.done_count,
        )

    values[...] = image.data
    for piece in plan.piece_grid:
        part = image.get_region_reader(piece.input_region, piece.gap)
        done = yield from map_steps(
            solve(found.piece_solver.piece_arguments(*part.read(), piece.gap), stop), shown
        )
        if stop is not None and stop.is_set() and not done.converged:
            stopped = True
            break
        _store_piece(values, residual, piece, done, axis)
        kinds[format_piece_place(piece)] = done.verdict.kind
        warnings += done.warnings
        progress.done_count += 1
    if stopped:
        words = (
            f"Only {progress.done_count} of {progress.total} pieces are deblurred, for the run was "
            "stopped: the others show the image as it was."
        )
        warnings.insert(0, Notice("stopped", words))
    verdict = combine_verdicts(kinds, found.sample_result.verdict)
    seconds = time.perf_counter() - began
    return build_result(
        found, values, residual, verdict, plan.summary_text, seconds, tuple(warnings)
    )


def format_piece_place(piece: Piece) -> str:
    """Say where a piece begins."""
    return f"({', '.join(str(part.start) for part in piece.output_region)})"


def _store_piece(
    values: NDArray[np.float32],
    residual: NDArray[np.float32],
    piece: Piece,
    done: "Deconvolution",
    transparent: int | None,
) -> None:
    values[piece.output_region] = done.image[piece.inner_region]
    where, inside = list(piece.output_region), list(piece.inner_region)
    if transparent is not None:
        where[transparent] = inside[transparent] = slice(None)
    residual[tuple(where)] = done.residual[tuple(inside)]
