"""Which axes are what: an image taken apart into planes and put together again."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._core.typing import PSF, BoolArray, Float32Array

REAL_KINDS = "biuf"
"""NumPy's kinds of dtype that hold real numbers."""


@dataclass(frozen=True)
class PlaneLayout:
    """An image as float32 planes of shape (planes, channels, *frame).

    A "plane" has as many axes as the PSF, 1 to 3; without a channel axis there is one
    channel.

    Attributes
    ----------
    shape : tuple of int
        Shape of the image.
    frame : tuple of int
        Shape of one plane.
    channel_axis : int or None
        The image's channel axis, counted from the front.
    transparency : ndarray or None
        The last channel, where it is not to be deblurred.
    """

    shape: tuple[int, ...]
    frame: tuple[int, ...]
    channel_axis: int | None
    transparency: Float32Array | None

    @classmethod
    def split_image(
        cls, image: ArrayLike, psf: PSF, channel_axis: int | None = None, alpha: bool = False
    ) -> tuple[Self, Float32Array]:
        """Check an image against a PSF and take it apart.

        Returns
        -------
        planes : Planes
            How to put it together again.
        values : ndarray of float32
            Shape (planes, channels, *frame), in the image's own units; a copy.
        """
        array = real_array(image)
        transparency = None
        axis = _check_channel_axis(channel_axis, array.ndim)
        shape = array.shape
        if alpha and (axis is None or array.shape[axis] < 2):
            raise InvalidValueError(
                "The image has no channel of transparency: 'alpha' needs a channel axis of at "
                "least two channels, the last of which is transparency."
            )
        if axis is None:
            array = array[..., np.newaxis]
            axis = array.ndim - 1
        elif alpha:
            last = (slice(None),) * axis
            transparency = array[(*last, slice(-1, None))].astype(np.float32)
            array = array[(*last, slice(None, -1))]
        frame = _check_frame(array.shape[:axis] + array.shape[axis + 1 :], psf.ndim)
        planes = cls(shape, frame, None if channel_axis is None else axis, transparency)
        return planes, planes._split_planes(array, axis)

    def split_array(self, image: Float32Array) -> Float32Array:
        """Take apart another image of the same shape."""
        if self.channel_axis is None:
            return self._split_planes(image[..., np.newaxis], image.ndim)
        return self._split_planes(self.drop_transparency(image), self.channel_axis)

    def _split_planes(self, array: NDArray[Any], axis: int) -> Float32Array:
        array = np.moveaxis(array, axis, -1 - len(self.frame))
        with np.errstate(over="ignore"):  # what overflows is found to be infinite later
            values = np.array(array, dtype=np.float32, order="C")
        return values.reshape(-1, array.shape[-1 - len(self.frame)], *self.frame)

    @property
    def lead_shape(self) -> tuple[int, ...]:
        """Shape of what is looped over."""
        without_channels = self._without_channels
        return without_channels[: len(without_channels) - len(self.frame)]

    @property
    def _without_channels(self) -> tuple[int, ...]:
        return tuple(n for axis, n in enumerate(self.shape) if axis != self.channel_axis)

    def split_mask(self, mask: ArrayLike) -> BoolArray:
        """Take apart a mask that fits the image without its channel axis.

        Returns
        -------
        ndarray of bool
            Shape (planes, 1, *frame): True where the mask is not zero.
        """
        try:
            marked = np.asarray(mask)
        except (TypeError, ValueError):  # rows of different lengths, and the like
            raise InvalidTypeError(
                "The mask is not an array of numbers; its rows may differ in length."
            ) from None
        if marked.dtype.kind not in REAL_KINDS:
            raise InvalidTypeError(
                f"The mask holds values of type {marked.dtype}; it must hold True for pixels to "
                "ignore and False for the others, or numbers, of which 0 stands for False."
            )
        try:
            full = np.broadcast_to(np.not_equal(marked, 0), self._without_channels)
        except ValueError:
            raise InvalidValueError(
                f"The mask has the shape {marked.shape}, which does not fit the image's "
                f"{self._without_channels}; use a mask drawn on this image."
            ) from None
        return full.reshape(-1, 1, *self.frame)

    def join_mask(self, mask: BoolArray) -> BoolArray:
        """Put a mask of shape (planes, 1, *frame) together, for all channels but transparency."""
        whole = mask.reshape(self._without_channels)
        if self.channel_axis is None:
            return whole
        shape = list(self.shape)
        shape[self.channel_axis] -= self.transparency is not None
        return np.broadcast_to(np.expand_dims(whole, self.channel_axis), shape)

    def drop_transparency(self, image: NDArray[Any]) -> NDArray[Any]:
        """Leave transparency out."""
        if self.channel_axis is None or self.transparency is None:
            return image
        return image[(slice(None),) * self.channel_axis + (slice(None, -1),)]

    def split_own_mask(self, image: ArrayLike) -> BoolArray | None:
        """Take apart the mask that a NumPy masked array brings along; None where it has none."""
        if not isinstance(image, np.ma.MaskedArray) or image.mask is np.ma.nomask:
            return None
        marked = np.ma.getmaskarray(image)
        if self.channel_axis is not None:
            marked = np.logical_or.reduce(marked, axis=self.channel_axis)
        return self.split_mask(marked)

    def ignored_pixels(self, image: ArrayLike, mask: ArrayLike | None) -> BoolArray | None:
        """Pixels that the image itself masks, or that the user does; None if neither does."""
        own = self.split_own_mask(image)
        if mask is None:
            return own
        told = self.split_mask(mask)
        return told if own is None else told | own

    def plane_name(self, plane: int) -> str:
        """Where a plane is among those that are looped over, as an index of the image."""
        index = np.unravel_index(plane, self.lead_shape) if self.lead_shape else ()
        return str(int(index[0])) if len(index) == 1 else f"({', '.join(str(i) for i in index)})"

    def join_planes(self, values: Float32Array, transparency: bool = True) -> Float32Array:
        """Put planes together into an image of the original shape, maybe less transparency."""
        if self.channel_axis is None:
            return values.reshape(self.shape)
        image = values.reshape(*self.lead_shape, *values.shape[1:])
        image = np.moveaxis(image, len(self.lead_shape), self.channel_axis)
        if transparency and self.transparency is not None:
            image = np.concatenate([image, self.transparency], axis=self.channel_axis)
        return np.ascontiguousarray(image)


