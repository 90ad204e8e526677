"""Keeps the dock tall enough in napari's window."""

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_tf_deblur._dock.event_filter import EventFilter

MOVE_EVENTS = (QEvent.Type.Show, QEvent.Type.ParentChange)
FONT_EVENTS = (QEvent.Type.StyleChange, QEvent.Type.FontChange)


class DockHeightKeeper(EventFilter):
    """Asks Qt for more height when the dock is too low to be used.

    In a small window, napari's own panels leave the dock almost no height. When the window
    grows, Qt gives the new height to those panels, and the dock stays low. So this class asks
    for height again when the size of the window or the font changes, but not when the user drags
    the border of the dock.

    Parameters
    ----------
    dock : QWidget
        The content of the dock.
    get_min_height : callable
        Returns the smallest height with which the dock can be used, in pixels.
    """

    def __init__(self, dock: QWidget, get_min_height: Callable[[], int]) -> None:
        super().__init__(dock)
        self._dock = dock
        self._get_min_height = get_min_height
        self._request_timer = QTimer(self)  # after the layout of the window
        self._request_timer.setSingleShot(True)
        self._request_timer.timeout.connect(self._request_height)
        dock.installEventFilter(self)

    def answer(self, watched: QObject, event: QEvent) -> bool:
        """Ask for height when the size of the window or the font changes."""
        kind = event.type()
        if watched is not self._dock:  # a window, which can outlive the dock
            if kind == QEvent.Type.Resize:
                self._request_timer.start()
        elif kind in MOVE_EVENTS:
            window = self._dock.window()
            if isinstance(window, QMainWindow):
                window.installEventFilter(self)
        elif kind in FONT_EVENTS:
            self._request_timer.start()
        return False

    def _request_height(self) -> None:
        frame: QWidget | None = self._dock
        while frame is not None and not isinstance(frame, QDockWidget):
            frame = frame.parentWidget()
        if frame is None or frame.isFloating() or not self._dock.isVisible():
            return
        window = frame.window()
        if isinstance(window, QMainWindow) and self._dock.height() < self._get_min_height():
            window.resizeDocks([frame], [frame.sizeHint().height()], Qt.Orientation.Vertical)
