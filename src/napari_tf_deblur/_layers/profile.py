"""Samples the intensities of images along a line that the user draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.components import Dims, ViewerModel
from napari.layers import Image, Layer, Shapes
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._core.typing import Float64Array
from napari_tf_deblur._layers.profile_line import find_line_vertices, get_unit_factors
from napari_tf_deblur._layers.source import compute_world_transform
from napari_tf_deblur._storage.axes import PIXEL_UNIT

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue. Source: ITU-R BT.709."""

MAX_SAMPLES = 10_000
"""Largest number of samples of a profile. Limit: of time."""


@dataclass(frozen=True)
class PixelLength:
    """The size of a pixel.

    Attributes
    ----------
    pixel_lengths : tuple of float
        Distance between neighbouring pixels along each axis of an image, in `unit`.
    unit : str
        A unit of length.
    """

    pixel_lengths: tuple[float, ...]
    unit: str


@dataclass(frozen=True)
class Profiles:
    """Intensities along one line.

    Attributes
    ----------
    distance : ndarray
        Distance from the beginning of the line, increasing, in `unit`.
    values : tuple of ndarray
        Intensities, one array per image; NaN outside of the image.
    deviation : ndarray or None
        Standard deviations of the last image, if they are known.
    unit : str
        Unit of the distance: ``"pixel"`` if the layers have none; empty if the axes along the line
        have different units.
    """

    distance: Float64Array
    values: tuple[Float64Array, ...]
    unit: str
    deviation: Float64Array | None = None


def sample_profiles(
    viewer: ViewerModel,
    shapes: Shapes,
    images: Sequence[Image],
    size: PixelLength | None = None,
    uncertainty: Image | None = None,
) -> Profiles | None:
    """Sample images along a line, in the plane that the viewer displays.

    All images are sampled at the same points, with linear interpolation between pixels; there is
    about one point per pixel of the finest image. A multiscale image is sampled at full
    resolution, a colour image by its luminance. Only displayed planes are read.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer, with its displayed axes and the positions of its sliders.
    shapes : napari.layers.Shapes
        The layer with the line; see `find_line_vertices`.
    images : sequence of napari.layers.Image
        The images.
    size : PixelLength, optional
        Pixel size of the last image. It is used if the layers have no unit of length.
    uncertainty : napari.layers.Image, optional
        Standard deviations of the last image. They are not sampled for colours, because they do not
        say how sure a mixture of colours is.

    Returns
    -------
    Profiles or None
        The profiles; None if there is no line.
    """
    dims, units = viewer.dims, viewer.layers.units
    line = find_line_vertices(shapes)
    if line is None:
        return None
    world = _place_in_view(_to_world(shapes, line, units), dims)
    unit, vertices = _unit(world, units), world
    if unit in ("", PIXEL_UNIT) and size is not None:
        unit, vertices = size.unit, _to_data(images[-1], world, units) * size.pixel_lengths
    lengths = np.linalg.norm(np.diff(vertices, axis=0), axis=1)
    begins = np.concatenate([[0.0], np.cumsum(lengths)])
    if not begins[-1] > 0:
        return None
    segments = [np.diff(_to_data(image, world, units), axis=0) for image in images]
    count = max([1.0, *(np.linalg.norm(steps, axis=1).sum() for steps in segments)])
    distance = np.linspace(0, begins[-1], min(MAX_SAMPLES, int(np.ceil(count - 1e-6)) + 1))
    points = np.stack([np.interp(distance, begins, axis) for axis in world.T], axis=1)
    values = tuple(_sample_image(image, _to_data(image, points, units), dims) for image in images)
    deviation = None
    if uncertainty is not None and not images[-1].rgb:
        deviation = _sample_image(uncertainty, _to_data(uncertainty, points, units), dims)
    return Profiles(distance, values, unit, deviation)


def _to_world(layer: Layer, points: Float64Array, units: Any) -> Float64Array:
    """Convert data coordinates of a layer to world coordinates, in the units of the viewer."""
    return np.asarray(compute_world_transform(layer)(points)) * get_unit_factors(layer, units)


def _to_data(layer: Layer, points: Float64Array, units: Any) -> Float64Array:
    """Convert world coordinates to data coordinates of a layer; its axes are the viewer's last."""
    points = points[:, -layer.ndim :]
    return np.asarray(
        compute_world_transform(layer).inverse(points / get_unit_factors(layer, units))
    )


def _place_in_view(line: Float64Array, dims: Dims) -> Float64Array:
    """Move a line to the displayed plane; it may have fewer axes than the viewer."""
    vertices = np.tile(np.asarray(dims.point, float), (len(line), 1))
    for axis in dims.displayed:
        line_axis = axis - (dims.ndim - line.shape[1])
        if line_axis >= 0:
            vertices[:, axis] = line[:, line_axis]
    return vertices


def _unit(world: Float64Array, units: Any) -> str:
    """Return the unit of the axes along a line; empty if they have none, or different units."""
    if units is None:
        return ""
    axes = [k for k, extent in enumerate(np.ptp(world, axis=0)) if extent > 0]
    axis_units = {str(units[k - world.shape[1]]) for k in axes}
    return axis_units.pop() if len(axis_units) == 1 else ""


def _sample_image(image: Image, points: Float64Array, dims: Dims) -> Float64Array:
    """Sample an image at data coordinates; along hidden axes, all lie in one plane."""
    data = image.data[0] if image.multiscale else image.data
    shape = data.shape[: image.ndim]
    values = np.full(len(points), np.nan)
    displayed = [k for k in range(image.ndim) if k + dims.ndim - image.ndim in dims.displayed]
    for axis in set(range(image.ndim)) - set(displayed):
        points[:, axis] = np.round(points[0, axis])  # as napari does
    margin = 0.5 + 1e-6  # a pixel extends half a step from its centre
    inside = ((points >= -margin) & (points <= np.subtract(shape, 1) + margin)).all(axis=1)
    if not inside.any():
        return values
    points = np.clip(points[inside], 0, np.subtract(shape, 1))
    first = np.floor(points.min(axis=0)).astype(int)
    last = np.ceil(points.max(axis=0)).astype(int)
    part = tuple(
        slice(begin, end + 1) if k in displayed else begin
        for k, (begin, end) in enumerate(zip(first.tolist(), last.tolist()))
    )
    pixels = np.asarray(data[part])
    if pixels.dtype in (np.bool_, np.float16):  # SciPy does not support these
        pixels = pixels.astype(np.float32)
    places = (points - first)[:, displayed].T
    channels = [pixels[..., c] for c in range(3)] if image.rgb else [pixels]
    weights = LUMINANCE if image.rgb else (1.0,)
    values[inside] = sum(
        weight * _interpolate(channel, places) for weight, channel in zip(weights, channels)
    )
    return values


def _interpolate(pixels: NDArray[Any], places: Float64Array) -> Float64Array:
    """Interpolate linearly; NaN at points whose nearest pixel is not finite."""
    finite = np.isfinite(pixels)
    if finite.all():
        return ndimage.map_coordinates(pixels, places, np.float64, order=1, mode="nearest")
    finite_weight = _interpolate(finite.astype(np.float32), places)
    values = _interpolate(np.where(finite, pixels, 0), places)
    return np.where(finite_weight > 0.5, values / np.maximum(finite_weight, 0.5), np.nan)
