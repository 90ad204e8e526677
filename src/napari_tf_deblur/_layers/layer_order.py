"""Finds the position of a result in the list of layers: just above its source.

Channels that were shown together stay together: their results have the same order in the list, and
layers that would shine through a result are hidden.
"""

from collections.abc import Sequence

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer

from napari_tf_deblur._layers.view_state import COVERING_BLENDINGS


def find_insert_index(viewer: ViewerModel, source: Layer | None, results: Sequence[Layer]) -> int:
    """Return where to insert a result: just above its source and the source's other results.

    If other images would hide it there, it is inserted on top, because a result must be visible.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
    source : napari.layers.Layer or None
        The image that was deblurred; None if the user removed it.
    results : sequence of napari.layers.Layer
        Results of the same source.

    Returns
    -------
    int
        An index of ``viewer.layers``.
    """
    layers = list(viewer.layers)
    if source not in layers:
        return len(layers)
    index = 1 + max(layers.index(layer) for layer in (source, *results) if layer in layers)
    hidden = any(layer.visible and _hides(layer, source) for layer in layers[index:])
    return len(layers) if hidden else index


def hides_layers_below(layer: Layer) -> bool:
    """Whether an image hides the layers below it: it is opaque, and its blending covers them."""
    return isinstance(layer, Image) and layer.blending in COVERING_BLENDINGS and layer.opacity == 1


def _hides(upper: Layer, lower: Layer) -> bool:
    """Whether a layer hides a part of another layer."""
    if not hides_layers_below(upper):
        return False
    ends = [layer.extent.world[:, -min(upper.ndim, lower.ndim) :] for layer in (upper, lower)]
    begin, end = np.maximum(ends[0][0], ends[1][0]), np.minimum(ends[0][1], ends[1][1])
    return bool(np.all(begin <= end))
