"""The values that one source of metadata has for the acquisition of an image, and their bounds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

Size = tuple[float | None, float | None, float | None]
"""Size of a pixel along z, y and x, in micrometres; None if unknown."""

NO_SIZE: Size = (None, None, None)

APERTURE_BOUNDS = (0.005, 1.7)
INDEX_BOUNDS = (1.0, 2.0)
WAVELENGTH_BOUNDS = (200.0, 3000.0)
PINHOLE_BOUNDS = (0.01, 100.0)
"""Smallest and largest possible values: of numerical apertures, refractive indices, wavelengths in
nm, and pinholes in Airy units. Guard: against numbers in other units and mistakes in files;
``tests/layers/test_acquisition.py``."""

T = TypeVar("T")


@dataclass(frozen=True)
class FileChannel:
    """One channel of a file. Wavelengths are in nanometres, the pinhole is in Airy units."""

    name: str
    id: str = ""
    emission: float | None = None
    excitation: float | None = None
    microscope: str | None = None
    pinhole: float | None = None


@dataclass(frozen=True)
class MetadataDescription:
    """The values in one source of metadata.

    Attributes
    ----------
    channels : tuple of FileChannel
        The channels, in the order of the file.
    images : tuple of str
        Names of the images in the file.
    numerical_aperture : float or None
        Numerical aperture of the objective.
    refractive_indices : tuple of float
        Refractive indices of the immersion medium, the most reliable one first.
    pixel_size : tuple of float or None
        Pixel size along z, y and x, in micrometres. It may be impossible.
    size_unit : str
        The unit of the pixel size in the file, if it may be one for printing.
    raw_sizes : tuple of float or None
        The numbers in the file for the pixel size along z, y and x, in any unit or none.
    has_all_sizes : bool
        Whether these are all sizes in the file.
    shape : mapping of str to int
        Number of pixels along T, C, Z, Y and X, as far as the metadata has them.
    orders : tuple of str
        Orders in which readers may return these axes, such as "TCZYX".
    microscope, pinhole : str, float, or None
        Values for all channels, if the metadata has none for each channel.
    record : mapping or None
        The record of a result that was saved, as the file has it: unchecked.
    """

    channels: tuple[FileChannel, ...] = ()
    images: tuple[str, ...] = ()
    numerical_aperture: float | None = None
    refractive_indices: tuple[float, ...] = ()
    pixel_size: Size = NO_SIZE
    size_unit: str = ""
    raw_sizes: Size = NO_SIZE
    has_all_sizes: bool = False
    shape: Mapping[str, int] = field(default_factory=dict, hash=False)
    orders: tuple[str, ...] = ()
    microscope: str | None = None
    pinhole: float | None = None
    record: Mapping[str, Any] | None = field(default=None, hash=False)


def find_common_value(values: Iterable[T | None]) -> T | None:
    """Return the value if all values are equal; None if they differ, or are unknown."""
    unique_values = set(values)
    return unique_values.pop() if len(unique_values) == 1 else None
