"""A row of buttons that compare a result with its source."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from weakref import ref

from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QWidget

from napari_tf_deblur._dock.compare_buttons import (
    LAYERS_DELETED,
    NOTHING_TO_COMPARE,
    CompareButtons,
)
from napari_tf_deblur._dock.hold_original import HoldOriginal
from napari_tf_deblur._dock.profile_follower import ProfileFollower
from napari_tf_deblur._dock.reporting import report_error
from napari_tf_deblur._layers.view_state import SideBySideView, SingleLayerView


class CompareRow(CompareButtons):
    """Compares a result with its source; afterwards the layers are as they were before.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer that holds both layers.
    parent : QWidget, optional
        Qt's parent.

    Attributes
    ----------
    is_working : bool
        Whether this row is adding, removing or selecting layers at the moment.
    """

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.is_working = False
        self._viewer = viewer
        self._is_closed = False
        self._pair: tuple[ref[Image], ref[Image]] | None = None
        self._make_residual: Callable[[], Image] | None = None
        self._view: SideBySideView | SingleLayerView | None = None
        self._original = HoldOriginal(viewer, self._get_pair)
        self.hold.pressed.connect(self._original.begin)
        self.hold.released.connect(self._original.end)
        self.side_by_side.clicked.connect(self._on_side_by_side)
        self.residual.clicked.connect(self._on_residual)
        self.profile.clicked.connect(self._on_profile)
        self._follower = ProfileFollower(viewer, self.plot, self._on_line_lost)
        self._check_timer = QTimer(self)  # napari may be about to change the layers itself
        self._check_timer.setSingleShot(True)
        self._check_timer.timeout.connect(self._drop_deleted)
        self._viewer.layers.events.inserted.connect(self._on_layers)
        self._viewer.layers.events.removed.connect(self._on_layers)
        self._viewer.canvas.grid.events.enabled.connect(self._on_grid)
        self._update()

    def set_pair(
        self,
        source: Image | None,
        result: Image | None,
        residual: Callable[[], Image] | None = None,
    ) -> None:
        """Set the layers to compare. If they are others than before, the present view is left.

        Parameters
        ----------
        source, result : napari.layers.Image or None
            The layers; None if there is nothing to compare. Only weak references are kept.
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
        """Restore the layers and disconnect from the viewer, because the window is closing."""
        self._is_closed = True
        with suppress(RuntimeError):  # the timer may be deleted already
            self._scroll_timer.stop()
        layers = self._viewer.layers
        layers.events.inserted.disconnect(self._on_layers)
        layers.events.removed.disconnect(self._on_layers)
        self._viewer.canvas.grid.events.enabled.disconnect(self._on_grid)
        self._make_residual = None
        with suppress(RuntimeError):  # the canvas may be deleted already
            self._original.unbind()
            if not self._is_closing:
                self._leave()
            self._follower.end()

    @property
    def _is_closing(self) -> bool:
        """Whether napari's window is closed; then its canvas must not be touched any more."""
        windows = QApplication.topLevelWidgets()
        return hasattr(self._viewer, "window") and not any(w.isVisible() for w in windows)

    # ------------------------------------------------------------ the pair

    def _get_pair(self) -> tuple[Image, Image] | None:
        """Return source and result, if both are still in the viewer."""
        layers = [layer() for layer in self._pair or ()]
        present = [x for x in layers if x is not None and x in self._viewer.layers]
        return (present[0], present[1]) if len(present) == 2 else None

    def _on_layers(self, *_: object) -> None:
        if not self.is_working:
            self._check_timer.start(0)

    def _drop_deleted(self) -> None:
        """Leave a view if the user has deleted one of its layers."""
        if self._is_closed:
            return
        has_pair = self._get_pair() is not None
        view = self._view
        is_lost = isinstance(view, SingleLayerView) and view.layer not in self._viewer.layers
        if is_lost or not has_pair:
            self._leave()
        if not has_pair:
            self._on_profile(False)
        self._update()

    def _update(self) -> None:
        """Enable and check the buttons according to the layers and the present view."""
        has_pair = self._get_pair() is not None
        in_grid = self._viewer.canvas.grid.enabled
        has_key = self._original.bind() if has_pair and not in_grid else self._original.unbind()
        reason = NOTHING_TO_COMPARE if self._pair is None else LAYERS_DELETED
        self.enable_buttons(
            "" if has_pair else reason,
            has_key=has_key,
            has_residual=self._make_residual is not None,
            in_grid=in_grid,
        )
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
        """Leave the present view: show all layers as before."""
        self._original.end()
        view, self._view = self._view, None
        if view is not None:
            with self._changing_layers():
                view.leave()

    def _enter(self, make_view: Callable[[], SideBySideView | SingleLayerView]) -> None:
        pair = self._get_pair()
        if pair is None or self._is_closed:
            return
        try:
            with self._changing_layers():
                self._view = make_view()
                self._view.enter(*pair)
        except Exception as error:  # an exception that leaves a slot would end the process
            self._leave()
            report_error(error)

    def _on_side_by_side(self, checked: bool) -> None:
        self._leave()
        if checked:
            self._enter(lambda: SideBySideView(self._viewer))
        self._update()

    def _on_grid(self, *_: object) -> None:
        """Leave the side-by-side view if the user has left the grid in another way."""
        if self._is_closed or self.is_working:
            return
        if isinstance(self._view, SideBySideView) and not self._viewer.canvas.grid.enabled:
            self._leave()
        self._update()

    def _on_residual(self, checked: bool) -> None:
        self._leave()
        make_residual = self._make_residual
        if checked and make_residual is not None:
            self._enter(lambda: SingleLayerView(self._viewer, make_residual()))
        self._update()

    # ------------------------------------------------------------ the profile

    def _on_profile(self, checked: bool) -> None:
        pair = self._get_pair()
        with self._changing_layers():
            if checked and pair is not None:
                self._follower.begin(*pair)
            else:
                self._follower.end()
        self.show_plot(checked and pair is not None)

    def _on_line_lost(self) -> None:
        if not self._is_closed:
            self._on_profile(False)
