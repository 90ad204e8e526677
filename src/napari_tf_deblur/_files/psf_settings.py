"""Which PSF the images of a batch have: the same for all, or by the optics of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from napari_tf_deblur._files.opening import open_images
from napari_tf_deblur._layers import record_check as check
from napari_tf_deblur._layers.pixel_size import PixelSize, pixel_size_of, with_pixel_size
from napari_tf_deblur._layers.psf_kinds import (
    ArrayPSF,
    DefocusPSF,
    EstimatedPSF,
    GaussianPSF,
    LayerPSF,
    MicroscopePSF,
    MotionPSF,
    PSFKind,
)
from napari_tf_deblur._layers.psf_kinds.microscope import (
    WIDEFIELD_ASSUMED,
    missing_numbers,
    numbers_told,
    optics_of,
)
from napari_tf_deblur._layers.source import Source, read
from napari_tf_deblur._optics.optics import Optics
from napari_tf_deblur.errors import InvalidValueError

WAVELENGTHS = ("emission", "excitation")
"""Numbers that belong to a channel, and not to the microscope."""

OPTICS = tuple(field.name for field in fields(Optics))

FIXED: dict[str, Any] = {kind.name: kind for kind in (GaussianPSF, DefocusPSF, MotionPSF)}
"""Kinds of PSF that are the same for every image."""


class PSFSettings(Protocol):
    """Says which PSF an image has."""

    def psf(self, source: Source, ndim: int, channel: int, channels: int) -> tuple[Source, PSFKind]:
        """Return the PSF of a channel of an image, and the image with the pixel size to use.

        Raises
        ------
        ValueError, TypeError
            If there is none; says why.
        """

    def record(self) -> dict[str, Any]:
        """Return what describes it, as plain data."""


@dataclass(frozen=True)
class SamePSF:
    """A PSF that is the same for every image, in pixels.

    Attributes
    ----------
    kind : PSFKind
        The PSF.
    """

    kind: Any

    def psf(self, source: Source, ndim: int, channel: int, channels: int) -> tuple[Source, PSFKind]:
        """See `PSFSettings`."""
        return source, self.kind

    def record(self) -> dict[str, Any]:
        """See `PSFSettings`."""
        values = {one.name: getattr(self.kind, one.name) for one in fields(self.kind)}
        if isinstance(self.kind, ArrayPSF):
            values = {"array": np.asarray(self.kind.values).tolist()}
        return {"kind": self.kind.name, **values}


@dataclass(frozen=True)
class FoundPSF:
    """A PSF that is found in each image."""

    def psf(self, source: Source, ndim: int, channel: int, channels: int) -> tuple[Source, PSFKind]:
        """See `PSFSettings`."""
        return source, EstimatedPSF(ndim)

    def record(self) -> dict[str, Any]:
        """See `PSFSettings`."""
        return {"kind": EstimatedPSF.name}


@dataclass(frozen=True)
class BeadPSF:
    """A PSF that a picture of beads shows, in a file.

    Attributes
    ----------
    path : str
        The file.
    """

    path: str

    def psf(self, source: Source, ndim: int, channel: int, channels: int) -> tuple[Source, PSFKind]:
        """See `PSFSettings`."""
        return source, LayerPSF(read(_bead(self.path)))

    def record(self) -> dict[str, Any]:
        """See `PSFSettings`."""
        return {"kind": LayerPSF.name, "path": self.path}


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


def psf_settings(record: Mapping[str, Any]) -> PSFSettings:
    """Make settings of what describes a PSF: the record of a run, or that of such settings.

    Parameters
    ----------
    record : mapping
        It may come out of a file.

    Raises
    ------
    ValueError, TypeError, KeyError
        If it lacks something, or holds what is never written.
    """
    kind = record["kind"]
    if kind in FIXED:
        return SamePSF(FIXED[kind].of_record(record))
    if kind == EstimatedPSF.name:
        return FoundPSF()
    if kind == ArrayPSF.name:
        return SamePSF(ArrayPSF(np.asarray(check.array(record["array"]), np.float32)))
    if kind == LayerPSF.name:
        return BeadPSF(_path(record))
    check.require(kind in ("automatic", MicroscopePSF.name))
    usual = dict(record.get("optics") or {})
    check.require(set(usual) <= set(OPTICS))
    usual = {name: check.plain(value) for name, value in usual.items() if value is not None}
    if usual:
        optics_of(usual)  # which refuses what cannot be
    of_channels = check.tuple_of(check.plain)
    given = {name: of_channels(values) for name, values in (record.get("given") or {}).items()}
    check.require(set(given) <= set(OPTICS))
    return MicroscopeSettings(
        given=given,
        usual=usual,
        pixel=check.optional(check.positive)(record.get("pixel")),
        step=check.optional(check.positive)(record.get("step")),
        usual_spacing=check.tuple_of(check.positive)(record.get("spacing") or ()),
        or_found=kind == "automatic",
    )


def with_numbers(
    settings: PSFSettings, given: Mapping[str, tuple[Any, ...]], **sizes: float | None
) -> PSFSettings:
    """Return the settings with numbers that hold for every image; those of a microscope."""
    if not isinstance(settings, MicroscopeSettings):
        settings = MicroscopeSettings()
    known = {name: value for name, value in sizes.items() if value is not None}
    together: dict[str, Any] = {"given": {**settings.given, **given}, **known}
    return replace(settings, **together)


def _path(record: Mapping[str, Any]) -> str:
    """The file that shows the PSF."""
    origin = record.get("origin") or {}
    path = record.get("path") or origin.get("path")
    if not path:
        raise InvalidValueError(
            "The PSF was measured from an image that is in no file: save that image, and give it "
            "as the picture of beads."
        )
    return check.text(path)


@lru_cache(maxsize=2)
def _bead(path: str) -> Any:
    """The one image of a file; kept, for the PSF lies in it."""
    found = open_images(Path(path))
    if len(found) != 1:
        raise InvalidValueError(
            f"'{path}' has {len(found)} images; the picture of beads must be a single one."
        )
    return found[0].layer


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
