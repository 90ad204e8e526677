"""Compiles what the next run needs while the user looks at the dock."""

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from threading import Event, Thread

import numpy as np
from qtpy.QtCore import QObject, QTimer

from napari_tf_deblur._core.errors import UserError
from napari_tf_deblur._core.steps import Step
from napari_tf_deblur._dock.updates import HAS_ITERATIONS
from napari_tf_deblur._layers.job import Job
from napari_tf_deblur._layers.large_job import is_large
from napari_tf_deblur._process.solver import Solver

QUIET_MS = 300
"""Milliseconds without a change of the fields after which the warm-up begins. Set by eye."""

MAX_PIXELS = 2**25
"""Largest number of pixels of an image for which code is compiled early. Limit: of time; a warm-up
reads and prepares the whole image."""


class WarmUp:
    """Runs the present job up to its first iteration, and drops what it computes.

    Its code is then compiled. It runs in the background, at most once for each kind of job.

    Parameters
    ----------
    parent : QObject
        Object that the timer belongs to.
    solver : Solver
        The solver of the window.
    find_jobs : callable
        Returns the jobs that the fields describe.
    """

    def __init__(
        self, parent: QObject, solver: Solver, find_jobs: Callable[[], Sequence[Job]]
    ) -> None:
        self._solver, self._find_jobs = solver, find_jobs
        self._done: set[Hashable] = set()
        self._stop = Event()
        self._timer = QTimer(parent)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._begin)

    def schedule(self, *_: object) -> None:
        """Warm up soon, for the present fields, if that does not slow the window down."""
        if self._solver.is_separate:
            self._timer.start(QUIET_MS)

    def stop(self) -> None:
        """Stop, because a run begins or the window is closing."""
        self._timer.stop()
        self._stop.set()

    def _begin(self) -> None:
        with suppress(UserError):  # the user may still be typing
            for job in self._find_jobs()[:1]:
                key = _describe(job)
                if key in self._done or not _is_small(job):
                    return
                self._done.add(key)
                self._stop.set()
                self._stop = Event()
                arguments = job, self._solver, self._stop
                Thread(target=_run, args=arguments, name="warm up", daemon=True).start()


def _describe(job: Job) -> Hashable:
    """Return a key that is equal for jobs that use the same compiled code, except for the PSF."""
    return job.source.data.shape, job.source.rgb, job.psf.ndim, str(type(job.method)), job.psf.name


def _is_small(job: Job) -> bool:
    data = job.source.data
    in_memory = type(data) is np.ndarray
    return in_memory and 0 < data.size <= MAX_PIXELS and not is_large(job)


def _run(job: Job, solver: Solver, stop: Event) -> None:
    """Run a job up to its first iteration. Its errors are those of the run that follows."""
    steps = job.steps(stop, solver)
    with suppress(Exception):
        for step in steps:
            if isinstance(step, Step) and step.stage in HAS_ITERATIONS:
                break
    steps.close()