def real_array(image: ArrayLike) -> NDArray[Any]:
    """Take an image as an array; refuse what does not hold real numbers."""
    try:
        array = np.asarray(image)
    except (TypeError, ValueError):  # rows of different lengths, and the like
        raise InvalidTypeError(
            "The image is not an array of numbers; its rows may differ in length."
        ) from None
    if array.dtype.kind not in REAL_KINDS:
        raise InvalidTypeError(
            f"The image holds values of type {array.dtype}; only real numbers can be "
            "deblurred. Convert it first, for example to its absolute value."
        )
    return array


def relative_spacing(spacing: Sequence[float] | None, axes: int) -> tuple[float, ...]:
    """Voxel sizes relative to the finest; 1 for all where nothing is said."""
    if spacing is None:
        return (1.0,) * axes
    try:
        voxel = np.asarray(spacing, dtype=float)
    except (TypeError, ValueError):
        voxel = np.zeros(0)
    if voxel.shape != (axes,) or not (np.all(np.isfinite(voxel)) and np.all(voxel > 0)):
        raise InvalidValueError(
            f"The spacing is {spacing!r}; it must be {axes} voxel sizes above 0, one "
            "for each deblurred axis."
        )
    return tuple(float(v) for v in voxel / voxel.min())


def _check_channel_axis(channel_axis: int | None, ndim: int) -> int | None:
    if channel_axis is None:
        return None
    try:
        axis = operator.index(channel_axis)
    except TypeError:
        raise InvalidTypeError(
            f"The channel axis is {channel_axis!r}; it must be a whole number, such as -1 for "
            "the last axis."
        ) from None
    if not -ndim <= axis < ndim:
        raise InvalidValueError(f"The channel axis is {axis}, but the image has {ndim} axes only.")
    return axis % ndim


def _check_frame(image: tuple[int, ...], axes: int) -> tuple[int, ...]:
    if axes > len(image):
        raise InvalidValueError(
            f"The PSF has {axes} axes and the image has {len(image)} to deblur; use a "
            "PSF with fewer axes, for example one plane of it."
        )
    frame = image[len(image) - axes :]
    if 0 in image:
        raise InvalidValueError(f"The image is empty (shape {image}); choose one with pixels.")
    if max(frame) == 1:
        raise InvalidValueError(
            "The image has a single pixel to deblur; choose one with at least two."
        )
    return frame
