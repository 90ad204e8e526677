"""Adding a layer to the viewer in short pieces, which together would be a long stall."""

from collections.abc import Iterator

from napari.components import ViewerModel
from napari.layers import Image


def add_layer_stepwise(
    viewer: ViewerModel,
    layer: Image,
    *,
    index: int | None = None,
    select: bool = True,
    visible: bool = True,
) -> Iterator[bool | None]:
    """Add a layer, then show it, unless it is to stay hidden.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where to add it.
    layer : napari.layers.Image
        The layer.
    index : int, optional
        Its place in the list; by default it is on top.
    select : bool
        Make it the active one; otherwise that stays as it is.
    visible : bool
        Whether it is shown in the end.

    Yields
    ------
    bool or None
        True before it is added, None when it is there but hidden. At the end it is shown.
        A colour image is never hidden: napari cannot show its volume view then.
    """
    yield True  # napari takes about as long to paint a new layer's controls as to add it
    active = viewer.layers.selection.active
    layer.visible = bool(layer.rgb)
    viewer.layers.insert(len(viewer.layers) if index is None else index, layer)
    if not select and active is not None:
        viewer.layers.selection.active = active
    yield None
    if layer in viewer.layers:
        layer.visible = visible
