"""What the file of a layer says, read once per layer, beside the window: files may lie far away."""

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
"""Longest time that the window waits for a file, in seconds. Limit: of time; tags on a local disk
take some milliseconds."""


class _FileReader(Thread):
    """Reads the description of one file."""

    def __init__(self, path: str) -> None:
        super().__init__(name="reads a file's description", daemon=True)
        self.path = path
        self.tags = NO_FILE
        self.start()

    def run(self) -> None:
        self.tags = read_tiff(self.path)


_readings: WeakKeyDictionary[Layer, _FileReader] = WeakKeyDictionary()


def file_description(
    layer: Layer, timeout: float | None = READ_TIMEOUT
) -> Mapping[str, Any] | None:
    """Read what the file of a layer says.

    Parameters
    ----------
    layer : napari.layers.Layer
        The layer.
    patience : float or None
        Seconds to wait, the first time that a layer is asked; None is as long as it takes.

    Returns
    -------
    mapping or None
        See `read_tiff`; empty where there is no file, None while it is being read.
    """
    path = find_path(layer)
    if not path:
        return NO_FILE
    reading = _readings.get(layer)
    if reading is None or reading.path != path:
        reading = _readings[layer] = _FileReader(path)
        reading.join(timeout)
    elif timeout is None:
        reading.join()
    return None if reading.is_alive() else reading.tags
