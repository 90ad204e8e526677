"""The buttons that compare a result with its source: their texts, layout and enabling."""

from qtpy.QtCore import QPoint, QTimer
from qtpy.QtWidgets import QPushButton, QScrollArea, QVBoxLayout, QWidget

from napari_tf_deblur._dock.hold_original import ORIGINAL_SHORTCUT
from napari_tf_deblur._dock.profile_plot import ProfilePlot
from napari_tf_deblur._dock.wrapping_grid import WrappingGrid

NOTHING_TO_COMPARE = "There is nothing to compare yet: deblur an image first"
LAYERS_DELETED = "The original or the result was deleted: deblur again to compare them"
GRID_IN_USE = (
    "The grid shows both images already. Leave the grid first: click 'Side by side' or press Ctrl+G"
)
NO_RESIDUAL = "The residual of this result is not known: deblur again to see it"

SCROLL_DELAY_MS = 100
"""Milliseconds after which the dock has made room for the plot. Set by eye; too short a time does
no harm."""

HOLD_TOOLTIP = (
    "Hold this button down, with the mouse or Space, to show the original in place of the result"
)
HOLD_KEY_TOOLTIP = f"; or hold the key {ORIGINAL_SHORTCUT} down over the image"
SIDE_BY_SIDE_TOOLTIP = "Show the original and the result next to each other; click again to go back"
RESIDUAL_TOOLTIP = (
    "Show the residual: the original minus the blurred result. Its unit is the standard deviation "
    "of each pixel's noise, if that is known; black is then -4 and white +4. It should look like "
    "pure noise. Click again to go back"
)
PROFILE_TOOLTIP = (
    "Plot the intensities of both images along a line. Select a line in a shapes layer, or use "
    "the new line; draw another line to move it"
)


class CompareButtons(QWidget):
    """Four buttons in a row, and the plot of the profiles below them.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.

    Attributes
    ----------
    hold, side_by_side, residual, profile : QPushButton
        The buttons.
    plot : ProfilePlot
        The profiles; hidden at first.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.hold = QPushButton("Hold: original")
        self.side_by_side = QPushButton("Side by side")
        self.residual = QPushButton("Residual")
        self.profile = QPushButton("Profile")
        self.plot = ProfilePlot()
        self.plot.hide()
        column, row = QVBoxLayout(self), WrappingGrid()
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.plot)
        for button in (self.hold, self.side_by_side, self.residual, self.profile):
            button.setCheckable(button is not self.hold)
            row.addWidget(button)
        self._scroll_timer = QTimer(self)  # the layout must be complete before the dock scrolls
        self._scroll_timer.setSingleShot(True)
        self._scroll_timer.timeout.connect(self._scroll_to_plot)

    def enable_buttons(
        self, no_pair: str, *, has_key: bool, has_residual: bool, in_grid: bool
    ) -> None:
        """Enable the buttons that can be used; the tooltips of the others give the reason.

        Parameters
        ----------
        no_pair : str
            Why there are no two images to compare; empty if there are.
        has_key : bool
            Whether the key for the original is bound.
        has_residual : bool
            Whether the residual of the result is known.
        in_grid : bool
            Whether napari's grid is on.
        """
        for button, tooltip, obstacle in (
            (
                self.hold,
                HOLD_TOOLTIP + (HOLD_KEY_TOOLTIP if has_key else ""),
                GRID_IN_USE if in_grid else "",
            ),
            (self.side_by_side, SIDE_BY_SIDE_TOOLTIP, ""),
            (self.residual, RESIDUAL_TOOLTIP, "" if has_residual else NO_RESIDUAL),
            (self.profile, PROFILE_TOOLTIP, ""),
        ):
            reason = no_pair or obstacle
            button.setEnabled(not reason)
            button.setToolTip(reason or tooltip)

    def show_plot(self, visible: bool) -> None:
        """Show the plot and scroll to it, or hide it."""
        self.profile.setChecked(visible)
        self.plot.setVisible(visible)
        if visible:
            self._scroll_timer.start(SCROLL_DELAY_MS)

    def _scroll_to_plot(self) -> None:
        """Scroll so that the plot is visible: first to its lower edge, then to its upper edge."""
        area, plot = self.parentWidget(), self.plot
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        content = None if area is None else area.widget()
        if area is None or content is None or not plot.isVisible():
            return
        top = plot.mapTo(content, QPoint(0, 0)).y()
        for edge in (top + plot.height(), top):
            area.ensureVisible(0, edge, 0, 0)
