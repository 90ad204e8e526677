"""Runs one job in a napari worker thread, and shows its progress."""

import atexit
import time
import traceback
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

from napari.components import ViewerModel
from napari.qt.threading import GeneratorWorker

from napari_tf_deblur._core.errors import SolverLostError, StoppedError
from napari_tf_deblur._dock.results import NO_RESULTS, EarlierResults
from napari_tf_deblur._dock.run_layer import RunLayer
from napari_tf_deblur._dock.task_queue import TaskQueue, TaskSteps, await_workers
from napari_tf_deblur._dock.updates import Stopwatch, Throttle, Update, iterate_updates
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.result import Result
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._process.solver import THIS_PROCESS, Solver

CANCELLED_TEXT = "Cancelled."
STOPPED_EARLY_TEXT = "Stopped before the first iteration; no layer was added or changed."
LAYER_DELETED_TEXT = "Stopped, because the layer of the result was deleted; nothing is kept."

RunOutcome = Result | Exception | str
"""How a run ended: a result, an error, or the reason why there is no result."""

MakeLayer = Callable[[ViewerModel, Source, EarlierResults], RunLayer]
"""Makes what shows the images of a run."""


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
        Earlier results of the same source.
    solver : Solver, optional
        Where the image is deblurred.
    make_layer : callable, optional
        Makes what shows the images of the run.

    Attributes
    ----------
    result_layer : RunLayer
        Shows the present image in a layer.
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
        solver: Solver = THIS_PROCESS,
        make_layer: MakeLayer = RunLayer,
    ) -> None:
        self.stopwatch = Stopwatch()
        self._viewer = viewer
        self._on_update = on_update
        self._on_end = on_end
        self.result_layer = make_layer(viewer, job.source, earlier)
        self._outcome: RunOutcome = CANCELLED_TEXT
        self._stop, self._has_iteration = Event(), Event()
        self._has_ended = False
        self._tasks = tasks
        self._throttle = Throttle()
        self._steps = job.steps(self._stop, solver)
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

        What cannot be interrupted ends later, and changes nothing.
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
        self.result_layer.forget_arrays()
        self._viewer.layers.events.removed.disconnect(self._on_removed)

    def _cancel(self, reason: str) -> None:
        if not self._has_ended:
            self.result_layer.restore()
            self.abandon()
            self._on_end(reason)

    def _await_end(self) -> None:
        """Stop and wait for the worker when Python exits."""
        self.abandon()
        await_workers()

    def _on_removed(self, event: Any) -> None:
        if event.value is self.result_layer.layer:
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
        yield None
        yield from self.result_layer.show_update(update)
        # The worker continues only after the canvas is painted, so that both do not compete.
        self._throttle.mark_shown(time.monotonic() - start)

    def _end_stepwise(self, outcome: RunOutcome) -> Iterator[bool | None]:
        if isinstance(outcome, Result):
            yield from self.result_layer.write_result(outcome)
            yield None
            outcome.record["waited"] = self.stopwatch.total_seconds
        else:
            if isinstance(outcome, Exception):
                traceback.clear_frames(outcome.__traceback__)  # the frames hold arrays
            if isinstance(outcome, SolverLostError | StoppedError):
                self.result_layer.keep_picture()
            else:
                self.result_layer.restore()
        self._release()
        self._on_end(outcome)
