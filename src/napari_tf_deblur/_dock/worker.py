"""One run in a napari worker thread, and the layer in which it can be watched."""

import atexit
import time
import traceback
from collections.abc import Callable, Iterator
from threading import Event

from napari.components import ViewerModel
from napari.layers import Image
from napari.qt.threading import GeneratorWorker
from qtpy.QtCore import QCoreApplication
from qtpy.QtWidgets import QWidget

from napari_tf_deblur._dock.task_queue import TaskQueue
from napari_tf_deblur._dock.updates import Throttle, Update, updates
from napari_tf_deblur._layers.adding import adding
from napari_tf_deblur._layers.deblur_layer import result_layer
from napari_tf_deblur._layers.job import Job, Result
from napari_tf_deblur._layers.source import KEY


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
    widget : QWidget, optional
        A part of the window in which the result is shown.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        job: Job,
        on_update: Callable[[Update], None],
        on_end: Callable[[Result | Exception | None], None],
        widget: QWidget | None = None,
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
        self._tasks = TaskQueue(widget)
        self._throttle = Throttle()
        self._steps = job.steps(self._stop)
        self._worker = GeneratorWorker(updates, job, self._steps, self._throttle)
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
        self._tasks.drop()
        self._stop.set()
        self._worker.quit()

    def _await_end(self) -> None:
        """Let the worker end before Python does, which would crash the process."""
        self.abandon()
        GeneratorWorker.await_workers()
        # Deliver what the worker sent last; PyQt's clean-up at exit stumbled over it.
        QCoreApplication.processEvents()

    def _show(self, update: Update) -> None:
        if not self._abandoned:
            self._tasks.do(self._showing(update))

    def _keep(self, outcome: Result | Exception) -> None:
        self._outcome = outcome

    def _finish(self) -> None:
        atexit.unregister(self._await_end)
        outcome, self._outcome = self._outcome, None
        self._steps.close()  # frees the arrays of a run that napari cancelled
        if not self._abandoned:
            self._tasks.do(self._ending(outcome))

    def _showing(self, update: Update) -> Iterator[bool | None]:
        began = time.monotonic()
        self._on_update(update)
        yield None
        if update.image is not None:
            if self._layer is None:
                self._layer = result_layer(self._source, update.image)
                yield from adding(self._viewer, self._layer)
            elif self._layer in self._viewer.layers:
                self._layer.data = update.image
            yield None
        # Only after the canvas is painted does the worker go on, so as not to compete.
        self._throttle.shown(time.monotonic() - began)

    def _ending(self, outcome: Result | Exception | None) -> Iterator[bool | None]:
        if isinstance(outcome, Result):
            yield from self._writing(outcome)
            yield None
        elif isinstance(outcome, Exception):
            traceback.clear_frames(outcome.__traceback__)  # they hold arrays
            self._remove()
        self._layer = None
        self._on_end(outcome)

    def _writing(self, result: Result) -> Iterator[bool | None]:
        layer = self._layer
        new = layer is None or layer not in self._viewer.layers
        if layer is None or new:
            layer = result_layer(self._source, result.data, result.limits)
        layer.metadata = {KEY: result.record}
        if new:
            yield from adding(self._viewer, layer)
        else:
            layer.data = result.data
            if not layer.rgb:
                layer.contrast_limits = result.limits

    def _remove(self) -> None:
        """Leave the layers as they were before the run."""
        layers = self._viewer.layers
        if self._layer is not None and self._layer in layers:
            layers.remove(self._layer)
            if self._active in layers:
                layers.selection.active = self._active
