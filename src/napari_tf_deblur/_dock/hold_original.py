"""The original in place of the result, as long as a button or a key is held down."""

from collections.abc import Callable, Iterator
from typing import Any
from weakref import ref

from napari.components import ViewerModel
from napari.layers import Image
from napari.utils.key_bindings import coerce_keybinding
from qtpy.QtWidgets import QApplication

from napari_tf_deblur._layers.view_state import OriginalView

ORIGINAL_SHORTCUT = "H"
"""Held down over the image, it shows the original; napari 0.9 does not use it."""


class HoldOriginal:
    """Shows the original between a press and its release.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where the layers are.
    layers : callable
        Returns source and result, or None if there is nothing to compare.
    """

    def __init__(
        self, viewer: ViewerModel, layers: Callable[[], tuple[Image, Image] | None]
    ) -> None:
        self._viewer = viewer
        self._layers = layers
        self._shown: OriginalView | None = None
        self._bound: Callable[..., Any] | None = None

    def begin(self) -> None:
        """Show the original in place of the result, unless it is shown already."""
        pair = self._layers()
        if pair is None or self._shown is not None:
            return
        self._shown = OriginalView(self._viewer)
        self._shown.enter(*pair)
        # Where the focus goes elsewhere, nobody is told that a key is released.
        _application().focusChanged.connect(self.end)

    def end(self, *_: object) -> None:
        """Show both layers as before."""
        shown, self._shown = self._shown, None
        if shown is not None:
            _application().focusChanged.disconnect(self.end)
            shown.leave()

    def bind(self) -> bool:
        """Bind the key in the viewer, and say whether it is: the user may use it otherwise."""
        key = coerce_keybinding(ORIGINAL_SHORTCUT)
        maps = [getattr(cls, "class_keymap", {}) for cls in type(self._viewer).__mro__]
        if self._bound is None and not any(key in x for x in (self._viewer.keymap, *maps)):
            self._bound = _make_key_handler(ref(self))
            self._viewer.bind_key(ORIGINAL_SHORTCUT, self._bound)
        return self._bound is not None

    def unbind(self) -> bool:
        """Unbind the key, take back what it shows, and say that it is not bound."""
        self.end()
        bound, self._bound = self._bound, None
        if (
            bound is not None
            and self._viewer.keymap.get(coerce_keybinding(ORIGINAL_SHORTCUT)) is bound
        ):
            self._viewer.bind_key(ORIGINAL_SHORTCUT, None)
        return False


def _application() -> Any:
    return QApplication.instance()


def _make_key_handler(hold: "ref[HoldOriginal]") -> Callable[[ViewerModel], Iterator[None]]:
    """Return what napari calls while the key is held down."""

    def hold_original(viewer: ViewerModel) -> Iterator[None]:
        """Show the original in place of the result while the key is held down."""
        for step in (HoldOriginal.begin, HoldOriginal.end):
            if (holder := hold()) is not None:
                step(holder)
            del holder
            yield

    return hold_original
