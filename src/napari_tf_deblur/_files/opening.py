"""Open files by the readers that are installed for napari, without a window."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image

from napari_tf_deblur._core.errors import UserError
from napari_tf_deblur._layers.acquisition import wait_for_file
from napari_tf_deblur._layers.file_scale import find_channel_axis, split_channels
from napari_tf_deblur._layers.origin import CHANNEL_ORIGIN_KEY
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._layers.zarr_layer import build_layer_data
from napari_tf_deblur._storage.axes import default_axis_labels
from napari_tf_deblur._storage.ome_zarr import open_image

NON_IMAGE_SUFFIXES = frozenset(("py", "csv", "json", "txt", "md", "html", "xml", "log"))
"""Suffixes of files that are no images, although readers of napari may accept them. A Python file
would be executed."""

DOUBLE_SUFFIXES = (".ome.tiff", ".ome.tif", ".ome.zarr")
"""Suffixes of two parts."""

PER_CHANNEL_KEYS = (
    "name",
    "colormap",
    "contrast_limits",
    "gamma",
    "blending",
    "visible",
    "opacity",
)
"""Attributes that readers give as a list, one value for each channel."""


class CannotOpenError(UserError):
    """A file is no image, or is damaged."""


@dataclass(frozen=True)
class FileImage:
    """An image of a file, as one layer.

    Attributes
    ----------
    layer : napari.layers.Image
        The image; several channels are stacked along one axis.
    channels : tuple of str
        Names of the channels, if there are several.
    """

    layer: Image
    channels: tuple[str, ...] = ()

    def parts(self) -> list[Image]:
        """Return a layer for each channel; the layer itself if it has no channels."""
        return split_channels(self.layer) or [self.layer]


def is_openable(path: Path) -> bool:
    """Whether an installed reader accepts such a file, and its suffix may be that of an image."""
    if path.suffix.lower().lstrip(".") in NON_IMAGE_SUFFIXES or path.name.startswith("."):
        return False
    return any(True for _ in _plugins().iter_compatible_readers([str(path)]))


def open_images(path: Path, reader: str | None = None) -> list[FileImage]:
    """Open the images of a file.

    Parameters
    ----------
    path : Path
        A file or folder.
    reader : str, optional
        Name of the plugin that reads it; by default the first one that can.

    Returns
    -------
    list of FileImage
        The images, with scale, units and metadata of the file, as in napari.

    Raises
    ------
    CannotOpenError
        If the file holds no image that can be read; the message says why.
    """
    from npe2 import io_utils

    if path.is_file() and not path.stat().st_size:
        raise CannotOpenError("The file is empty.")
    if path.suffix.lower().lstrip(".") in NON_IMAGE_SUFFIXES:
        raise CannotOpenError(f"The file is no image: its name ends in '{path.suffix}'.")
    if reader is None and path.is_dir() and (picture := _ome_zarr(path)) is not None:
        return [picture]
    _plugins()
    try:
        layers, contribution = io_utils.read_get_reader(
            [str(path)], stack=False, plugin_name=reader
        )
        pictures = [
            _make_file_image(path, contribution.plugin_name, data, attributes)
            for data, attributes, kind in map(_complete_layer_tuple, layers)
            if data is not None and kind == "image"
        ]
    except Exception as error:  # of any reader
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CannotOpenError(
            "The file cannot be opened: it is damaged, or no installed reader can read it "
            f"({reason.rstrip('.')})."
        ) from error
    if not pictures:
        raise CannotOpenError("The file holds no image.")
    return pictures


def _ome_zarr(path: Path) -> FileImage | None:
    """Open an OME-Zarr image lazily; return None for anything else."""
    try:
        image = open_image(path)
    except UserError:  # another kind of folder, or no package reads it
        return None
    data, attributes, _ = build_layer_data(image, split=False)
    description = image.description
    channels = () if description.rgb else tuple(channel.name for channel in description.channels)
    return _make_file_image(path, None, data, attributes, channels)


def _complete_layer_tuple(layer: Any) -> tuple[Any, Mapping[str, Any], str]:
    """Add the defaults that a reader may leave out of a layer data tuple."""
    defaults: tuple[Any, ...] = (None, {}, "image")
    values = tuple(layer)
    data, attributes, kind = (*values, *defaults[len(values) :])
    return data, attributes, kind


def _make_file_image(
    path: Path,
    plugin: str | None,
    data: Any,
    layer_attributes: Mapping[str, Any],
    channel_names: tuple[str, ...] = (),
) -> FileImage:
    """Make one layer from the data of a reader, with the channels along one axis."""
    attributes = dict(layer_attributes)
    axis = attributes.pop("channel_axis", None)
    if axis is not None:
        levels = data if isinstance(data, list | tuple) else [data]
        axis, count = axis % levels[0].ndim, levels[0].shape[axis]
        names = attributes.get("name")
        if isinstance(names, list | tuple) and len(names) == count:
            channel_names = tuple(map(str, names))
        for key in PER_CHANNEL_KEYS:
            if isinstance(attributes.get(key), list | tuple):
                del attributes[key]
        attributes |= {**_insert_channel_axis(attributes, axis, levels[0].ndim), "rgb": False}
    elif isinstance(attributes.get("name"), list | tuple):
        del attributes["name"]
    attributes["name"] = attributes.get("name") or strip_suffix(path) or path.name
    attributes["metadata"] = {
        **attributes.get("metadata", {}),
        CHANNEL_ORIGIN_KEY: {"path": str(path), "plugin": plugin},
    }
    layer = Image(data, **attributes)
    if np.dtype(layer.dtype).kind not in "biuf" or 0 in _shape(layer):
        raise ValueError("it holds no pixels that are real numbers")
    wait_for_file(layer)
    source = read_source(layer)
    channel_axis = find_channel_axis(source)
    if channel_axis is None:
        return FileImage(layer)
    if len(channel_names) != source.axes[channel_axis].size:
        channel_names = tuple(part.name.split(" :: ")[0] for part in split_channels(layer))
    return FileImage(layer, channel_names)


def _insert_channel_axis(attributes: Mapping[str, Any], axis: int, ndim: int) -> dict[str, Any]:
    """Insert the channel axis into scale, translation, units and labels of the other axes."""
    inserted: dict[str, Any] = {}
    for key, value in (("scale", 1.0), ("translate", 0.0), ("units", "pixel")):
        if attributes.get(key) is not None and len(attributes[key]) == ndim - 1:
            inserted[key] = [*attributes[key][:axis], value, *attributes[key][axis:]]
    labels = list(attributes.get("axis_labels") or default_axis_labels(ndim - 1))
    if len(labels) == ndim - 1:
        defaults = list(default_axis_labels(ndim)) if not attributes.get("axis_labels") else None
        labels = defaults or [*labels[:axis], "c", *labels[axis:]]
    labels[axis] = "c"
    inserted["axis_labels"] = labels
    return inserted


def _shape(layer: Image) -> tuple[int, ...]:
    """Return the shape of a layer at full resolution."""
    data: Any = layer.data[0] if layer.multiscale else layer.data
    return tuple(data.shape)


def strip_suffix(path: Path) -> str:
    """Return the name of a file without its suffix, which may have two parts."""
    for suffix in DOUBLE_SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem


def _plugins() -> Any:
    """Return the manager of the installed plugins."""
    from npe2 import PluginManager

    return _discover_plugins(PluginManager.instance())


@lru_cache(maxsize=1)
def _discover_plugins(manager: Any) -> Any:
    """Find the installed plugins once, as that takes a third of a second."""
    manager.discover(include_npe1=True)
    return manager
