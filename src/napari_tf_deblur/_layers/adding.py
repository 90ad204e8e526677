"""Adding a layer to the viewer in short pieces, which together would be a long stall."""

from collections.abc import Iterator

from napari.components import ViewerModel
from napari.layers import Layer


def adding(viewer: ViewerModel, layer: Layer, *, select: bool = True) -> Iterator[bool | None]:
    """Add a layer, then show it.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where to add it.
    layer : napari.layers.Layer
        The layer.
    select : bool
        Make it the active one; otherwise that stays as it is.

    Yields
    ------
    bool or None
        True before it is added, None when it is there but hidden. At the end it is shown.
    """
    yield True  # napari takes about as long to paint a new layer's controls as to add it
    active = viewer.layers.selection.active
    layer.visible = False
    viewer.add_layer(layer)
    if not select and active is not None:
        viewer.layers.selection.active = active
    yield None
    if layer in viewer.layers:
        layer.visible = True
