"""Gives a layer the scale, units, axis names and channels that its reader left out."""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
from napari.layers import Image, Layer

from napari_tf_deblur._layers.origin import CHANNEL_ORIGIN_KEY
from napari_tf_deblur._layers.source import Source, read_source
from napari_tf_deblur._storage.axes import CHANNEL_NAMES, default_axis_labels
from napari_tf_deblur._storage.record_file import METADATA_KEY

CHANNEL_COLORMAPS = {1: ("gray",), 2: ("magenta", "green")}
COLORMAP_CYCLE = ("cyan", "magenta", "yellow", "blue", "green", "red")
"""Colormaps of channels that are shown together. Source: napari."""


def lacks_scale(source: Source) -> bool:
    """Whether the file of a layer states a scale, units or axis names that the layer lacks."""
    return source.axes != source.layer_axes or source.uses_file_axis_names


def apply_file_scale(layer: Image) -> None:
    """Give a layer the scale, units and axis names that its file states."""
    source = read_source(layer)
    if source.uses_file_axis_names:
        layer.axis_labels = source.acquisition.axes
    scale = [
        step if axis == old else np.sign(step) * axis.spacing * abs(step) / old.spacing
        for step, axis, old in zip(layer.scale, source.axes, source.layer_axes)
    ]
    layer.units = tuple(axis.unit for axis in source.axes)
    layer.scale = [float(f"{step:.9g}") for step in scale]


def find_channel_axis(source: Source) -> int | None:
    """Return the axis along which a layer has several channels; None without one."""
    axes = [
        k
        for k, axis in enumerate(source.axes)
        if axis.name.lower() in CHANNEL_NAMES and axis.size > 1
    ]
    return axes[0] if len(axes) == 1 and source.ndim > 2 and not source.rgb else None


def split_channels(layer: Image) -> list[Image]:
    """Make one layer for each channel of a layer, at the same position.

    Parameters
    ----------
    layer : napari.layers.Image
        A layer with its channels along one axis.

    Returns
    -------
    list of napari.layers.Image
        Views of the same pixels, named after the channels; they are not yet in a viewer. Empty if
        there is no axis of channels. Their metadata has the file and the index of the channel, at
        `CHANNEL_ORIGIN_KEY`.
    """
    source = read_source(layer)
    axis = find_channel_axis(source)
    if axis is None:
        return []
    names = [name for name, _ in source.acquisition.channels]
    count = source.axes[axis].size
    if len(names) != count:
        names = [f"Channel {k}" for k in range(count)]
    colours = CHANNEL_COLORMAPS.get(count, COLORMAP_CYCLE)
    arguments = {
        "gamma": layer.gamma,
        "visible": layer.visible,
        **build_transform_without(source, axis),
    }
    channels = []
    for k, (name, colour) in enumerate(zip(names, cycle(colours))):
        levels = [
            level[(slice(None),) * axis + (k,)]
            for level in (layer.data if layer.multiscale else [layer.data])
        ]
        channels.append(
            Image(
                levels if layer.multiscale else levels[0],
                name=f"{name} :: {layer.name}",
                metadata={**layer.metadata, **_make_channel_origin(source, axis, k)},
                colormap=colour,
                blending="additive" if k else "translucent_no_depth",
                rgb=False,
                multiscale=bool(layer.multiscale),
                **arguments,
            )
        )
    return channels


def build_transform_without(source: Source, axis: int) -> dict[str, Any]:
    """Return the transform of the source without one axis, as arguments of a new layer."""
    kept_axes = [k for k in range(source.ndim) if k != axis]
    names, units = source.labels, source.state["units"]
    arguments: dict[str, Any] = {"units": [units[k] for k in kept_axes]}
    if names != default_axis_labels(source.ndim):
        arguments["axis_labels"] = [names[k] for k in kept_axes]
    matrix, offset = source.world_transform.linear_matrix, source.world_transform.translate
    matrix = matrix[np.ix_(kept_axes, kept_axes)]
    if np.array_equal(matrix, np.diag(np.diag(matrix))):
        return {**arguments, "scale": np.diag(matrix), "translate": offset[kept_axes]}
    affine = np.eye(len(kept_axes) + 1)
    affine[:-1, :-1], affine[:-1, -1] = matrix, offset[kept_axes]
    return {**arguments, "affine": affine}


def _make_channel_origin(source: Source, axis: int, index: int) -> dict[str, Any]:
    """Return the metadata entry of a channel; see `CHANNEL_ORIGIN_KEY`."""
    origin = source.origin
    if not origin.path or origin.part:
        return {}
    return {
        CHANNEL_ORIGIN_KEY: {
            "path": origin.path,
            "plugin": origin.plugin,
            "axis": axis,
            "index": index,
        }
    }


def adopt_record(layer: Layer, record: Mapping[str, Any] | None) -> bool:
    """Give a layer without a record the record of its file; return whether it was changed."""
    if not record or METADATA_KEY in layer.metadata:
        return False
    layer.metadata = {**layer.metadata, METADATA_KEY: dict(record)}
    return True
