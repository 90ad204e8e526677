"""Notices when the dock is taken out of napari's window, or put into it again."""

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QWidget

from napari_tf_deblur._dock.event_filter import EventFilter


class DockingWatcher(EventFilter):
    """Reports that the dock was closed by its button; napari does not delete it then.

    Parameters
    ----------
    dock : QWidget
        The content of the dock.
    on_docked, on_closed : callable
        Called when the dock gets a place in a window, and when it has lost it.
    """

    def __init__(
        self, dock: QWidget, on_docked: Callable[[], None], on_closed: Callable[[], None]
    ) -> None:
        super().__init__(dock)
        self._dock = dock
        self._on_docked, self._on_closed = on_docked, on_closed
        self._is_docked = False
        dock.installEventFilter(self)

    def answer(self, watched: QObject, event: QEvent) -> bool:
        """Look at the parent when it has changed."""
        if watched is self._dock and event.type() == QEvent.Type.ParentChange:
            is_docked = self._dock.parentWidget() is not None
            if is_docked != self._is_docked:
                self._is_docked = is_docked
                (self._on_docked if is_docked else self._on_closed)()
        return False
