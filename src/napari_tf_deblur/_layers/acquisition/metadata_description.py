"""What one piece of metadata says of how an image was acquired, and which numbers can be."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

Size = tuple[float | None, float | None, float | None]
"""Along z, y and x, in micrometers."""

NO_SIZE: Size = (None, None, None)

APERTURE_BOUNDS = (0.005, 1.7)
INDEX_BOUNDS = (1.0, 2.0)
WAVELENGTH_BOUNDS = (200.0, 3000.0)
PINHOLE_BOUNDS = (0.01, 100.0)
"""Values that can be true, least and largest: numerical apertures, refractive indices, wavelengths
in nm, pinholes in Airy units. Guard: against numbers in other units and mistakes in files;
``tests/layers/test_acquisition.py``."""

T = TypeVar("T")


@dataclass(frozen=True)
class FileChannel:
    """One channel of a file; wavelengths are in nanometers, the pinhole in Airy units."""

    name: str
    id: str = ""
    emission: float | None = None
    excitation: float | None = None
    microscope: str | None = None
    pinhole: float | None = None


@dataclass(frozen=True)
class MetadataDescription:
    """What one piece of metadata says.

    Attributes
    ----------
    channels : tuple of Channel
        In the order of the file.
    images : tuple of str
        Names of the file's images.
    numerical_aperture : float or None
        Of the objective.
    refractive_indices : tuple of float
        Those given, the surest first.
    pixel_size : tuple of float or None
        Along z, y and x, in micrometers, whether it can be or not.
    size_unit : str
        The unit in which it was given, where that may be one of printers.
    numbers : tuple of float or None
        The numbers that the file has for the pixel size, whatever their unit.
    tells_sizes : bool
        Whether this is all that the file says of sizes.
    shape : mapping of str to int
        Number of pixels along T, C, Z, Y and X, as far as they are told.
    orders : tuple of str
        Orders in which readers may leave these axes, such as "TCZYX".
    microscope, pinhole : str, float, or None
        Of all channels, where it is not told of each.
    record : mapping or None
        What a result that was saved says of itself; as it is in the file, unchecked.
    """

    channels: tuple[FileChannel, ...] = ()
    images: tuple[str, ...] = ()
    numerical_aperture: float | None = None
    refractive_indices: tuple[float, ...] = ()
    pixel_size: Size = NO_SIZE
    size_unit: str = ""
    raw_sizes: Size = NO_SIZE
    tells_sizes: bool = False
    shape: Mapping[str, int] = field(default_factory=dict, hash=False)
    orders: tuple[str, ...] = ()
    microscope: str | None = None
    pinhole: float | None = None
    record: Mapping[str, Any] | None = field(default=None, hash=False)


def find_common_value(values: Iterable[T | None]) -> T | None:
    """Return the value that all of them are; None if they differ, or one is not known."""
    different = set(values)
    return different.pop() if len(different) == 1 else None
