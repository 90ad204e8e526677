"""The plot of the loss over iterations, with a logarithmic axis, in the colours of the theme."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyqtgraph import AxisItem, PlotDataItem, mkPen
from qtpy.QtWidgets import QWidget

from napari_tf_deblur._dock.themed_plot import ORANGE, ThemedPlot


class LossAxis(AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """A logarithmic axis with round numbers, few enough for a small plot."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:  # noqa: N802
        """Return the positions of the ticks: decades, 1-2-5, or closer, depending on the range."""
        if high - low < 1:
            step, numbers = super().tickValues(10**low, 10**high, size)[0]
            return [(step, [math.log10(number) for number in numbers])]
        if high - low < 3:
            powers = range(math.floor(low), math.ceil(high))
            return [(1, [power + math.log10(n) for power in powers for n in (1, 2, 5)])]
        return [level for level in super().tickValues(low, high, size) if level[0] >= 1][:1]

    def tickStrings(self, places: list[float], scale: float, step: float) -> list[str]:  # noqa: N802
        """Return the numbers at these positions."""
        return [f"{10**place:.6g}" for place in places]


class LossPlot(ThemedPlot):
    """Plots one loss per iteration on a logarithmic axis; the mouse cannot move it.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("The value that the method minimises, after each iteration", parent)
        self._losses: NDArray[np.float64] = np.empty(0)
        view = self.add_axes(0, LossAxis)
        view.setLimits(xMin=0, minXRange=10)
        self._axes[0].setLabel("loss")
        self._axes[1].setLabel("iteration")
        self._axes[1].setStyle(textFillLimits=[(0, 0.4)])  # so that numbers do not overlap
        self._curve = PlotDataItem(pen=mkPen(ORANGE, width=2), symbolBrush=ORANGE, symbolSize=5)
        self._curve.setLogMode(False, True)
        self._curve.setDownsampling(auto=True, method="peak")
        view.addItem(self._curve)
        self.set_losses([])
        self.apply_theme()

    def apply_theme(self) -> None:
        """Apply the colour and font of the theme; make room below for numbers and a label."""
        super().apply_theme()
        line = self._text.fontMetrics().lineSpacing()
        self._axes[1].setHeight(2 * line + 12)

    @property
    def losses(self) -> NDArray[np.float64]:
        """The plotted losses, one per iteration."""
        return self._losses

    def set_losses(self, losses: ArrayLike) -> None:
        """Plot other losses.

        Parameters
        ----------
        losses : array_like
            One loss per iteration; those that are not above 0 are not plotted.
        """
        self._losses = np.asarray(losses, dtype=np.float64).ravel()
        indices = np.flatnonzero(np.isfinite(self._losses) & (self._losses > 0))
        symbol = "o" if indices.size == 1 else None
        self._curve.setData(indices + 1, self._losses[indices], symbol=symbol)
        for axis in self._axes:
            axis.setTicks(None if indices.size else [])  # None: automatic ticks
