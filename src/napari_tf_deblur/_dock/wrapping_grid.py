"""A row of widgets that wraps to several lines where it is too narrow, in even columns."""

from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtWidgets import QLayout, QLayoutItem, QWidget

SPACING = 4
"""Pixels between two widgets. Set by eye."""


class WrappingGrid(QLayout):
    """Lays widgets out in as many columns as there is room for, so that none is clipped.

    The number of columns is that of the widgets, or half of it, and so on: no line is left
    with a single widget where others have three. `superqt.QFlowLayout` (0.9.0) leaves one widget
    alone, and gives each its own width, so that the lines have no columns.

    Parameters
    ----------
    parent : QWidget, optional
        The widget that is laid out.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem | None) -> None:  # noqa: N802 - Qt's names
        """Append an item."""
        if item is not None:
            self._items.append(item)

    def count(self) -> int:
        """Return the number of items."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:  # noqa: N802
        """Return an item."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:  # noqa: N802
        """Remove an item."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:  # noqa: N802
        """Grow sideways only."""
        return Qt.Orientation.Horizontal

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        """Say that the height depends on the width."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """Return the height of all lines."""
        lines = -(-len(self._items) // len(self._columns(width) or [0]))
        return lines * (self._height() + SPACING) - SPACING if lines else 0

    def minimumSize(self) -> QSize:  # noqa: N802
        """Return the size of the largest item."""
        widths = [item.sizeHint().width() for item in self._items]
        return QSize(max(widths, default=0), self._height())

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size of one line."""
        widths = [item.sizeHint().width() + SPACING for item in self._items]
        return QSize(max(0, sum(widths) - SPACING), self._height())

    def setGeometry(self, place: QRect) -> None:  # noqa: N802
        """Put the items in their places; what room is left goes to all columns alike."""
        super().setGeometry(place)
        columns = self._columns(place.width())
        if not columns:
            return
        spare = max(0, place.width() - sum(columns) - SPACING * (len(columns) - 1))
        x = place.x()
        for k, width in enumerate(columns):
            wide = width + (spare * (k + 1)) // len(columns) - (spare * k) // len(columns)
            for line, item in enumerate(self._items[k :: len(columns)]):
                y = place.y() + line * (self._height() + SPACING)
                item.setGeometry(QRect(x, y, wide, self._height()))
            x += wide + SPACING

    def _columns(self, room: int) -> list[int]:
        """Return the widths of the columns for which there is room."""
        widths = [item.sizeHint().width() for item in self._items]
        number = len(widths)
        while number > 1:
            columns = [max(widths[k::number]) for k in range(number)]
            if sum(columns) + SPACING * (number - 1) <= room:
                return columns
            number = -(-number // 2)
        return [max(widths)] if widths else []

    def _height(self) -> int:
        return max((item.sizeHint().height() for item in self._items), default=0)
