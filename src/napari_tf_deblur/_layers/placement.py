"""Places a part of an image exactly on its source."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from napari.layers import Layer
from napari.utils.transforms import Affine
from numpy.typing import ArrayLike

from napari_tf_deblur._layers.source import Source


def place_part(source: Source, axes: Sequence[int], corner: ArrayLike) -> dict[str, Any]:
    """Return the transform of a layer whose first pixel is a pixel of the source.

    Parameters
    ----------
    source : Source
        The image.
    axes : sequence of int
        Axes of the source that the layer has.
    corner : array_like
        Index of the first pixel of the layer, along these axes.

    Returns
    -------
    dict
        Keyword arguments of a layer.
    """
    indices, ndim = list(axes), len(axes)
    affine = Affine(affine_matrix=np.asarray(source.state["affine"]))
    place = affine.inverse.compose(source.world_transform).set_slice(indices)
    oblique = _is_oblique(place)  # otherwise napari would mistake a mirrored axis for a rotation
    return {
        "scale": place.scale,
        "rotate": place.rotate if oblique else np.eye(ndim),
        "shear": place.shear if oblique else np.zeros(ndim * (ndim - 1) // 2),
        "translate": place.translate + place.linear_matrix @ np.asarray(corner, float),
        "affine": affine.set_slice(indices),
        "units": [source.state["units"][k] for k in indices],
        "axis_labels": [source.state["axis_labels"][k] for k in indices],
    }


def move_layer(layer: Layer, placement: Mapping[str, Any]) -> None:
    """Give a layer another transform from `place_part`; equal parts of it are not set again."""
    for name, value in placement.items():
        if not np.array_equal(getattr(layer, name), value):
            setattr(layer, name, value)


def _is_oblique(place: Affine) -> bool:
    """Whether a transform rotates or shears."""
    matrix = place.linear_matrix
    return not np.allclose(matrix, np.diag(np.diag(matrix)))
