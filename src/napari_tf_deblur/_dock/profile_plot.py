"""The plot of intensities along a line, before and after, in the colours of the theme."""

import numpy as np
import qtpy.QtWidgets  # first, for pyqtgraph to take the binding that napari has
from numpy.typing import NDArray
from pyqtgraph import AxisItem, GraphicsLayoutWidget, LabelItem, PlotDataItem, mkPen
from qtpy.QtCore import QEvent
from qtpy.QtGui import QColor, QFont, QFontMetrics
from qtpy.QtWidgets import QLabel, QSizePolicy

from napari_tf_deblur._layers.axes import short_unit
from napari_tf_deblur._layers.profile import Profiles

ORIGINAL, DEBLURRED = "#3a8fd1", "#d95f02"
"""Blue and orange stand out from dark and light, and from each other for the colour-blind."""

LARGEST_DIGITS = 12.0
"""Size of the numbers in points, at the most, for the curves to have room."""


class ProfilePlot(GraphicsLayoutWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """Plots intensity over distance for an image and its result; the mouse cannot move it.

    It takes colour and font of its text from the style sheet, and so follows napari's theme.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.

    Attributes
    ----------
    profiles : Profiles or None
        What is plotted.
    """

    def __init__(self, parent: qtpy.QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.profiles: Profiles | None = None
        self._unit = ""
        self.setBackground(None)
        self.setFrameShape(self.Shape.NoFrame)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setToolTip("Intensity along the line that is selected, or that was drawn last")
        self._text = QLabel(self)  # never shown: napari's style sheet gives it colour and font
        self._text.hide()
        self._words = (LabelItem(justify="right"), LabelItem(justify="right"))
        for words, row in zip(self._words, (0, 3)):  # as wide as all, for large fonts
            self.addItem(words, row=row, col=0, colspan=2)
        # Not pyqtgraph's PlotItem: it leaves menus behind, and lets the mouse move things.
        view = self.addViewBox(row=1, col=1, enableMouse=False, enableMenu=False)
        self._axes = (AxisItem("left", linkView=view), AxisItem("bottom", linkView=view))
        for axis, cell in zip(self._axes, ((1, 0), (2, 1))):
            axis.enableAutoSIPrefix(False)
            self.addItem(axis, *cell)
        self._axes[0].setLabel("intensity")
        self._axes[0].setGrid(50)
        self._axes[1].setStyle(textFillLimits=[(0, 0.5)])  # numbers must not touch
        self.ci.layout.setSpacing(0)
        self.ci.layout.setContentsMargins(0, 0, 6, 0)
        self._curves = [
            PlotDataItem(pen=mkPen(colour, width=width), connect="finite")
            for colour, width in ((ORIGINAL, 2), (DEBLURRED, 2))
        ]
        for curve in self._curves:
            curve.setDownsampling(auto=True, method="peak")
            view.addItem(curve)
        self.show_profiles(None)
        self._adapt()

    def show_profiles(self, profiles: Profiles | None) -> None:
        """Plot these profiles instead of the former; none leaves the plot empty.

        Parameters
        ----------
        profiles : Profiles, optional
            Of the source and the result, in this order.
        """
        self.profiles = profiles
        nothing: NDArray[np.float64] = np.empty(0)
        values = (nothing, nothing) if profiles is None else profiles.values
        for curve, heights in zip(self._curves, values):
            curve.setData(nothing if profiles is None else profiles.distance, heights)
        empty = not any(np.isfinite(heights).any() for heights in values)
        for axis in self._axes:
            axis.setTicks([] if empty else None)  # None: by itself
        self._unit = "" if profiles is None or not profiles.unit else short_unit(profiles.unit)
        self._label()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Follow the theme and the size of the font."""
        super().changeEvent(event)
        kinds = (QEvent.Type.StyleChange, QEvent.Type.PaletteChange, QEvent.Type.FontChange)
        if event.type() in kinds and hasattr(self, "_curves"):  # the first are of __init__
            self._adapt()

    def _adapt(self) -> None:
        self._text.ensurePolished()
        font, metrics = self._text.font(), self._text.fontMetrics()
        small = QFont(font)
        if font.pointSizeF() > LARGEST_DIGITS:
            small.setPointSizeF(LARGEST_DIGITS)
        line, digit = metrics.lineSpacing(), QFontMetrics(small).horizontalAdvance("0")
        for axis in self._axes:
            axis.setPen(self._colour)
            axis.setTextPen(self._colour)
            axis.setTickFont(small)
            axis.label.setFont(font)
        self._axes[0].setWidth(line + 6 * digit + 12)  # fixed: numbers do not move the curve
        self._axes[1].setHeight(QFontMetrics(small).lineSpacing() + 8)
        self.setFixedHeight(3 * line + 130)
        self._label()
        self.resetCachedContent()  # the background

    def _label(self) -> None:
        legend = "&nbsp;&nbsp;".join(
            f'<span style="color: {curve}">━</span> {name}'
            for curve, name in ((ORIGINAL, "original"), (DEBLURRED, "deblurred"))
        )
        distance = f"distance ({self._unit})" if self._unit else "distance"
        for words, text in zip(self._words, (legend, distance)):
            words.item.setFont(self._text.font())
            words.setText(text, color=self._colour.name())

    @property
    def _colour(self) -> QColor:
        return self._text.palette().color(self._text.foregroundRole())
