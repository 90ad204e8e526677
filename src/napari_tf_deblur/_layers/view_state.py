"""What is shown for a while, and how to go back: visible layers, the grid, the camera."""

from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from napari.components import ViewerModel
from napari.layers import Image, Layer

COVERING_BLENDINGS = frozenset(("opaque", "translucent", "translucent_no_depth"))
"""Ways of blending in which a layer hides what lies below it."""

CAMERA_KEYS = ("center", "zoom", "angles")

GRID_SETTINGS = {"shape": (1, -1), "stride": 1, "enabled": True}
"""The grid in which layers that are visible are side by side, in the order of the list."""


class VisibilityState:
    """Shows and hides layers, and remembers how it was.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where they are.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._before: WeakKeyDictionary[Layer, bool] = WeakKeyDictionary()

    def set_visible(self, layer: Layer, visible: bool) -> None:
        """Show or hide a layer."""
        if layer.visible != visible:
            self._before.setdefault(layer, layer.visible)
            layer.visible = visible

    def show_only(self, *layers: Layer) -> None:
        """Show these layers, and hide all others."""
        for layer in list(self._viewer.layers):
            self.set_visible(layer, layer in layers)

    def leave(self) -> None:
        """Show and hide as before what was changed, and is still there."""
        before, self._before = dict(self._before), WeakKeyDictionary()
        for layer, visible in before.items():
            if layer in self._viewer.layers:
                layer.visible = visible


class OriginalView(VisibilityState):
    """Shows a source in place of its result: nothing else appears or goes.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where they are.
    """

    def enter(self, source: Image, result: Image) -> None:
        """Show the one and hide the other."""
        layers = list(self._viewer.layers)
        for layer in layers[layers.index(source) + 1 : layers.index(result)]:
            if COVERING_BLENDINGS.intersection((result.blending, layer.blending)):
                self.set_visible(
                    layer, False
                )  # the result hides it too, or it would hide the source
        self.set_visible(source, True)
        self.set_visible(result, False)


class SideBySideView(VisibilityState):
    """Shows a source and its result next to each other in napari's grid, and nothing else.

    What the user changes of the grid meanwhile stays as the user wants it.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where they are.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__(viewer)
        self._ndisplay = viewer.dims.ndisplay
        self._camera = {name: getattr(viewer.scene.camera, name) for name in CAMERA_KEYS}
        self._grid: dict[str, Any] = {
            name: getattr(viewer.canvas.grid, name) for name in GRID_SETTINGS
        }
        self._wanted: dict[str, Any] = {}

    def enter(self, source: Image, result: Image) -> None:
        """Show the source on the left, whichever is first in the list, and the result."""
        layers = self._viewer.layers
        is_first = layers.index(source) < layers.index(result)
        self._wanted = {**GRID_SETTINGS, "stride": 1 if is_first else -1}
        self.show_only(source, result)
        for name, value in self._wanted.items():
            setattr(self._viewer.canvas.grid, name, value)
        self._viewer.fit_to_view(layers=[source, result])

    def leave(self) -> None:
        """Go back to the grid, the layers and the camera as they were."""
        grid = self._viewer.canvas.grid
        for name in reversed(GRID_SETTINGS):
            if getattr(grid, name) == self._wanted.get(name):
                setattr(grid, name, self._grid[name])
        super().leave()
        if self._viewer.dims.ndisplay == self._ndisplay:
            for name, value in self._camera.items():
                setattr(self._viewer.scene.camera, name, value)


class TemporaryLayer:
    """A layer that is added for a while.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where to add it.
    layer : napari.layers.Layer
        The layer.
    index : int, optional
        Its place in the list; by default it is on top.
    select : bool
        Whether to make it the active one; otherwise the selection stays as it is.
    """

    def __init__(
        self, viewer: ViewerModel, layer: Layer, index: int | None = None, *, select: bool = False
    ) -> None:
        self.layer = layer
        self._viewer = viewer
        before = list(viewer.layers.selection)
        self._selected = WeakSet(before)
        viewer.layers.insert(len(viewer.layers) if index is None else index, layer)
        if not select:
            viewer.layers.selection = before

    @property
    def is_in_viewer(self) -> bool:
        """Whether the user has not removed it."""
        return self.layer in self._viewer.layers

    def remove(self) -> None:
        """Remove it, if it is there; if it alone is selected, select what was before."""
        layers = self._viewer.layers
        if self.is_in_viewer:
            alone = set(layers.selection) == {self.layer}
            layers.remove(self.layer)
            if alone:
                layers.selection = [layer for layer in self._selected if layer in layers]


class SingleLayerView(VisibilityState):
    """Shows a layer, such as a residual, and nothing else; adds it for this if it has to.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where to show it.
    layer : napari.layers.Image
        The layer.
    """

    def __init__(self, viewer: ViewerModel, layer: Image) -> None:
        super().__init__(viewer)
        self.layer = layer
        self._added: TemporaryLayer | None = None

    def enter(self, _: Image, result: Image) -> None:
        """Show it, below the result if it has to be added."""
        if self.layer not in self._viewer.layers:
            self._added = TemporaryLayer(
                self._viewer, self.layer, self._viewer.layers.index(result)
            )
        self.show_only(self.layer)

    def leave(self) -> None:
        """Remove the layer again, if it was added, and show the others as before."""
        super().leave()
        if self._added is not None:
            self._added.remove()
