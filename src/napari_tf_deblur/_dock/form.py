"""A form with a column of labels and one of fields, and a section that can be collapsed."""

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
"""Events after which the smallest width of a field may have changed."""


class Form(QWidget):
    """Shows fields below each other, with their labels in a column on the left.

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
        self._grid.setColumnStretch(0, 3)
        self._grid.setColumnStretch(1, 5)
        self._labels: dict[int, QLabel] = {}

    def add(self, widget: Widget) -> None:
        """Append a row for a magicgui widget; check boxes and buttons show their own label.

        Parameters
        ----------
        widget : magicgui.widgets.bases.Widget
            The widget, with its label and tooltip set.
        """
        native = widget.native
        if isinstance(native, QComboBox):
            keep_narrow(native)
        has_label = isinstance(widget, CheckBox | PushButton)
        label = "" if has_label else widget.label
        tooltip = widget.tooltip or ""
        self._labels[id(widget)] = self.add_row(label, native, tooltip, wide=has_label)

    def add_row(
        self, label: str, widget: QWidget, tooltip: str = "", *, wide: bool = False
    ) -> QLabel:
        """Append a row for any widget.

        Parameters
        ----------
        label : str
            Text of the label.
        widget : QWidget
            The widget for the column of fields.
        tooltip : str
            Tooltip of the label and the widget; by default, the one that the widget has.
        wide : bool
            Whether the widget takes both columns, because it shows its own label.

        Returns
        -------
        QLabel
            The label.
        """
        row = self._grid.rowCount()
        widget.setParent(self)
        widget.setMinimumWidth(MIN_FIELD_WIDTH)
        widget.setToolTip(tooltip or widget.toolTip())
        name = QLabel(label, self)
        name.setWordWrap(True)
        name.setToolTip(widget.toolTip())
        name.setBuddy(widget)
        self._grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignVCenter)
        self._grid.addWidget(widget, row, 0 if wide else 1, 1, 2 if wide else 1)
        return name

    def event(self, event: QEvent | None) -> bool:
        """Make the column of fields wide enough for numbers; style sheets set a smaller width."""
        if event is not None and event.type() in RESTYLE_EVENTS:
            numbers = [x for x in self.findChildren(QAbstractSpinBox) if x.parent() is self]
            widths = [x.minimumSizeHint().width() for x in numbers if not x.isHidden()]
            if (widest := max(widths, default=0)) != self._grid.columnMinimumWidth(1):
                self._grid.setColumnMinimumWidth(1, widest)
        return super().event(event)

    def add_wide(self, widget: QWidget) -> None:
        """Append a widget that takes both columns and has no label."""
        widget.setParent(self)
        self._grid.addWidget(widget, self._grid.rowCount(), 0, 1, 2)

    def show_row(self, widget: Widget, visible: bool = True, label: str | None = None) -> None:
        """Show or hide the row of a widget.

        Parameters
        ----------
        widget : magicgui.widgets.bases.Widget
            A widget that was added with `add`.
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


def keep_narrow(combo: QComboBox) -> None:
    """Keep long choices, such as names of layers, from widening the dock; they are shortened."""
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(6)
    combo.installEventFilter(ElideFilter(combo))


class WrappingLabel(QLabel):
    """A label that wraps its text to as many lines as needed; the text can be copied.

    Parameters
    ----------
    text : str
        The text.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def set_message(self, text: str, tooltip: str = "") -> None:
        """Set the text and its tooltip; an empty text hides the label."""
        self.setText(text)
        self.setToolTip(tooltip)
        self.setVisible(bool(text))


class CollapsibleSection(QWidget):
    """A button with a title, and a form below it that the button shows or hides.

    Reasons against `superqt.QCollapsible` (0.9.0): when it is collapsed, its fields still get the
    keyboard focus and it is twice as tall; its arrows stay black in napari's dark theme.

    Parameters
    ----------
    title : str
        Text of the button.
    tooltip : str
        Tooltip of the button: the content of the form.

    Attributes
    ----------
    form : Form
        The form.
    button : QToolButton
        The button.
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

    def set_expanded(self, expanded: bool = True) -> None:
        """Show or hide the form."""
        arrow = Qt.ArrowType.DownArrow if expanded else Qt.ArrowType.RightArrow
        self.button.setArrowType(arrow)
        self.button.setChecked(expanded)
        self.form.setVisible(expanded)
