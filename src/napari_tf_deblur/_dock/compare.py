"""A row of buttons with which a result is compared with its source."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from weakref import ref

from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtCore import QPoint, QTimer
from qtpy.QtWidgets import QApplication, QPushButton, QScrollArea, QVBoxLayout, QWidget

from napari_tf_deblur._dock.hold_original import ORIGINAL_SHORTCUT, HoldOriginal
from napari_tf_deblur._dock.profile_follower import ProfileFollower
from napari_tf_deblur._dock.profile_plot import ProfilePlot
from napari_tf_deblur._dock.reporting import report_error
from napari_tf_deblur._dock.wrapping_grid import WrappingGrid
from napari_tf_deblur._layers.view_state import SideBySideView, SingleLayerView

NOTHING_TO_COMPARE = "There is nothing to compare yet: deblur an image first"
LAYERS_DELETED = "The original or the result was deleted: deblur again to compare them"
GRID_IN_USE = "In the grid, both are in view already: leave it first, by 'Side by side' or Ctrl+G"
NO_RESIDUAL = "The residual of this result is not known: deblur again to see it"

SCROLL_DELAY_MS = 100
"""Milliseconds after which the dock has made room for the plot. Set by eye; too short a time does
no harm."""

HOLD_TOOLTIP = "Keep this pressed, by mouse or Space: the original is shown in place of the result"
HOLD_KEY_TOOLTIP = f"; or keep {ORIGINAL_SHORTCUT} pressed over the image"
SIDE_BY_SIDE_TOOLTIP = "Show the original and the result next to each other; click again to go back"
RESIDUAL_TOOLTIP = (
    "Show what the result does not explain: the original less the result blurred again, in "
    "standard deviations of each pixel's noise where that is known; black and white are 4 of them. "
    "It should be noise and nothing else. Click again to go back"
)
PROFILE_TOOLTIP = (
    "Plot the intensities of both along a line: one that is selected in a layer of shapes, or "
    "a new one, which you move by drawing another"
)


class CompareRow(QWidget):
    """Buttons to compare a result with its source, each of which leaves the layers as they were.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer in which both are.
    parent : QWidget, optional
        Qt's parent.

    Attributes
    ----------
    hold, side_by_side, residual, profile : QPushButton
        The buttons.
    plot : ProfilePlot
        The profiles, below the buttons while they are shown; may be put elsewhere.
    is_working : bool
        Whether layers are added, removed or selected right now, so that this is its doing.
    """

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.is_working = False
        self._viewer = viewer
        self._is_closed = False
        self._scroll = QTimer(self)  # once all has its place
        self._scroll.setSingleShot(True)
        self._scroll.timeout.connect(self._scroll_to_plot)
        self._pair: tuple[ref[Image], ref[Image]] | None = None
        self._make_residual: Callable[[], Image] | None = None
        self._view: SideBySideView | SingleLayerView | None = None
        self._original = HoldOriginal(viewer, self._get_pair)
        self._lay_out()
        self._follower = ProfileFollower(viewer, self.plot, self._on_line_lost)
        self._check_timer = QTimer(self)  # napari may be about to change the layers itself
        self._check_timer.setSingleShot(True)
        self._check_timer.timeout.connect(self._drop_deleted)
        self._viewer.layers.events.inserted.connect(self._on_layers)
        self._viewer.layers.events.removed.connect(self._on_layers)
        self._viewer.canvas.grid.events.enabled.connect(self._on_grid)
        self._update()

    def _lay_out(self) -> None:
        column, row = QVBoxLayout(self), WrappingGrid()
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        self.hold = QPushButton("Hold: original")
        self.side_by_side = QPushButton("Side by side")
        self.residual = QPushButton("Residual")
        self.profile = QPushButton("Profile")
        for button in (self.hold, self.side_by_side, self.residual, self.profile):
            button.setCheckable(button is not self.hold)
            row.addWidget(button)
        self.plot = ProfilePlot()
        self.plot.hide()
        column.addWidget(self.plot)
        self.hold.pressed.connect(self._original.begin)
        self.hold.released.connect(self._original.end)
        self.side_by_side.clicked.connect(self._on_side_by_side)
        self.residual.clicked.connect(self._on_residual)
        self.profile.clicked.connect(self._on_profile)

    def set_pair(
        self,
        source: Image | None,
        result: Image | None,
        residual: Callable[[], Image] | None = None,
    ) -> None:
        """Say what is compared from now on; what was shown of the former pair is taken back.

        Parameters
        ----------
        source, result : napari.layers.Image or None
            The layers; None if there is nothing to compare. They are not kept alive.
        residual : callable, optional
            Returns a layer of the residual, which is in no viewer or in this one.
        """
        if self._is_closed:
            return
        pair = None if source is None or result is None else (ref(source), ref(result))
        is_new = pair is None or pair != self._pair
        if is_new:
            self._leave()
        self._pair = pair
        self._make_residual = None if pair is None else residual
        if is_new:
            self._on_profile(self.profile.isChecked())
        self._update()

    def end(self) -> None:
        """Leave everything as it was and let go of the viewer, for the window is closing."""
        self._is_closed = True
        layers = self._viewer.layers
        layers.events.inserted.disconnect(self._on_layers)
        layers.events.removed.disconnect(self._on_layers)
        self._viewer.canvas.grid.events.enabled.disconnect(self._on_grid)
        self._make_residual = None
        with suppress(RuntimeError):  # the canvas may be deleted by now
            self._original.unbind()
            if not self._is_closing:
                self._leave()
            self._follower.end()

    @property
    def _is_closing(self) -> bool:
        """Whether napari's window is closed: then its canvas must not be touched any more."""
        windows = QApplication.topLevelWidgets()
        return hasattr(self._viewer, "window") and not any(w.isVisible() for w in windows)

    # ------------------------------------------------------------ the pair

    def _get_pair(self) -> tuple[Image, Image] | None:
        """Return source and result, if both are still there."""
        layers = [layer() for layer in self._pair or ()]
        there = [x for x in layers if x is not None and x in self._viewer.layers]
        return (there[0], there[1]) if len(there) == 2 else None

    def _on_layers(self, *_: object) -> None:
        if not self.is_working:
            self._check_timer.start(0)

    def _drop_deleted(self) -> None:
        """Give up what the user has deleted."""
        if self._is_closed:
            return
        there = self._get_pair() is not None
        lost = (
            isinstance(self._view, SingleLayerView) and self._view.layer not in self._viewer.layers
        )
        if lost or not there:
            self._leave()
        if not there:
            self._on_profile(False)
        self._update()

    def _update(self) -> None:
        """Enable the buttons that make sense, and say in tooltips what they do or lack."""
        there = self._get_pair() is not None
        in_grid = self._viewer.canvas.grid.enabled
        has_key = self._original.bind() if there and not in_grid else self._original.unbind()
        hold = HOLD_TOOLTIP + (HOLD_KEY_TOOLTIP if has_key else "")
        missing = self._make_residual is None
        gone = NOTHING_TO_COMPARE if self._pair is None else LAYERS_DELETED
        for button, words, lack in (
            (self.hold, hold, GRID_IN_USE if in_grid else ""),
            (self.side_by_side, SIDE_BY_SIDE_TOOLTIP, ""),
            (self.residual, RESIDUAL_TOOLTIP, NO_RESIDUAL if missing else ""),
            (self.profile, PROFILE_TOOLTIP, ""),
        ):
            lack = lack if there else gone
            button.setEnabled(not lack)
            button.setToolTip(lack or words)
        self.side_by_side.setChecked(isinstance(self._view, SideBySideView))
        self.residual.setChecked(isinstance(self._view, SingleLayerView))

    @contextmanager
    def _changing_layers(self) -> Iterator[None]:
        former, self.is_working = self.is_working, True
        try:
            yield
        finally:
            self.is_working = former

    # ------------------------------------------------------------ views

    def _leave(self) -> None:
        """Show all layers as they were."""
        self._original.end()
        view, self._view = self._view, None
        if view is not None:
            with self._changing_layers():
                view.leave()

    def _enter(self, view: Callable[[], SideBySideView | SingleLayerView]) -> None:
        pair = self._get_pair()
        if pair is None or self._is_closed:
            return
        try:
            with self._changing_layers():
                self._view = view()
                self._view.enter(*pair)
        except Exception as error:  # one that leaves a slot would end the process
            self._leave()
            report_error(error)

    def _on_side_by_side(self, checked: bool) -> None:
        self._leave()
        if checked:
            self._enter(lambda: SideBySideView(self._viewer))
        self._update()

    def _on_grid(self, *_: object) -> None:
        """Give up the view side by side where the user has left the grid by other means."""
        if self._is_closed or self.is_working:
            return
        if isinstance(self._view, SideBySideView) and not self._viewer.canvas.grid.enabled:
            self._leave()
        self._update()

    def _on_residual(self, checked: bool) -> None:
        self._leave()
        make = self._make_residual
        if checked and make is not None:
            self._enter(lambda: SingleLayerView(self._viewer, make()))
        self._update()

    # ------------------------------------------------------------ the profile

    def _on_profile(self, checked: bool) -> None:
        pair = self._get_pair()
        checked = checked and pair is not None
        with self._changing_layers():
            if checked and pair is not None:
                self._follower.begin(*pair)
            else:
                self._follower.end()
        self.profile.setChecked(checked)
        self.plot.setVisible(checked)
        if checked:
            self._scroll.start(SCROLL_DELAY_MS)

    def _scroll_to_plot(self) -> None:
        """Scroll the part that the plot is in so that it is seen: its end, then its beginning."""
        area, plot = self.parentWidget(), self.plot
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        inside = None if area is None else area.widget()
        if self._is_closed or area is None or inside is None or not plot.isVisible():
            return
        top = plot.mapTo(inside, QPoint(0, 0)).y()
        for edge in (top + plot.height(), top):
            area.ensureVisible(0, edge, 0, 0)

    def _on_line_lost(self) -> None:
        if not self._is_closed:
            self._on_profile(False)
