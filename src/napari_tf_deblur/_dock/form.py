"""A form of two aligned columns, whose rows can be hidden, and a part that folds away."""

from magicgui.widgets import CheckBox, PushButton
from magicgui.widgets.bases import Widget
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QGridLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_tf_deblur._dock.ellipsis import ElideFilter

MIN_FIELD_WIDTH = 60
"""Smallest width of a field in pixels. Set by eye."""

RESTYLE_EVENTS = (QEvent.Type.LayoutRequest, QEvent.Type.StyleChange, QEvent.Type.FontChange)
"""Events after which widgets may need another width."""


class Form(QWidget):
    """Shows widgets below each other, with their labels in one column.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 4, 0, 4)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(0, 2)
        self._grid.setColumnStretch(1, 3)
        self._labels: dict[int, QLabel] = {}

    def add(self, widget: Widget) -> None:
        """Append a row for a magicgui widget; check boxes and buttons carry their own label.

        Parameters
        ----------
        widget : magicgui.widgets.bases.Widget
            The widget, with its label and tooltip set.
        """
        native = widget.native
        if isinstance(native, QComboBox):  # long layer names must not widen the dock
            native.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            native.setMinimumContentsLength(6)
            native.installEventFilter(ElideFilter(native))
        has_own = isinstance(widget, CheckBox | PushButton)
        label = "" if has_own else widget.label
        self._labels[id(widget)] = self.add_row(label, native, widget.tooltip or "", wide=has_own)

    def add_row(
        self, label: str, widget: QWidget, tooltip: str = "", *, wide: bool = False
    ) -> QLabel:
        """Append a row for any widget.

        Parameters
        ----------
        label : str
            Its label.
        widget : QWidget
            What goes into the column of the fields.
        tooltip : str
            Of both.
        wide : bool
            Whether the widget takes both columns, for it carries its own label.

        Returns
        -------
        QLabel
            The label.
        """
        row = self._grid.rowCount()
        widget.setParent(self)
        widget.setMinimumWidth(MIN_FIELD_WIDTH)
        widget.setToolTip(tooltip or widget.toolTip())
        words = QLabel(label, self)
        words.setWordWrap(True)
        words.setToolTip(widget.toolTip())
        words.setBuddy(widget)
        self._grid.addWidget(words, row, 0, Qt.AlignmentFlag.AlignVCenter)
        self._grid.addWidget(widget, row, 0 if wide else 1, 1, 2 if wide else 1)
        return words

    def event(self, event: QEvent | None) -> bool:
        """Give numbers the width that they need in any font; style sheets set a smaller one."""
        if event is not None and event.type() in RESTYLE_EVENTS:
            numbers = [x for x in self.findChildren(QAbstractSpinBox) if x.parent() is self]
            needed = [x.minimumSizeHint().width() for x in numbers if not x.isHidden()]
            if (widest := max(needed, default=0)) != self._grid.columnMinimumWidth(1):
                self._grid.setColumnMinimumWidth(1, widest)
        return super().event(event)

    def add_wide(self, widget: QWidget) -> None:
        """Append a row in which a widget takes both columns."""
        widget.setParent(self)
        self._grid.addWidget(widget, self._grid.rowCount(), 0, 1, 2)

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
        name = self._labels[id(widget)]
        name.setVisible(visible and bool(name.text()))
        if label is not None:
            name.setText(label)


class WrappingLabel(QLabel):
    """Words that take as many lines as they need; they can be selected and copied.

    Parameters
    ----------
    text : str
        The words.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def set_message(self, text: str, tooltip: str = "") -> None:
        """Show other words, or none and take no room."""
        self.setText(text)
        self.setToolTip(tooltip)
        self.setVisible(bool(text))


class CollapsibleSection(QWidget):
    """A part of a form that can be folded away, below a button with its name.

    Not `superqt.QCollapsible` (0.9.0): folded, its fields still take the keyboard's focus and it is
    twice as tall, and its arrows stay black in napari's dark theme.

    Parameters
    ----------
    title : str
        Name of the part.
    tooltip : str
        What is in it.

    Attributes
    ----------
    form : Form
        What is folded away.
    button : QToolButton
        Folds and unfolds it.
    """

    def __init__(self, title: str, tooltip: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.button = QToolButton()
        self.button.setText(title)
        self.button.setToolTip(tooltip)
        self.button.setCheckable(True)
        self.button.setAutoRaise(True)
        self.button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.form = Form()
        column.addWidget(self.button)
        column.addWidget(self.form)
        self.button.toggled.connect(self.set_expanded)
        self.set_expanded(False)

    def set_expanded(self, unfolded: bool = True) -> None:
        """Show what is in it, or fold it away."""
        arrow = Qt.ArrowType.DownArrow if unfolded else Qt.ArrowType.RightArrow
        self.button.setArrowType(arrow)
        self.button.setChecked(unfolded)
        self.form.setVisible(unfolded)
