"""What ImageJ's description and the tags of a TIFF file say of its pixels."""

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

_TAG_UNITS = {2: "inch", 3: "cm", 4: "mm", 5: "µm"}
"""Values of the tag ``ResolutionUnit``; the last two are Adobe's."""


def describe_tiff(tree: Any) -> MetadataDescription:
    """Read the first page of a TIFF file.

    Parameters
    ----------
    tree : mapping
        "tiff_resolution", the pixels per unit along x and y; "tiff_unit", the value of its tag;
        "tiff_shape", the rows and columns; "imagej_metadata", where there are any; and
        "pixel_size_um" where Micro-Manager tells it of the page.
    """
    rows, columns = entry(tree, "tiff_shape")
    about = child(tree, "imagej_metadata")
    size, unit = _page_size(tree)
    if about is None or size != NO_SIZE:
        shape = {"Y": rows, "X": columns}
        return MetadataDescription(
            pixel_size=size, size_unit=unit, raw_sizes=_numbers(tree), tells_sizes=True, shape=shape
        )
    said = describe_imagej(about)
    return replace(
        said,
        pixel_size=(said.pixel_size[0], *_imagej_plane(tree, about)),
        raw_sizes=(said.raw_sizes[0], *_numbers(tree)[1:]),
        shape={**said.shape, "Y": rows, "X": columns},
    )


def describe_imagej(about: Any) -> MetadataDescription:
    """Read ImageJ's description, which has the distance of planes but no size of pixels.

    Parameters
    ----------
    about : mapping
        As tifffile has it.
    """
    unit = text(about, "unit")
    shape = {
        axis: int(number(about, name, 1, 1e9) or 1)
        for axis, name in (("T", "frames"), ("Z", "slices"), ("C", "channels"))
    }
    if number(about, "images") != prod(shape.values()):
        shape = {}  # a stack that may be of planes or of time points
    step = number(about, "spacing")
    z = _to_micrometers(step, text(about, "zunit") or unit)
    return MetadataDescription(
        pixel_size=(z, None, None),
        size_unit=unit,
        raw_sizes=(step, None, None),
        tells_sizes=True,
        shape=shape,
        orders=(IMAGEJ_AXES,),
    )


def _imagej_plane(tree: Any, about: Any) -> tuple[float | None, float | None]:
    """Read the size of pixels along y and x: the resolution is in pixels per ImageJ's unit.

    Programs that know no calibration write a resolution of 1, which is not taken for one.
    """
    unit = text(about, "unit")
    _, y, x = _numbers(tree)
    if x == y == 1:
        return None, None
    return _to_micrometers(y, text(about, "yunit") or unit), _to_micrometers(x, unit)


def _page_size(tree: Any) -> tuple[Size, str]:
    """Read the size of pixels that the tags say, of files that are not ImageJ's."""
    told = number(tree, "pixel_size_um")
    if told or child(tree, "imagej_metadata") is not None:
        return (None, told, told), ""
    unit = _TAG_UNITS.get(entry(tree, "tiff_unit"), "")
    _, y, x = _numbers(tree)
    return (None, _to_micrometers(y, unit), _to_micrometers(x, unit)), unit


def _numbers(tree: Any) -> Size:
    """Read the sizes of pixels in whatever unit they are."""
    x, y = (_inverse(pixels) for pixels in entry(tree, "tiff_resolution"))
    return None, y, x


def _inverse(pixels: float) -> float | None:
    return 1 / pixels if pixels > 0 else None


def _to_micrometers(size: float | None, unit: str) -> float | None:
    per = nanometers(unit)
    return None if size is None or per is None else size * per / 1000
