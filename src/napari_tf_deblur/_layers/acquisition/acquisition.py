"""What is known of how an image was acquired."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from napari_tf_deblur._layers.acquisition.axis_names import AxisNames
from napari_tf_deblur._layers.acquisition.metadata_description import NO_SIZE, Size


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
    impossible : tuple of float
        Sizes of pixels that are told, in micrometers, and cannot be those of a light microscope.
    disbelieved : tuple of float
        Numbers that the file has in place of a size, because they have no unit of length or cannot
        be: a reader may have taken them for a size all the same.
    axes : tuple of str
        What the axes of the layer are, colours left out; empty if that is not certain.
    shape : mapping of str to int
        Number of pixels along T, C, Z, Y and X of the file, as far as they are told.
    record : mapping or None
        What a result that was saved says of itself; as it is in the file, unchecked.
    tells_sizes : bool
        Whether all was read that the file says of sizes: what it does not say then is not known,
        and a step of 1 is what readers fill in.
    where : mapping
        The key in ``layer.metadata`` that each of the above was read from, or "file".
    """

    numerical_aperture: float | None = None
    refractive_index: float | None = None
    microscope: str | None = None
    emission: float | None = None
    excitation: float | None = None
    pinhole: float | None = None
    channel: str = ""
    channels: tuple[tuple[str, float | None], ...] = ()
    pixel_size: Size = NO_SIZE
    impossible_sizes: tuple[float, ...] = ()
    rejected_numbers: tuple[float, ...] = ()
    axes: AxisNames = ()
    shape: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    record: Mapping[str, Any] | None = field(default=None, compare=False)
    tells_sizes: bool = False
    metadata_keys: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({}), hash=False
    )
