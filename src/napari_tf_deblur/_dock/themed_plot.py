"""The base class of the plots: it follows napari's theme and font; the mouse cannot move it."""

import qtpy.QtWidgets  # first, so that pyqtgraph uses the same Qt binding as napari
from pyqtgraph import AxisItem, GraphicsLayoutWidget, ViewBox
from qtpy.QtCore import QEvent
from qtpy.QtGui import QColor, QFont, QFontMetrics
from qtpy.QtWidgets import QLabel, QSizePolicy

ORANGE, BLUE = "#d95f02", "#3a8fd1"
"""Colours of curves, visible on dark and light backgrounds; colour-blind people can tell them
apart."""

PLOT_HEIGHT = 130
"""Height of a plot in pixels, without its lines of text. Set by eye."""

LARGEST_DIGITS = 12.0
"""Largest font size of the numbers in points. Set by eye: larger ones leave the curves no room."""

THEME_EVENTS = (QEvent.Type.StyleChange, QEvent.Type.PaletteChange, QEvent.Type.FontChange)


class ThemedPlot(GraphicsLayoutWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """A plot with two axes, whose text has the colour and font of the style sheet.

    A subclass calls `add_axes` once, then `apply_theme`, which it may extend.

    Parameters
    ----------
    tooltip : str
        Description of the plotted values.
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
        self._text = QLabel(self)  # hidden; napari's style sheet sets its colour and font
        self._text.hide()
        self.ci.layout.setSpacing(0)
        self.ci.layout.setContentsMargins(0, 0, 6, 0)

    def add_axes(self, row: int, left: type[AxisItem] = AxisItem) -> ViewBox:
        """Add the plot area to a row of the layout, with axes on its left and below.

        Parameters
        ----------
        row : int
            Row of the plot area; the lower axis takes the next row.
        left : type of AxisItem
            Class of the axis on the left.

        Returns
        -------
        ViewBox
            The plot area, for curves.
        """
        # Not pyqtgraph's PlotItem: it leaves menus behind, and the mouse can move its parts.
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
        """Apply the new theme or font."""
        super().changeEvent(event)
        if event.type() in THEME_EVENTS and hasattr(self, "_axes"):  # not during __init__
            self.apply_theme()

    def apply_theme(self) -> None:
        """Apply the colour and font of the theme."""
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
        # Fixed sizes, so that longer numbers do not move the curve:
        self._axes[0].setWidth(line + 6 * digits.horizontalAdvance("0") + 12)
        self._axes[1].setHeight(digits.lineSpacing() + 8)
        self.setFixedHeight(3 * line + self.plot_height)
        self.resetCachedContent()  # paints the background again

    @property
    def text_colour(self) -> QColor:
        """Colour of text in the theme."""
        return self._text.palette().color(self._text.foregroundRole())

    @property
    def text_font(self) -> QFont:
        """Font of text in the theme."""
        return self._text.font()
