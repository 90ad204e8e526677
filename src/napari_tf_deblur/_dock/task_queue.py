"""A queue of short GUI tasks, between which Qt handles mouse, keyboard and painting."""

from collections import deque
from collections.abc import Iterator
from contextlib import suppress

from napari.qt.threading import GeneratorWorker
from qtpy.QtCore import QCoreApplication, QTimer
from qtpy.QtWidgets import QWidget

PAINT_MS = 5
"""Milliseconds between two tasks, in which Qt begins to paint what the first one changed. Set by
eye."""

TaskSteps = Iterator[bool | None]
"""A generator that yields between its steps. It yields True if Qt shall paint the changes of the
next step separately."""


class TaskQueue:
    """Runs GUI tasks in the main thread, one step in each turn of Qt's event loop.

    Parameters
    ----------
    widget : QWidget, optional
        A widget in the window that the tasks change.

    Attributes
    ----------
    is_working : bool
        Whether a step is running, so that present changes of layers come from it.
    """

    def __init__(self, widget: QWidget | None = None) -> None:
        self.is_working = False
        self._waiting: deque[TaskSteps] = deque()
        self._widget = widget
        self._paint_separately = False  # of the next step
        self._is_paint_pending = False  # the queue continues afterwards

    def add_task(self, task: TaskSteps) -> None:
        """Add a task at the end of the queue; run its first step at once if the queue is empty.

        A task that is added by a step of another task is run right after that task.

        Parameters
        ----------
        task : iterator
            A generator that yields between its steps.
        """
        if self.is_working and self._waiting:
            self._waiting.insert(1, task)
        else:
            self._waiting.append(task)
        if len(self._waiting) == 1 and not self._is_paint_pending:
            self._run_next_step()

    def clear(self) -> None:
        """Drop all tasks and the widget, because the window may be closing."""
        self._waiting.clear()
        self._widget = None

    def _run_next_step(self) -> None:
        if not self._waiting:
            return
        task = self._waiting[0]
        window = None  # that must not paint during this step
        if self._paint_separately and self._widget is not None:
            window = self._widget.window()
        self._paint_separately = False
        if window is not None:
            window.setUpdatesEnabled(False)
        self.is_working = True
        try:
            self._paint_separately = bool(next(task))
        except StopIteration:
            if self._waiting:  # else its last step has cleared the queue
                self._waiting.popleft()
        finally:
            self.is_working = False
            if window is not None:
                self._is_paint_pending = True
                QTimer.singleShot(PAINT_MS, lambda: self._paint(window))
            elif self._waiting:
                QTimer.singleShot(PAINT_MS, self._run_next_step)

    def _paint(self, window: QWidget) -> None:
        self._is_paint_pending = False
        with suppress(RuntimeError):  # it may be deleted
            window.setUpdatesEnabled(True)
        if self._waiting:
            QTimer.singleShot(PAINT_MS, self._run_next_step)


def await_workers() -> None:
    """Wait for all workers when Python exits; otherwise the process would crash.

    Then deliver their last signals: pending ones caused errors in PyQt's clean-up at exit.
    """
    GeneratorWorker.await_workers()
    QCoreApplication.processEvents()
