"""Build the metadata of an OME-TIFF: axes, pixel sizes, channels and record."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from napari_tf_deblur._storage.axes import (
    CHANNEL_NAMES,
    DEPTH_NAME,
    TIME_NAMES,
    Axis,
    convert_length,
    is_length,
    is_time,
)
from napari_tf_deblur._storage.record_file import record_to_json

WRITABLE_DTYPES = frozenset("bool int8 int16 int32 uint8 uint16 uint32 float32 float64".split())
"""Types of pixels that both OME-TIFF and napari support."""

BIGTIFF_BYTES = 3 * 2**30
"""Smallest size of the pixels, in bytes, for which BigTIFF is written. Derived: TIFF ends at 4 GiB,
and a quarter is left for metadata and smaller levels."""


def build_tiff_options(
    dtype: Any, axes: Sequence[Axis], name: str, rgb: bool, record: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the arguments of ``tifffile.imwrite`` that describe an image.

    Parameters
    ----------
    dtype : dtype
        Type of the pixels.
    axes : sequence of Axis
        Axes without colours, y and x last; see `order_axes_for_tiff`.
    name : str
        Name of the image.
    rgb : bool
        Whether the last axis of the image holds colours.
    record : mapping or None
        Record of the run; None if there is none.

    Returns
    -------
    dict
        Keyword arguments.
    """
    compress = np.dtype(dtype).kind != "b"
    letters = "".join(_letter(axis) for axis in axes)
    letters += "S" if rgb else ""
    metadata: dict[str, Any] = {"axes": letters, "Name": _replace_unprintable(name)}
    if record:
        metadata["Description"] = record_to_json(record)
        metadata |= _describe_channels(axes, record)
    return {
        "photometric": "rgb" if rgb else "minisblack",
        "compression": "zlib" if compress else None,
        "compressionargs": {"level": 1} if compress else None,
        "metadata": {**metadata, **_describe_sizes(axes)},
        **_resolution_tags(axes),
    }


def order_axes_for_tiff(axes: Sequence[Axis]) -> tuple[int, ...] | None:
    """Return an order of the axes that OME allows, with y and x last; None if there is none."""
    letters = [_letter(axis) for axis in axes]
    if len(set(letters)) < len(letters) or not {"Y", "X"} <= set(letters):
        return None
    plane = letters.index("Y"), letters.index("X")
    return (*(k for k in range(len(axes)) if k not in plane), *plane)


def _letter(axis: Axis) -> str:
    """Return the letter of an axis in OME; Q stands for an unknown axis."""
    name = axis.name.lower()
    if name in ("y", "x", DEPTH_NAME):
        return name.upper()
    if name in TIME_NAMES or is_time(axis.unit):
        return "T"
    return "C" if name in CHANNEL_NAMES else "Q"


def _describe_sizes(axes: Sequence[Axis]) -> dict[str, Any]:
    """Return the distances between pixels, planes and time points."""
    sizes: dict[str, Any] = {}
    for axis in axes:
        letter = _letter(axis)
        if letter == "T" and is_time(axis.unit):
            sizes |= {"TimeIncrement": _convert_spacing(axis, "s"), "TimeIncrementUnit": "s"}
        elif letter in "ZYX" and is_length(axis.unit):
            size = _convert_spacing(axis, "um")
            sizes |= {f"PhysicalSize{letter}": size, f"PhysicalSize{letter}Unit": "µm"}
        elif letter in "ZYX" and axis.spacing != 1:
            unit = "reference frame"
            sizes |= {f"PhysicalSize{letter}": axis.spacing, f"PhysicalSize{letter}Unit": unit}
    return sizes


def _describe_channels(axes: Sequence[Axis], record: Mapping[str, Any]) -> dict[str, Any]:
    """Return names and wavelengths of the channels, if the record has them for all channels."""
    count = next((axis.size for axis in axes if _letter(axis) == "C"), 0)
    channels = record.get("channels") or ()
    if not count or len(channels) != count:
        return {}
    names = [_replace_unprintable(str(channel["name"])) for channel in channels]
    entry: dict[str, Any] = {"Name": names}
    wavelengths = [channel.get("emission") for channel in channels]
    if all(wavelengths):
        entry |= {"EmissionWavelength": wavelengths, "EmissionWavelengthUnit": ["nm"] * count}
    return {"Channel": entry}


def _resolution_tags(axes: Sequence[Axis]) -> dict[str, Any]:
    """Return the pixel size as TIFF tags, for programs that do not read the metadata of OME."""
    sizes = [a for letter in "XY" for a in axes if _letter(a) == letter and is_length(a.unit)]
    if len(sizes) < 2:
        return {}
    per_cm = tuple(1 / _convert_spacing(axis, "cm") for axis in sizes)
    return {"resolution": per_cm, "resolutionunit": "CENTIMETER"}


def _convert_spacing(axis: Axis, unit: str) -> float:
    """Return the pixel size along an axis in another unit, to nine digits."""
    return float(f"{convert_length(axis.spacing, axis.unit, unit):.9g}")


def _replace_unprintable(name: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in name)
