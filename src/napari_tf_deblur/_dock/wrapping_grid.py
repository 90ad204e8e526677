"""A layout of widgets in a row that wraps to several lines, in even columns."""

from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtWidgets import QLayout, QLayoutItem, QWidget

SPACING = 4
"""Pixels between two widgets. Set by eye."""


class WrappingGrid(QLayout):
    """Lays widgets out in as many columns as fit, so that no widget is clipped.

    The number of columns is the number of widgets, or half of it, and so on. So no line has a
    single widget if others have three. `superqt.QFlowLayout` (0.9.0) may leave one widget alone in
    a line, and gives each widget its own width, so that the lines have no columns.

    Parameters
    ----------
    parent : QWidget, optional
        The widget that gets this layout.
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
        """Return True: the height depends on the width."""
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
        """Place the items; remaining width is shared equally among the columns."""
        super().setGeometry(place)
        columns = self._columns(place.width())
        if not columns:
            return
        extra = max(0, place.width() - sum(columns) - SPACING * (len(columns) - 1))
        x = place.x()
        for k, width in enumerate(columns):
            full_width = width + extra * (k + 1) // len(columns) - extra * k // len(columns)
            for line, item in enumerate(self._items[k :: len(columns)]):
                y = place.y() + line * (self._height() + SPACING)
                item.setGeometry(QRect(x, y, full_width, self._height()))
            x += full_width + SPACING

    def _columns(self, width: int) -> list[int]:
        """Return the widths of the columns that fit into a width, in pixels."""
        widths = [item.sizeHint().width() for item in self._items]
        number = len(widths)
        while number > 1:
            columns = [max(widths[k::number]) for k in range(number)]
            if sum(columns) + SPACING * (number - 1) <= width:
                return columns
            number = -(-number // 2)
        return [max(widths)] if widths else []

    def _height(self) -> int:
        return max((item.sizeHint().height() for item in self._items), default=0)
