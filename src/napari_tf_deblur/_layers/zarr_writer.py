"""Saves an image layer as OME-Zarr: ``layer.save("result.ome.zarr")``."""

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

    The image is read and written shard by shard, so it may be larger than memory.

    Parameters
    ----------
    path : str
        The folder. ".ome.zarr" is added to a name without the ending ".zarr".
    data : array_like
        The image. Of several resolutions the first is saved.
    attributes : mapping
        The attributes of the layer, as ``Layer.as_layer_data_tuple`` returns them.

    Returns
    -------
    list of str
        The folder that was written.

    Raises
    ------
    FileInTheWayError
        If a file or folder of this name exists that this package did not write.
    InvalidValueError
        If OME-Zarr does not support the axes.
    """
    if not path.lower().endswith(".zarr"):
        path += ZARR_SUFFIX
    keys = (*SAVED_ATTRIBUTES, "colormap", *STORED_DISPLAY_KEYS)
    layer = Image(data, **{key: attributes[key] for key in keys if key in attributes})
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
    """Give the channels the names and colours in a record, if it has them for each channel."""
    channel_records = (record or {}).get("channels") or ()
    if len(channel_records) != len(description.channels):
        return description
    channels = tuple(
        replace(channel, name=str(entry["name"]), colour=str(entry.get("colour", channel.colour)))
        for channel, entry in zip(description.channels, channel_records)
    )
    return replace(description, channels=channels)
