"""What a worker tells the window of a run, how often, and where the time went."""

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
"""Seconds after which the worker gives way to napari even if the window is busy. Set by eye."""

GUI_SHARE = 0.25
"""Largest part of the time for drawing updates. Set by eye: a run takes at most a third longer."""

HAS_ITERATIONS: frozenset[RunStage] = frozenset(("iterating", "pieces"))
"""Stages of a run from which on there is an image to be shown and kept."""

ITERATION_STAGE = "iterating"
"""What those are called where it is told how long each stage took."""


class RunFailedError(Exception):
    """Something went wrong that is not the fault of the input."""


@dataclass(frozen=True)
class Update:
    """What the window shows of a run in progress.

    Attributes
    ----------
    message : str
        What is going on.
    fraction : float
        How much of the run is done, 0 to 1.
    losses : ndarray
        One value per iteration so far.
    image : ndarray, optional
        The image as it is now.
    psf : ndarray, optional
        The PSF, once it is made.
    seconds_left : float, optional
        How long the rest takes, once that can be told.
    limits : tuple of float, optional
        Contrast limits that fit the result, where they are known before there is any of it.
    """

    message: str
    fraction: float
    losses: NDArray[np.float32]
    image: NDArray[Any] | None = None
    psf: PSF | None = None
    seconds_left: float | None = None
    limits: tuple[float, float] | None = None


class Throttle:
    """Update throttle: holds back what the worker would send faster than the window shows it."""

    def __init__(self) -> None:
        self._shown = Event()
        self._shown.set()
        self._next = 0.0
        self._sent = 0.0

    def is_due(self) -> bool:
        """Whether it is time for the next update. Asked in the worker."""
        return self._shown.is_set() and time.monotonic() >= self._next

    def is_overdue(self) -> bool:
        """Whether nothing was sent for so long that napari must get a word in."""
        return time.monotonic() >= self._sent + HEARTBEAT

    def mark_sent(self) -> None:
        """Note that an update is on its way. Called in the worker."""
        self._sent = time.monotonic()
        self._shown.clear()

    def wait(self) -> None:
        """Wait until the update is shown, but not for ever. Called in the worker."""
        self._shown.wait(HEARTBEAT)

    def mark_shown(self, seconds: float) -> None:
        """Note that an update was shown, and how long that took. Called in the window."""
        self._next = time.monotonic() + max(MIN_INTERVAL, seconds / GUI_SHARE)
        self._shown.set()


class Stopwatch:
    """Measures how long a run spends in each of its stages, from the press of the button on."""

    def __init__(self) -> None:
        self._past_seconds: dict[str, float] = {}  # without what the last entry takes
        self._began = self._entered = time.monotonic()
        self._stage = "beginning"

    @property
    def seconds(self) -> dict[str, float]:
        """Time spent in each stage so far, in the order in which they began."""
        now = time.monotonic()
        return self._past_seconds | {
            self._stage: self._past_seconds.get(self._stage, 0.0) + now - self._entered
        }

    @property
    def total_seconds(self) -> float:
        """Seconds since the press."""
        return time.monotonic() - self._began

    def enter(self, stage: str) -> None:
        """Note that a stage begins, or goes on."""
        self._past_seconds, self._stage, self._entered = self.seconds, stage, time.monotonic()

    def describe_stages(self) -> str:
        """Say where the time went, stages of a moment left out."""
        parts = [f"{stage} {s:.1f} s" for stage, s in self.seconds.items() if s >= 0.05]
        text = ", ".join(parts)
        return f"{text[:1].upper()}{text[1:]}." if parts else ""


def iterate_updates(
    steps: Generator[Stage | Step, None, Result | None],
    throttle: Throttle,
    begun: Event,
    stopwatch: Stopwatch,
) -> Generator[Update, None, Result | None]:
    """Pull on the steps of a job, and pass on as many as the window can show.

    Parameters
    ----------
    steps : generator
        The steps of a job.
    throttle : Throttle
        Says when the next update may be sent.
    begun : threading.Event
        Is set once there is an iteration, and so an image to keep.
    stopwatch : Stopwatch
        Is told of each stage.

    Yields
    ------
    Update
        With an image when one is due.

    Returns
    -------
    Result or None
        Of the job.
    """
    stage = ""
    try:
        while True:
            step = next(steps)
            former, stage = stage, _get_stage(step)
            stopwatch.enter(stage)
            if stage == ITERATION_STAGE:
                begun.set()
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
    """Return an error that says what happened, and that napari's worker does not swallow."""
    if isinstance(error, UserError):
        return error
    if isinstance(error, MemoryError):
        return RunFailedError(
            "The memory is exhausted: deblur a smaller part of the image, or close other programs."
        )
    if isinstance(error, RuntimeError):
        return RunFailedError(f"Deblurring failed: {error}")
    return error
