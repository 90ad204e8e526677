"""Decides the pixel size of an image: from its file, its layer, or the user.

One rule decides which value is used. First comes the size in the file, if it has a unit; then the
scale of the layer, if it has a unit of length. Otherwise the size is unknown: a scale without a
unit may mean anything, and "pixel" and "reference frame" are no units. A size that no pixel of a
light microscope has counts as unknown, too, and a note tells the user.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isclose
from typing import TYPE_CHECKING

from napari_tf_deblur._layers.acquisition import Acquisition
from napari_tf_deblur._layers.acquisition.length_units import is_possible_pixel_size
from napari_tf_deblur._storage.axes import (
    DEPTH_NAME,
    PIXEL_UNIT,
    Axis,
    Frame,
    convert_length,
    is_length,
)

if TYPE_CHECKING:
    from napari_tf_deblur._layers.source import Source

NANOMETER_UNIT = "nanometer"
MICROMETER_UNIT = "micrometer"

SIZE_TOLERANCE = 0.01
"""Largest relative difference of two sizes that count as equal. Derived: from numbers rounded to
two digits."""


@dataclass(frozen=True)
class PixelSize:
    """The distances between neighbouring pixels, in nanometres; None if unknown.

    Attributes
    ----------
    lateral : float or None
        Distance along x; along y, too, unless another value is known.
    axial : float or None
        Distance between planes.
    origin : str
        Where the sizes come from, such as "the file"; empty if unknown.
    notes : tuple of str
        Sentences about values that were not used.
    """

    lateral: float | None = None
    axial: float | None = None
    origin: str = ""
    notes: tuple[str, ...] = ()


def with_file_sizes(axes: Sequence[Axis], acquisition: Acquisition) -> tuple[Axis, ...]:
    """Give axes the pixel sizes that the file states.

    If a layer has a unit of length, and not the same number of pixels as its file, it shows
    resampled pixels. It keeps its own sizes then.

    Parameters
    ----------
    axes : sequence of Axis
        The axes of the layer.
    acquisition : Acquisition
        The metadata of its file.

    Returns
    -------
    tuple of Axis
        Axes whose size the file states have that size, in micrometres, unless they had it already.
        An axis loses its unit if a reader took its size from a number in the file that is not a
        size. The axis of the planes loses its unit if its step is 1 and the file states a pixel
        size but no step: readers fill in the 1.
    """
    sized = list(axes)
    z, y, x = acquisition.pixel_size
    indices = _find_spatial_axes(axes)
    for k, size, has_file_pixels in zip(
        indices, (z, y or x, x), _match_file_pixels(axes, indices, acquisition)
    ):
        if k is None or not has_file_pixels:
            continue
        if size is not None:
            if not _has_size(axes[k], 1000 * size):
                sized[k] = replace(axes[k], spacing=float(f"{size:.9g}"), unit=MICROMETER_UNIT)
        elif _is_misread(axes[k], acquisition) or (
            x is not None and k == indices[0] and is_length(axes[k].unit) and axes[k].spacing == 1
        ):
            sized[k] = replace(axes[k], unit=PIXEL_UNIT)
    return tuple(sized)


def find_pixel_size(source: "Source") -> PixelSize:
    """Return the pixel size of an image, if it is possible for a light microscope.

    Parameters
    ----------
    source : Source
        The image, with the sizes of its file.

    Returns
    -------
    PixelSize
        The sizes that are known, and notes about values that were not used.
    """
    acquisition = source.acquisition
    z, _, x = _find_spatial_axes(source.axes)
    notes = [
        f"The file says {_format_length(1000 * size)}, {_IMPOSSIBLE_SIZE_TEXT}."
        for size in acquisition.impossible_sizes
    ]
    lateral, x_origin = _size_along(source, x, acquisition.pixel_size[2], notes)
    axial, z_origin = _size_along(source, z, acquisition.pixel_size[0], notes)
    return PixelSize(lateral, axial, x_origin or z_origin, tuple(dict.fromkeys(notes)))


def _size_along(
    source: "Source", k: int | None, file_size: float | None, notes: list[str]
) -> tuple[float | None, str]:
    """Return the pixel size along an axis, and its origin; add notes about values not used."""
    if k is None:
        return None, ""
    axis, layer_axis = source.axes[k], source.layer_axes[k]
    size, layer_size = _nm(axis), _nm(layer_axis)
    if file_size is not None and size is not None and isclose(size, 1000 * file_size, rel_tol=1e-5):
        if layer_size is not None and not isclose(layer_size, size, rel_tol=SIZE_TOLERANCE):
            notes.append(f"The layer says {_format_length(layer_size)}, which is not used.")
        return size, "the file"
    if layer_size is not None and _is_misread(layer_axis, source.acquisition):
        notes.append(f"The layer says {_format_length(layer_size)}, but its file does not.")
        return None, ""
    if layer_size is None:
        if layer_axis.unit == PIXEL_UNIT and layer_axis.spacing != 1:
            notes.append("The layer's scale has no unit, so the pixel size is not known from it.")
        return None, ""
    if not is_possible_pixel_size(layer_size, axis.name.lower() == DEPTH_NAME, layer_axis.unit):
        notes.append(f"The layer says {_format_length(layer_size)}, {_IMPOSSIBLE_SIZE_TEXT}.")
        return None, ""
    if layer_axis.spacing == 1 and source.acquisition.has_all_sizes:
        return None, ""  # the file states no size; the reader filled in the 1
    return layer_size, "the layer's scale"


def with_pixel_size(source: "Source", ndim: int, lateral: float, axial: float | None) -> "Source":
    """Return a source with another pixel size along the deblurred axes.

    The ratio of the sizes along y and x stays the same; `lateral` is the size along x.

    Parameters
    ----------
    source : Source
        The image.
    ndim : int
        Number of deblurred axes.
    lateral, axial : float
        Distances of pixels and of planes, in nanometres. `axial` is not used in two dimensions.

    Returns
    -------
    Source
        The same image. Its position in the viewer stays the same.
    """
    frame = source.frame(ndim)
    sizes = [lateral * axis.spacing / frame.axes[-1].spacing for axis in frame.axes]
    if ndim == 3 and axial:
        sizes[0] = axial
    axes = list(source.axes)
    for index, size in zip(frame.indices, sizes, strict=True):
        axes[index] = replace(axes[index], spacing=float(f"{size:.9g}"), unit=NANOMETER_UNIT)
    return replace(source, axes=tuple(axes))


_IMPOSSIBLE_SIZE_TEXT = (
    "which is not possible for a light microscope; the pixel size is left unknown"
)


def _find_spatial_axes(axes: Sequence[Axis]) -> tuple[int | None, int | None, int | None]:
    """Return the indices of the axes z, y and x: by their names, or else by their order."""
    named = {axis.name.lower(): k for k, axis in enumerate(axes)}
    y, x = named.get("y"), named.get("x")
    plane, volume = Frame.from_axes(axes, 2).indices, Frame.from_axes(axes, 3).indices
    if (y is None or x is None) and len(plane) == 2:
        y, x = plane
    z = named.get(DEPTH_NAME)
    if z is None and len(volume) == 3 and axes[volume[0]].is_depth:
        z = volume[0]
    return z if z not in (y, x) else None, y, x


def _match_file_pixels(
    axes: Sequence[Axis], indices: Sequence[int | None], acquisition: Acquisition
) -> tuple[bool, bool, bool]:
    """Whether a layer shows the planes, rows and columns of its file, not resampled ones.

    A layer without a unit that has fewer rows or columns is a crop of the image, unless it has far
    fewer of both.
    """
    z, *plane = (None if k is None else axes[k] for k in indices)
    planes = acquisition.shape.get("Z")
    same_planes = z is None or planes in (None, z.size)
    pairs = [(axis, acquisition.shape.get(a)) for axis, a in zip(plane, "YX") if axis is not None]
    same_counts = all(count in (None, axis.size) for axis, count in pairs)
    has_units = all(is_length(axis.unit) for axis, _ in pairs)
    is_coarser = all((count or 0) > 1.5 * axis.size for axis, count in pairs)
    same_pixels = same_counts or not (has_units or is_coarser)
    return same_planes and same_pixels, same_pixels, same_pixels


def _is_misread(axis: Axis, acquisition: Acquisition) -> bool:
    """Whether the pixel size of a layer is a number in its file that is not a size."""
    layer_size = _nm(axis)
    return layer_size is not None and any(
        isclose(size, number, rel_tol=1e-4)
        for number in acquisition.rejected_numbers
        for size in (axis.spacing, layer_size / 1000)
    )


def _has_size(axis: Axis, size: float) -> bool:
    """Whether an axis has this pixel size, in nanometres."""
    axis_size = _nm(axis)
    return axis_size is not None and isclose(axis_size, size, rel_tol=1e-6)


def _nm(axis: Axis) -> float | None:
    """Return the pixel size of an axis in nanometres; None without a unit of length."""
    if not is_length(axis.unit):
        return None
    return float(f"{convert_length(axis.spacing, axis.unit, 'nm'):.6g}")


def _format_length(size: float) -> str:
    """Format a length in nanometres with a suitable unit."""
    for unit, nm in (("m", 1e9), ("cm", 1e7), ("mm", 1e6), ("µm", 1e3)):
        if size >= nm:
            return f"{size / nm:.4g} {unit}"
    return f"{size:.4g} nm"
