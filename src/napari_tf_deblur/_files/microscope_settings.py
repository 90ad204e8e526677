"""The PSF of a microscope, for images whose files may say some of its numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._layers.pixel_size import PixelSize, pixel_size_of, with_pixel_size
from napari_tf_deblur._layers.psf_kinds import EstimatedPSF, MicroscopePSF, PSFKind
from napari_tf_deblur._layers.psf_kinds.microscope import (
    WIDEFIELD_ASSUMED,
    missing_numbers,
    numbers_told,
    optics_of,
)
from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._optics.optics import Optics

WAVELENGTHS = ("emission", "excitation")
"""Numbers that belong to a channel, and not to the microscope."""

OPTICS = tuple(field.name for field in fields(Optics))


@dataclass(frozen=True)
class MicroscopeSettings:
    """The PSF of a microscope, by what was given and by what the file of each image says.

    What is given comes first. Of what `usual` says, wavelengths come after those of the file, for
    they belong to a channel; all else before.

    Attributes
    ----------
    given : mapping of str to tuple
        Numbers of `Optics` that hold for every image: one, or one for each channel.
    usual : mapping of str to number
        Numbers of another image, as its record has them.
    pixel, step : float or None
        Size of a pixel, and from plane to plane, in nanometres; None is what the file says.
    usual_spacing : tuple of float
        The same of another image: used where the file says none.
    or_found : bool
        Whether the blur is found in an image whose numbers are not all known.
    """

    given: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    usual: Mapping[str, Any] = field(default_factory=dict)
    pixel: float | None = None
    step: float | None = None
    usual_spacing: tuple[float, ...] = ()
    or_found: bool = False

    def psf(self, source: Source, ndim: int, channel: int, channels: int) -> tuple[Source, PSFKind]:
        """See `PSFSettings`."""
        told = numbers_told(source)
        waves = {name: value for name, value in self.usual.items() if name in WAVELENGTHS}
        others = {name: value for name, value in self.usual.items() if name not in waves}
        own = {name: _of_channel(name, v, channel, channels) for name, v in self.given.items()}
        numbers = {**waves, **told, **others, **own}
        size = self._size(source)
        missing = missing_numbers(numbers, size, ndim)
        if (missing or source.rgb) and self.or_found:
            return source, EstimatedPSF(ndim)
        if missing:
            raise InvalidValueError(
                f"The PSF of a microscope needs {_listed(missing)}, which the file of "
                f"'{source.name}' does not say: give it, or let the blur be found from the image."
            )
        assumed = "" if "microscope" in numbers else WIDEFIELD_ASSUMED
        if size != pixel_size_of(source) and size.lateral:
            source = with_pixel_size(source, ndim, size.lateral, size.axial)
        return source, MicroscopePSF(optics_of(numbers), ndim, assumed)

    def record(self) -> dict[str, Any]:
        """See `PSFSettings`."""
        return {
            "kind": "automatic" if self.or_found else MicroscopePSF.name,
            "given": {name: list(values) for name, values in self.given.items()},
            "optics": dict(self.usual),
            "pixel": self.pixel,
            "step": self.step,
            "spacing": list(self.usual_spacing),
        }

    def _size(self, source: Source) -> PixelSize:
        """The pixel size that was given; a usual one where the file says none."""
        told, usual = pixel_size_of(source), self.usual_spacing
        pixel = self.pixel or told.lateral or (usual[-1] if usual else None)
        step = self.step or told.axial or (usual[0] if len(usual) == 3 else None)
        return replace(told, lateral=pixel, axial=step)


def automatic() -> MicroscopeSettings:
    """Return the settings that leave everything to the file, or else to the image."""
    return MicroscopeSettings(or_found=True)


def _of_channel(name: str, values: tuple[Any, ...], channel: int, channels: int) -> Any:
    """The value of one channel: the only one, or one of as many as there are channels."""
    if len(values) == 1:
        return values[0]
    if len(values) != channels:
        raise InvalidValueError(
            f"{len(values)} values of '{name.replace('_', ' ')}' are given, and the image has "
            f"{channels} channel{'s' * (channels != 1)}: give one value for all, or one for each."
        )
    return values[channel]


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
