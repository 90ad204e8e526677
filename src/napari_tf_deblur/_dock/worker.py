"""Runs one job in a napari worker thread, and shows its progress in a layer."""

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

from napari_tf_deblur._dock.results import NO_RESULTS, EarlierResults
from napari_tf_deblur._dock.task_queue import TaskQueue, TaskSteps, await_workers
from napari_tf_deblur._dock.updates import Stopwatch, Throttle, Update, iterate_updates
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.layer_insertion import add_layer_stepwise
from napari_tf_deblur._layers.layer_order import find_insert_index, hides_layers_below
from napari_tf_deblur._layers.record import find_result_record
from napari_tf_deblur._layers.result import Result, make_result_layer
from napari_tf_deblur._layers.result_names import choose_distinct_name
from napari_tf_deblur._layers.view_state import VisibilityState
from napari_tf_deblur._storage.record_file import METADATA_KEY

CANCELLED_TEXT = "Cancelled."
STOPPED_EARLY_TEXT = "Stopped before the first iteration; no layer was added or changed."
LAYER_DELETED_TEXT = "Stopped, because the layer of the result was deleted; nothing is kept."

RunOutcome = Result | Exception | str
"""How a run ended: a result, an error, or the reason why there is no result."""


class Run:
    """One run: a worker, a stop event and a layer that shows the present image.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer that the result is added to.
    job : Job
        The job.
    on_update : callable
        Called with each update, in the main thread.
    on_end : callable
        Called once at the end with the outcome, in the main thread.
    tasks : TaskQueue
        The queue for work on the window.
    earlier : EarlierResults, optional
        Earlier results of the same source. If one is to be replaced, its layer shows the new
        result, and gets its old data back if the run fails. Otherwise a layer is added.

    Attributes
    ----------
    layer : napari.layers.Image or None
        The layer of the result; None before the first image.
    stopwatch : Stopwatch
        The time of each stage so far.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        job: Job,
        on_update: Callable[[Update], None],
        on_end: Callable[[RunOutcome], None],
        tasks: TaskQueue,
        earlier: EarlierResults = NO_RESULTS,
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
        self._name = (find_result_record(layer) or {}).get(
            "name"
        )  # name of the layer; the user may change it
        self._visibility = VisibilityState(viewer)
        self._outcome: RunOutcome = CANCELLED_TEXT
        self._image: Any = None  # the image in the layer
        self._limits: tuple[float, float] | None = (
            None  # of a result that is filled in piece by piece
        )
        self._applied_limits: tuple[float, ...] = ()  # limits that this run gave to the layer
        self._stop, self._has_iteration = Event(), Event()
        self._has_ended = False
        self._tasks = tasks
        self._throttle = Throttle()
        self._steps = job.steps(self._stop)
        self._worker = GeneratorWorker(
            iterate_updates, self._steps, self._throttle, self._has_iteration, self.stopwatch
        )
        self._worker.yielded.connect(self._show)
        self._worker.returned.connect(self._store_outcome)
        self._worker.errored.connect(self._store_outcome)
        self._worker.finished.connect(self._finish)
        viewer.layers.events.removed.connect(self._on_removed)

    def start(self) -> None:
        """Start the worker, unless the run was stopped already."""
        if not self._has_ended:
            atexit.register(self._await_end)
            self._worker.start()

    def stop(self) -> None:
        """Stop and keep the best image so far; if there is none yet, end at once without a result.

        Reading a file and importing TensorFlow cannot be interrupted. The worker then ends later,
        and changes nothing.
        """
        self._stop.set()
        if not self._has_iteration.is_set():
            self._cancel(STOPPED_EARLY_TEXT)

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` or `abandon` was called."""
        return self._stop.is_set()

    def abandon(self) -> None:
        """Stop without touching the window again."""
        if not self._has_ended:
            self._release()
            self._stop.set()
            self._throttle.mark_shown(0.0)  # the worker may be waiting
            self._worker.quit()

    def _release(self) -> None:
        self._has_ended = True
        self._former = self._image = None
        self._viewer.layers.events.removed.disconnect(self._on_removed)

    def _cancel(self, reason: str) -> None:
        if not self._has_ended:
            self._restore_layers()
            self.abandon()
            self._on_end(reason)

    def _await_end(self) -> None:
        """Stop and wait for the worker when Python exits."""
        self.abandon()
        await_workers()

    def _on_removed(self, event: Any) -> None:
        if event.value is self.layer:
            self._cancel(LAYER_DELETED_TEXT)

    def _show(self, update: Update) -> None:
        self._enqueue(self._show_update(update))

    def _store_outcome(self, outcome: Result | Exception | None) -> None:
        self._outcome = STOPPED_EARLY_TEXT if outcome is None else outcome

    def _finish(self) -> None:
        atexit.unregister(self._await_end)
        outcome, self._outcome = self._outcome, CANCELLED_TEXT
        self._steps.close()  # frees the arrays of a run that was cancelled
        self._enqueue(self._end_stepwise(outcome))

    def _enqueue(self, task: TaskSteps) -> None:
        """Add a task to the queue; its steps are skipped once the run has ended."""

        def run_until_end() -> TaskSteps:
            while not self._has_ended:
                try:
                    paint_separately = next(task)
                except StopIteration:
                    return
                yield paint_separately

        if not self._has_ended:
            self._tasks.add_task(run_until_end())

    def _show_update(self, update: Update) -> Iterator[bool | None]:
        start = time.monotonic()
        self._on_update(update)
        self._limits = update.limits or self._limits
        yield None
        if update.image is not None and update.image is not self._image:
            self._image = update.image
            if self.layer is None:
                self.layer = make_result_layer(self._source, update.image, self._limits)
                self._applied_limits = tuple(self.layer.contrast_limits)
                yield from self._add_result_layer(self.layer)
            else:
                self.layer.data = update.image
            yield None
        # The worker continues only after the canvas is painted, so that both do not compete.
        self._throttle.mark_shown(time.monotonic() - start)

    def _end_stepwise(self, outcome: RunOutcome) -> Iterator[bool | None]:
        if isinstance(outcome, Result):
            yield from self._write_result(outcome)
            yield None
            outcome.record["waited"] = self.stopwatch.total_seconds
        else:
            if isinstance(outcome, Exception):
                traceback.clear_frames(outcome.__traceback__)  # the frames hold arrays
            self._restore_layers()
        self._release()
        self._on_end(outcome)

    def _write_result(self, result: Result) -> Iterator[bool | None]:
        layer, record = self.layer, result.record
        others = [r for other in self._others if (r := find_result_record(other()))]
        name = choose_distinct_name(record, others)
        if layer is None:
            self.layer = layer = make_result_layer(self._source, result.data, result.limits)
            layer.metadata, layer.name = {METADATA_KEY: record}, name
            yield from self._add_result_layer(layer)
            record["name"] = layer.name
            return
        if layer.name == self._name:  # else the user has renamed it
            layer.name = name
        record["name"] = layer.name
        layer.metadata = {METADATA_KEY: record}
        layer.data = result.data
        # Limits that the user has changed stay.
        if not layer.rgb and tuple(layer.contrast_limits) == self._applied_limits:
            layer.contrast_limits = result.limits

    def _add_result_layer(self, layer: Image) -> Iterator[bool | None]:
        """Add the layer of the result, and hide its source and older results below it."""
        source = self._source.layer()
        others = [x for other in self._others if (x := other()) is not None]
        index = find_insert_index(self._viewer, source, others)
        for paint_separately in add_layer_stepwise(self._viewer, layer, index=index):
            if self._name is None and layer in self._viewer.layers:
                self._name = layer.name
            yield paint_separately
        for below in (source, *others):
            if below in self._viewer.layers and not hides_layers_below(layer):
                self._visibility.set_visible(below, False)

    def _restore_layers(self) -> None:
        """Restore the layers to their state before the run."""
        layers = self._viewer.layers
        layer, self.layer = self.layer, None
        self._visibility.leave()
        if layer is None or layer not in layers:
            return
        if self._former is not None:
            layer.data, layer.metadata = self._former
            return
        layers.remove(layer)
        if self._active in layers:
            layers.selection.active = self._active
