"""Reading how an image was acquired: what its layer and its file say, put together."""

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

METADATA_KEYS = (
    "ome_metadata",
    "ome_types",
    "bioio_metadata",
    "raw_image_metadata",
    "OME",
    "micromanager_metadata",
    "imagej_metadata",
    "lsm_metadata",
    "stk_metadata",
    "openreadout",
)
"""Keys in ``layer.metadata``, the surest first.

``ome_metadata`` is left by ndevio (an OME object) and napari-tiff (a dictionary), ``ome_types`` by
napari-aicsimageio and napari-bioformats, ``raw_image_metadata`` by ndevio and napari-aicsimageio,
``bioio_metadata`` by napari-bioio-reader, ``OME`` by napari-meta-tiff, ``micromanager_metadata``
and those of ImageJ, LSM and STK files by napari-tiff.
"""

WHOLE_METADATA = "metadata"
"""Stands for ``layer.metadata`` itself: napari-bioio-reader leaves an OME object in parts there,
and napari-dv a header."""

DELTAVISION_KEYS = ("wave1", "wave2", "wave3", "wave4", "wave5", "nc", "dvid", "dx", "dy", "dz")
"""What is read of DeltaVision's header, where it is the metadata itself."""

FROM_FILE = "file"
"""Stands for the file that the layer was read from."""


@dataclass(frozen=True)
class _CachedAcquisition:
    """What was read of a layer, and from what, so that it is read again if that has changed."""

    cache_key: tuple[Any, ...]
    metadata: Mapping[Any, Any]
    file: Mapping[str, Any] | None
    acquisition: Acquisition

    def matches(self, of: tuple[Any, ...], metadata: Mapping[Any, Any], file: Any) -> bool:
        same = (
            self.metadata.keys() == metadata.keys() and self.file is file and self.cache_key == of
        )
        return same and all(self.metadata[key] is part for key, part in metadata.items())


_cache: WeakKeyDictionary[Layer, _CachedAcquisition] = WeakKeyDictionary()


def read_acquisition(layer: Layer) -> Acquisition:
    """Read how an image was acquired: its layer's metadata, and its file if that is a TIFF file.

    What was read is kept while the layer's name, axes and metadata are the same.

    Parameters
    ----------
    layer : napari.layers.Image
        The layer, as a reader made it.

    Returns
    -------
    Acquisition
        What they say; never an error, whatever is in them. While the file is being read, what the
        layer says alone: see `is_being_read`.
    """
    try:
        file = file_description(layer)
        metadata = dict(layer.metadata)
        of = (layer.name, _shape(layer), layer.axis_labels, bool(layer.rgb))
        kept = _cache.get(layer)
    except Exception:  # no layer of napari's
        return Acquisition()
    if kept is None or not kept.matches(of, metadata, file):
        kept = _cache[layer] = _CachedAcquisition(
            of, metadata, file, _acquisition(layer, metadata, file)
        )
    return kept.acquisition


def is_being_read(layer: Layer) -> bool:
    """Whether the file of a layer is still being read, so that more may be known later."""
    return file_description(layer) is None


def wait_for_file(layer: Layer) -> None:
    """Wait until the file of a layer is read."""
    with suppress(Exception):  # of what is no layer of napari's
        file_description(layer, timeout=None)


def _acquisition(
    layer: Layer, metadata: Mapping[Any, Any], file: Mapping[str, Any] | None
) -> Acquisition:
    found: dict[str, Any] = {}
    where: dict[str, str] = {}

    def note(name: str, value: Any, key: str) -> None:
        if name not in found and value not in (None, "", (), {}, NO_SIZE):
            found[name], where[name] = value, key

    descriptions = list(_descriptions(layer, metadata, file or {}))
    for key, said in descriptions:
        note("axes", match_axis_names(_shape(layer), said.shape, said.orders), key)
        note("shape", said.shape, key)
        note("record", said.record, key)
        note("numerical_aperture", said.numerical_aperture, key)
        note("pixel_size", _select_possible_sizes(said), key)
    labels = _labels(layer, found.get("axes", ()))
    names: tuple[str, ...] = ()
    own: Sequence[int] = ()
    for key, said in descriptions:
        if not names and said.channels:
            names = _names(said.channels)
            own = _find_own_channels(layer, labels, said)
            note("channel", names[own[0]] if own else "", key)
            note("channels", tuple((n, c.emission) for n, c in zip(names, said.channels)), key)
        if names and _names(said.channels) == names:  # else these are channels of another file
            for name in ("emission", "excitation", "microscope", "pinhole"):
                values = [getattr(channel, name) for channel in said.channels]
                note(name, find_common_value([values[k] for k in own] or values), key)
        note("microscope", said.microscope, key)
    for key, said in descriptions:
        note("pinhole", said.pinhole if found.get("microscope") == "confocal" else None, key)
        indices = (n for n in said.refractive_indices if n > found.get("numerical_aperture", 0.0))
        note("refractive_index", next(indices, None), key)
    impossible = [size for _, said in descriptions for size in _list_impossible_sizes(said)]
    return Acquisition(
        **found,
        impossible_sizes=tuple(dict.fromkeys(impossible)),
        rejected_numbers=tuple(
            number for _, said in descriptions for number in _iterate_rejected_numbers(said)
        ),
        tells_sizes=any(said.tells_sizes for _, said in descriptions),
        metadata_keys=MappingProxyType(where),
    )


