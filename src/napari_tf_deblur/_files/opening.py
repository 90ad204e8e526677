"""Opening files as napari does it, by the readers that are installed, without a window."""

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
"""Endings that a reader of napari may know, and that are no images. A script would be run."""

PER_CHANNEL_KEYS = (
    "name",
    "colormap",
    "contrast_limits",
    "gamma",
    "blending",
    "visible",
    "opacity",
)
"""What readers give as a list, one for each channel."""


class CannotOpenError(UserError):
    """A file that is no image, or is damaged."""


@dataclass(frozen=True)
class FileImage:
    """An image of a file, as one layer.

    Attributes
    ----------
    layer : napari.layers.Image
        The image; of several channels, all of them along one axis.
    channels : tuple of str
        Names of the channels, if there are several.
    """

    layer: Image
    channels: tuple[str, ...] = ()

    def parts(self) -> list[Image]:
        """Return a layer of each channel; the layer itself where it has no channels."""
        return split_channels(self.layer) or [self.layer]


def is_openable(path: Path) -> bool:
    """Whether a reader that is installed says that it opens such a file, and it may be an image."""
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
        Name of the plugin that reads it; by default the first that can.

    Returns
    -------
    list of Picture
        With what the file says of them, as in napari.

    Raises
    ------
    CannotOpenError
        If it holds no image that can be read; says why.
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
        found, contribution = io_utils.read_get_reader([str(path)], stack=False, plugin_name=reader)
        pictures = [
            _make_file_image(path, contribution.plugin_name, data, told)
            for data, told, kind in map(_complete_layer_tuple, found)
            if data is not None and kind == "image"
        ]
    except Exception as error:  # of any reader
        said = " ".join(str(error).split()) or type(error).__name__
        raise CannotOpenError(
            "The file cannot be opened: it is damaged, or no image that a reader knows which is "
            f"installed ({said.rstrip('.')})."
        ) from error
    if not pictures:
        raise CannotOpenError("The file holds no image.")
    return pictures


def _ome_zarr(path: Path) -> FileImage | None:
    """Open an OME-Zarr image, lazily; None of anything else."""
    try:
        image = open_image(path)
    except UserError:  # another kind of folder, or nothing is installed that reads it
        return None
    data, told, _ = build_layer_data(image, split=False)
    about = image.description
    channels = () if about.rgb else tuple(channel.name for channel in about.channels)
    return _make_file_image(path, None, data, told, channels)


def _complete_layer_tuple(found: Any) -> tuple[Any, Mapping[str, Any], str]:
    """What a reader returns, which may leave out what is usual."""
    usual: tuple[Any, ...] = (None, {}, "image")
    given = tuple(found)
    data, told, kind = (*given, *usual[len(given) :])
    return data, told, kind


def _make_file_image(
    path: Path,
    plugin: str | None,
    data: Any,
    told: Mapping[str, Any],
    names: tuple[str, ...] = (),
) -> FileImage:
    """Make one layer of what a reader returns, its channels along one axis."""
    about = dict(told)
    axis = about.pop("channel_axis", None)
    if axis is not None:
        levels = data if isinstance(data, list | tuple) else [data]
        axis, count = axis % levels[0].ndim, levels[0].shape[axis]
        given = about.get("name")
        if isinstance(given, list | tuple) and len(given) == count:
            names = tuple(map(str, given))
        for key in PER_CHANNEL_KEYS:
            if isinstance(about.get(key), list | tuple):
                del about[key]
        about = {**about, **_insert_channel_axis(about, axis, levels[0].ndim), "rgb": False}
    elif isinstance(about.get("name"), list | tuple):
        del about["name"]
    about["name"] = about.get("name") or _file_stem(path)
    about["metadata"] = {
        **about.get("metadata", {}),
        CHANNEL_ORIGIN_KEY: {"path": str(path), "plugin": plugin},
    }
    layer = Image(data, **about)
    if np.dtype(layer.dtype).kind not in "biuf" or 0 in _shape(layer):
        raise ValueError("it holds no pixels that are real numbers")
    wait_for_file(layer)
    source = read_source(layer)
    place = find_channel_axis(source)
    if place is None:
        return FileImage(layer)
    if len(names) != source.axes[place].size:
        names = tuple(part.name.split(" :: ")[0] for part in split_channels(layer))
    return FileImage(layer, names)


def _insert_channel_axis(about: Mapping[str, Any], axis: int, ndim: int) -> dict[str, Any]:
    """Put the axis of channels into what a reader says of the others."""
    found: dict[str, Any] = {}
    for key, value in (("scale", 1.0), ("translate", 0.0), ("units", "pixel")):
        if about.get(key) is not None and len(about[key]) == ndim - 1:
            found[key] = [*about[key][:axis], value, *about[key][axis:]]
    labels = list(about.get("axis_labels") or default_axis_labels(ndim - 1))
    if len(labels) == ndim - 1:
        own = list(default_axis_labels(ndim)) if not about.get("axis_labels") else None
        labels = own or [*labels[:axis], "c", *labels[axis:]]
    labels[axis] = "c"
    found["axis_labels"] = labels
    return found


def _shape(layer: Image) -> tuple[int, ...]:
    data: Any = layer.data[0] if layer.multiscale else layer.data
    return tuple(data.shape)


def _file_stem(path: Path) -> str:
    """Name of a file without its ending, of which some have two parts."""
    name = path.name
    for ending in (".ome.tiff", ".ome.tif", ".ome.zarr"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return path.stem or name


def _plugins() -> Any:
    """The plugins that are installed."""
    from npe2 import PluginManager

    return _discover_plugins(PluginManager.instance())


@lru_cache(maxsize=1)
def _discover_plugins(manager: Any) -> Any:
    """The plugins, looked for once: that takes a third of a second."""
    manager.discover(include_npe1=True)
    return manager
