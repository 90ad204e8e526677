"""What an OME-TIFF says of its axes and pixels."""

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
"""Types of pixels that OME-TIFF and napari know."""

BIGTIFF_BYTES = 3 * 2**30
"""Size, in bytes, from which on BigTIFF is written. Derived: TIFF ends at 4 GiB, of which a quarter
is left for metadata and smaller levels."""


def build_tiff_options(
    dtype: Any, axes: Sequence[Axis], name: str, rgb: bool, record: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the arguments of ``tifffile.imwrite`` that say what an image is.

    Parameters
    ----------
    dtype : dtype
        Of the pixels.
    axes : sequence of Axis
        Without colours, y and x last; see `order_axes_for_tiff`.
    name : str
        Of the image.
    rgb : bool
        Whether colours come last.
    record : mapping or None
        How it was deblurred.

    Returns
    -------
    dict
        Keyword arguments.
    """
    zipped = np.dtype(dtype).kind != "b"
    letters = "".join(_letter(axis) for axis in axes)
    letters += "S" if rgb else ""
    about: dict[str, Any] = {"axes": letters, "Name": _replace_unprintable(name)}
    if record:
        about["Description"] = record_to_json(record)
        about |= _channels(axes, record)
    return {
        "photometric": "rgb" if rgb else "minisblack",
        "compression": "zlib" if zipped else None,
        "compressionargs": {"level": 1} if zipped else None,
        "metadata": {**about, **_sizes(axes)},
        **_resolution(axes),
    }


def order_axes_for_tiff(axes: Sequence[Axis]) -> tuple[int, ...] | None:
    """Return the axes in an order that OME has, y and x last; None if there is none."""
    letters = [_letter(axis) for axis in axes]
    if len(set(letters)) < len(letters) or not {"Y", "X"} <= set(letters):
        return None
    plane = letters.index("Y"), letters.index("X")
    return (*(k for k in range(len(axes)) if k not in plane), *plane)


def _letter(axis: Axis) -> str:
    """What OME calls an axis; Q is another one than it knows."""
    name = axis.name.lower()
    if name in ("y", "x", DEPTH_NAME):
        return name.upper()
    if name in TIME_NAMES or is_time(axis.unit):
        return "T"
    return "C" if name in CHANNEL_NAMES else "Q"


def _sizes(axes: Sequence[Axis]) -> dict[str, Any]:
    """Say how far apart pixels, planes and time points are."""
    found: dict[str, Any] = {}
    for axis in axes:
        letter = _letter(axis)
        if letter == "T" and is_time(axis.unit):
            found |= {"TimeIncrement": _convert_spacing(axis, "s"), "TimeIncrementUnit": "s"}
        elif letter in "ZYX" and is_length(axis.unit):
            size = _convert_spacing(axis, "um")
            found |= {f"PhysicalSize{letter}": size, f"PhysicalSize{letter}Unit": "µm"}
        elif letter in "ZYX" and axis.spacing != 1:
            unit = "reference frame"
            found |= {f"PhysicalSize{letter}": axis.spacing, f"PhysicalSize{letter}Unit": unit}
    return found


def _channels(axes: Sequence[Axis], record: Mapping[str, Any]) -> dict[str, Any]:
    """Say what the channels are, where the record tells it of each."""
    count = next((axis.size for axis in axes if _letter(axis) == "C"), 0)
    told = record.get("channels") or ()
    if not count or len(told) != count:
        return {}
    found: dict[str, Any] = {"Name": [_replace_unprintable(str(one["name"])) for one in told]}
    waves = [one.get("emission") for one in told]
    if all(waves):
        found |= {"EmissionWavelength": waves, "EmissionWavelengthUnit": ["nm"] * count}
    return {"Channel": found}


def _resolution(axes: Sequence[Axis]) -> dict[str, Any]:
    """Say the size of a pixel in the tags, too, for programs that do not read OME's description."""
    sizes = [a for letter in "XY" for a in axes if _letter(a) == letter and is_length(a.unit)]
    if len(sizes) < 2:
        return {}
    per_cm = tuple(1 / _convert_spacing(axis, "cm") for axis in sizes)
    return {"resolution": per_cm, "resolutionunit": "CENTIMETER"}


def _convert_spacing(axis: Axis, unit: str) -> float:
    return float(f"{convert_length(axis.spacing, axis.unit, unit):.9g}")


def _replace_unprintable(name: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in name)