def _descriptions(
    layer: Layer, metadata: Mapping[Any, Any], file: Mapping[str, Any]
) -> Iterator[tuple[str, MetadataDescription]]:
    """Read all that readers may have left, and what the file says, each with its key."""
    trees = [(key, entry(metadata, key)) for key in METADATA_KEYS]
    parts = {key: entry(metadata, key) for key in ("images", "instruments")}
    header = {key: entry(metadata, key) for key in DELTAVISION_KEYS}
    trees += [(WHOLE_METADATA, tree) for tree in (parts, header)]
    trees += [(FROM_FILE, tree) for tree in file.values()]
    for key, tree in trees:
        try:
            if callable(tree) and key == "ome_types" and not isinstance(tree, type):
                tree = tree()  # a reader may leave a function that reads the metadata
            tree = to_tree(tree)
            inner = entry(tree, "OME")  # the root of XML that was made a dictionary
            said = describe_metadata(tree if inner is None else inner, layer.name)
        except Exception:  # whatever a file, or another plugin, may hold
            continue
        yield key, said


def _select_possible_sizes(said: MetadataDescription) -> Size:
    """Return those sizes of a pixel that can be."""
    z, y, x = (
        size if size and is_possible_pixel_size(1000 * size, axial, said.size_unit) else None
        for size, axial in zip(said.pixel_size, (True, False, False))
    )
    return (z, y, x)


def _list_impossible_sizes(said: MetadataDescription) -> list[float]:
    """Return those that cannot be, but those that only say how the image is printed."""
    return [
        size
        for size, axial in zip(said.pixel_size, (True, False, False))
        if size and not is_possible_pixel_size(1000 * size, axial)
    ]


def _iterate_rejected_numbers(said: MetadataDescription) -> Iterator[float]:
    """Return the numbers that are no size, and the sizes that cannot be."""
    for number, size, believed in zip(
        said.raw_sizes, said.pixel_size, _select_possible_sizes(said)
    ):
        if believed is None:
            yield from (n for n in (number, size) if n is not None)


def _find_own_channels(
    layer: Layer, labels: Sequence[str], said: MetadataDescription
) -> Sequence[int]:
    names, ids = [c.name for c in said.channels], [c.id for c in said.channels]
    axes = zip(labels, _shape(layer))
    try:
        if part := layer.metadata.get(CHANNEL_ORIGIN_KEY):
            return (part["index"],) if part["index"] < len(names) else ()
        if len(names) > 1 and (
            layer.rgb or any(a.lower() in CHANNEL_NAMES and n > 1 for a, n in axes)
        ):
            return ()  # all channels are in it
        return find_layer_channels(layer, names, ids, said.images)
    except Exception:  # of a layer unlike napari's
        return ()


def _names(channels: tuple[FileChannel, ...]) -> tuple[str, ...]:
    return tuple(c.name or c.id or f"Channel {k}" for k, c in enumerate(channels))


def _shape(layer: Layer) -> tuple[int, ...]:
    """Number of pixels along each axis, without colours."""
    data: Any = layer.data[0] if layer.multiscale else layer.data
    return tuple(int(n) for n in data.shape[: -1 if layer.rgb else None])


def _labels(layer: Layer, names: AxisNames) -> Sequence[str]:
    """The names of a layer's axes: its own, or those that the file tells where it has none."""
    labels = tuple(str(label) for label in layer.axis_labels)
    return names if names and labels == default_axis_labels(len(labels)) else labels
