"""Where a result goes in the list of layers, so that it takes the place in the view of its source.

Two colours that are shown together are shown together afterwards: each result lies just above its
source, in the same order, and what would shine through it is hidden.
"""

from collections.abc import Sequence

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer

from napari_tf_deblur._layers.view_state import COVERING_BLENDINGS


def find_insert_index(viewer: ViewerModel, source: Layer | None, results: Sequence[Layer]) -> int:
    """Return where to insert a result: just above its source and the source's other results.

    Where other images hide that place, it is on top, for a result must be seen.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
    source : napari.layers.Layer or None
        The image that was deblurred, if it is still there.
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
    place = 1 + max(layers.index(layer) for layer in (source, *results) if layer in layers)
    hidden = any(layer.visible and _hides(layer, source) for layer in layers[place:])
    return len(layers) if hidden else place


def hides_layers_below(layer: Layer) -> bool:
    """Whether an image hides what lies below it, by its way of blending."""
    return isinstance(layer, Image) and layer.blending in COVERING_BLENDINGS and layer.opacity == 1


def _hides(upper: Layer, lower: Layer) -> bool:
    """Whether a layer hides another one somewhere."""
    if not hides_layers_below(upper):
        return False
    ends = [layer.extent.world[:, -min(upper.ndim, lower.ndim) :] for layer in (upper, lower)]
    begin, end = np.maximum(ends[0][0], ends[1][0]), np.minimum(ends[0][1], ends[1][1])
    return bool(np.all(begin <= end))
