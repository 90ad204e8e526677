"""Runs jobs one after another, one job for each chosen image."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from napari.components import ViewerModel

from napari_tf_deblur._core.durations import estimate_seconds_left
from napari_tf_deblur._dock.results import EarlierResults
from napari_tf_deblur._dock.run_layer import RunLayer
from napari_tf_deblur._dock.task_queue import TaskQueue
from napari_tf_deblur._dock.updates import Stopwatch, Update
from napari_tf_deblur._dock.worker import STOPPED_EARLY_TEXT, MakeLayer, Run, RunOutcome
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.large_job import is_large
from napari_tf_deblur._process.solver import THIS_PROCESS, Solver


class RunSequence:
    """Runs one job after another; if one fails, the others are run nevertheless.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer that the results are added to.
    jobs : sequence of Job
        The jobs.
    find_earlier : callable
        Returns the earlier results of a job's source.
    on_update : callable
        Called with each update and its job, in the main thread.
    on_result : callable
        Called at the end of each run, with its outcome, the run and the job.
    on_end : callable
        Called once after the last run, in the main thread.
    tasks : TaskQueue
        The queue for work on the window.
    solver : Solver, optional
        Where the images are deblurred.
    make_layer : callable, optional
        Makes what shows the images of a run.

    Attributes
    ----------
    count : int
        Number of jobs.
    is_stopped : bool
        Whether `stop` or `abandon` was called.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        jobs: Sequence[Job],
        find_earlier: Callable[[Job], EarlierResults],
        on_update: Callable[[Update, Job], None],
        on_result: Callable[[RunOutcome, Run | None, Job], None],
        on_end: Callable[[], None],
        tasks: TaskQueue,
        solver: Solver = THIS_PROCESS,
        make_layer: MakeLayer = RunLayer,
    ) -> None:
        self._viewer, self._jobs, self._tasks = viewer, list(jobs), tasks
        self._solver, self._make_layer = solver, make_layer
        self._find_earlier = find_earlier
        self.count = len(self._jobs)
        self._on_update, self._on_result, self._on_end = on_update, on_result, on_end
        self._stopwatch = Stopwatch()
        self._number = 0
        self._run: Run | None = None
        self._has_large_job = any(map(is_large, self._jobs))
        self.is_stopped = False

    def begin(self) -> None:
        """Start the first run."""
        self._tasks.add_task(self._begin_next())

    def stop(self) -> None:
        """Stop the present run and keep its best image so far; start no other run."""
        self.is_stopped = True
        if self._run is not None:
            self._run.stop()
        else:
            self._on_result(STOPPED_EARLY_TEXT, None, self._jobs[self._number])
            self._on_end()

    def abandon(self) -> None:
        """Stop without touching the window again."""
        self.is_stopped = True
        if self._run is not None:
            self._run.abandon()
            self._run = None

    def _begin_next(self) -> Iterator[bool | None]:
        yield None  # Qt paints the buttons first
        if self.is_stopped:
            return
        job = self._jobs[self._number]
        self._run = run = Run(
            self._viewer,
            job,
            lambda update: self._on_update(self._scale_update(update, job), job),
            lambda outcome: self._finish_one(outcome, run, job),
            self._tasks,
            self._find_earlier(job),
            self._solver,
            self._make_layer,
        )
        run.start()

    def _scale_update(self, update: Update, job: Job) -> Update:
        """Return an update with the progress of all runs and their remaining time."""
        count = self.count
        done = (self._number + update.fraction) / count
        message = update.message
        if count > 1:
            message = f"{job.source.name} ({self._number + 1} of {count}): {message}"
        remaining = update.seconds_left
        # A single large job estimates its own time: its samples do not tell how long pieces take.
        if count > 1 or not self._has_large_job:
            remaining = estimate_seconds_left(self._stopwatch.total_seconds, done)
        return replace(update, message=message, fraction=done, seconds_left=remaining)

    def _finish_one(self, outcome: RunOutcome, run: Run, job: Job) -> None:
        self._run = None
        try:
            self._on_result(outcome, run, job)
        finally:  # if a result cannot be shown, the dock can still be used
            self._number += 1
            if self.is_stopped or self._number == self.count:
                self._on_end()
            else:
                self._tasks.add_task(self._begin_next())
