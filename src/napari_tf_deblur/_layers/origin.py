"""Where a layer came from, so that a script can read it again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import napari
from napari.layers import Layer


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
    """

    name: str
    path: str | None
    plugin: str | None
    sample: tuple[str, str] | None
    place: int | None
    shape: tuple[int, ...]
    multiscale: bool

    @classmethod
    def of(cls, layer: Layer) -> "Origin":
        """Ask a layer, without touching its pixels."""
        told = layer.source
        multiscale = bool(layer.multiscale)
        data: Any = layer.data[0] if multiscale else layer.data
        return cls(
            name=layer.name,
            path=_whole(told.path),
            plugin=told.reader_plugin,
            sample=told.sample,
            place=_place(layer),
            shape=tuple(int(n) for n in getattr(data, "shape", ())),
            multiscale=multiscale,
        )


def _whole(path: str | None) -> str | None:
    """A path that holds in every folder; web addresses stay as they are."""
    return path if not path or "://" in path else str(Path(path).absolute())


def _place(layer: Layer) -> int | None:
    """Which of the layers of one file a layer is, if the window shows several."""
    told, viewer = layer.source, napari.current_viewer()
    if viewer is None or layer not in viewer.layers or not (told.path or told.sample):
        return None
    same = (told.path, told.sample)
    all_of_it = [one for one in viewer.layers if (one.source.path, one.source.sample) == same]
    return all_of_it.index(layer) if len(all_of_it) > 1 else None
