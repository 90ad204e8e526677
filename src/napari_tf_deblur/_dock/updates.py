"""What a worker tells the window of a run, and how often."""

import time
from collections.abc import Generator
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._layers.job import Job, Result, displayable
from napari_tf_deblur.deconvolve import Step

MIN_INTERVAL = 0.1
"""Seconds between two updates of the window, at the least."""

HEARTBEAT = 0.5
"""Seconds after which the worker gives way to napari even if the window is busy."""

GUI_SHARE = 0.25
"""Part of the time that drawing updates may take, of large volumes above all."""


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
    """

    message: str
    fraction: float
    losses: NDArray[np.float32]
    image: NDArray[Any] | None


class Throttle:
    """Update throttle: holds back what the worker would send faster than the window shows it."""

    def __init__(self) -> None:
        self._shown = Event()
        self._shown.set()
        self._next = 0.0
        self._sent = 0.0

    def due(self) -> bool:
        """Whether it is time for the next update. Asked in the worker."""
        return self._shown.is_set() and time.monotonic() >= self._next

    def overdue(self) -> bool:
        """Whether nothing was sent for so long that napari must get a word in."""
        return time.monotonic() >= self._sent + HEARTBEAT

    def sent(self) -> None:
        """Note that an update is on its way. Called in the worker."""
        self._sent = time.monotonic()
        self._shown.clear()

    def wait(self) -> None:
        """Wait until the update is shown, but not for ever. Called in the worker."""
        self._shown.wait(HEARTBEAT)

    def shown(self, seconds: float) -> None:
        """Note that an update was shown, and how long that took. Called in the window."""
        self._next = time.monotonic() + max(MIN_INTERVAL, seconds / GUI_SHARE)
        self._shown.set()


def updates(
    job: Job, steps: Generator[Step, None, Result], throttle: Throttle
) -> Generator[Update, None, Result]:
    """Pull on the steps of a job, and pass on as many as the window can show.

    Parameters
    ----------
    job : Job
        The job.
    steps : generator
        Its steps.
    throttle : Throttle
        Says when the next update may be sent.

    Yields
    ------
    Update
        With an image when one is due.

    Returns
    -------
    Result
        Of the job.
    """
    try:
        while True:
            step = next(steps)
            begun = len(step.loss_history) > 0  # before that, the image is the source
            due = throttle.due()
            if due or not begun or throttle.overdue():
                image = displayable(step.image(), job.source) if due and begun else None
                throttle.sent()
                yield Update(step.message, step.fraction, step.loss_history, image)
                throttle.wait()
    except StopIteration as end:
        result: Result = end.value
        return result
    except ValueError:  # in words already, such as the core's OutOfMemoryError
        raise
    except MemoryError as error:
        raise RunFailedError(
            "The memory is exhausted: deblur a smaller part of the image, or close other programs."
        ) from error
    except RuntimeError as error:  # which napari's worker would swallow
        raise RunFailedError(f"Deblurring failed: {error}") from error
