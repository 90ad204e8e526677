"""Deblur a large image piece by piece: in this process, lazily, or into a file."""

import time
from collections.abc import Generator
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
from napari_tf_deblur._large.piece_summary import format_place
from napari_tf_deblur._large.pieces import Piece
from napari_tf_deblur._large.plan import Plan, plan_pieces
from napari_tf_deblur._large.progress import CALIBRATION_SHARE, Progress
from napari_tf_deblur._large.results import build_lazy_result, build_result, combine_verdicts
from napari_tf_deblur._large.sample_calibration import (
    SampleCalibration,
    build_sample_arguments,
    build_sample_calibration,
    sample_image,
)
from napari_tf_deblur._preparation.arguments import Arguments, StepArguments
from napari_tf_deblur._run.verdict import VerdictKind
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
        The arguments of `deconvolve`. With an output, the result is written there. Otherwise the
        result of an image in memory is in memory. That of a lazy image is lazy: its pieces are
        computed when their pixels are asked for.
    stop : threading.Event, optional
        Ends the run.
    description : ImageDescription, optional
        Axes, channels and name that are written to the output.
    dtype : dtype, optional
        Type of the pixels that are written. If it is an integer type, they are rounded.

    Yields
    ------
    Step
        The progress of the run.

    Returns
    -------
    Deconvolution
        The result.

    Raises
    ------
    ValueError
        If the brightness of planes is to be corrected: pieces do not know it.
    """
    if arguments.plane_brightness not in ("auto", "equal"):
        raise InvalidValueError(
            "The brightness of planes cannot be corrected in an image that is deblurred in pieces; "
            "crop the image, or divide its planes by their brightness before."
        )
    arguments = replace(arguments, plane_brightness="equal")
    if isinstance(arguments, StepArguments):
        arguments = replace(arguments, stop=None)  # it cannot be sent to other processes
    image = LargeImage.from_arguments(arguments)
    if arguments.output is not None:
        from napari_tf_deblur._large.distributed_run import solve_and_write

        return (yield from solve_and_write(arguments, image, stop, description, dtype))
    yield make_search_step(image)
    samples = sample_image(arguments, image, stop)
    from napari_tf_deblur._run.whole_image import solve

    sample_arguments = build_sample_arguments(arguments, image, samples)
    sample_result = yield from map_steps(solve(sample_arguments, stop), relabel_sample_step)
    calibration = build_sample_calibration(arguments, image, samples, sample_result)
    plan = plan_image(arguments, image, calibration, get_memory_budget(arguments))
    if image.is_lazy:
        return build_lazy_result(image, plan, calibration)
    return (yield from _solve_in_memory(image, plan, calibration, stop))


def make_search_step(image: LargeImage) -> Step:
    """Return the step of a run that takes samples or reads its mask."""
    stage: RunStage = "looking for something to see"
    return Step(stage, stage, 0.0, np.zeros(0, np.float32), StoredImage(image.data))


def plan_image(
    arguments: Arguments,
    image: LargeImage,
    calibration: SampleCalibration,
    budget: int,
    workers: int = 0,
    threads: int = 1,
    overhead_bytes: int = 0,
) -> Plan:
    """Plan the pieces of an image whose calibration is known.

    Parameters
    ----------
    arguments : Arguments
        The arguments of the run.
    image : LargeImage
        The image.
    calibration : SampleCalibration
        What was found from samples of the image.
    budget, workers, threads, overhead_bytes
        See :func:`plan_pieces`.

    Raises
    ------
    InvalidValueError
        If the image must be cut and the boundary is not "unknown".
    OutOfMemoryError
        If even the smallest piece does not fit.
    """
    solver = calibration.piece_solver
    axes = image.frame_axes(solver.psf.ndim)
    plan = plan_pieces(
        image.shape,
        axes,
        image.channel_axis,
        solver.psf,
        solver.calibration.method,
        budget,
        workers,
        threads,
        overhead_bytes,
    )
    is_cut = any(plan.piece_grid.size[axis] < image.shape[axis] for axis in axes)
    if is_cut and arguments.boundary != "unknown":
        raise InvalidValueError(
            f"The boundary {arguments.boundary!r} cannot be used for an image that is cut into "
            "pieces, and this image is too large for one piece. Use boundary='unknown', or allow "
            "more memory."
        )
    return plan


def relabel_sample_step(step: Step) -> Step:
    """Turn a step of the run on samples into a step of the whole run."""
    message = f"samples of the image: {step.message}"
    return replace(step, message=message, fraction=CALIBRATION_SHARE * step.fraction)


def _solve_in_memory(
    image: LargeImage, plan: Plan, calibration: SampleCalibration, stop: Event | None
) -> Generator[Step, None, "Deconvolution"]:
    """Deblur one piece after another in this process."""
    from napari_tf_deblur._run.whole_image import solve

    solver = calibration.piece_solver
    values = np.empty(image.shape, np.float32)
    alpha_axis = image.channel_axis if solver.alpha else None
    residual = np.zeros([n - (a == alpha_axis) for a, n in enumerate(image.shape)], np.float32)
    progress, start_time = Progress(len(plan.piece_grid)), time.perf_counter()
    kinds: dict[str, VerdictKind] = {}
    warnings: list[Notice] = []
    stopped = False

    def relabel_piece_step(step: Step) -> Step:
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
        pixels, mask = image.get_region_reader(piece.input_region, piece.gap).read()
        steps = solve(solver.piece_arguments(pixels, mask, piece.gap), stop)
        result = yield from map_steps(steps, relabel_piece_step)
        if stop is not None and stop.is_set() and not result.converged:
            stopped = True
            break
        _store_piece(values, residual, piece, result, alpha_axis)
        kinds[format_place(piece.start)] = result.verdict.kind
        warnings += result.warnings
        progress.done_count += 1
    if stopped:
        text = (
            f"Only {progress.done_count} of {progress.total} pieces are deblurred, because the run "
            "was stopped. The others show the original image."
        )
        warnings.insert(0, Notice("stopped", text))
    verdict = combine_verdicts(kinds, calibration.sample_result.verdict)
    seconds = time.perf_counter() - start_time
    return build_result(
        calibration, values, residual, verdict, plan.summary_text, seconds, tuple(warnings)
    )


def _store_piece(
    values: NDArray[np.float32],
    residual: NDArray[np.float32],
    piece: Piece,
    result: "Deconvolution",
    alpha_axis: int | None,
) -> None:
    """Copy the result of a piece, without its margin, to its place in the whole image."""
    values[piece.output_region] = result.image[piece.inner_region]
    output, inner = list(piece.output_region), list(piece.inner_region)
    if alpha_axis is not None:
        output[alpha_axis] = inner[alpha_axis] = slice(None)
    residual[tuple(output)] = result.residual[tuple(inner)]
