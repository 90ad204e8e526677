"""Reads pixel sizes and axes from ImageJ's description and from the tags of a TIFF file."""

from dataclasses import replace
from math import prod
from typing import Any

from napari_tf_deblur._layers.acquisition.length_units import nanometers
from napari_tf_deblur._layers.acquisition.metadata_description import (
    NO_SIZE,
    MetadataDescription,
    Size,
)
from napari_tf_deblur._layers.acquisition.tree import child, entry, number, text

IMAGEJ_AXES = "TZCYX"
"""Order of the axes of an ImageJ hyperstack."""

_TAG_UNITS = {2: "inch", 3: "cm", 4: "mm", 5: "µm"}
"""Values of the tag ``ResolutionUnit``; the last two are Adobe's."""


def describe_tiff(tree: Any) -> MetadataDescription:
    """Read the metadata of the first page of a TIFF file.

    Parameters
    ----------
    tree : mapping
        "tiff_resolution": pixels per unit along x and y. "tiff_unit": the value of the tag
        ``ResolutionUnit``. "tiff_shape": rows and columns. "imagej_metadata": ImageJ's
        description, if there is one. "pixel_size_um": the pixel size of Micro-Manager, or 0.

    Returns
    -------
    MetadataDescription
        Pixel size, shape and axes.
    """
    rows, columns = entry(tree, "tiff_shape")
    imagej_metadata = child(tree, "imagej_metadata")
    size, unit = _page_size(tree)
    if imagej_metadata is None or size != NO_SIZE:
        shape = {"Y": rows, "X": columns}
        return MetadataDescription(
            pixel_size=size,
            size_unit=unit,
            raw_sizes=_numbers(tree),
            has_all_sizes=True,
            shape=shape,
        )
    description = describe_imagej(imagej_metadata)
    return replace(
        description,
        pixel_size=(description.pixel_size[0], *_imagej_plane(tree, imagej_metadata)),
        raw_sizes=(description.raw_sizes[0], *_numbers(tree)[1:]),
        shape={**description.shape, "Y": rows, "X": columns},
    )


def describe_imagej(metadata: Any) -> MetadataDescription:
    """Read ImageJ's description. It has the distance of planes, but no size of pixels.

    Parameters
    ----------
    metadata : mapping
        The description, as tifffile returns it.

    Returns
    -------
    MetadataDescription
        Distance of planes, shape and axes.
    """
    unit = text(metadata, "unit")
    shape = {
        axis: int(number(metadata, name, 1, 1e9) or 1)
        for axis, name in (("T", "frames"), ("Z", "slices"), ("C", "channels"))
    }
    if number(metadata, "images") != prod(shape.values()):
        shape = {}  # the stack may contain planes or time points
    step = number(metadata, "spacing")
    z = _to_micrometers(step, text(metadata, "zunit") or unit)
    return MetadataDescription(
        pixel_size=(z, None, None),
        size_unit=unit,
        raw_sizes=(step, None, None),
        has_all_sizes=True,
        shape=shape,
        orders=(IMAGEJ_AXES,),
    )


def _imagej_plane(tree: Any, metadata: Any) -> tuple[float | None, float | None]:
    """Return the pixel size along y and x; the resolution is in pixels per ImageJ's unit.

    Programs without a calibration write a resolution of 1; it does not count as a size.
    """
    unit = text(metadata, "unit")
    _, y, x = _numbers(tree)
    if x == y == 1:
        return None, None
    return _to_micrometers(y, text(metadata, "yunit") or unit), _to_micrometers(x, unit)


def _page_size(tree: Any) -> tuple[Size, str]:
    """Return the pixel size in the tags, and its unit; for files that ImageJ did not write."""
    size = number(tree, "pixel_size_um")
    if size or child(tree, "imagej_metadata") is not None:
        return (None, size, size), ""
    unit = _TAG_UNITS.get(entry(tree, "tiff_unit"), "")
    _, y, x = _numbers(tree)
    return (None, _to_micrometers(y, unit), _to_micrometers(x, unit)), unit


def _numbers(tree: Any) -> Size:
    """Return the pixel sizes in their own unit, which may be any."""
    x, y = (_inverse(pixels) for pixels in entry(tree, "tiff_resolution"))
    return None, y, x


def _inverse(pixels: float) -> float | None:
    return 1 / pixels if pixels > 0 else None


def _to_micrometers(size: float | None, unit: str) -> float | None:
    """Convert a size to micrometres; None without a unit of length."""
    unit_length = nanometers(unit)
    return None if size is None or unit_length is None else size * unit_length / 1000
