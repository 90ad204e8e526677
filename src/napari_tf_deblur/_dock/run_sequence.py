"""Runs, one after another: one for each image that was chosen."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from napari.components import ViewerModel

from napari_tf_deblur._dock.results import EarlierResults
from napari_tf_deblur._dock.task_queue import TaskQueue
from napari_tf_deblur._dock.updates import Stopwatch, Update
from napari_tf_deblur._dock.worker import STOPPED_EARLY_TEXT, Run, RunOutcome
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.large_job import is_large

MIN_FRACTION_TO_ESTIMATE = 0.05
"""Smallest part of the work that must be done before the remaining time is shown. Set by eye:
earlier the time jumps."""


class RunSequence:
    """Does one job after another; one that fails does not keep the others from being done.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where the results go.
    jobs : sequence of Job
        What to do.
    earlier_of : callable
        Returns the earlier results of a job's source.
    on_update : callable
        Called with each update, in the main thread.
    on_result : callable
        Called at the end of each run, with how it ended.
    on_end : callable
        Called once after the last run, in the main thread.
    tasks : TaskQueue
        Does the work on the window.

    Attributes
    ----------
    count : int
        Number of jobs.
    is_stopped : bool
        Whether it was asked to stop.
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
    ) -> None:
        self._viewer, self._jobs, self._tasks = viewer, list(jobs), tasks
        self._earlier_of = find_earlier
        self.count = len(self._jobs)
        self._on_update, self._on_result, self._on_end = on_update, on_result, on_end
        self._stopwatch = Stopwatch()
        self._number = 0
        self._run: Run | None = None
        self._has_large_job = any(map(is_large, self._jobs))
        self.is_stopped = False

    def begin(self) -> None:
        """Begin the first run."""
        self._tasks.add_task(self._begin_next())

    def stop(self) -> None:
        """End the run that goes on, with the best image so far, and begin no other."""
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
        yield None  # first the buttons
        if self.is_stopped:
            return
        job = self._jobs[self._number]
        self._run = run = Run(
            self._viewer,
            job,
            lambda update: self._on_update(self._scale_update(update, job), job),
            lambda outcome: self._finish_one(outcome, run, job),
            self._tasks,
            self._earlier_of(job),
        )
        run.start()

    def _scale_update(self, update: Update, job: Job) -> Update:
        """Say how far all runs are, and how long the rest takes."""
        count = self.count
        done = (self._number + update.fraction) / count
        message = update.message
        if count > 1:
            message = f"{job.source.name} ({self._number + 1} of {count}): {message}"
        left = update.seconds_left
        if (
            self.count > 1 or not self._has_large_job
        ):  # whose samples do not say how long those take
            left = (
                self._stopwatch.total_seconds * (1 - done) / done
                if done > MIN_FRACTION_TO_ESTIMATE
                else None
            )
        return replace(update, message=message, fraction=done, seconds_left=left)

    def _finish_one(self, outcome: RunOutcome, run: Run, job: Job) -> None:
        self._run = None
        self._on_result(outcome, run, job)
        self._number += 1
        if self.is_stopped or self._number == self.count:
            self._on_end()
        else:
            self._tasks.add_task(self._begin_next())
