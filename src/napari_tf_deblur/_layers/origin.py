"""Where a layer came from, so that a script can read it again."""

from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import napari
from napari.layers import Layer

CHANNEL_ORIGIN_KEY = "napari_tf_deblur_part"
"""Where a channel that was split off keeps which part of which file it is, in ``layer.metadata``:
"path" and "plugin" of the layer that was split, and the "axis" and "index" of the channel. Without
those, it is all of it, in a layer that no viewer has opened."""


@dataclass(frozen=True)
class Origin:
    """Where a layer came from, as napari remembers it.

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
        Which one it is of several layers of the same file in the viewer; None for the only one.
    shape : tuple of int
        Number of pixels per axis at full resolution, with colours; empty where there are none.
    multiscale : bool
        Whether the layer has several resolutions, the full one first.
    part : tuple of int or None
        Axis and index of the channel, where the layer is one of those that a file has together.
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
        """Ask a layer, without touching its pixels."""
        told, split = layer.source, layer.metadata.get(CHANNEL_ORIGIN_KEY)
        multiscale = bool(layer.multiscale)
        data: Any = layer.data[0] if multiscale else layer.data
        return cls(
            name=layer.name,
            path=_make_absolute(find_path(layer)),
            plugin=split["plugin"] if split else told.reader_plugin,
            sample=told.sample,
            place=_find_position(layer),
            shape=tuple(int(n) for n in getattr(data, "shape", ())),
            multiscale=multiscale,
            part=(split["axis"], split["index"]) if split and "axis" in split else None,
        )


def find_path(layer: Layer) -> str | None:
    """Return the file, folder or web address that a layer was read from, if there is one."""
    try:
        path = (layer.metadata.get(CHANNEL_ORIGIN_KEY) or {}).get("path") or layer.source.path
    except Exception:  # no layer of napari's
        return None
    return str(path) if isinstance(path, str | PurePath) and str(path) else None


def _make_absolute(path: str | None) -> str | None:
    """A path that holds in every folder; web addresses stay as they are."""
    return path if not path or "://" in path else str(Path(path).absolute())


def _find_position(layer: Layer) -> int | None:
    """Which of the layers of one file a layer is, if the window shows several."""
    told, viewer = layer.source, napari.current_viewer()
    if viewer is None or layer not in viewer.layers or not (told.path or told.sample):
        return None
    same = (told.path, told.sample)
    all_of_it = [one for one in viewer.layers if (one.source.path, one.source.sample) == same]
    return all_of_it.index(layer) if len(all_of_it) > 1 else None
