"""Adds a layer to the viewer in short steps, so that the window does not freeze."""

from collections.abc import Generator, Iterator

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
    """Add a hidden layer; then show it, if it shall be visible.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
    layer : napari.layers.Image
        The layer.
    index : int, optional
        Its index in the list of layers; by default it is added on top.
    select : bool
        Whether it becomes the active layer; otherwise the active layer stays the same.
    visible : bool
        Whether the layer is visible at the end.

    Yields
    ------
    bool or None
        True before the layer is added; None after that, while it is hidden. A colour image is not
        hidden, because napari could not show it in its volume view then.
    """
    yield True  # painting the controls of a new layer takes napari about as long as adding it
    active = viewer.layers.selection.active
    layer.visible = bool(layer.rgb)
    viewer.layers.insert(len(viewer.layers) if index is None else index, layer)
    if not select and active is not None:
        viewer.layers.selection.active = active
    yield None
    if layer in viewer.layers:
        layer.visible = visible


def remove_layer_later(viewer: ViewerModel, layer: Image) -> Generator[None, None, bool]:
    """Remove a layer in the next step: napari may just be removing a layer, and would crash.

    Returns
    -------
    bool
        Whether it was still there; if not, the user has removed it meanwhile.
    """
    yield None
    if layer not in viewer.layers:
        return False
    viewer.layers.remove(layer)
    return True
