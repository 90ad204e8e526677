"""Finds or makes the line along which images are compared."""

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer, Shapes
from numpy.typing import NDArray

from napari_tf_deblur._storage.axes import convert_length
from napari_tf_deblur._storage.record_file import METADATA_KEY

LINE_SHAPES = ("line", "path")
"""Types of shapes along which a profile is sampled."""

LINE_LAYER_NAME = "profile line"


def find_line_vertices(shapes: Shapes) -> NDArray[np.float64] | None:
    """Return the vertices of a line in a layer: the selected one, or else the last one.

    Parameters
    ----------
    shapes : napari.layers.Shapes
        The layer. Its lines and paths are considered, other shapes are not.

    Returns
    -------
    ndarray or None
        One row per vertex, in data coordinates; None if there is no line with a length.
    """
    lines = [k for k, kind in enumerate(shapes.shape_type) if kind in LINE_SHAPES]
    selected = [k for k in lines if k in shapes.selected_data]
    for k in reversed(selected or lines):
        vertices = np.asarray(shapes.data[k], float)
        if np.isfinite(vertices).all() and np.ptp(vertices, axis=0).any():
            return vertices
    return None


def find_line_layer(viewer: ViewerModel, former: Shapes | None = None) -> Shapes | None:
    """Return the layer whose line is used for the profile.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
    former : napari.layers.Shapes, optional
        The layer that was used until now.

    Returns
    -------
    napari.layers.Shapes or None
        The first layer with a line among these: the selected layer, the former one, the uppermost
        visible one. None if there is none.
    """
    layers = [
        x for x in viewer.layers if isinstance(x, Shapes) and find_line_vertices(x) is not None
    ]
    selected = [x for x in layers if x in viewer.layers.selection]
    if selected or former in layers:
        return selected[-1] if selected else former
    return next((x for x in reversed(layers) if x.visible), None)


def create_line_layer(viewer: ViewerModel, image: Image) -> Shapes:
    """Make a shapes layer with a line across the middle of an image.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer, with its displayed axes.
    image : napari.layers.Image
        An image in the viewer.

    Returns
    -------
    napari.layers.Shapes
        The layer; it is not yet in a viewer. If the last two axes are displayed, the layer has
        only these two, and its line is shown on all planes.
    """
    dims, units = viewer.dims, viewer.layers.units
    down, across = dims.displayed[-2:]
    ndim = 2 if dims.displayed == (dims.ndim - 2, dims.ndim - 1) else dims.ndim
    factors = get_unit_factors(image, units)
    missing = (dims.ndim - image.ndim, 0)
    low, high = (np.pad(corner * factors, missing) for corner in image.extent.world)
    step = np.pad(image.extent.step * factors, missing, constant_values=1.0)
    ends = np.tile(np.asarray(dims.point, float), (2, 1))
    ends[:, down] = (low[down] + high[down]) / 2
    ends[:, across] = low[across] + np.multiply((0.1, 0.9), high[across] - low[across])
    if units is None and image.ndim >= ndim:
        units = image.units
    pixels = max(((high - low) / step)[[down, across]])
    return Shapes(
        [(ends / step)[:, -ndim:]],
        shape_type="line",
        edge_width=max(1.0, pixels / 300),
        edge_color="yellow",
        name=LINE_LAYER_NAME,
        metadata={METADATA_KEY: {"kind": "profile"}},
        scale=step[-ndim:],
        units=None if units is None else units[-ndim:],
        axis_labels=image.axis_labels[-ndim:] if image.ndim >= ndim else None,
    )


def has_same_axes(shapes: Shapes, other: Shapes) -> bool:
    """Whether a layer has a line, and the same axes and units as another layer."""
    is_same = (shapes.ndim, shapes.units) == (other.ndim, other.units)
    return is_same and find_line_vertices(shapes) is not None


def remove_former_shapes(shapes: Shapes) -> None:
    """Remove all shapes of a layer except the last one."""
    if shapes.nshapes > 1:
        shapes.remove(list(range(shapes.nshapes - 1)))


def get_unit_factors(layer: Layer, units: Any) -> NDArray[np.float64]:
    """Return the factors from the units of a layer to those of the viewer; 1 for equal units."""
    layer_units = [str(unit) for unit in layer.units]
    world_units = layer_units if units is None else [str(unit) for unit in units][-layer.ndim :]
    return np.array(
        [1.0 if a == b else convert_length(1.0, a, b) for a, b in zip(layer_units, world_units)]
    )
