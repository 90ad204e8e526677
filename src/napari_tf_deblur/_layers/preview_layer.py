"""Shows a deblurred part of an image in one layer, named "Preview"."""

from collections.abc import Iterator
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image
from numpy.typing import NDArray

from napari_tf_deblur._layers.layer_insertion import add_layer_stepwise, remove_layer_later
from napari_tf_deblur._layers.placement import move_layer, place_part
from napari_tf_deblur._layers.source import Source, find_own_layer
from napari_tf_deblur._storage.record_file import METADATA_KEY
from napari_tf_deblur._storage.regions import Region

PREVIEW_NAME = "Preview"


def find_preview_layer(viewer: ViewerModel) -> Image | None:
    """Return the layer of the preview; None if there is none."""
    return find_own_layer(viewer, "preview")


def show_preview_stepwise(
    viewer: ViewerModel,
    source: Source,
    region: Region,
    pixels: NDArray[Any],
    limits: tuple[float, float],
) -> Iterator[bool | None]:
    """Show a part of a result exactly on its source.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
    source : Source
        The image.
    region : tuple of slice
        The part, along all axes of the image.
    pixels : ndarray
        Its pixels, with the axes of the layer.
    limits : tuple of float
        Contrast limits of a new layer.

    Yields
    ------
    bool or None
        Between the steps, if the layer is new; see `add_layer_stepwise`.
    """
    corner = [part.start for part in region[: source.ndim]]
    metadata = {METADATA_KEY: {"kind": "preview", "source": source.name}}
    placement = place_part(source, range(source.ndim), corner)
    layer = find_preview_layer(viewer)
    if layer is not None and layer.ndim == source.ndim and layer.rgb == source.rgb:
        layer.data, layer.metadata = pixels, metadata
        move_layer(layer, placement)
        if not source.rgb:
            layer.contrast_limits = limits
        return
    if layer is not None and not (yield from remove_layer_later(viewer, layer)):
        return
    layer = Image(
        pixels,
        name=PREVIEW_NAME,
        metadata=metadata,
        contrast_limits=None if source.rgb else limits,
        rgb=source.rgb,
        multiscale=False,
        **{**source.state, **placement},
    )
    yield from add_layer_stepwise(viewer, layer, select=False)


def remove_preview(viewer: ViewerModel) -> None:
    """Remove the layer of the preview, if there is one; the selection stays."""
    layer = find_preview_layer(viewer)
    if layer is not None:
        selected = [other for other in viewer.layers.selection if other is not layer]
        active = viewer.layers.selection.active
        viewer.layers.remove(layer)
        viewer.layers.selection = [other for other in selected if other in viewer.layers]
        if active is not layer and active in viewer.layers:
            viewer.layers.selection.active = active
