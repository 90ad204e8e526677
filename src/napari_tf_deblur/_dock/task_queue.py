"""Work on the window in short pieces, with room for mouse, keyboard and painting between them."""

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
"""Yields between its pieces; True where what the next one changes is to be painted apart."""


class TaskQueue:
    """A queue of GUI tasks, done in the main thread in pieces, one per turn of Qt's event loop.

    Parameters
    ----------
    widget : QWidget, optional
        A part of the window that the work changes.

    Attributes
    ----------
    is_working : bool
        Whether a piece is being done right now, so that what changes is its doing.
    """

    def __init__(self, widget: QWidget | None = None) -> None:
        self.is_working = False
        self._waiting: deque[TaskSteps] = deque()
        self._widget = widget
        self._paint_separately = False  # whether the next piece is to be painted apart
        self._is_paint_pending = False  # whether a turn of painting is due, after which it goes on

    def add_task(self, work: TaskSteps) -> None:
        """Do some work after all that waits already; at once if nothing does.

        What a piece of work asks for is done right after that work.

        Parameters
        ----------
        work : iterator
            A generator that yields between its pieces.
        """
        if self.is_working and self._waiting:
            self._waiting.insert(1, work)
        else:
            self._waiting.append(work)
        if len(self._waiting) == 1 and not self._is_paint_pending:
            self._run_next_step()

    def clear(self) -> None:
        """Leave undone what waits, and hold up no more of the window, which may be closing."""
        self._waiting.clear()
        self._widget = None

    def _run_next_step(self) -> None:
        if not self._waiting:
            return
        work = self._waiting[0]
        held = (
            self._widget.window() if self._paint_separately and self._widget is not None else None
        )
        self._paint_separately = False
        if held is not None:
            held.setUpdatesEnabled(False)
        self.is_working = True
        try:
            self._paint_separately = bool(next(work))
        except StopIteration:
            if self._waiting:  # else it was dropped by its own last piece
                self._waiting.popleft()
        finally:
            self.is_working = False
            if held is not None:
                self._is_paint_pending = True
                QTimer.singleShot(PAINT_MS, lambda: self._paint(held))
            elif self._waiting:
                QTimer.singleShot(PAINT_MS, self._run_next_step)

    def _paint(self, window: QWidget) -> None:
        self._is_paint_pending = False
        with suppress(RuntimeError):  # it is deleted by now
            window.setUpdatesEnabled(True)
        if self._waiting:
            QTimer.singleShot(PAINT_MS, self._run_next_step)


def await_workers() -> None:
    """Let all workers end before Python does, which would crash the process; to be called at exit.

    Then deliver what they sent last; PyQt's clean-up at exit stumbled over it.
    """
    GeneratorWorker.await_workers()
    QCoreApplication.processEvents()
