"""The updates that a worker sends to the window: their content, their rate, and the times."""

import time
from collections.abc import Generator
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import UserError
from napari_tf_deblur._core.steps import RunStage, Step
from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._layers.result import Result
from napari_tf_deblur._layers.stage import Stage

MIN_INTERVAL = 0.1
"""Shortest time between two updates of the window in seconds. Set by eye: 10 pictures per second
look live."""

HEARTBEAT = 0.5
"""Seconds after which the worker sends an update even if the window is busy. Set by eye."""

GUI_SHARE = 0.25
"""Largest part of the time for drawing updates. Set by eye: a run takes at most a third longer."""

HAS_ITERATIONS: frozenset[RunStage] = frozenset(("iterating", "pieces"))
"""Stages of a run that have an image to show and to keep."""

ITERATION_STAGE = "iterating"
"""Common name of these stages in the list of times."""


class RunFailedError(Exception):
    """A run failed for a reason that is not in the input."""


@dataclass(frozen=True)
class Update:
    """The state of a run in progress, for the window.

    Attributes
    ----------
    message : str
        The current step, in words.
    fraction : float
        Fraction of the run that is done, 0 to 1.
    losses : ndarray of float32
        The losses so far, one per iteration.
    image : ndarray, optional
        The present image.
    psf : ndarray, optional
        The PSF, in the update after it was computed.
    seconds_left : float, optional
        Estimated remaining time in seconds, if it is known.
    limits : tuple of float, optional
        Contrast limits for the result, if they are known before the result.
    """

    message: str
    fraction: float
    losses: NDArray[np.float32]
    image: NDArray[Any] | None = None
    psf: PSF | None = None
    seconds_left: float | None = None
    limits: tuple[float, float] | None = None


class Throttle:
    """Limits the rate of updates to the rate at which the window can show them."""

    def __init__(self) -> None:
        self._shown = Event()
        self._shown.set()
        self._next = 0.0
        self._sent = 0.0

    def is_due(self) -> bool:
        """Whether it is time for the next update. Called in the worker."""
        return self._shown.is_set() and time.monotonic() >= self._next

    def is_overdue(self) -> bool:
        """Whether no update was sent for `HEARTBEAT` seconds. Called in the worker."""
        return time.monotonic() >= self._sent + HEARTBEAT

    def mark_sent(self) -> None:
        """Record that an update was sent. Called in the worker."""
        self._sent = time.monotonic()
        self._shown.clear()

    def wait(self) -> None:
        """Wait until the update is shown, `HEARTBEAT` seconds at most. Called in the worker."""
        self._shown.wait(HEARTBEAT)

    def mark_shown(self, seconds: float) -> None:
        """Record that an update was shown, which took `seconds`. Called in the main thread."""
        self._next = time.monotonic() + max(MIN_INTERVAL, seconds / GUI_SHARE)
        self._shown.set()


class Stopwatch:
    """Measures the time that a run spends in each stage, from the press of the button on."""

    def __init__(self) -> None:
        self._past_seconds: dict[str, float] = {}  # without the present visit to a stage
        self._began = self._entered = time.monotonic()
        self._stage = "beginning"

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds spent in each stage so far, in the order of the first visits."""
        now = time.monotonic()
        return self._past_seconds | {
            self._stage: self._past_seconds.get(self._stage, 0.0) + now - self._entered
        }

    @property
    def total_seconds(self) -> float:
        """Seconds since the button was pressed."""
        return time.monotonic() - self._began

    def enter(self, stage: str) -> None:
        """Record that a stage begins or continues."""
        self._past_seconds, self._stage, self._entered = self.seconds, stage, time.monotonic()

    def describe_stages(self) -> str:
        """Return the seconds of each stage as a sentence, without stages below 0.05 s."""
        parts = [f"{stage} {s:.1f} s" for stage, s in self.seconds.items() if s >= 0.05]
        text = ", ".join(parts)
        return f"{text[:1].upper()}{text[1:]}." if parts else ""


def iterate_updates(
    steps: Generator[Stage | Step, None, Result | None],
    throttle: Throttle,
    has_iteration: Event,
    stopwatch: Stopwatch,
) -> Generator[Update, None, Result | None]:
    """Run the steps of a job, and yield as many updates as the window can show.

    Parameters
    ----------
    steps : generator
        The steps of a job.
    throttle : Throttle
        Limits the rate of the updates.
    has_iteration : threading.Event
        Is set at the first iteration, from which on there is an image to keep.
    stopwatch : Stopwatch
        Measures the time of each stage.

    Yields
    ------
    Update
        The state of the run, with an image if the throttle allows one.

    Returns
    -------
    Result or None
        The result of the job; None if it was stopped before the first iteration.
    """
    stage = ""
    try:
        while True:
            step = next(steps)
            former, stage = stage, _get_stage(step)
            stopwatch.enter(stage)
            if stage == ITERATION_STAGE:
                has_iteration.set()
            due = throttle.is_due()
            if due or stage != former or throttle.is_overdue():
                update = _make_update(step, with_image=due and stage == ITERATION_STAGE)
                throttle.mark_sent()
                yield update
                if isinstance(step, Step):
                    throttle.wait()
    except StopIteration as end:
        result: Result | None = end.value
        return result
    except UserError:
        raise
    except Exception as error:
        raise translate_error(error) from error
    finally:
        stopwatch.enter("showing")


def _get_stage(step: Stage | Step) -> str:
    if isinstance(step, Stage):
        return step.name
    return ITERATION_STAGE if step.stage in HAS_ITERATIONS else step.stage


def _make_update(step: Stage | Step, with_image: bool) -> Update:
    if isinstance(step, Stage):
        message = f"{step.name}, {100 * step.fraction:.0f} %" if step.fraction else step.name
        return Update(message, 0.0, np.zeros(0, np.float32), psf=step.psf)
    image = step.image() if with_image else None
    return Update(
        step.message, step.fraction, step.loss_history, image, None, step.seconds_left, step.limits
    )


def translate_error(error: Exception) -> Exception:
    """Return an exception with a message for the user that napari's worker passes on."""
    if isinstance(error, UserError):
        return error
    if isinstance(error, MemoryError):
        return RunFailedError(
            "The memory is exhausted: deblur a smaller part of the image, or close other programs."
        )
    if isinstance(error, RuntimeError):
        return RunFailedError(f"Deblurring failed: {error}")
    return error
