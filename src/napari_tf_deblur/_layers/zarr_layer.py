"""An OME-Zarr as a lazy layer of napari."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

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
"""What axes are called in the file that have no name in the layer."""

LayerData = tuple[Any, dict[str, Any], str]


def build_layer_data(
    image: "ZarrImage",
    name: str | None = None,
    is_incomplete: bool = False,
    split: bool | None = None,
) -> LayerData:
    """Return an OME-Zarr as napari adds it: lazy, of all its resolutions, with its sizes and place.

    Parameters
    ----------
    image : ZarrImage
        The image.
    name : str, optional
        Of the layer; by default the image's.
    filling : bool
        Whether it is still being written: then nothing of it is kept in napari's cache.
    split : bool, optional
        Whether each channel becomes a layer. By default they do, unless the image was made here of
        a layer that had them together.

    Returns
    -------
    tuple
        Data, keyword arguments, and "image". A record that the image has is in the metadata, as
        that of other results.
    """
    about, own = image.description, image.description.layer
    levels = image.dask_levels()
    channel = None if about.rgb else about.channel_axis
    together = bool(own.get("together", False)) if split is None else not split
    dropped = channel if channel is not None and not together else None
    kept = [k for k in range(about.ndim - about.rgb) if k != dropped]
    axes = [about.axes[k] for k in kept]
    told: dict[str, Any] = {
        "name": name or about.name or Path(image.path).name,
        "rgb": about.rgb,
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
        "cache": not is_incomplete,
    }
    labels = own.get("axis_labels")
    if dropped is None and isinstance(labels, list) and len(labels) == len(axes):
        told["axis_labels"] = [str(label) for label in labels]
    if dropped is None:
        told |= {key: own[key] for key in STORED_DISPLAY_KEYS if key in own} | _read_transform(
            own, len(axes)
        )
    record = _record(image)
    if record is not None:
        told["metadata"] = {METADATA_KEY: record}
    told |= _read_display_keys(about, dropped)
    if dropped is not None:
        told["channel_axis"] = dropped
        if len(about.channels) == image.shape[dropped]:
            told["name"] = [f"{channel.name} :: {told['name']}" for channel in about.channels]
    if about.rgb:
        levels = [level.rechunk({about.ndim - 1: -1}) for level in levels]
    return (levels if len(levels) > 1 else levels[0]), told, "image"


def refresh_layer(layer: Image, image: "ZarrImage") -> None:
    """Let a layer of an image that is still being written show what there is by now.

    napari keeps the coarsest resolution of an image, and dask what it has read; so the layer is
    given the same file anew. Its contrast limits stay.

    Parameters
    ----------
    layer : napari.layers.Image
        Made from `build_layer_data` of the same image, with its channels together.
    image : ZarrImage
        The image.
    """
    data, _, _ = build_layer_data(image, is_incomplete=True, split=False)
    limits = layer.contrast_limits
    layer.data = data
    layer.contrast_limits = limits


def _read_transform(own: Mapping[str, Any], ndim: int) -> dict[str, Any]:
    """Return the transforms of a layer that OME-Zarr cannot say, where they are as they should."""
    place = own.get("place")
    if not isinstance(place, Mapping) or set(place) != set(TRANSFORMS):
        return {}
    shapes = {
        "scale": (ndim,),
        "translate": (ndim,),
        "rotate": (ndim, ndim),
        "shear": (ndim * (ndim - 1) // 2,),
        "affine": (ndim + 1, ndim + 1),
    }
    try:
        if any(np.asarray(place[key], float).shape != shape for key, shape in shapes.items()):
            return {}
    except (TypeError, ValueError):
        return {}
    return dict(place) if len(place["units"]) == ndim else {}


def _read_display_keys(about: ImageDescription, dropped: int | None) -> dict[str, Any]:
    """Return colours and contrast limits: of a layer, or of each channel."""
    if about.rgb or not about.channels:
        return {}
    maps = [_find_colormap(channel.colour) for channel in about.channels]
    windows = [channel.window for channel in about.channels]
    if dropped is None:
        found: dict[str, Any] = {"colormap": about.layer.get("colormap", maps[0])}
        return found | ({"contrast_limits": windows[0]} if windows[0] else {})
    found = {"colormap": maps}
    return found | ({"contrast_limits": windows} if all(windows) else {})


def _find_colormap(colour: str) -> Any:
    from napari.utils.colormaps import Colormap

    if colour in COLOURMAPS:
        return COLOURMAPS[colour]
    rgb = [int(colour[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    return Colormap([[0, 0, 0], rgb], name=f"#{colour}")


def _record(image: "ZarrImage") -> dict[str, Any] | None:
    found = image.read_record()
    return record_from_json(json.dumps({METADATA_KEY: found})) if found else None
