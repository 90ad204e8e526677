"""Saving an image layer as OME-TIFF, with its pixel size, its axes, and the record of a result.

Which writer saves a layer is decided by npe2: of those that know the ending of the file, the one
whose ending is longest; of several, the one that was registered first, which are napari's own. No
plugin and no setting changes that (napari has a setting ``extension2writer``, which it does not
read). So this one saves:

- any image as ``.ome.tif`` or ``.ome.tiff``: ``layer.save("result.ome.tif")``;
- as ``.tif``, ``.tiff`` or without an ending where it is asked for by name:
  ``layer.save("result.tif", plugin="napari-tf-deblur")``, or by its line in the list of file types
  that *File > Save Selected Layers* shows.

``layer.save("result.tif")`` alone is napari's own, which writes the pixels and no more.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from napari_tf_deblur._layers.axes import CHANNEL, DEPTH, TIME, Axis, in_unit, is_length, is_time
from napari_tf_deblur._layers.record_file import KEY, as_json
from napari_tf_deblur._layers.source import Source, read

SUFFIX = ".ome.tif"

WRITABLE = frozenset("bool int8 int16 int32 uint8 uint16 uint32 float32 float64".split())
"""Types of pixels that OME-TIFF and napari know."""

PLACE = (
    "name metadata rgb multiscale scale translate rotate shear affine units axis_labels "
    "contrast_limits"
).split()
"""Attributes of a layer that are looked at."""

LARGE = 3 * 2**30
"""Bytes from which on BigTIFF is written; TIFF ends at 4 GiB."""


def write_image(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Save an image layer as OME-TIFF; napari calls this to save a layer.

    An axis whose name says nothing is kept as OME's "other". A size without a unit of length is
    written in OME's "reference frame", which is no length either. What OME-TIFF does not know is
    saved as napari does it, without sizes.

    Parameters
    ----------
    path : str
        The file; one without an ending of TIFF files is given ".ome.tif".
    data : array_like
        The image; of several resolutions the first.
    attributes : mapping
        Those of the layer, as its ``as_layer_data_tuple`` has them.

    Returns
    -------
    list of str
        The file that was written.
    """
    if not path.lower().endswith((".tif", ".tiff")):  # a layer's name may have dots
        path += SUFFIX
    layer = Image(data, **{key: attributes[key] for key in PLACE if key in attributes})
    source = read(layer)
    record = layer.metadata.get(KEY)
    axes = _axes(source, record)
    order = _order(axes)
    if order is None or np.dtype(source.data.dtype).name not in WRITABLE:
        from napari_builtins.io import napari_write_image

        written = napari_write_image(path, np.asarray(source.data), dict(attributes))
        return [written] if written else []
    pixels = np.asarray(source.data)
    colours = (pixels.ndim - 1,) if source.rgb else ()
    letters = "".join(_letter(axes[k]) for k in order)
    letters += "S" if source.rgb else ""
    about: dict[str, Any] = {"axes": letters, "Name": _printable(layer.name)}
    if record:
        about["Description"] = as_json(record)
        about |= _channels(axes, record)
    _write(path, pixels.transpose((*order, *colours)), axes, {**about, **_sizes(axes)}, source.rgb)
    return [path]


def _write(
    path: str, pixels: NDArray[Any], axes: Sequence[Axis], about: dict[str, Any], rgb: bool
) -> None:
    """Write a file; one of the same name is replaced when the new one is whole."""
    import tifffile

    part = f"{path}.part"
    try:
        tifffile.imwrite(
            part,
            pixels,
            ome=True,
            bigtiff=pixels.nbytes > LARGE,
            photometric="rgb" if rgb else "minisblack",
            compression=None if pixels.dtype == bool else "zlib",
            compressionargs=None if pixels.dtype == bool else {"level": 1},
            metadata=about,
            **_resolution(axes),
        )
        os.replace(part, path)  # noqa: PTH105 - which a test can watch
    finally:
        with suppress(FileNotFoundError):
            Path(part).unlink()


def _axes(source: Source, record: Mapping[str, Any] | None) -> tuple[Axis, ...]:
    """Describe the axes of a layer: of a result, as they were for the run that made it.

    Its source may lie in the viewer without a unit, and the file or the user have said the size.
    """
    told = ((record or {}).get("origin") or {}).get("arguments") or {}
    labels, units, scale = (told.get(key) for key in ("axis_labels", "units", "scale"))
    axes = list(source.axes)
    for k, axis in enumerate(axes):
        name, step, unit = axis.name, axis.spacing, axis.unit
        if labels and len(labels) == len(axes) and name.lstrip("-").isdigit():
            name = str(labels[k])
        if not is_length(unit) and units and scale and len(units) == len(scale) == len(axes):
            step, unit = float(scale[k]), str(units[k])
        axes[k] = Axis(name, axis.size, step, unit)
    return tuple(axes)


def _order(axes: Sequence[Axis]) -> tuple[int, ...] | None:
    """Return the axes in an order that OME has, y and x last; None if there is none."""
    letters = [_letter(axis) for axis in axes]
    if len(set(letters)) < len(letters) or not {"Y", "X"} <= set(letters):
        return None
    plane = letters.index("Y"), letters.index("X")
    return (*(k for k in range(len(axes)) if k not in plane), *plane)


def _letter(axis: Axis) -> str:
    """What OME calls an axis; Q is another one than it knows."""
    name = axis.name.lower()
    if name in ("y", "x", DEPTH):
        return name.upper()
    if name in TIME or is_time(axis.unit):
        return "T"
    return "C" if name in CHANNEL else "Q"


def _sizes(axes: Sequence[Axis]) -> dict[str, Any]:
    """Say how far apart pixels, planes and time points are."""
    found: dict[str, Any] = {}
    for axis in axes:
        letter = _letter(axis)
        if letter == "T" and is_time(axis.unit):
            found |= {"TimeIncrement": _converted(axis, "s"), "TimeIncrementUnit": "s"}
        elif letter in "ZYX" and is_length(axis.unit):
            size = _converted(axis, "um")
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
    found: dict[str, Any] = {"Name": [_printable(str(one["name"])) for one in told]}
    waves = [one.get("emission") for one in told]
    if all(waves):
        found |= {"EmissionWavelength": waves, "EmissionWavelengthUnit": ["nm"] * count}
    return {"Channel": found}


def _resolution(axes: Sequence[Axis]) -> dict[str, Any]:
    """Say the size of a pixel in the tags, too, for programs that do not read OME's description."""
    sizes = [a for letter in "XY" for a in axes if _letter(a) == letter and is_length(a.unit)]
    if len(sizes) < 2:
        return {}
    per_cm = tuple(1 / _converted(axis, "cm") for axis in sizes)
    return {"resolution": per_cm, "resolutionunit": "CENTIMETER"}


def _converted(axis: Axis, unit: str) -> float:
    return float(f"{in_unit(axis.spacing, axis.unit, unit):.9g}")


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in name)
