"""The base of the classes that watch the events of a widget."""

from abc import abstractmethod

from qtpy.QtCore import QEvent, QObject


class EventFilter(QObject):
    """Watches the events of a widget, as long as it has its attributes.

    When a window ends, Python may clear the attributes of an object before Qt has sent the last
    events to it.
    """

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Answer an event, unless the attributes are gone."""
        if watched is None or event is None or not vars(self):
            return False
        return self.answer(watched, event)

    @abstractmethod
    def answer(self, watched: QObject, event: QEvent) -> bool:
        """Answer an event; return whether Qt should leave it out."""
