"""What the plots have in common: they follow napari's theme and font, and stay where they are."""

import qtpy.QtWidgets  # first, for pyqtgraph to take the binding that napari has
from pyqtgraph import AxisItem, GraphicsLayoutWidget, ViewBox
from qtpy.QtCore import QEvent
from qtpy.QtGui import QColor, QFont, QFontMetrics
from qtpy.QtWidgets import QLabel, QSizePolicy

ORANGE, BLUE = "#d95f02", "#3a8fd1"
"""Colours of curves that stand out from dark and light, and from each other for the
colour-blind."""

PLOT_HEIGHT = 130
"""Height of a plot in pixels, without its lines of text. Set by eye."""

LARGEST_DIGITS = 12.0
"""Largest size of the numbers in points, which leaves room for the curves. Set by eye."""

THEME_EVENTS = (QEvent.Type.StyleChange, QEvent.Type.PaletteChange, QEvent.Type.FontChange)


class ThemedPlot(GraphicsLayoutWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """A plot of one box with two axes, whose text is that of the style sheet.

    A subclass calls `add_axes` once, then `apply_theme`, and may do more when it adapts.

    Parameters
    ----------
    tooltip : str
        What is plotted.
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, tooltip: str, parent: qtpy.QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot_height = PLOT_HEIGHT
        self.setBackground(None)
        self.setFrameShape(self.Shape.NoFrame)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setToolTip(tooltip)
        self._text = QLabel(self)  # never shown: napari's style sheet gives it colour and font
        self._text.hide()
        self.ci.layout.setSpacing(0)
        self.ci.layout.setContentsMargins(0, 0, 6, 0)

    def add_axes(self, row: int, left: type[AxisItem] = AxisItem) -> ViewBox:
        """Put the box in a row of the layout, with axes on its left and below.

        Parameters
        ----------
        row : int
            Row of the box; the axis below takes the next.
        left : type of AxisItem
            Kind of the axis on the left.

        Returns
        -------
        ViewBox
            Where curves go.
        """
        # Not pyqtgraph's PlotItem: it leaves menus behind, and lets the mouse move things.
        view = self.addViewBox(row=row, col=1, enableMouse=False, enableMenu=False)
        self._axes: tuple[AxisItem, AxisItem] = (
            left("left", linkView=view),
            AxisItem("bottom", linkView=view),
        )
        for axis, cell in zip(self._axes, ((row, 0), (row + 1, 1))):
            axis.enableAutoSIPrefix(False)
            self.addItem(axis, *cell)
        self._axes[0].setGrid(50)
        return view

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Follow the theme and the size of the font."""
        super().changeEvent(event)
        if event.type() in THEME_EVENTS and hasattr(self, "_axes"):  # the first are of __init__
            self.apply_theme()

    def apply_theme(self) -> None:
        """Take over colour and font."""
        self._text.ensurePolished()
        font, line = self._text.font(), self._text.fontMetrics().lineSpacing()
        small = QFont(font)
        if font.pointSizeF() > LARGEST_DIGITS:
            small.setPointSizeF(LARGEST_DIGITS)
        digits = QFontMetrics(small)
        for axis in self._axes:
            axis.setPen(self.text_colour)
            axis.setTextPen(self.text_colour)
            axis.setTickFont(small)
            axis.label.setFont(font)
        # Fixed, so that numbers do not move the curve:
        self._axes[0].setWidth(line + 6 * digits.horizontalAdvance("0") + 12)
        self._axes[1].setHeight(digits.lineSpacing() + 8)
        self.setFixedHeight(3 * line + self.plot_height)
        self.resetCachedContent()  # the background

    @property
    def text_colour(self) -> QColor:
        """Colour of text in the theme."""
        return self._text.palette().color(self._text.foregroundRole())

    @property
    def text_font(self) -> QFont:
        """Font of text in the theme."""
        return self._text.font()
