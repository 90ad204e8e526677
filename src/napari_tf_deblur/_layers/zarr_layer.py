"""Shows an OME-Zarr as a lazy layer of napari."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tf_deblur._layers.acquisition.axis_names import OTHER_AXIS
from napari_tf_deblur._layers.layer_description import (
    COLOURMAPS,
    STORED_DISPLAY_KEYS,
    TRANSFORMS,
)
from napari_tf_deblur._storage.axes import PIXEL_UNIT
from napari_tf_deblur._storage.image_description import ImageDescription
from napari_tf_deblur._storage.record_file import METADATA_KEY, record_from_json

if TYPE_CHECKING:
    from napari_tf_deblur._storage.zarr_image import ZarrImage

_NAMELESS = re.compile(OTHER_AXIS + "[0-9]*")
"""Names that the file has for axes without a name in the layer."""

LayerData = tuple[Any, dict[str, Any], str]
"""Data, keyword arguments and type of a layer, as readers return them to napari."""


def build_layer_data(
    image: "ZarrImage",
    name: str | None = None,
    split: bool | None = None,
) -> LayerData:
    """Return the data and the arguments of a lazy layer with all resolutions of an OME-Zarr.

    Parameters
    ----------
    image : ZarrImage
        The image.
    name : str, optional
        Name of the layer; by default that of the image.
    split : bool, optional
        Whether each channel becomes a layer. By default it does, unless this package wrote the
        image from one layer with all channels.

    Returns
    -------
    tuple
        Data, keyword arguments, and "image". The record of the image, if it has one, is in the
        metadata.
    """
    description, stored = image.description, image.description.layer
    levels = image.dask_levels()
    channel = None if description.rgb else description.channel_axis
    is_together = bool(stored.get("together", False)) if split is None else not split
    split_axis = channel if channel is not None and not is_together else None
    kept_axes = [k for k in range(description.ndim - description.rgb) if k != split_axis]
    axes = [description.axes[k] for k in kept_axes]
    arguments: dict[str, Any] = {
        "name": name or description.name or Path(image.path).name,
        "rgb": description.rgb,
        "multiscale": len(levels) > 1,
        "axis_labels": [
            str(k - len(axes))
            if image.is_own_image and _NAMELESS.fullmatch(axis.name)
            else axis.name
            for k, axis in enumerate(axes)
        ],
        "units": [axis.unit or PIXEL_UNIT for axis in axes],
        "scale": [axis.scale for axis in axes],
        "translate": [axis.translation for axis in axes],
    }
    labels = stored.get("axis_labels")
    if split_axis is None and isinstance(labels, list) and len(labels) == len(axes):
        arguments["axis_labels"] = [str(label) for label in labels]
    if split_axis is None:
        arguments |= {
            key: stored[key] for key in STORED_DISPLAY_KEYS if key in stored
        } | _read_transform(stored, len(axes))
    record = _record(image)
    if record is not None:
        arguments["metadata"] = {METADATA_KEY: record}
    arguments |= _read_display_keys(description, split_axis)
    if split_axis is not None:
        arguments["channel_axis"] = split_axis
        if len(description.channels) == image.shape[split_axis]:
            names = [channel.name for channel in description.channels]
            arguments["name"] = [f"{channel} :: {arguments['name']}" for channel in names]
    if description.rgb:
        levels = [level.rechunk({description.ndim - 1: -1}) for level in levels]
    return (levels if len(levels) > 1 else levels[0]), arguments, "image"


def _read_transform(stored: Mapping[str, Any], ndim: int) -> dict[str, Any]:
    """Return the transform from our own attribute of an OME-Zarr; empty if it is not valid."""
    transform = stored.get("place")
    if not isinstance(transform, Mapping) or set(transform) != set(TRANSFORMS):
        return {}
    shapes = {
        "scale": (ndim,),
        "translate": (ndim,),
        "rotate": (ndim, ndim),
        "shear": (ndim * (ndim - 1) // 2,),
        "affine": (ndim + 1, ndim + 1),
    }
    try:
        if any(np.asarray(transform[key], float).shape != shape for key, shape in shapes.items()):
            return {}
    except (TypeError, ValueError):
        return {}
    return dict(transform) if len(transform["units"]) == ndim else {}


def _read_display_keys(description: ImageDescription, split_axis: int | None) -> dict[str, Any]:
    """Return colormap and contrast limits of the layer, or lists of those of each channel."""
    if description.rgb or not description.channels:
        return {}
    maps = [_find_colormap(channel.colour) for channel in description.channels]
    windows = [channel.window for channel in description.channels]
    if split_axis is None:
        keys: dict[str, Any] = {"colormap": description.layer.get("colormap", maps[0])}
        return keys | ({"contrast_limits": windows[0]} if windows[0] else {})
    keys = {"colormap": maps}
    return keys | ({"contrast_limits": windows} if all(windows) else {})


def _find_colormap(colour: str) -> Any:
    """Return the colormap from black to a colour, given as six hexadecimal digits."""
    from napari.utils.colormaps import Colormap

    if colour in COLOURMAPS:
        return COLOURMAPS[colour]
    rgb = [int(colour[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    return Colormap([[0, 0, 0], rgb], name=f"#{colour}")


def _record(image: "ZarrImage") -> dict[str, Any] | None:
    """Return the record of an image with the types of a layer's record; None without one."""
    record = image.read_record()
    return record_from_json(json.dumps({METADATA_KEY: record})) if record else None
