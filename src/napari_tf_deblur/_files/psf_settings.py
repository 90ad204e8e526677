"""Read the PSF settings of a batch from a record, and open the image of a measured PSF."""

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
    """Make PSF settings from the record of a run, or from that of PSF settings.

    Parameters
    ----------
    record : mapping
        The record. It may come from a file, so its values are checked.

    Raises
    ------
    ValueError, TypeError, KeyError
        If an entry is missing, or has a value that is never written.
    """
    kinds: dict[str, type[PSFKind]] = {AUTOMATIC: MicroscopePSF, **KINDS_BY_NAME}
    kind = check.text(record["kind"])
    check.require(kind in kinds)
    return kinds[kind].read_settings(record, open_layer)


def with_numbers(
    settings: PSFSettings, given: Mapping[str, tuple[Any, ...]], **sizes: float | None
) -> PSFSettings:
    """Return microscope settings with numbers that hold for all images.

    Parameters
    ----------
    settings : PSFSettings
        The settings to start from. Those of other kinds are replaced.
    given : mapping
        Numbers of the microscope, one value or one for each channel.
    **sizes : float or None
        Sizes of a pixel in nanometres; None for those that are not given.
    """
    if not isinstance(settings, MicroscopeSettings):
        settings = MicroscopeSettings()
    known_sizes = {name: value for name, value in sizes.items() if value is not None}
    changes: dict[str, Any] = {"given": {**settings.given, **given}, **known_sizes}
    return replace(settings, **changes)


def open_layer(path: str) -> Image:
    """Open the single image of a file; it is cached as long as the file does not change.

    Raises
    ------
    ValueError
        If the file has several images, or none.
    """
    return _open(path, Path(path).stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _open(path: str, _modified: int) -> Image:
    """Open the file; the time of its last change is part of the key of the cache."""
    images = open_images(Path(path))
    if len(images) != 1:
        raise InvalidValueError(
            f"'{path}' has {len(images)} images; the picture of beads must be a single one."
        )
    return images[0].layer
