"""Choosing a layer: by hand in a combo box, and by selecting it in napari's list."""

from collections.abc import Callable, Sequence
from typing import Any

from magicgui.widgets import ComboBox
from napari.components import ViewerModel
from napari.layers import Layer
from qtpy.QtCore import QTimer


class LayerChoice(ComboBox):
    """A combo box of layers, which keeps its layer whatever that is called or where it lies.

    magicgui's own goes to the first layer when the chosen one is renamed.

    Parameters
    ----------
    layers : callable
        Returns the layers to offer.
    nothing : str, optional
        Name of a first choice that is no layer; there is none by default.
    **options
        Of the combo box: label, tooltip.
    """

    def __init__(
        self, layers: Callable[[], Sequence[Layer]], nothing: str | None = None, **options: Any
    ) -> None:
        first: list[tuple[str, Layer | None]] = [] if nothing is None else [(nothing, None)]
        super().__init__(
            choices=lambda _: [*first, *((layer.name, layer) for layer in layers())], **options
        )

    def reset_choices(self, *_: object) -> None:
        """Offer the layers that there are now, without a signal."""
        chosen = self.value if len(self) else None
        with self.changed.blocked():
            super().reset_choices()
            if chosen in self.choices:
                self.value = chosen


class SelectionFollower:
    """Tells which layer the user selects in napari's list.

    napari also selects layers by itself: one that is added, and after the selected one is
    removed a neighbour. Neither this nor what the dock does to the layers counts.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
    is_ours : callable
        Returns whether the dock is changing the layers right now.
    on_selected : callable
        Called with a layer that the user has selected.
    on_added : callable
        Called with a layer that was added and selected, by the user or by other code.
    on_several : callable
        Called when other layers are selected together.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        is_dock_working: Callable[[], bool],
        on_selected: Callable[[Layer], None],
        on_added: Callable[[Layer], None],
        on_several: Callable[[], None],
    ) -> None:
        self._layers = viewer.layers
        self._is_ours = is_dock_working
        self._on_selected, self._on_added = on_selected, on_added
        self._on_several = on_several
        self._added: Layer | None = None
        self._removing = False
        self._layers.events.inserted.connect(self._note_added)
        self._layers.events.removing.connect(self._note_removed)
        self._layers.selection.events.active.connect(self._follow)
        self._layers.selection.events.changed.connect(self._follow_several)

    def end(self) -> None:
        """Follow no more."""
        self._layers.events.inserted.disconnect(self._note_added)
        self._layers.events.removing.disconnect(self._note_removed)
        self._layers.selection.events.active.disconnect(self._follow)
        self._layers.selection.events.changed.disconnect(self._follow_several)

    def _note_added(self, event: Any) -> None:
        self._added = event.value

    def _note_removed(self, _: object) -> None:
        self._removing = True
        QTimer.singleShot(0, self._end_of_removal)

    def _end_of_removal(self) -> None:
        self._removing = False

    def _follow(self, event: Any) -> None:
        layer = event.value
        if layer is None or self._is_ours():
            return
        if layer is self._added:  # napari says so more than once
            self._on_added(layer)
            return
        self._added = None
        if not self._removing:
            self._on_selected(layer)

    def _follow_several(self, _: object) -> None:
        if not self._is_ours():
            self._on_several()
