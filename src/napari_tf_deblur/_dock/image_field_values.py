"""What the user gives for an image goes with that image, and is not valid for the next one."""

from typing import Any
from weakref import WeakKeyDictionary

from napari.layers import Layer

from napari_tf_deblur._layers.source import Source

FieldValues = dict[str, Any]


class ImageFieldValues:
    """Keeps what was typed for each image, as long as its layer exists.

    What was typed while there was no image is of every image.

    Parameters
    ----------
    of_file : bool
        Whether it is of all layers of a file; a wavelength is of one channel alone.
    """

    def __init__(self, share_by_file: bool = True) -> None:
        self._of_file = share_by_file
        self._by_layer: WeakKeyDictionary[Layer, FieldValues] = WeakKeyDictionary()
        self._by_file: dict[object, FieldValues] = {}
        self._of_none: FieldValues = {}

    def store(self, source: Source | None, values: FieldValues) -> None:
        """Keep what was typed for an image, or for none."""
        if source is None:
            self._of_none = values
            return
        layer = source.layer()
        if layer is not None:
            self._by_layer[layer] = values
        if self._of_file and (file := _file_key(source)):
            self._by_file[file] = values

    def get_values(self, source: Source | None) -> FieldValues:
        """What was typed for an image; if nothing was, for another layer of its file, or none."""
        own = self.get_own_values(source)
        file = None if source is None else _file_key(source)
        return own or self._by_file.get(file, self._of_none)

    def get_own_values(self, source: Source | None) -> FieldValues:
        """What was typed for an image itself; empty if nothing was."""
        layer = None if source is None else source.layer()
        return {} if layer is None else self._by_layer.get(layer, {})


def _file_key(source: Source) -> object:
    return source.origin.path or source.origin.sample
