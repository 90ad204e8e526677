"""Reads how an image was acquired: combines the metadata of its layer and of its file."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

from napari.layers import Layer

from napari_tf_deblur._layers.acquisition.acquisition import Acquisition
from napari_tf_deblur._layers.acquisition.axis_names import AxisNames, match_axis_names
from napari_tf_deblur._layers.acquisition.channel import find_layer_channels
from napari_tf_deblur._layers.acquisition.file_metadata import file_description
from napari_tf_deblur._layers.acquisition.formats import describe_metadata
from napari_tf_deblur._layers.acquisition.length_units import is_possible_pixel_size
from napari_tf_deblur._layers.acquisition.metadata_description import (
    NO_SIZE,
    FileChannel,
    MetadataDescription,
    Size,
    find_common_value,
)
from napari_tf_deblur._layers.acquisition.tree import entry, to_tree
from napari_tf_deblur._layers.origin import CHANNEL_ORIGIN_KEY
from napari_tf_deblur._storage.axes import CHANNEL_NAMES, default_axis_labels

METADATA_KEYS = tuple(
    "ome_metadata ome_types bioio_metadata raw_image_metadata OME micromanager_metadata "
    "imagej_metadata lsm_metadata stk_metadata openreadout".split()
)
"""Keys in ``layer.metadata``, the most reliable first.

