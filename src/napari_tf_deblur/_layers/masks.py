"""Converts labels and shapes layers to masks of the pixels to ignore."""

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Labels, Layer, Shapes
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._core.typing import BoolArray
from napari_tf_deblur._layers.source import Source, compute_world_transform
from napari_tf_deblur._preparation.image_check import find_saturated_pixels


def prepare_mask(mask: object, source: Source) -> Callable[[], BoolArray]:
    """Return a function that computes the mask of an image, so that its pixels are read later.

    Parameters
    ----------
    mask : napari.layers.Labels, napari.layers.Shapes or array_like
        Labels: pixels with a label are ignored. Shapes: pixels inside a shape are ignored. Array:
        pixels with other values than zero are ignored.
    source : Source
        The image. A mask with fewer axes is used for every plane.

    Returns
    -------
    callable
        Function without arguments; it returns a boolean array, True for pixels to ignore.

    Raises
    ------
    TypeError
        If the layer is neither labels nor shapes, or the array does not contain numbers.
    ValueError
        If a labels layer has other numbers of pixels than the image.
    """
    if isinstance(mask, Shapes):
        return _rasterize_shapes(mask, source)
    if isinstance(mask, Labels):
        data: Any = mask.data[0] if mask.multiscale else mask.data
        shape = tuple(data.shape)
        if shape != source.shape[-len(shape) :]:
            raise InvalidValueError(
                f"The mask layer '{mask.name}' has {_format_shape(shape)} pixels and the image "
                f"'{source.name}' has {_format_shape(source.shape)}; select the image, make a new "
                "labels layer, and paint the mask there."
            )
        return lambda: np.asarray(data) != 0
    if isinstance(mask, Layer):
        raise InvalidTypeError(
            f"'{mask.name}' cannot mark pixels to ignore; choose a labels or shapes layer."
        )
    values = np.asarray(mask)
    if values.dtype.kind not in "biuf":
        raise InvalidTypeError(
            f"The mask is {mask!r:.80}; give a labels or shapes layer, or an array with values "
            "other than zero for the pixels to ignore."
        )
    return lambda: values != 0


def with_nan(mask: BoolArray | None, image: NDArray[Any], rgb: bool) -> BoolArray | None:
    """Return a mask with the pixels added that are NaN or infinite in any colour."""
    if image.dtype.kind != "f":
        return mask
    return _add_marked_pixels(mask, ~np.isfinite(image), rgb)


def with_saturated(mask: BoolArray | None, image: NDArray[Any], rgb: bool) -> BoolArray | None:
    """Return a mask with the pixels added that are saturated in any colour; not in alpha."""
    return _add_marked_pixels(mask, find_saturated_pixels(image[..., :3] if rgb else image), rgb)


def count_saturated(image: NDArray[Any], rgb: bool) -> int:
    """Count the pixels that are saturated in any colour."""
    mask = with_saturated(None, image, rgb)
    return 0 if mask is None else int(np.count_nonzero(mask))


def _add_marked_pixels(
    mask: BoolArray | None, pixels: NDArray[np.bool_], rgb: bool
) -> BoolArray | None:
    """Combine a mask with the pixels that are marked in any colour."""
    marked = np.asarray(pixels.any(axis=-1)) if rgb else pixels
    if not marked.any():
        return mask
    return marked if mask is None else np.logical_or(marked, mask)


def _rasterize_shapes(shapes: Shapes, source: Source) -> Callable[[], BoolArray]:
    """Return a function that computes the pixels inside the shapes of a layer.

    The shapes are those of this moment. Both layers may lie anywhere in the world.
    """
    axes = min(shapes.ndim, source.ndim)
    to_world = compute_world_transform(shapes).set_slice(
        list(range(shapes.ndim - axes, shapes.ndim))
    )
    to_pixels = source.world_transform.set_slice(
        list(range(source.ndim - axes, source.ndim))
    ).inverse
    shape = source.shape[-axes:]
    if not len(shapes.data):
        return lambda: np.zeros(shape, dtype=bool)
    outlines = [to_pixels(to_world(np.asarray(vertices)[:, -axes:])) for vertices in shapes.data]
    shapes_in_pixels = Shapes(outlines, shape_type=list(shapes.shape_type), ndim=axes)
    return lambda: np.asarray(shapes_in_pixels.to_labels(labels_shape=shape) > 0)


def _format_shape(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)
