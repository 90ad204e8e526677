"""How large the pixels of an image are: what its file says, its layer, or the user.

One rule says which value wins. What the file says with a unit comes first, then what the layer says
with a unit of length, then nothing: a scale without a unit may mean anything, and "pixel" and
"reference frame" are no units. What cannot be the size of a light microscope's pixels is left
unknown, and that is said.
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
"""Largest relative difference of two sizes that count as one. Derived: from numbers rounded to two
digits."""


@dataclass(frozen=True)
class PixelSize:
    """How far apart pixels lie, in nanometres; None where that is not known.

    Attributes
    ----------
    lateral : float or None
        Along x, and along y where nothing else is said.
    axial : float or None
        From plane to plane.
    origin : str
        Who says so, in words; empty where nobody does.
    notes : tuple of str
        What was not believed, in sentences.
    """

    lateral: float | None = None
    axial: float | None = None
    origin: str = ""
    notes: tuple[str, ...] = ()


def with_file_sizes(axes: Sequence[Axis], acquisition: Acquisition) -> tuple[Axis, ...]:
    """Give axes the pixel sizes that the file says.

    A layer that has a unit of length and another number of pixels than its file shows it resampled:
    it keeps its own sizes.

    Parameters
    ----------
    axes : sequence of Axis
        As the layer has them.
    acquisition : Acquisition
        What its file says.

    Returns
    -------
    tuple of Axis
        Those whose size the file says have it in micrometers, unless it is the same. Those lose
        their unit whose size is a number of the file that is no size. So does a step between planes
        of 1 where the file says the size of a pixel and no step: readers fill it in.
    """
    sized = list(axes)
    z, y, x = acquisition.pixel_size
    places = _find_spatial_axes(axes)
    for k, told, shown in zip(
        places, (z, y or x, x), _match_file_pixels(axes, places, acquisition)
    ):
        if k is None or not shown:
            continue
        if told is not None:
            if not _has_size(axes[k], 1000 * told):
                sized[k] = replace(axes[k], spacing=float(f"{told:.9g}"), unit=MICROMETER_UNIT)
        elif _is_misread(axes[k], acquisition) or (
            x is not None and k == places[0] and is_length(axes[k].unit) and axes[k].spacing == 1
        ):
            sized[k] = replace(axes[k], unit=PIXEL_UNIT)
    return tuple(sized)


def find_pixel_size(source: "Source") -> PixelSize:
    """Say how large the pixels of an image are, if a light microscope can have made it.

    Parameters
    ----------
    source : Source
        The image, with the sizes of its file.

    Returns
    -------
    PixelSize
        What is known, and what was not believed.
    """
    told = source.acquisition
    z, _, x = _find_spatial_axes(source.axes)
    notes = [
        f"The file says {_format_length(1000 * size)}, {_IMPOSSIBLE_SIZE_TEXT}."
        for size in told.impossible_sizes
    ]
    lateral, of_x = _size_along(source, x, told.pixel_size[2], notes)
    axial, of_z = _size_along(source, z, told.pixel_size[0], notes)
    return PixelSize(lateral, axial, of_x or of_z, tuple(dict.fromkeys(notes)))


def _size_along(
    source: "Source", k: int | None, told: float | None, notes: list[str]
) -> tuple[float | None, str]:
    """Return the size of pixels along an axis, and who says so; note what is not believed."""
    if k is None:
        return None, ""
    axis, of_layer = source.axes[k], source.layer_axes[k]
    size, own = _nm(axis), _nm(of_layer)
    if told is not None and size is not None and isclose(size, 1000 * told, rel_tol=1e-5):
        if own is not None and not isclose(own, size, rel_tol=SIZE_TOLERANCE):
            notes.append(f"The layer says {_format_length(own)}, which is not used.")
        return size, "the file"
    if own is not None and _is_misread(of_layer, source.acquisition):
        notes.append(f"The layer says {_format_length(own)}, which its file does not.")
        return None, ""
    if own is None:
        if of_layer.unit == PIXEL_UNIT and of_layer.spacing != 1:
            notes.append(
                "The layer's scale has no unit, so that it does not tell the size of a pixel."
            )
        return None, ""
    if not is_possible_pixel_size(own, axis.name.lower() == DEPTH_NAME, of_layer.unit):
        notes.append(f"The layer says {_format_length(own)}, {_IMPOSSIBLE_SIZE_TEXT}.")
        return None, ""
    if of_layer.spacing == 1 and source.acquisition.tells_sizes:
        return None, ""  # readers fill it in where the file says nothing
    return own, "the layer's scale"


def with_pixel_size(source: "Source", ndim: int, lateral: float, axial: float | None) -> "Source":
    """Return a source whose pixels have another size along the axes that are deblurred.

    Where they are not square, they stay so: `lateral` is their size along x.

    Parameters
    ----------
    source : Source
        The image.
    ndim : int
        Number of axes that are deblurred.
    lateral, axial : float
        In nanometres; `axial` is not used in two dimensions.

    Returns
    -------
    Source
        The same image; where it lies in the viewer is not changed.
    """
    frame = source.frame(ndim)
    sizes = [lateral * axis.spacing / frame.axes[-1].spacing for axis in frame.axes]
    if ndim == 3 and axial:
        sizes[0] = axial
    axes = list(source.axes)
    for index, size in zip(frame.indices, sizes, strict=True):
        axes[index] = replace(axes[index], spacing=float(f"{size:.9g}"), unit=NANOMETER_UNIT)
    return replace(source, axes=tuple(axes))


_IMPOSSIBLE_SIZE_TEXT = "which no pixel of a light microscope has, so that it is left unknown"


def _find_spatial_axes(axes: Sequence[Axis]) -> tuple[int | None, int | None, int | None]:
    """Find the axes z, y and x: by their names, or else by their order."""
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
    axes: Sequence[Axis], places: Sequence[int | None], acquisition: Acquisition
) -> tuple[bool, bool, bool]:
    """Whether a layer shows the planes, rows and columns of its file, not resampled ones.

    Fewer rows, or columns, without a unit are a part of the image, unless both are far fewer.
    """
    z, *plane = (None if k is None else axes[k] for k in places)
    planes = acquisition.shape.get("Z")
    same_planes = z is None or planes in (None, z.size)
    pairs = [(axis, acquisition.shape.get(a)) for axis, a in zip(plane, "YX") if axis is not None]
    same = all(count in (None, axis.size) for axis, count in pairs)
    with_unit = all(is_length(axis.unit) for axis, _ in pairs)
    coarser = all((count or 0) > 1.5 * axis.size for axis, count in pairs)
    pixels = same or not (with_unit or coarser)
    return same_planes and pixels, pixels, pixels


def _is_misread(axis: Axis, acquisition: Acquisition) -> bool:
    """Whether the size of a layer's pixels is a number of its file that is no size."""
    own = _nm(axis)
    return own is not None and any(
        isclose(size, number, rel_tol=1e-4)
        for number in acquisition.rejected_numbers
        for size in (axis.spacing, own / 1000)
    )


def _has_size(axis: Axis, size: float) -> bool:
    """Whether the step of an axis is of this many nanometers."""
    own = _nm(axis)
    return own is not None and isclose(own, size, rel_tol=1e-6)


def _nm(axis: Axis) -> float | None:
    if not is_length(axis.unit):
        return None
    return float(f"{convert_length(axis.spacing, axis.unit, 'nm'):.6g}")


def _format_length(size: float) -> str:
    """Say a length that is given in nanometers, in the unit that suits it."""
    for unit, nm in (("m", 1e9), ("cm", 1e7), ("mm", 1e6), ("µm", 1e3)):
        if size >= nm:
            return f"{size / nm:.4g} {unit}"
    return f"{size:.4g} nm"
