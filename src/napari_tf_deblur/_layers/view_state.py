"""Changes what the viewer shows for a while, and restores it: visible layers, grid and camera."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer

COVERING_BLENDINGS = frozenset(("opaque", "translucent", "translucent_no_depth"))
"""Blending modes in which a layer hides the layers below it."""

CAMERA_KEYS = ("center", "zoom", "angles")

GRID_SETTINGS = {"shape": (1, -1), "stride": 1, "enabled": True}
"""Settings of the grid in which visible layers are side by side, in the order of the list."""

VIEW_MARGIN = 0.05
"""Part of the view that stays free around a layer. Definition: napari's own."""


class VisibilityState:
    """Shows and hides layers, and restores their visibility.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
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
        """Restore the visibility of all layers that were changed and still exist."""
        before, self._before = dict(self._before), WeakKeyDictionary()
        for layer, visible in before.items():
            if layer in self._viewer.layers:
                layer.visible = visible


class OriginalView(VisibilityState):
    """Shows a source in place of its result; the other layers look the same.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
    """

    def enter(self, source: Image, result: Image) -> None:
        """Show the source; hide the result, and layers between them that would hide the source."""
        layers = list(self._viewer.layers)
        for layer in layers[layers.index(source) + 1 : layers.index(result)]:
            if COVERING_BLENDINGS.intersection((result.blending, layer.blending)):
                # The result hides this layer already, or the layer would hide the source.
                self.set_visible(layer, False)
        self.set_visible(source, True)
        self.set_visible(result, False)


class SideBySideView(VisibilityState):
    """Shows only a source and its result, next to each other in napari's grid.

    Settings of the grid that the user changes meanwhile are not restored.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__(viewer)
        self._ndisplay = viewer.dims.ndisplay
        self._camera = {name: getattr(viewer.scene.camera, name) for name in CAMERA_KEYS}
        self._grid: dict[str, Any] = {
            name: getattr(viewer.canvas.grid, name) for name in GRID_SETTINGS
        }
        self._settings: dict[str, Any] = {}

    def enter(self, source: Image, result: Image) -> None:
        """Show the source on the left and the result on the right."""
        layers = self._viewer.layers
        is_first = layers.index(source) < layers.index(result)
        self._settings = {**GRID_SETTINGS, "stride": 1 if is_first else -1}
        self.show_only(source, result)
        for name, value in self._settings.items():
            setattr(self._viewer.canvas.grid, name, value)
        fit_to_view(self._viewer, [source, result])

    def leave(self) -> None:
        """Restore the grid, the layers and the camera."""
        grid = self._viewer.canvas.grid
        for name in reversed(GRID_SETTINGS):
            if getattr(grid, name) == self._settings.get(name):
                setattr(grid, name, self._grid[name])
        super().leave()
        if self._viewer.dims.ndisplay == self._ndisplay:
            for name, value in self._camera.items():
                setattr(self._viewer.scene.camera, name, value)


def fit_to_view(viewer: ViewerModel, layers: Sequence[Layer]) -> None:
    """Fit the view to some layers.

    napari 0.9.2 raises an IndexError if all of them have fewer axes than another layer of the
    viewer.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
    layers : sequence of napari.layers.Layer
        Layers that are in the viewer.
    """
    ndim, camera = viewer.dims.ndim, viewer.scene.camera
    if max(layer.ndim for layer in layers) == ndim:
        viewer.fit_to_view(layers=layers)
        return
    ends = [
        np.pad(layer.extent.world, ((0, 0), (ndim - layer.ndim, 0)))[:, viewer.dims.displayed]
        for layer in layers
    ]
    low, high = np.min(ends, axis=(0, 1)), np.max(ends, axis=(0, 1))
    size = high - low
    camera.center = tuple((low + high) / 2)
    # An image may be seen from the side, where it has no height.
    room = np.asarray(viewer.canvas.viewbox_size(viewer.layers))
    camera.zoom = (1 - VIEW_MARGIN) * np.min(room / np.where(size > 0, size, size.max())[-2:])


class TemporaryLayer:
    """A layer that is in the viewer for a while.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
    layer : napari.layers.Layer
        The layer.
    index : int, optional
        Its index in the list of layers; by default it is added on top.
    select : bool
        Whether it becomes the active layer; otherwise the selection stays the same.
    """

    def __init__(
        self, viewer: ViewerModel, layer: Layer, index: int | None = None, *, select: bool = False
    ) -> None:
        self.layer = layer
        self._viewer = viewer
        selected = list(viewer.layers.selection)
        self._selected = WeakSet(selected)
        viewer.layers.insert(len(viewer.layers) if index is None else index, layer)
        if not select:
            viewer.layers.selection = selected

    @property
    def is_in_viewer(self) -> bool:
        """Whether the layer is still in the viewer; the user may have removed it."""
        return self.layer in self._viewer.layers

    def remove(self) -> None:
        """Remove the layer. If only this layer was selected, restore the former selection."""
        layers = self._viewer.layers
        if self.is_in_viewer:
            is_only_selected = set(layers.selection) == {self.layer}
            layers.remove(self.layer)
            if is_only_selected:
                layers.selection = [layer for layer in self._selected if layer in layers]


class SingleLayerView(VisibilityState):
    """Shows only one layer, such as a residual. A layer that is not in the viewer is added for it.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
    layer : napari.layers.Image
        The layer.
    """

    def __init__(self, viewer: ViewerModel, layer: Image) -> None:
        super().__init__(viewer)
        self.layer = layer
        self._added: TemporaryLayer | None = None

    def enter(self, _: Image, result: Image) -> None:
        """Show only the layer; if it is not in the viewer, add it below the result."""
        if self.layer not in self._viewer.layers:
            self._added = TemporaryLayer(
                self._viewer, self.layer, self._viewer.layers.index(result)
            )
        self.show_only(self.layer)

    def leave(self) -> None:
        """Remove the layer, if it was added, and restore the visibility of the others."""
        super().leave()
        if self._added is not None:
            self._added.remove()
