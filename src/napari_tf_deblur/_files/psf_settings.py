"""Which PSF the images of a batch have: the same for all, or by the optics of each."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._files.microscope_settings import OPTICS, MicroscopeSettings
from napari_tf_deblur._files.opening import open_images
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
from napari_tf_deblur._layers.psf_kinds.microscope import optics_of
from napari_tf_deblur._layers.source import Source, read
from napari_tf_deblur._preparation import record_check as check

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
        The PSF; a Gaussian of one sigma has it along every axis that is deblurred.
    """

    kind: Any

    def psf(self, source: Source, ndim: int, channel: int, channels: int) -> tuple[Source, PSFKind]:
        """See `PSFSettings`."""
        if isinstance(self.kind, GaussianPSF) and self.kind.ndim == 1:
            return source, replace(self.kind, sigma=self.kind.sigma * ndim)
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
        return source, LayerPSF(read(_bead(self.path, Path(self.path).stat().st_mtime_ns)))

    def record(self) -> dict[str, Any]:
        """See `PSFSettings`."""
        return {"kind": LayerPSF.name, "path": self.path}


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
def _bead(path: str, _modified: int) -> Any:
    """The one image of a file; kept while the file is the same, for the PSF lies in it."""
    found = open_images(Path(path))
    if len(found) != 1:
        raise InvalidValueError(
            f"'{path}' has {len(found)} images; the picture of beads must be a single one."
        )
    return found[0].layer
