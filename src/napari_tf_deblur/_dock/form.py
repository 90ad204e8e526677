"""A form of two aligned columns, whose rows can be hidden."""

from magicgui.widgets import CheckBox, PushButton
from magicgui.widgets.bases import Widget
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QVBoxLayout, QWidget


class Form(QWidget):
    """Shows magicgui widgets below each other, with their labels in one column.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 6)
        self._grid = QGridLayout()
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)
        column.addLayout(self._grid)
        column.addStretch(1)
        self._labels: dict[int, QLabel] = {}

    def add(self, widget: Widget) -> None:
        """Append a row for a widget; check boxes and buttons carry their own label.

        Parameters
        ----------
        widget : magicgui.widgets.bases.Widget
            The widget, with its label and tooltip set.
        """
        row = self._grid.rowCount()
        native = widget.native
        native.setParent(self)
        native.setMinimumWidth(60)
        if isinstance(native, QComboBox):  # long layer names must not widen the dock
            native.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            native.setMinimumContentsLength(8)
        self._grid.addWidget(native, row, 1)
        if not isinstance(widget, CheckBox | PushButton):
            label = QLabel(widget.label, self)
            label.setToolTip(widget.tooltip or "")
            label.setBuddy(native)
            side = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            self._grid.addWidget(label, row, 0, side)
            self._labels[id(widget)] = label
            self._make_room(label)

    def show_row(self, widget: Widget, visible: bool = True, label: str | None = None) -> None:
        """Show or hide the row of a widget.

        Parameters
        ----------
        widget : magicgui.widgets.bases.Widget
            A widget that was added before.
        visible : bool
            Whether to show it.
        label : str, optional
            New text for its label.
        """
        widget.native.setVisible(visible)
        if name := self._labels.get(id(widget)):
            name.setVisible(visible)
            if label is not None:
                name.setText(label)
                self._make_room(name)

    def _make_room(self, label: QLabel) -> None:
        """Keep the column of labels as wide as its widest, shown or not."""
        width = max(self._grid.columnMinimumWidth(0), label.sizeHint().width())
        self._grid.setColumnMinimumWidth(0, width)
