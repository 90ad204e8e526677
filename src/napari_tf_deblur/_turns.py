"""Work on the window in short pieces, with room for mouse, keyboard and painting between them."""

from collections import deque
from collections.abc import Iterator

from qtpy.QtCore import QTimer

PAINT_MS = 5
"""Milliseconds between two pieces, in which Qt begins to paint what the first one changed."""


class Turns:
    """Does pieces of work in the main thread, one per turn of Qt's event loop, in order."""

    def __init__(self) -> None:
        self._waiting: deque[Iterator[None]] = deque()

    def do(self, work: Iterator[None]) -> None:
        """Do some work after all that waits already; at once if nothing does.

        Parameters
        ----------
        work : iterator
            A generator that yields between its pieces.
        """
        self._waiting.append(work)
        if len(self._waiting) == 1:
            self._go_on()

    def drop(self) -> None:
        """Leave undone what waits."""
        self._waiting.clear()

    def _go_on(self) -> None:
        if not self._waiting:
            return
        work = self._waiting[0]
        try:
            next(work)
        except StopIteration:
            if self._waiting:  # else it was dropped by its own last piece
                self._waiting.popleft()
        finally:
            if self._waiting:
                QTimer.singleShot(PAINT_MS, self._go_on)
