"""The acquisition of an image: microscope, channels, pixel size and axes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from napari_tf_deblur._layers.acquisition.axis_names import AxisNames
from napari_tf_deblur._layers.acquisition.metadata_description import NO_SIZE, Size


@dataclass(frozen=True)
class Acquisition:
    """The acquisition of an image. An unknown value is None.

    Attributes
    ----------
    numerical_aperture : float or None
        Numerical aperture of the objective.
    refractive_index : float or None
        Refractive index of the immersion medium, between objective and specimen. It is larger than
        the numerical aperture.
    microscope : str or None
        ``"widefield"``, ``"confocal"``, ``"light sheet"`` or ``"multiphoton"``.
    emission, excitation : float or None
        Wavelengths of the channel that the layer shows, in nanometres.
    pinhole : float or None
        Diameter of the pinhole, in Airy units.
    channel : str
        Name of the channel that the layer shows; empty if it is not certain.
    channels : tuple of (str, float or None)
        Name and emission wavelength (in nanometres) of each channel in the file.
    pixel_size : tuple of float or None
        Size of a pixel along z, y and x, in micrometres.
    impossible_sizes : tuple of float
        Pixel sizes in the metadata, in micrometres, that no light microscope has.
    rejected_numbers : tuple of float
        Numbers in the file that were rejected as sizes, because they have no unit of length or are
        impossible. A reader may have used them as sizes nevertheless.
    axes : tuple of str
        Names of the axes of the layer, without colours; empty if they are not certain.
    shape : mapping of str to int
        Number of pixels along T, C, Z, Y and X of the file, as far as the metadata has them.
    record : mapping or None
        The record of a result that was saved, as the file has it: unchecked.
    has_all_sizes : bool
        Whether all sizes in the file were read. If so, a missing size is unknown, and a step of 1
        was filled in by a reader.
    metadata_keys : mapping
        For each value above, the key in ``layer.metadata`` from which it was read, or "file".
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
    has_all_sizes: bool = False
    metadata_keys: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({}), hash=False
    )
