"""The plot of intensities along a line, before and after deblurring, in the theme's colours."""

import numpy as np
from numpy.typing import NDArray
from pyqtgraph import FillBetweenItem, LabelItem, PlotCurveItem, PlotDataItem, mkBrush, mkPen
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QWidget

from napari_tf_deblur._dock.themed_plot import BLUE, ORANGE, ThemedPlot
from napari_tf_deblur._layers.profile import Profiles
from napari_tf_deblur._storage.axes import short_unit

ORIGINAL, DEBLURRED = BLUE, ORANGE

PROFILE_PLOT_HEIGHT = 230
"""Height of the plot in pixels, without its lines of text. Set by eye: two curves can be told
apart."""

BAND_OPACITY = 90
"""Opacity of the band, of 255. Set by eye: the curves and the grid behind it are visible."""


class ProfilePlot(ThemedPlot):
    """Plots intensity over distance for an image and its result; the mouse cannot move it.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.

    Attributes
    ----------
    profiles : Profiles or None
        The plotted profiles.
    band : tuple of PlotCurveItem
        The lower and the upper edge of the band: the result less and plus its standard deviation.
    fill : FillBetweenItem
        The band itself.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Intensity along the selected line, or along the line that was drawn last", parent
        )
        self.profiles: Profiles | None = None
        self._unit = ""
        self._labels = (LabelItem(justify="right"), LabelItem(justify="right"))
        for label, row in zip(self._labels, (0, 3)):  # over both columns, for large fonts
            self.addItem(label, row=row, col=0, colspan=2)
        view = self.add_axes(1)
        self._axes[0].setLabel("intensity")
        self._axes[1].setStyle(textFillLimits=[(0, 0.5)])  # so that numbers do not overlap
        self._curves = [
            PlotDataItem(pen=mkPen(colour, width=2), connect="finite")
            for colour in (ORIGINAL, DEBLURRED)
        ]
        for curve in self._curves:
            curve.setDownsampling(auto=True, method="peak")
            view.addItem(curve)
        self.band = PlotCurveItem(pen=None), PlotCurveItem(pen=None)
        colour = QColor(DEBLURRED)
        colour.setAlpha(BAND_OPACITY)
        self.fill = FillBetweenItem(*self.band, brush=mkBrush(colour))
        for item in (*self.band, self.fill):
            item.setZValue(-1)  # behind the curves
            view.addItem(item)
        self.plot_height = PROFILE_PLOT_HEIGHT
        self.show_profiles(None)
        self.apply_theme()

    def show_profiles(self, profiles: Profiles | None) -> None:
        """Plot other profiles; None leaves the plot empty.

        Parameters
        ----------
        profiles : Profiles, optional
            Profiles of the source and the result, in this order.
        """
        self.profiles = profiles
        nothing: NDArray[np.float64] = np.empty(0)
        values = (nothing, nothing) if profiles is None else profiles.values
        for curve, heights in zip(self._curves, values):
            curve.setData(nothing if profiles is None else profiles.distance, heights)
        for edge, sign in zip(self.band, (-1, 1)):
            edge.setData(*_band_edge(profiles, sign))
        empty = not any(np.isfinite(heights).any() for heights in values)
        for axis in self._axes:
            axis.setTicks([] if empty else None)  # None: automatic ticks
        self._unit = "" if profiles is None or not profiles.unit else short_unit(profiles.unit)
        self._update_labels()

    def apply_theme(self) -> None:
        """Apply the colour and font of the theme."""
        super().apply_theme()
        self._update_labels()

    @property
    def _result_name(self) -> str:
        has_band = self.profiles is not None and self.profiles.deviation is not None
        return f"deblurred{' ± SD' if has_band else ''}"

    def _update_labels(self) -> None:
        legend = "&nbsp;&nbsp;".join(
            f'<span style="color: {curve}">━</span> {name}'
            for curve, name in ((ORIGINAL, "original"), (DEBLURRED, self._result_name))
        )
        distance = f"distance ({self._unit})" if self._unit else "distance"
        for label, text in zip(self._labels, (legend, distance)):
            label.item.setFont(self.text_font)
            label.setText(text, color=self.text_colour.name())


def _band_edge(
    profiles: Profiles | None, sign: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distances and heights of one edge of the band; empty if there is none."""
    if profiles is None or profiles.deviation is None:
        return np.empty(0), np.empty(0)
    heights = profiles.values[-1] + sign * profiles.deviation
    finite = np.isfinite(heights)
    return profiles.distance[finite], heights[finite]