``ome_metadata`` is written by ndevio (an OME object) and napari-tiff (a dictionary), ``ome_types``
by napari-aicsimageio and napari-bioformats, ``raw_image_metadata`` by ndevio and
napari-aicsimageio, ``bioio_metadata`` by napari-bioio-reader, ``OME`` by napari-meta-tiff,
``micromanager_metadata`` and those of ImageJ, LSM and STK files by napari-tiff.
"""

WHOLE_METADATA = "metadata"
"""Key for ``layer.metadata`` itself: napari-bioio-reader writes the parts of an OME object there,
and napari-dv writes a header."""

DELTAVISION_KEYS = ("wave1", "wave2", "wave3", "wave4", "wave5", "nc", "dvid", "dx", "dy", "dz")
"""Entries of a DeltaVision header, which is ``layer.metadata`` itself."""

FROM_FILE = "file"
"""Key for the file from which the layer was read."""


@dataclass(frozen=True)
class _CachedAcquisition:
    """The acquisition of a layer, with what it was read from: a change means reading it again."""

    cache_key: tuple[Any, ...]
    metadata: Mapping[Any, Any]
    file: Mapping[str, Any] | None
    acquisition: Acquisition

    def matches(self, key: tuple[Any, ...], metadata: Mapping[Any, Any], file: Any) -> bool:
        """Whether nothing has changed since the layer was read."""
        is_same_layer = self.cache_key == key and self.file is file
        is_same = is_same_layer and self.metadata.keys() == metadata.keys()
        return is_same and all(self.metadata[key] is part for key, part in metadata.items())


_cache: WeakKeyDictionary[Layer, _CachedAcquisition] = WeakKeyDictionary()


def read_acquisition(layer: Layer) -> Acquisition:
    """Read how an image was acquired: from the metadata of its layer, and from its TIFF file.

    The result is cached while the name, the axes and the metadata of the layer stay the same.

    Parameters
    ----------
    layer : napari.layers.Image
        The layer, as a reader made it.

    Returns
    -------
    Acquisition
        The values that were found. Invalid metadata never raise an error. While the file is being
        read, only the metadata of the layer are used: see `is_being_read`.
    """
    try:
        file = file_description(layer)
        metadata = dict(layer.metadata)
        key = (layer.name, _shape(layer), layer.axis_labels, bool(layer.rgb))
        cached = _cache.get(layer)
    except Exception:  # not a layer of napari
        return Acquisition()
    if cached is None or not cached.matches(key, metadata, file):
        cached = _cache[layer] = _CachedAcquisition(
            key, metadata, file, _acquisition(layer, metadata, file)
        )
    return cached.acquisition


def is_being_read(layer: Layer) -> bool:
    """Whether the file of a layer is still being read; more values may be known later."""
    return file_description(layer) is None


def wait_for_file(layer: Layer) -> None:
    """Wait until the file of a layer is read."""
    with suppress(Exception):  # not a layer of napari
        file_description(layer, timeout=None)


def _acquisition(
    layer: Layer, metadata: Mapping[Any, Any], file: Mapping[str, Any] | None
) -> Acquisition:
    """Combine the descriptions; for each value, the first one that is known is used."""
    values: dict[str, Any] = {}
    keys: dict[str, str] = {}

    def use_first(name: str, value: Any, key: str) -> None:
        if name not in values and value not in (None, "", (), {}, NO_SIZE):
            values[name], keys[name] = value, key

    descriptions = list(_descriptions(layer, metadata, file or {}))
    for key, description in descriptions:
        axes = match_axis_names(_shape(layer), description.shape, description.orders)
        use_first("axes", axes, key)
        use_first("shape", description.shape, key)
        use_first("record", description.record, key)
        use_first("numerical_aperture", description.numerical_aperture, key)
        use_first("pixel_size", _select_possible_sizes(description), key)
    labels = _labels(layer, values.get("axes", ()))
    names: tuple[str, ...] = ()
    shown_channels: Sequence[int] = ()
    for key, description in descriptions:
        if not names and description.channels:
            names = _names(description.channels)
            shown_channels = _find_shown_channels(layer, labels, description)
            use_first("channel", names[shown_channels[0]] if shown_channels else "", key)
            channels = zip(names, description.channels)
            use_first("channels", tuple((n, c.emission) for n, c in channels), key)
        if names and _names(description.channels) == names:  # not the channels of another file
            for name in ("emission", "excitation", "microscope", "pinhole"):
                channel_values = [getattr(channel, name) for channel in description.channels]
                value = find_common_value(
                    [channel_values[k] for k in shown_channels] or channel_values
                )
                use_first(name, value, key)
        use_first("microscope", description.microscope, key)
    for key, description in descriptions:
        is_confocal = values.get("microscope") == "confocal"
        use_first("pinhole", description.pinhole if is_confocal else None, key)
        aperture = values.get("numerical_aperture", 0.0)
        indices = (n for n in description.refractive_indices if n > aperture)
        use_first("refractive_index", next(indices, None), key)
    impossible_sizes = [s for _, d in descriptions for s in _list_impossible_sizes(d)]
    return Acquisition(
        **values,
        impossible_sizes=tuple(dict.fromkeys(impossible_sizes)),
        rejected_numbers=tuple(n for _, d in descriptions for n in _iterate_rejected_numbers(d)),
        has_all_sizes=any(description.has_all_sizes for _, description in descriptions),
        metadata_keys=MappingProxyType(keys),
    )


def _descriptions(
    layer: Layer, metadata: Mapping[Any, Any], file: Mapping[str, Any]
) -> Iterator[tuple[str, MetadataDescription]]:
    """Yield the description of each metadata entry of the layer and of the file, with its key."""
    trees = [(key, entry(metadata, key)) for key in METADATA_KEYS]
    parts = {key: entry(metadata, key) for key in ("images", "instruments")}
    header = {key: entry(metadata, key) for key in DELTAVISION_KEYS}
    trees += [(WHOLE_METADATA, tree) for tree in (parts, header)]
    trees += [(FROM_FILE, tree) for tree in file.values()]
    for key, tree in trees:
        try:
            if callable(tree) and key == "ome_types" and not isinstance(tree, type):
                tree = tree()  # some readers store a function that reads the metadata
            tree = to_tree(tree)
            inner = entry(tree, "OME")  # the root of XML that was converted to a dictionary
            description = describe_metadata(tree if inner is None else inner, layer.name)
        except Exception:  # a file, or another plugin, may store anything
            continue
        yield key, description


def _select_possible_sizes(description: MetadataDescription) -> Size:
    """Return the possible sizes of a pixel; None for impossible ones."""
    z, y, x = (
        size if size and is_possible_pixel_size(1000 * size, axial, description.size_unit) else None
        for size, axial in zip(description.pixel_size, (True, False, False))
    )
    return (z, y, x)


def _list_impossible_sizes(description: MetadataDescription) -> list[float]:
    """List the impossible sizes. Sizes that state only the print resolution are left out."""
    return [
        size
        for size, axial in zip(description.pixel_size, (True, False, False))
        if size and not is_possible_pixel_size(1000 * size, axial)
    ]


def _iterate_rejected_numbers(description: MetadataDescription) -> Iterator[float]:
    """Yield the numbers that are not sizes, and the impossible sizes."""
    for number, size, possible_size in zip(
        description.raw_sizes, description.pixel_size, _select_possible_sizes(description)
    ):
        if possible_size is None:
            yield from (n for n in (number, size) if n is not None)


def _find_shown_channels(
    layer: Layer, labels: Sequence[str], description: MetadataDescription
) -> Sequence[int]:
    """Return the indices of the channels that the layer shows; empty for all or unknown ones."""
    channels = description.channels
    names, ids = [c.name for c in channels], [c.id for c in channels]
    axes = zip(labels, _shape(layer))
    try:
        if part := layer.metadata.get(CHANNEL_ORIGIN_KEY):
            return (part["index"],) if part["index"] < len(names) else ()
        if len(names) > 1 and (
            layer.rgb or any(a.lower() in CHANNEL_NAMES and n > 1 for a, n in axes)
        ):
            return ()  # the layer contains all channels
        return find_layer_channels(layer, names, ids, description.images)
    except Exception:  # not a layer of napari
        return ()


def _names(channels: tuple[FileChannel, ...]) -> tuple[str, ...]:
    """Return names of channels; those without a name get an identifier or a number."""
    return tuple(c.name or c.id or f"Channel {k}" for k, c in enumerate(channels))


def _shape(layer: Layer) -> tuple[int, ...]:
    """Return the number of pixels along each axis, without colours."""
    data: Any = layer.data[0] if layer.multiscale else layer.data
    return tuple(int(n) for n in data.shape[: -1 if layer.rgb else None])


def _labels(layer: Layer, names: AxisNames) -> Sequence[str]:
    """Return the axis labels of a layer, or those of its file if the layer has none."""
    labels = tuple(str(label) for label in layer.axis_labels)
    return names if names and labels == default_axis_labels(len(labels)) else labels
