"""Room for the dock in the window of napari."""

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

MOVE_EVENTS = (QEvent.Type.Show, QEvent.Type.ParentChange)
FONT_EVENTS = (QEvent.Type.StyleChange, QEvent.Type.FontChange)


class DockHeightKeeper(QObject):
    """Asks for room again where a dock was made too low to be used.

    In a small window napari's own panels leave a dock next to nothing. When the window becomes
    larger, Qt gives what is won to them, and the dock stays as low as it was. It is left alone
    when the user drags its border.

    Parameters
    ----------
    dock : QWidget
        What is in the dock.
    least : callable
        Returns the height with which it can be used, in pixels.
    """

    def __init__(self, dock: QWidget, least: Callable[[], int]) -> None:
        super().__init__(dock)
        self._dock = dock
        self._get_min_height = least
        self._request_timer = QTimer(self)  # once the window has given everything its place
        self._request_timer.setSingleShot(True)
        self._request_timer.timeout.connect(self._request_height)
        dock.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Ask for room when the window, or the font, is another."""
        kind = None if event is None else event.type()
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
