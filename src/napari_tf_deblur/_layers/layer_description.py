"""What a layer of napari is, said as OME-Zarr can say it."""

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
"""napari's names of the maps from black to a colour."""

TRANSFORMS = ("scale", "translate", "rotate", "shear", "affine", "units")

STORED_DISPLAY_KEYS = ("gamma", "opacity", "blending")
"""What a layer keeps of its looks besides, in our own attribute."""


def describe_layer(
    source: Source,
    name: str | None = None,
    limits: tuple[float, float] | None = None,
    axes: Sequence[Axis] | None = None,
) -> ImageDescription:
    """Describe a layer for OME-Zarr.

    OME-Zarr 0.5 has no rotation, shear or affine transform. A layer that is placed by one has its
    pixel sizes and its translation there; the rest is in an attribute of this package alone, so
    that other programs show it unturned.

    Parameters
    ----------
    source : Source
        The layer.
    name : str, optional
        Of the image; by default the layer's.
    limits : tuple of float, optional
        Contrast limits; by default the layer's.
    axes : sequence of Axis, optional
        Sizes and units that are known better than the source knows them.

    Returns
    -------
    ImageDescription
        Of an array like the source's, colours included.
    """
    known = tuple(axes or source.axes)
    shift = source.world_transform.translate
    shown = [axis.spacing for axis in source.layer_axes]
    stored = []
    for axis, label, own, moved in zip(known, _names(known), shown, shift):
        place = moved if axis.spacing == own else moved / own * axis.spacing
        unit = None if axis.unit == PIXEL_UNIT else axis.unit
        sizes = (float(f"{number:.12g}") for number in (axis.spacing, place))
        stored.append(StoredAxis(label, _type(axis, label), unit, *sizes))
    if source.rgb:
        taken = [axis.name for axis in stored]
        stored.append(StoredAxis("c" if "c" not in taken else "colour", CHANNEL_TYPE))
    called = name or source.name
    return ImageDescription(
        called,
        tuple(stored),
        _channels(source, called, limits or source.contrast_limits, stored),
        source.rgb,
        _collect_layer_attributes(source),
    )


def _type(axis: Axis, label: str) -> str | None:
    name = axis.name.lower()
    if name in TIME_NAMES or is_time(axis.unit):
        return TIME_TYPE
    if name in CHANNEL_NAMES:
        return CHANNEL_TYPE
    return SPACE_TYPE if label in (DEPTH_NAME, "y", "x") or is_length(axis.unit) else None


def _names(axes: Sequence[Axis]) -> list[str]:
    """Name axes for a file: the usual letters small, and those without a name another one."""
    names = [axis.name.lower() if len(axis.name) == 1 else axis.name for axis in axes]
    nameless = [name for name in names if name.lstrip("-").isdigit()]
    for k, name in enumerate(names):
        if name in nameless:
            names[k] = OTHER_AXIS if len(nameless) == 1 else f"{OTHER_AXIS}{nameless.index(name)}"
    return names


def _channels(
    source: Source, name: str, limits: tuple[float, float], axes: Sequence[StoredAxis]
) -> tuple[StoredChannel, ...]:
    if source.rgb:
        dtype = np.dtype(source.data.dtype)
        high = float(np.iinfo(dtype).max) if dtype.kind in "ui" else 1.0
        count = int(source.data.shape[-1])
        return tuple(
            StoredChannel(called, colour, (0.0, high)) for called, colour in RGB_CHANNELS[:count]
        )
    colour = find_colour(source)
    window = (float(limits[0]), float(limits[1]))
    kinds = [axis.type for axis in axes]
    if CHANNEL_TYPE not in kinds:
        return (StoredChannel(name, colour, window),)
    count = int(source.shape[kinds.index(CHANNEL_TYPE)])
    names = [called for called, _ in source.acquisition.channels]
    if len(names) != count:
        names = [f"channel {k}" for k in range(count)]
    return tuple(StoredChannel(called, colour, window) for called in names)


def find_colour(source: Source) -> str:
    """Return the colour of a layer whose map goes from black to it; white for other maps."""
    colours = np.asarray(_colormap(source)["colors"])
    if len(colours) != 2 or np.any(colours[0, :3]):
        return "FFFFFF"
    return "".join(f"{round(255 * float(part)):02X}" for part in colours[1, :3])


def _colormap(source: Source) -> Mapping[str, Any]:
    found = source.state["colormap"]
    return found if isinstance(found, Mapping) else found.dict()


def _collect_layer_attributes(source: Source) -> dict[str, Any]:
    """Return what OME-Zarr cannot say of a layer, as JSON has it."""
    state = source.state
    found: dict[str, Any] = {"together": True}
    if source.labels != default_axis_labels(source.ndim):
        found["axis_labels"] = list(source.labels)
    matrix = source.world_transform.linear_matrix
    if np.any(matrix != np.diag(np.diag(matrix))) or np.any(np.diag(matrix) < 0):
        found["place"] = {
            key: [str(unit) for unit in state[key]]
            if key == "units"
            else np.asarray(state[key], float).tolist()
            for key in TRANSFORMS
        }
    from napari.utils.colormaps import AVAILABLE_COLORMAPS

    shown = str(_colormap(source)["name"])
    if not source.rgb and shown in AVAILABLE_COLORMAPS and shown not in COLOURMAPS.values():
        found["colormap"] = shown
    usual = {"gamma": 1.0, "opacity": 1.0}
    return found | {
        key: state[key]
        for key in STORED_DISPLAY_KEYS
        if key in state and state[key] != usual.get(key)
    }
