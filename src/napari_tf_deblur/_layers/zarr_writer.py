"""Saving an image layer as OME-Zarr: ``layer.save("result.ome.zarr")``."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from napari.layers import Image

from napari_tf_deblur._layers.layer_description import STORED_DISPLAY_KEYS, describe_layer
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._layers.writer import SAVED_ATTRIBUTES, restore_axes
from napari_tf_deblur._storage.image_description import ImageDescription
from napari_tf_deblur._storage.ome_zarr import ZARR_SUFFIX, create_image
from napari_tf_deblur._storage.pyramid import default_shard
from napari_tf_deblur._storage.record_file import METADATA_KEY


def write_ome_zarr(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Save an image layer as OME-Zarr 0.5 with its pyramid; napari calls this to save a layer.

    It is read and written shard by shard, so that it may be larger than memory.

    Parameters
    ----------
    path : str
        The folder; one without the ending is given ".ome.zarr".
    data : array_like
        The image; of several resolutions the first.
    attributes : mapping
        Those of the layer, as its ``as_layer_data_tuple`` has them.

    Returns
    -------
    list of str
        The folder that was written.

    Raises
    ------
    FileInTheWayError
        If there is something under this name that was not written by this package.
    InvalidValueError
        If OME-Zarr has no place for the axes.
    """
    if not path.lower().endswith(".zarr"):
        path += ZARR_SUFFIX
    wanted = (*SAVED_ATTRIBUTES, "colormap", *STORED_DISPLAY_KEYS)
    layer = Image(data, **{key: attributes[key] for key in wanted if key in attributes})
    source = read_source(layer)
    record = layer.metadata.get(METADATA_KEY)
    description = _with_channels(describe_layer(source, axes=restore_axes(source, record)), record)
    pixels = source.data
    shard = default_shard(pixels.shape, description.axes, source.rgb)
    image = create_image(path, pixels.shape, pixels.dtype, description, shard)
    for part in image.shard_regions():
        image.write(part, np.asarray(pixels[part]))
    image.build_levels()
    if record:
        image.set_record(record)
    return [path]


def _with_channels(
    description: ImageDescription, record: Mapping[str, Any] | None
) -> ImageDescription:
    """Give channels the names and colours that a record tells of each, where it does."""
    told = (record or {}).get("channels") or ()
    if len(told) != len(description.channels):
        return description
    channels = tuple(
        replace(channel, name=str(one["name"]), colour=str(one.get("colour", channel.colour)))
        for channel, one in zip(description.channels, told)
    )
    return replace(description, channels=channels)
