"""Solve a prepared run, batch by batch, and report its steps."""

import time
from collections.abc import Generator
from dataclasses import dataclass
from threading import Event

import numpy as np

from napari_tf_deblur._core.errors import InvalidValueError, OutOfMemoryError
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.steps import RunStage, Step
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._preparation import memory
from napari_tf_deblur._preparation.global_values import GlobalValues
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._preparation.problem import REPORT_INTERVAL
from napari_tf_deblur._solvers import load
from napari_tf_deblur._solvers.progress import Progress
from napari_tf_deblur._solvers.registry import find_solver


@dataclass(frozen=True)
class RunResult:
    """The result of a run.

    Attributes
    ----------
    image : ndarray of float32
        The deblurred image, in the shape and intensity units of the input.
    residual : ndarray of float32
        The planes minus the re-blurred result, in the shape of :attr:`PreparedRun.values`.
    planes : tuple of int
        Planes that were solved.
    loss_history : ndarray of float32
        Value of the objective after each iteration, summed over all planes.
    converged : bool
        Whether all batches converged before their last iteration.
    seconds : float
        Duration in seconds, without the start of TensorFlow.
    warnings : tuple of Notice
        If the run was stopped, the parts of the image that are unchanged.
    global_values : GlobalValues
        Values that the run computed from all pixels.
    """

    image: Float32Array
    residual: Float32Array
    planes: tuple[int, ...]
    loss_history: Float32Array
    converged: bool
    seconds: float
    warnings: tuple[Notice, ...]
    global_values: GlobalValues


def solve_batches(
    prepared: PreparedRun, stop: Event | None = None
) -> Generator[Step, None, RunResult]:
    """Solve each batch, and yield a step about ten times a second.

    Parameters
    ----------
    prepared : PreparedRun
        The run to solve. It is not changed.
    stop : threading.Event, optional
        Once it is set, the generator returns at its next step, with the current image.

    Yields
    ------
    Step
        Stage, progress, losses and current image.

    Returns
    -------
    RunResult
        The result, as the value of the generator.

    Raises
    ------
    ValueError
        If a solver ends in infinite values or NaN.
    MemoryError
        If the memory runs out.
    """
    method = prepared.calibration.method
    progress = Progress(prepared)
    converged = True
    shared = prepared.calibration.global_values
    batch_values: list[dict[str, Float32Array]] = []

    def step(stage: RunStage, message: str) -> Step:
        return Step(stage, message, progress.fraction, progress.losses(), progress)

    def is_stopped() -> bool:
        return stop is not None and stop.is_set()

    if not load.is_loaded():
        yield step("starting TensorFlow", "starting TensorFlow")
    yield step("preparing", "preparing")
    started = last_yield = time.perf_counter()
    try:
        with memory.keep_freed_memory(prepared.has_spare_memory):
            for batch in prepared.batches:
                if is_stopped():
                    break
                problem = prepared.build_problem(batch)
                for iterate in find_solver(method)(problem, method):
                    progress.record_iterate(batch, iterate)
                    if is_stopped():
                        break
                    if time.perf_counter() - last_yield >= REPORT_INTERVAL:
                        yield step(progress.stage, progress.message)
                        last_yield = time.perf_counter()
                converged = converged and (shared.converged if shared else iterate.converged)
                batch_values.append(
                    {**problem.computed_values, **iterate.estimate.computed_values()}
                )
                progress.finish_batch(batch)
                if not progress.is_finite(batch):
                    raise InvalidValueError(
                        f"The run ended in values that are infinite or not numbers. {method.remedy}"
                    )
                del iterate, problem  # frees their arrays before memory is returned
    except load.memory_errors() as error:
        raise OutOfMemoryError(
            "The memory ran out during the run; crop the image, deblur it as 2D instead of "
            "3D, or close other programs."
        ) from error
    stopped = is_stopped()
    converged = converged and not stopped
    return RunResult(
        image=progress.current_image(),
        residual=progress.residual,
        planes=progress.planes,
        loss_history=progress.losses(),
        converged=converged,
        seconds=time.perf_counter() - started,
        warnings=(Notice("stopped", progress.describe_stop()),) if stopped else (),
        global_values=shared
        or GlobalValues(
            len(progress.losses()), converged, prepared.hides_areas, _average_values(batch_values)
        ),
    )


def _average_values(batches: list[dict[str, Float32Array]]) -> dict[str, Float32Array]:
    """Average the values that batches of one size have computed, by name."""
    names = batches[0] if batches else {}
    return {name: np.mean([values[name] for values in batches], axis=0) for name in names}
