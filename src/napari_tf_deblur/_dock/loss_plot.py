"""The loss curve: pyqtgraph's, with a logarithmic axis, in the colours of the theme."""

import math

import numpy as np
import qtpy.QtWidgets  # first, for pyqtgraph to take the binding that napari has
from numpy.typing import ArrayLike, NDArray
from pyqtgraph import AxisItem, GraphicsLayoutWidget, PlotDataItem, mkPen
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QSizePolicy

_CURVE = "#d95f02"  # stands out from dark and light, for the colour-blind too


class LossAxis(AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """An axis of powers of ten with round numbers, few enough for a small plot."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:  # noqa: N802
        """Return the places of the numbers: decades, 1-2-5, or closer, as the range asks for."""
        if high - low < 1:
            step, numbers = super().tickValues(10**low, 10**high, size)[0]
            return [(step, [math.log10(number) for number in numbers])]
        if high - low < 3:
            powers = range(math.floor(low), math.ceil(high))
            return [(1, [power + math.log10(n) for power in powers for n in (1, 2, 5)])]
        return [level for level in super().tickValues(low, high, size) if level[0] >= 1][:1]

    def tickStrings(self, places: list[float], scale: float, step: float) -> list[str]:  # noqa: N802
        """Return the numbers at these places."""
        return [f"{10**place:.6g}" for place in places]


class LossPlot(GraphicsLayoutWidget):  # type: ignore[misc]
    """Plots one loss per iteration on a logarithmic axis; the mouse cannot move it.

    It takes the colour of its text from the style sheet, and so follows napari's theme.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, parent: qtpy.QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._losses: NDArray[np.float64] = np.empty(0)
        self.setBackground(None)
        self.setFrameShape(self.Shape.NoFrame)
        self.setFixedHeight(150)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setToolTip("What the method minimises, after each iteration")
        # Not pyqtgraph's PlotItem: it leaves menus behind, and lets the mouse move things.
        view = self.addViewBox(row=0, col=1, enableMouse=False, enableMenu=False)
        view.setLimits(xMin=0, minXRange=10)
        self._axes = (LossAxis("left", linkView=view), AxisItem("bottom", linkView=view))
        for axis, label, cell in zip(self._axes, ("loss", "iteration"), ((0, 0), (1, 1))):
            axis.enableAutoSIPrefix(False)
            axis.setLabel(label)
            self.addItem(axis, *cell)
        self._axes[0].setWidth(64)  # fixed, so that numbers do not move the curve
        self._axes[1].setStyle(textFillLimits=[(0, 0.4)])  # numbers must not touch
        self._axes[1].setHeight(2 * self.fontMetrics().lineSpacing() + 8)
        self._axes[0].setGrid(50)
        self.ci.layout.setSpacing(0)
        self.ci.layout.setContentsMargins(0, 6, 6, 0)
        self._curve = PlotDataItem(pen=mkPen(_CURVE, width=2), symbolBrush=_CURVE, symbolSize=5)
        self._curve.setLogMode(False, True)
        self._curve.setDownsampling(auto=True, method="peak")
        view.addItem(self._curve)
        self.set_losses([])
        self._colour()

    @property
    def losses(self) -> NDArray[np.float64]:
        """What is plotted: one value per iteration."""
        return self._losses

    def set_losses(self, losses: ArrayLike) -> None:
        """Plot these losses instead of the former.

        Parameters
        ----------
        losses : array_like
            One per iteration; those that are not above 0 are left out.
        """
        self._losses = np.asarray(losses, dtype=np.float64).ravel()
        shown = np.flatnonzero(np.isfinite(self._losses) & (self._losses > 0))
        symbol = "o" if shown.size == 1 else None
        self._curve.setData(shown + 1, self._losses[shown], symbol=symbol)
        for axis in self._axes:
            axis.setTicks(None if shown.size else [])  # None: by itself

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Follow the theme."""
        super().changeEvent(event)
        changed = event.type() in (QEvent.Type.StyleChange, QEvent.Type.PaletteChange)
        if changed and hasattr(self, "_curve"):  # Qt sends the first ones during __init__
            self._colour()

    def _colour(self) -> None:
        text = self.palette().color(self.foregroundRole())
        for axis in self._axes:
            axis.setPen(text)
            axis.setTextPen(text)
        self.resetCachedContent()  # the background
