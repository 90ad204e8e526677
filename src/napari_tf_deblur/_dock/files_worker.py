"""Runs a batch of files in a napari worker thread."""

import atexit
import time
from collections.abc import Callable, Generator, Sequence
from threading import Event

from napari.qt.threading import GeneratorWorker

from napari_tf_deblur._dock.task_queue import await_workers
from napari_tf_deblur._dock.updates import MIN_INTERVAL, translate_error
from napari_tf_deblur._dock.window_solver import find_solver
from napari_tf_deblur._files.batch import run_batch
from napari_tf_deblur._files.batch_options import BatchOptions, BatchStep
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._files.table import BatchTable

BatchOutcome = BatchTable | Exception


class FilesWorker:
    """Deblurs files in a worker thread, while the window stays usable.

    Parameters
    ----------
    paths : sequence of str
        Files and folders.
    output : str
        Folder for the results.
    settings : Settings
        Settings for all images.
    options : BatchOptions
        Options of the batch, such as the format of the results.
    on_step : callable
        Called with each step that is shown, in the main thread.
    on_end : callable
        Called once at the end, in the main thread, with the table or the exception.
    """

    def __init__(
        self,
        paths: Sequence[str],
        output: str,
        settings: Settings,
        options: BatchOptions,
        on_step: Callable[[BatchStep], None],
        on_end: Callable[[BatchOutcome], None],
    ) -> None:
        self._stop = Event()
        self._has_ended = False
        self._on_step, self._on_end = on_step, on_end
        self._outcome: BatchOutcome | None = None
        steps = run_batch(paths, output, settings, options, self._stop, find_solver())
        self._worker = GeneratorWorker(_throttle_steps, steps)
        self._worker.yielded.connect(self._show)
        self._worker.returned.connect(self._store_outcome)
        self._worker.errored.connect(self._store_outcome)
        self._worker.finished.connect(self._finish)

    def start(self) -> None:
        """Start the worker."""
        atexit.register(self._await_end)
        self._worker.start()

    def stop(self) -> None:
        """Stop after the current step."""
        self._stop.set()

    def abandon(self) -> None:
        """Stop without calling `on_end`."""
        self._has_ended = True
        self._stop.set()

    def _await_end(self) -> None:
        """Stop and wait for the worker when Python exits."""
        self.abandon()
        await_workers()

    def _show(self, step: BatchStep) -> None:
        if not self._has_ended:
            self._on_step(step)

    def _store_outcome(self, outcome: BatchOutcome) -> None:
        self._outcome = outcome

    def _finish(self) -> None:
        atexit.unregister(self._await_end)
        if not self._has_ended and self._outcome is not None:
            self._has_ended = True
            self._on_end(self._outcome)


def _throttle_steps(
    steps: Generator[BatchStep, None, BatchTable],
) -> Generator[BatchStep, None, BatchTable]:
    """Pass on the steps that end an image, and others at intervals of `MIN_INTERVAL` seconds."""
    due = 0.0
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            table: BatchTable = end.value
            return table
        except Exception as error:
            raise translate_error(error) from error
        if step.row is not None or time.monotonic() >= due:
            due = time.monotonic() + MIN_INTERVAL
            yield step
