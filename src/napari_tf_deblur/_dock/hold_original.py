"""Shows the original in place of the result while a button or a key is held down."""

from collections.abc import Callable, Iterator
from typing import Any
from weakref import ref

from napari.components import ViewerModel
from napari.layers import Image
from napari.utils.key_bindings import coerce_keybinding
from qtpy.QtWidgets import QApplication

from napari_tf_deblur._layers.view_state import OriginalView

ORIGINAL_SHORTCUT = "H"
"""Key that shows the original while it is held down; napari 0.9 does not use it."""


class HoldOriginal:
    """Shows the original from a press until the release.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer that holds the layers.
    get_layers : callable
        Returns source and result, or None if there is nothing to compare.
    """

    def __init__(
        self, viewer: ViewerModel, get_layers: Callable[[], tuple[Image, Image] | None]
    ) -> None:
        self._viewer = viewer
        self._get_layers = get_layers
        self._view: OriginalView | None = None
        self._key_handler: Callable[..., Any] | None = None

    def begin(self) -> None:
        """Show the original in place of the result, unless it is shown already."""
        pair = self._get_layers()
        if pair is None or self._view is not None:
            return
        self._view = OriginalView(self._viewer)
        self._view.enter(*pair)
        # If the focus moves to another widget, Qt sends no release of the key.
        _application().focusChanged.connect(self.end)

    def end(self, *_: object) -> None:
        """Show both layers as before."""
        view, self._view = self._view, None
        if view is not None:
            _application().focusChanged.disconnect(self.end)
            view.leave()

    def bind(self) -> bool:
        """Bind the key, unless it has another use; return whether it is bound."""
        key = coerce_keybinding(ORIGINAL_SHORTCUT)
        maps = [getattr(cls, "class_keymap", {}) for cls in type(self._viewer).__mro__]
        if self._key_handler is None and not any(key in x for x in (self._viewer.keymap, *maps)):
            self._key_handler = _make_key_handler(ref(self))
            self._viewer.bind_key(ORIGINAL_SHORTCUT, self._key_handler)
        return self._key_handler is not None

    def unbind(self) -> bool:
        """Show both layers as before and unbind the key; return False."""
        self.end()
        handler, self._key_handler = self._key_handler, None
        key = coerce_keybinding(ORIGINAL_SHORTCUT)
        if handler is not None and self._viewer.keymap.get(key) is handler:
            self._viewer.bind_key(ORIGINAL_SHORTCUT, None)
        return False


def _application() -> Any:
    return QApplication.instance()


def _make_key_handler(hold: "ref[HoldOriginal]") -> Callable[[ViewerModel], Iterator[None]]:
    """Return the generator function that napari runs at the press and the release of the key."""

    def hold_original(viewer: ViewerModel) -> Iterator[None]:
        """Show the original in place of the result while the key is held down."""
        for step in (HoldOriginal.begin, HoldOriginal.end):
            if (holder := hold()) is not None:
                step(holder)
            del holder
            yield

    return hold_original
