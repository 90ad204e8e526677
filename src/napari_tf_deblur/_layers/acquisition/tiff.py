"""Reads the metadata of a TIFF file: the tags of its first page, never its pixels."""

from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
"""The first bytes of TIFF and BigTIFF files."""


def read_tiff(path: str) -> dict[str, Any]:
    """Read the metadata of a TIFF file.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    dict
        The metadata by tifffile's names for them, such as "ome_metadata"; and "tiff", the tags.
        Empty for other files, and for files that cannot be read.
    """
    try:
        if not _is_tiff(path):
            return {}
        from tifffile import TiffFile

        with TiffFile(path) as file:
            readers = {
                "ome_metadata": lambda: file.ome_metadata,
                "micromanager_metadata": lambda: file.micromanager_metadata,
                "lsm_metadata": lambda: file.lsm_metadata,
                "stk_metadata": lambda: file.stk_metadata,
                "tiff": lambda: _tags(file),
            }
            return {name: value for name, read in readers.items() if (value := _try_read(read))}
    except Exception:  # a file may contain anything; the layer exists nevertheless
        return {}


def _is_tiff(path: str) -> bool:
    """Whether a path is a local TIFF file."""
    if "://" in path or not Path(path).is_file():
        return False
    with Path(path).open("rb") as file:
        return file.read(4) in MAGIC


def _tags(file: Any) -> dict[str, Any]:
    """Read the tags of the first page that state pixel sizes; see `describe_tiff`."""
    page = file.pages.first
    resolution = [float(r) if isfinite(r) else 0.0 for r in page.get_resolution()]
    tag = page.tags.get("MicroManagerMetadata")
    tags = {
        "tiff_resolution": resolution if "XResolution" in page.tags else [0.0, 0.0],
        "tiff_unit": int(page.resolutionunit),
        "tiff_shape": (page.imagelength, page.imagewidth),
        "pixel_size_um": tag.value.get("PixelSizeUm") if tag and isinstance(tag.value, dict) else 0,
    }
    if (metadata := _try_read(lambda: file.imagej_metadata)) is not None:
        tags["imagej_metadata"] = metadata
    return tags


def _try_read(read: Callable[[], Any]) -> Any:
    """Call a function; None if it fails."""
    try:
        return read()
    except Exception:  # this part is damaged; others may be valid
        return None
