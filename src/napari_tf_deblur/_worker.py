"""One run in a napari worker thread, and the layer in which it can be watched."""

import atexit
import time
import traceback
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image
from napari.qt.threading import GeneratorWorker
from numpy.typing import NDArray
from qtpy.QtCore import QTimer

from napari_tf_deblur._layers import Job, Result, displayable, result_layer
from napari_tf_deblur._source import KEY
from napari_tf_deblur.deconvolve import Step

MIN_INTERVAL = 0.1
"""Seconds between two updates of the window, at the least."""

HEARTBEAT = 0.5
"""Seconds after which the worker gives way to napari even if the window is busy."""

PAINT_MS = 5
"""Milliseconds after which the canvas has begun to paint an update."""

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


class Pace:
    """Keeps the worker from sending updates faster than the window shows them."""

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
    job: Job, steps: Generator[Step, None, Result], pace: Pace
) -> Generator[Update, None, Result]:
    """Pull on the steps of a job, and pass on as many as the window can show.

    Parameters
    ----------
    job : Job
        The job.
    steps : generator
        Its steps.
    pace : Pace
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
            due = pace.due()
            if due or not begun or pace.overdue():
                image = displayable(step.image(), job.source) if due and begun else None
                pace.sent()
                yield Update(step.message, step.fraction, step.loss_history, image)
                pace.wait()
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


class Run:
    """One run: a worker, a stop event and a live layer.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where the result goes.
    job : Job
        What to do.
    on_update : callable
        Called with each update, in the main thread.
    on_end : callable
        Called once at the end, in the main thread, with the result, with the exception
        that ended the run, or with None if napari cancelled it.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        job: Job,
        on_update: Callable[[Update], None],
        on_end: Callable[[Result | Exception | None], None],
    ) -> None:
        self._viewer = viewer
        self._source = job.source
        self._on_update = on_update
        self._on_end = on_end
        self._active = viewer.layers.selection.active
        self._layer: Image | None = None
        self._outcome: Result | Exception | None = None
        self._stop = Event()
        self._abandoned = False
        self._pace = Pace()
        self._steps = job.steps(self._stop)
        self._worker = GeneratorWorker(updates, job, self._steps, self._pace)
        self._worker.yielded.connect(self._show)
        self._worker.returned.connect(self._keep)
        self._worker.errored.connect(self._keep)
        self._worker.finished.connect(self._finish)

    def start(self) -> None:
        """Begin."""
        atexit.register(self._await_end)
        self._worker.start()

    def stop(self) -> None:
        """Ask for the best image so far; the run ends a moment later."""
        self._stop.set()

    @property
    def is_stopped(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def abandon(self) -> None:
        """Stop without touching the window again, which is closing."""
        self._abandoned = True
        self._stop.set()
        self._worker.quit()

    def _await_end(self) -> None:
        """Let the worker end before Python does, which would crash the process."""
        self.abandon()
        GeneratorWorker.await_workers()

    def _show(self, update: Update) -> None:
        if self._abandoned:
            return
        began = time.monotonic()
        self._on_update(update)  # first: progress bars paint at once, with all that waits
        if update.image is not None:
            if self._layer is None:
                self._layer = self._add(update.image, None)
            elif self._layer in self._viewer.layers:
                self._layer.data = update.image
        # Only after the canvas is painted does the worker go on, so as not to compete.
        QTimer.singleShot(PAINT_MS, lambda: self._pace.shown(time.monotonic() - began))

    def _keep(self, outcome: Result | Exception) -> None:
        self._outcome = outcome

    def _finish(self) -> None:
        atexit.unregister(self._await_end)
        outcome, self._outcome = self._outcome, None
        self._steps.close()  # frees the arrays of a run that napari cancelled
        if self._abandoned:
            return
        if isinstance(outcome, Exception):
            traceback.clear_frames(outcome.__traceback__)  # they hold arrays
            self._remove()
        self._on_end(outcome)  # before the layer, for the same reason as in _show
        if isinstance(outcome, Result):
            self._write(outcome)
        self._layer = None

    def _write(self, result: Result) -> None:
        layer = self._layer
        if layer is None or layer not in self._viewer.layers:
            layer = self._add(result.data, result.limits)
        else:
            layer.data = result.data
            if not layer.rgb:
                layer.contrast_limits = result.limits
        layer.metadata = {KEY: result.record}

    def _add(self, data: NDArray[Any], limits: tuple[float, float] | None) -> Image:
        layer = result_layer(self._source, data, limits)
        layer.visible = False  # to add it and to paint it are two short stalls, not a long one
        self._viewer.add_layer(layer)
        QTimer.singleShot(PAINT_MS, partial(self._reveal, layer))
        return layer

    def _reveal(self, layer: Image) -> None:
        if not self._abandoned:
            layer.visible = True

    def _remove(self) -> None:
        """Leave the layers as they were before the run."""
        layers = self._viewer.layers
        if self._layer is not None and self._layer in layers:
            layers.remove(self._layer)
            if self._active in layers:
                layers.selection.active = self._active
