"""How an image was acquired, as far as the metadata of its layer say it.

Readers leave what they found in a file in ``layer.metadata``, under keys of their own; see `KEYS`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from napari.layers import Layer

from napari_tf_deblur._layers.acquisition_channel import own_channel
from napari_tf_deblur._layers.acquisition_formats import (
    Channel,
    Description,
    Size,
    agreed,
    described,
)
from napari_tf_deblur._layers.metadata_tree import entry, tree_of

KEYS = ("ome_metadata", "ome_types", "bioio_metadata", "raw_image_metadata", "OME")
"""Keys in ``layer.metadata``, the surest first.

``ome_metadata`` is left by ndevio (an OME object) and napari-tiff (a dictionary), ``ome_types`` by
napari-aicsimageio and napari-bioformats, ``raw_image_metadata`` by ndevio and napari-aicsimageio,
``bioio_metadata`` by napari-bioio-reader, ``OME`` by napari-meta-tiff.
"""


@dataclass(frozen=True)
class Acquisition:
    """What is known of how an image was acquired. What is not known is None.

    Attributes
    ----------
    numerical_aperture : float or None
        Of the objective.
    refractive_index : float or None
        Of what is between objective and specimen; larger than the aperture.
    microscope : str or None
        ``"widefield"``, ``"confocal"``, ``"light sheet"`` or ``"multiphoton"``.
    emission, excitation : float or None
        Wavelengths of the layer's own channel, in nanometers.
    pinhole : float or None
        Its diameter in Airy units.
    channel : str
        Name of the layer's own channel; empty if it is not certain which one that is.
    channels : tuple of (str, float or None)
        Name and emission of each channel in the file.
    pixel_size : tuple of float or None
        Size of a pixel along z, y and x, in micrometers.
    where : mapping
        The key in ``layer.metadata`` that each of the above was read from.
    """

    numerical_aperture: float | None = None
    refractive_index: float | None = None
    microscope: str | None = None
    emission: float | None = None
    excitation: float | None = None
    pinhole: float | None = None
    channel: str = ""
    channels: tuple[tuple[str, float | None], ...] = ()
    pixel_size: Size = (None, None, None)
    where: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)


def acquisition_of(layer: Layer) -> Acquisition:
    """Read how an image was acquired.

    Parameters
    ----------
    layer : napari.layers.Image
        The layer, as a reader made it.

    Returns
    -------
    Acquisition
        What its metadata say; never an error, whatever is in them.
    """
    found: dict[str, Any] = {}
    where: dict[str, str] = {}

    def note(name: str, value: Any, key: str) -> None:
        if name not in found and value not in (None, "", (), (None, None, None)):
            found[name], where[name] = value, key

    names: tuple[str, ...] = ()
    own: int | None = None
    descriptions = list(_descriptions(layer))
    for key, said in descriptions:
        note("numerical_aperture", said.numerical_aperture, key)
        note("pixel_size", said.pixel_size, key)
        if not names and said.channels:
            names = _names(said.channels)
            own = _own(layer, said)
            note("channel", "" if own is None else names[own], key)
            note("channels", tuple((n, c.emission) for n, c in zip(names, said.channels)), key)
        if names and _names(said.channels) == names:  # else these are channels of another file
            for name in ("emission", "excitation", "microscope", "pinhole"):
                values = [getattr(channel, name) for channel in said.channels]
                note(name, agreed(values) if own is None else values[own], key)
    aperture = found.get("numerical_aperture", 0.0)
    for key, said in descriptions:
        index = next((n for n in said.refractive_indices if n > aperture), None)
        note("refractive_index", index, key)
    return Acquisition(**found, where=MappingProxyType(where))


def _descriptions(layer: Layer) -> Iterator[tuple[str, Description]]:
    """Read all that readers may have left, each with its key."""
    metadata = entry(layer, "metadata")
    trees = {key: entry(metadata, key) for key in KEYS}
    # napari-bioio-reader leaves an OME object in parts.
    trees["images"] = {key: entry(metadata, key) for key in ("images", "instruments")}
    for key, tree in trees.items():
        try:
            if callable(tree) and key == "ome_types" and not isinstance(tree, type):
                tree = tree()  # a reader may leave a function that reads the metadata
            tree = tree_of(tree)
            inner = entry(tree, "OME")  # the root of XML that was made a dictionary
            said = described(tree if inner is None else inner, str(entry(layer, "name")))
        except Exception:  # whatever a file, or another plugin, may hold
            continue
        yield key, said


def _own(layer: Layer, said: Description) -> int | None:
    names, ids = [c.name for c in said.channels], [c.id for c in said.channels]
    try:
        return own_channel(layer, names, ids, said.images)
    except Exception:  # of a layer unlike napari's
        return None


def _names(channels: tuple[Channel, ...]) -> tuple[str, ...]:
    return tuple(c.name or c.id or f"Channel {k}" for k, c in enumerate(channels))
