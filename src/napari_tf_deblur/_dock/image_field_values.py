"""Stores the values that the user typed for each image; another image does not inherit them."""

from typing import Any
from weakref import WeakKeyDictionary

from napari.layers import Layer

from napari_tf_deblur._layers.source import Source

FieldValues = dict[str, Any]


class ImageFieldValues:
    """Values that the user typed, by image; they are stored as long as its layer exists.

    Values that were typed while there was no image apply to every image.

    Parameters
    ----------
    share_by_file : bool
        Whether all layers from one file share the values; not for a wavelength, which belongs to
        one channel.
    """

    def __init__(self, share_by_file: bool = True) -> None:
        self._share_by_file = share_by_file
        self._by_layer: WeakKeyDictionary[Layer, FieldValues] = WeakKeyDictionary()
        self._by_file: dict[object, FieldValues] = {}
        self._without_image: FieldValues = {}

    def store(self, source: Source | None, values: FieldValues) -> None:
        """Store the values for an image; None if there was no image."""
        if source is None:
            self._without_image = values
            return
        layer = source.layer()
        if layer is not None:
            self._by_layer[layer] = values
        if self._share_by_file and (file := _file_key(source)):
            self._by_file[file] = values

    def get_values(self, source: Source | None) -> FieldValues:
        """Return the values typed for an image, else for its file, else without an image."""
        own = self.get_own_values(source)
        file = None if source is None else _file_key(source)
        return own or self._by_file.get(file, self._without_image)

    def get_own_values(self, source: Source | None) -> FieldValues:
        """Return the values that were typed for this image; empty if there are none."""
        layer = None if source is None else source.layer()
        return {} if layer is None else self._by_layer.get(layer, {})


def _file_key(source: Source) -> object:
    return source.origin.path or source.origin.sample
