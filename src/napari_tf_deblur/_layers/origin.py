"""Finds the file from which a layer was read, so that a script can read it again."""

from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import napari
from napari.layers import Layer

CHANNEL_ORIGIN_KEY = "napari_tf_deblur_part"
"""Key in ``layer.metadata`` of a layer that is one channel of a file. The value has "path" and
"plugin" of the layer that was split, and "axis" and "index" of the channel. Without "axis" and
"index", the layer is the whole image of a file that no viewer has opened."""


@dataclass(frozen=True)
class Origin:
    """The origin of a layer, as napari stores it.

    Attributes
    ----------
    name : str
        Name of the layer.
    path : str or None
        The file, folder or web address that was opened.
    plugin : str or None
        The plugin that read it.
    sample : tuple of str or None
        Plugin and key of sample data.
    place : int or None
        Index of the layer among the layers of the same file in the viewer; None if it is the only
        one.
    shape : tuple of int
        Number of pixels per axis at full resolution, with colours; empty if the data has no shape.
    multiscale : bool
        Whether the layer has several resolutions, the full one first.
    part : tuple of int or None
        Axis and index of the channel, if the layer is one channel of the file.
    """

    name: str
    path: str | None
    plugin: str | None
    sample: tuple[str, str] | None
    place: int | None
    shape: tuple[int, ...]
    multiscale: bool
    part: tuple[int, int] | None = None

    @classmethod
    def from_layer(cls, layer: Layer) -> "Origin":
        """Read the origin of a layer; its pixels are not read."""
        layer_source, split = layer.source, layer.metadata.get(CHANNEL_ORIGIN_KEY)
        multiscale = bool(layer.multiscale)
        data: Any = layer.data[0] if multiscale else layer.data
        return cls(
            name=layer.name,
            path=_make_absolute(find_path(layer)),
            plugin=split["plugin"] if split else layer_source.reader_plugin,
            sample=layer_source.sample,
            place=_find_position(layer),
            shape=tuple(int(n) for n in getattr(data, "shape", ())),
            multiscale=multiscale,
            part=(split["axis"], split["index"]) if split and "axis" in split else None,
        )


def find_path(layer: Layer) -> str | None:
    """Return the file, folder or web address from which a layer was read; None without one."""
    try:
        path = (layer.metadata.get(CHANNEL_ORIGIN_KEY) or {}).get("path") or layer.source.path
    except Exception:  # not a layer of napari
        return None
    return str(path) if isinstance(path, str | PurePath) and str(path) else None


def _make_absolute(path: str | None) -> str | None:
    """Return the absolute path; web addresses stay the same."""
    return path if not path or "://" in path else str(Path(path).absolute())


def _find_position(layer: Layer) -> int | None:
    """Return the index of a layer among the layers of its file, if the viewer has several."""
    layer_source, viewer = layer.source, napari.current_viewer()
    if (
        viewer is None
        or layer not in viewer.layers
        or not (layer_source.path or layer_source.sample)
    ):
        return None
    key = (layer_source.path, layer_source.sample)
    siblings = [other for other in viewer.layers if (other.source.path, other.source.sample) == key]
    return siblings.index(layer) if len(siblings) > 1 else None
