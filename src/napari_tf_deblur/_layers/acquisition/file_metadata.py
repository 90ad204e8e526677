"""Reads the metadata of a layer's file, once per layer, in a thread: files may be on a server."""

from collections.abc import Mapping
from threading import Thread
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

from napari.layers import Layer

from napari_tf_deblur._layers.acquisition.tiff import read_tiff
from napari_tf_deblur._layers.origin import find_path

NO_FILE: Mapping[str, Any] = MappingProxyType({})

READ_TIMEOUT = 0.3
"""Longest time that the window waits for a file, in seconds. Limit: of time; reading the tags from
a local disk takes some milliseconds."""


class _FileReader(Thread):
    """A thread that reads the metadata of one file."""

    def __init__(self, path: str) -> None:
        super().__init__(name="reads the metadata of a file", daemon=True)
        self.path = path
        self.tags = NO_FILE
        self.start()

    def run(self) -> None:
        self.tags = read_tiff(self.path)


_readers: WeakKeyDictionary[Layer, _FileReader] = WeakKeyDictionary()


def file_description(
    layer: Layer, timeout: float | None = READ_TIMEOUT
) -> Mapping[str, Any] | None:
    """Return the metadata of the file of a layer.

    Parameters
    ----------
    layer : napari.layers.Layer
        The layer.
    timeout : float or None
        Longest time to wait in the first call for a layer, in seconds. None waits until the file
        is read, in every call.

    Returns
    -------
    mapping or None
        See `read_tiff`. Empty without a file; None while the file is being read.
    """
    path = find_path(layer)
    if not path:
        return NO_FILE
    reader = _readers.get(layer)
    if reader is None or reader.path != path:
        reader = _readers[layer] = _FileReader(path)
        reader.join(timeout)
    elif timeout is None:
        reader.join()
    return None if reader.is_alive() else reader.tags
