"""Chooses a layer: in a combo box, and by its selection in napari's layer list."""

from collections.abc import Callable, Sequence
from typing import Any

from magicgui.widgets import ComboBox
from napari.components import ViewerModel
from napari.layers import Layer
from qtpy.QtCore import QTimer


class LayerChoice(ComboBox):
    """A combo box of layers. The chosen layer stays chosen when it is renamed or moved.

    magicgui's own combo box switches to the first layer when the chosen one is renamed.

    Parameters
    ----------
    layers : callable
        Returns the layers to offer.
    no_layer : str, optional
        Text of a first choice without a layer; by default there is no such choice.
    **options
        Options of the combo box: label, tooltip.
    """

    def __init__(
        self, layers: Callable[[], Sequence[Layer]], no_layer: str | None = None, **options: Any
    ) -> None:
        first: list[tuple[str, Layer | None]] = [] if no_layer is None else [(no_layer, None)]
        super().__init__(
            choices=lambda _: [*first, *((layer.name, layer) for layer in layers())], **options
        )

    def reset_choices(self, *_: object) -> None:
        """Offer the present layers, without a signal."""
        chosen = self.value if len(self) else None
        with self.changed.blocked():
            super().reset_choices()
            if chosen in self.choices:
                self.value = chosen


class SelectionFollower:
    """Reports which layer the user selects in napari's layer list.

    napari also selects layers itself: a layer that is added, and a neighbour of a selected layer
    that is removed. Selections after a removal, and those by the dock, are not reported.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
    is_dock_working : callable
        Returns whether the dock is changing the layers at the moment.
    on_selected : callable
        Called with a layer that the user has selected.
    on_added : callable
        Called with a layer that was added and selected, by the user or by other code.
    on_several : callable
        Called when the set of selected layers changes.
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
        self._is_dock_working = is_dock_working
        self._on_selected, self._on_added = on_selected, on_added
        self._on_several = on_several
        self._added: Layer | None = None
        self._removing = False
        self._layers.events.inserted.connect(self._note_added)
        self._layers.events.removing.connect(self._note_removed)
        self._layers.selection.events.active.connect(self._follow)
        self._layers.selection.events.changed.connect(self._follow_several)

    def end(self) -> None:
        """Disconnect from the viewer."""
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
        if layer is None or self._is_dock_working():
            return
        if layer is self._added:  # napari emits this more than once
            self._on_added(layer)
            return
        self._added = None
        if not self._removing:
            self._on_selected(layer)

    def _follow_several(self, _: object) -> None:
        if not self._is_dock_working():
            self._on_several()
