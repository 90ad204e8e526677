"""Which PSF the images of a batch have, from a record; and the file of a PSF."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from napari.layers import Image

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._files.opening import open_images
from napari_tf_deblur._layers.psf_kinds import (
    AUTOMATIC,
    KINDS_BY_NAME,
    MicroscopePSF,
    MicroscopeSettings,
    PSFKind,
    PSFSettings,
)
from napari_tf_deblur._preparation import record_check as check


def psf_settings_from_record(record: Mapping[str, Any]) -> PSFSettings:
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
    kinds: dict[str, type[PSFKind]] = {AUTOMATIC: MicroscopePSF, **KINDS_BY_NAME}
    kind = check.text(record["kind"])
    check.require(kind in kinds)
    return kinds[kind].read_settings(record, open_layer)


def with_numbers(
    settings: PSFSettings, given: Mapping[str, tuple[Any, ...]], **sizes: float | None
) -> PSFSettings:
    """Return the settings with numbers that hold for every image; those of a microscope."""
    if not isinstance(settings, MicroscopeSettings):
        settings = MicroscopeSettings()
    known = {name: value for name, value in sizes.items() if value is not None}
    together: dict[str, Any] = {"given": {**settings.given, **given}, **known}
    return replace(settings, **together)


def open_layer(path: str) -> Image:
    """Open the one image of a file; it is kept while the file is the same.

    Raises
    ------
    ValueError
        If the file has several images, or none.
    """
    return _open(path, Path(path).stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _open(path: str, _modified: int) -> Image:
    found = open_images(Path(path))
    if len(found) != 1:
        raise InvalidValueError(
            f"'{path}' has {len(found)} images; the picture of beads must be a single one."
        )
    return found[0].layer
