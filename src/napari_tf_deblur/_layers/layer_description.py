"""Describes a layer of napari in the terms of OME-Zarr."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from napari_tf_deblur._layers.acquisition.axis_names import OTHER_AXIS
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._storage.axes import (
    CHANNEL_NAMES,
    DEPTH_NAME,
    PIXEL_UNIT,
    TIME_NAMES,
    Axis,
    default_axis_labels,
    is_length,
    is_time,
)
from napari_tf_deblur._storage.image_description import CHANNEL_TYPE as CHANNEL_TYPE
from napari_tf_deblur._storage.image_description import (
    RGB_CHANNELS,
    SPACE_TYPE,
    ImageDescription,
    StoredChannel,
)
from napari_tf_deblur._storage.image_description import TIME_TYPE as TIME_TYPE
from napari_tf_deblur._storage.image_description import StoredAxis as StoredAxis

COLOURMAPS: Mapping[str, str] = {
    "FFFFFF": "gray",
    "FF0000": "red",
    "00FF00": "green",
    "0000FF": "blue",
    "00FFFF": "cyan",
    "FF00FF": "magenta",
    "FFFF00": "yellow",
}
"""napari's names of the colormaps from black to one colour."""

TRANSFORMS = ("scale", "translate", "rotate", "shear", "affine", "units")
"""Arguments of a layer that are written to our own attribute, if OME-Zarr cannot express them."""

STORED_DISPLAY_KEYS = ("gamma", "opacity", "blending")
"""Other display settings of a layer that are written to our own attribute."""


def describe_layer(
    source: Source,
    name: str | None = None,
    limits: tuple[float, float] | None = None,
    axes: Sequence[Axis] | None = None,
) -> ImageDescription:
    """Describe a layer for OME-Zarr.

    OME-Zarr 0.5 has no rotation, shear or affine transform. A layer with such a transform is
    written with its pixel sizes and its translation; the rest goes to an attribute that only this
    package reads. Other programs show the image without the rotation.

    Parameters
    ----------
    source : Source
        The layer.
    name : str, optional
        Name of the image; by default that of the layer.
    limits : tuple of float, optional
        Contrast limits; by default those of the layer.
    axes : sequence of Axis, optional
        Axes to use in place of those of the source, with other pixel sizes and units.

    Returns
    -------
    ImageDescription
        The description of an array with the shape of the source, colours included.
    """
    axes = tuple(axes or source.axes)
    translation = source.world_transform.translate
    spacing = [axis.spacing for axis in source.layer_axes]
    stored = []
    for axis, label, step, shift in zip(axes, _names(axes), spacing, translation):
        offset = shift if axis.spacing == step else shift / step * axis.spacing
        unit = None if axis.unit == PIXEL_UNIT else axis.unit
        sizes = (float(f"{number:.12g}") for number in (axis.spacing, offset))
        stored.append(StoredAxis(label, _type(axis, label), unit, *sizes))
    if source.rgb:
        names = [axis.name for axis in stored]
        stored.append(StoredAxis("c" if "c" not in names else "colour", CHANNEL_TYPE))
    image_name = name or source.name
    return ImageDescription(
        image_name,
        tuple(stored),
        _channels(source, image_name, limits or source.contrast_limits, stored),
        source.rgb,
        _collect_layer_attributes(source),
    )


def _type(axis: Axis, label: str) -> str | None:
    """Return the OME-Zarr type of an axis; None if it is not known."""
    name = axis.name.lower()
    if name in TIME_NAMES or is_time(axis.unit):
        return TIME_TYPE
    if name in CHANNEL_NAMES:
        return CHANNEL_TYPE
    return SPACE_TYPE if label in (DEPTH_NAME, "y", "x") or is_length(axis.unit) else None


def _names(axes: Sequence[Axis]) -> list[str]:
    """Return names of axes for a file: letters in lower case; axes without a name get another."""
    names = [axis.name.lower() if len(axis.name) == 1 else axis.name for axis in axes]
    nameless = [name for name in names if name.lstrip("-").isdigit()]
    for k, name in enumerate(names):
        if name in nameless:
            names[k] = OTHER_AXIS if len(nameless) == 1 else f"{OTHER_AXIS}{nameless.index(name)}"
    return names


def _channels(
    source: Source, name: str, limits: tuple[float, float], axes: Sequence[StoredAxis]
) -> tuple[StoredChannel, ...]:
    """Describe the channels of a layer: their names, colours and contrast limits."""
    if source.rgb:
        dtype = np.dtype(source.data.dtype)
        high = float(np.iinfo(dtype).max) if dtype.kind in "ui" else 1.0
        count = int(source.data.shape[-1])
        return tuple(
            StoredChannel(channel, colour, (0.0, high)) for channel, colour in RGB_CHANNELS[:count]
        )
    colour = find_colour(source)
    window = (float(limits[0]), float(limits[1]))
    kinds = [axis.type for axis in axes]
    if CHANNEL_TYPE not in kinds:
        return (StoredChannel(name, colour, window),)
    count = int(source.shape[kinds.index(CHANNEL_TYPE)])
    names = [channel for channel, _ in source.acquisition.channels]
    if len(names) != count:
        names = [f"channel {k}" for k in range(count)]
    return tuple(StoredChannel(channel, colour, window) for channel in names)


def find_colour(source: Source) -> str:
    """Return the colour of a colormap from black to one colour; white for other colormaps."""
    colours = np.asarray(_colormap(source)["colors"])
    if len(colours) != 2 or np.any(colours[0, :3]):
        return "FFFFFF"
    return "".join(f"{round(255 * float(part)):02X}" for part in colours[1, :3])


def _colormap(source: Source) -> Mapping[str, Any]:
    """Return the colormap of a layer as a dictionary."""
    colormap = source.state["colormap"]
    return colormap if isinstance(colormap, Mapping) else colormap.dict()


def _collect_layer_attributes(source: Source) -> dict[str, Any]:
    """Return what OME-Zarr cannot express of a layer, as values of JSON."""
    state = source.state
    attributes: dict[str, Any] = {"together": True}
    if source.labels != default_axis_labels(source.ndim):
        attributes["axis_labels"] = list(source.labels)
    matrix = source.world_transform.linear_matrix
    if np.any(matrix != np.diag(np.diag(matrix))) or np.any(np.diag(matrix) < 0):
        attributes["place"] = {
            key: [str(unit) for unit in state[key]]
            if key == "units"
            else np.asarray(state[key], float).tolist()
            for key in TRANSFORMS
        }
    from napari.utils.colormaps import AVAILABLE_COLORMAPS

    colormap = str(_colormap(source)["name"])
    if not source.rgb and colormap in AVAILABLE_COLORMAPS and colormap not in COLOURMAPS.values():
        attributes["colormap"] = colormap
    defaults = {"gamma": 1.0, "opacity": 1.0}
    return attributes | {
        key: state[key]
        for key in STORED_DISPLAY_KEYS
        if key in state and state[key] != defaults.get(key)
    }
