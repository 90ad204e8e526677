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
            label = self._add_label(widget.label, row)
            label.setToolTip(widget.tooltip or "")
            label.setBuddy(native)
            self._labels[id(widget)] = label

    def add_words(self, label: str, words: QLabel, lines: int = 2) -> None:
        """Append a row of words, with room for a number of lines so that nothing jumps.

        Parameters
        ----------
        label : str
            Its label.
        words : QLabel
            The words, in the column of the fields.
        lines : int
            Number of lines.
        """
        row = self._grid.rowCount()
        words.setParent(self)
        words.setWordWrap(True)
        words.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        words.setFixedHeight(lines * words.fontMetrics().lineSpacing() + 2)
        self._grid.addWidget(words, row, 1)
        title = self._add_label(label, row)
        title.setToolTip(words.toolTip())

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

    def _add_label(self, text: str, row: int) -> QLabel:
        label = QLabel(text, self)
        side = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        self._grid.addWidget(label, row, 0, side)
        self._make_room(label)
        return label

    def _make_room(self, label: QLabel) -> None:
        """Keep the column of labels as wide as its widest, shown or not."""
        width = max(self._grid.columnMinimumWidth(0), label.sizeHint().width())
        self._grid.setColumnMinimumWidth(0, width)
