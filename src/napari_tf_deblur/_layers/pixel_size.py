"""The size of an image's pixels: as its layer or its file says, or as the user does."""

from dataclasses import dataclass, replace

import numpy as np

from napari_tf_deblur._layers.acquisition import Acquisition
from napari_tf_deblur._layers.axes import Axis, in_unit, is_length
from napari_tf_deblur._layers.source import Source

NANOMETRES = "nanometer"


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
    """

    lateral: float | None = None
    axial: float | None = None
    origin: str = ""


def pixel_size_of(source: Source, acquisition: Acquisition) -> PixelSize:
    """Find the pixel size of an image: its layer comes first, then its file.

    A layer that has a scale and no unit is taken to mean micrometres, as most readers do.

    Parameters
    ----------
    source : Source
        The image.
    acquisition : Acquisition
        What its file says.

    Returns
    -------
    PixelSize
        What is known.
    """
    frame = source.frame(3 if source.ndim > 2 else 2).axes
    lateral, axial = frame[-1], frame[0] if len(frame) == 3 else None
    if is_length(lateral.unit):
        known = axial is not None and is_length(axial.unit)
        return PixelSize(_nm(lateral), _nm(axial) if known and axial else None, "the layer's scale")
    z, _, x = (None if size is None else 1000 * size for size in acquisition.pixel_size)
    if x is not None:
        return PixelSize(x, z, "the file")
    if lateral.unit == "pixel" and not np.isclose(lateral.spacing, 1):
        plane = None if axial is None else 1000 * axial.spacing
        return PixelSize(1000 * lateral.spacing, plane, "the layer's scale, taken to be in µm")
    return PixelSize()


def with_pixel_size(source: Source, ndim: int, lateral: float, axial: float | None) -> Source:
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
        axes[index] = replace(axes[index], spacing=float(f"{size:.9g}"), unit=NANOMETRES)
    return replace(source, axes=tuple(axes))


def _nm(axis: Axis) -> float:
    return float(f"{in_unit(axis.spacing, axis.unit, 'nm'):.6g}")
