"""One run in a napari worker thread, and the layer in which it can be watched."""

import atexit
import time
import traceback
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any
from weakref import ref

from napari.components import ViewerModel
from napari.layers import Image
from napari.qt.threading import GeneratorWorker

from napari_tf_deblur._dock.results import NO_RESULTS, Earlier
from napari_tf_deblur._dock.task_queue import TaskQueue, Work, await_workers
from napari_tf_deblur._dock.updates import Stopwatch, Throttle, Update, updates
from napari_tf_deblur._layers.adding import adding
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.record import result_record
from napari_tf_deblur._layers.result import Result, result_layer
from napari_tf_deblur._layers.result_names import name_beside
from napari_tf_deblur._layers.source import KEY
from napari_tf_deblur._layers.view_place import is_covering, place_for
from napari_tf_deblur._layers.view_state import Shown

CANCELLED = "Cancelled."
NOTHING_KEPT = "Stopped before the first iteration; no layer was added or changed."
DELETED = "Stopped, because the layer of the result was deleted; nothing is kept."

Outcome = Result | Exception | str
"""How a run ended: with a result, an error, or with nothing, for a reason in words."""


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
        Called once at the end, in the main thread.
    tasks : TaskQueue
        Does the work on the window.
    earlier : Earlier, optional
        What there is of the same source. A result that is taken the place of is what it was again
        if the run fails; where there is none, a layer is added.

    Attributes
    ----------
    layer : napari.layers.Image or None
        The result, as far as it is there.
    stopwatch : Stopwatch
        How long it has taken so far.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        job: Job,
        on_update: Callable[[Update], None],
        on_end: Callable[[Outcome], None],
        tasks: TaskQueue,
        earlier: Earlier = NO_RESULTS,
    ) -> None:
        self.stopwatch = Stopwatch()
        self._viewer = viewer
        self._source = job.source
        self._on_update = on_update
        self._on_end = on_end
        self._active = viewer.layers.selection.active
        self.layer = layer = earlier.replaced
        self._others = [ref(other) for other in earlier.others]
        self._former = None if layer is None else (layer.data, dict(layer.metadata))
        self._name = (result_record(layer) or {}).get("name")  # that it was given here
        self._hidden = Shown(viewer)
        self._outcome: Outcome = CANCELLED
        self._image: Any = None  # that is shown
        self._limits: tuple[float, float] | None = None  # of a result that fills in
        self._given: tuple[float, ...] = ()  # limits that the layer got here
        self._stop, self._begun = Event(), Event()
        self._over = False
        self._tasks = tasks
        self._throttle = Throttle()
        self._steps = job.steps(self._stop)
        self._worker = GeneratorWorker(
            updates, self._steps, self._throttle, self._begun, self.stopwatch
        )
        self._worker.yielded.connect(self._show)
        self._worker.returned.connect(self._keep)
        self._worker.errored.connect(self._keep)
        self._worker.finished.connect(self._finish)
        viewer.layers.events.removed.connect(self._on_removed)

    def start(self) -> None:
        """Begin, unless it was stopped already."""
        if not self._over:
            atexit.register(self._await_end)
            self._worker.start()

    def stop(self) -> None:
        """End with the best image so far; at once, with nothing, if there is none yet.

        Reading a file and importing TensorFlow cannot be interrupted: the worker then ends
        later, by itself, and changes nothing.
        """
        self._stop.set()
        if not self._begun.is_set():
            self._end_with(NOTHING_KEPT)

    @property
    def is_stopped(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def abandon(self) -> None:
        """Stop without touching the window again."""
        if not self._over:
            self._let_go()
            self._stop.set()
            self._throttle.shown(0.0)  # the worker may be waiting for it
            self._worker.quit()

    def _let_go(self) -> None:
        self._over = True
        self._former = self._image = None
        self._viewer.layers.events.removed.disconnect(self._on_removed)

    def _end_with(self, words: str) -> None:
        if not self._over:
            self._take_back()
            self.abandon()
            self._on_end(words)

    def _await_end(self) -> None:
        """At exit."""
        self.abandon()
        await_workers()

    def _on_removed(self, event: Any) -> None:
        if event.value is self.layer:
            self._end_with(DELETED)

    def _show(self, update: Update) -> None:
        self._do(self._showing(update))

    def _keep(self, outcome: Result | Exception | None) -> None:
        self._outcome = NOTHING_KEPT if outcome is None else outcome

    def _finish(self) -> None:
        atexit.unregister(self._await_end)
        outcome, self._outcome = self._outcome, CANCELLED
        self._steps.close()  # frees the arrays of a run that was cancelled
        self._do(self._ending(outcome))

    def _do(self, work: Work) -> None:
        """Do some work on the window, as long as the run is not over."""

        def until_over() -> Work:
            while not self._over:
                try:
                    piece = next(work)
                except StopIteration:
                    return
                yield piece

        if not self._over:
            self._tasks.do(until_over())

    def _showing(self, update: Update) -> Iterator[bool | None]:
        began = time.monotonic()
        self._on_update(update)
        self._limits = update.limits or self._limits
        yield None
        if update.image is not None and update.image is not self._image:
            self._image = update.image
            if self.layer is None:
                self.layer = result_layer(self._source, update.image, self._limits)
                self._given = tuple(self.layer.contrast_limits)
                yield from self._adding(self.layer)
            else:
                self.layer.data = update.image
            yield None
        # Only after the canvas is painted does the worker go on, so as not to compete.
        self._throttle.shown(time.monotonic() - began)

    def _ending(self, outcome: Outcome) -> Iterator[bool | None]:
        if isinstance(outcome, Result):
            yield from self._writing(outcome)
            yield None
            outcome.record["waited"] = self.stopwatch.total
        else:
            if isinstance(outcome, Exception):
                traceback.clear_frames(outcome.__traceback__)  # they hold arrays
            self._take_back()
        self._let_go()
        self._on_end(outcome)

    def _writing(self, result: Result) -> Iterator[bool | None]:
        layer, record = self.layer, result.record
        others = [found for other in self._others if (found := result_record(other()))]
        name = name_beside(record, others)
        if layer is None:
            self.layer = layer = result_layer(self._source, result.data, result.limits)
            layer.metadata, layer.name = {KEY: record}, name
            yield from self._adding(layer)
            record["name"] = layer.name
            return
        if layer.name == self._name:  # else the user has renamed it
            layer.name = name
        record["name"] = layer.name
        layer.metadata = {KEY: record}
        layer.data = result.data
        if not layer.rgb and tuple(layer.contrast_limits) == self._given:  # else the user's
            layer.contrast_limits = result.limits

    def _adding(self, layer: Image) -> Iterator[bool | None]:
        """Add the result; it takes the place in the view of its source."""
        source = self._source.layer()
        others = [there for other in self._others if (there := other()) is not None]
        place = place_for(self._viewer, source, others)
        for piece in adding(self._viewer, layer, index=place):
            if self._name is None and layer in self._viewer.layers:
                self._name = layer.name
            yield piece
        for below in (source, *others):
            if below in self._viewer.layers and not is_covering(layer):
                self._hidden.set(below, False)

    def _take_back(self) -> None:
        """Leave the layers as they were before the run."""
        layers = self._viewer.layers
        layer, self.layer = self.layer, None
        self._hidden.leave()
        if layer is None or layer not in layers:
            return
        if self._former is not None:
            layer.data, layer.metadata = self._former
            return
        layers.remove(layer)
        if self._active in layers:
            layers.selection.active = self._active
