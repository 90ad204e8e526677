"""Split an image into planes and channels, and join them again."""

import operator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._core.typing import PSF, BoolArray, Float32Array

REAL_KINDS = "biuf"
"""NumPy's dtype kinds of real numbers."""


@dataclass(frozen=True)
class PlaneLayout:
    """How an image is split into float32 planes of shape (planes, channels, *frame).

    A "plane" has as many axes as the PSF, 1 to 3. Without a channel axis, there is one channel.

    Attributes
    ----------
    shape : tuple of int
        Shape of the image.
    frame : tuple of int
        Shape of one plane.
    channel_axis : int or None
        The image's channel axis, counted from the front.
    transparency : ndarray or None
        The last channel, if it is transparency and is not deblurred.
    """

    shape: tuple[int, ...]
    frame: tuple[int, ...]
    channel_axis: int | None
    transparency: Float32Array | None

    @classmethod
    def split_image(
        cls, image: ArrayLike, psf: PSF, channel_axis: int | None = None, alpha: bool = False
    ) -> tuple[Self, Float32Array]:
        """Check that an image fits a PSF, and split it into planes.

        Parameters
        ----------
        image : array_like
            Any real dtype.
        psf : ndarray of float32
            Only its number of axes is used.
        channel_axis : int, optional
            Axis of colour channels.
        alpha : bool, optional
            Whether the last channel is transparency, which is set aside.

        Returns
        -------
        layout : PlaneLayout
            The layout that joins the planes again.
        values : ndarray of float32
            Shape (planes, channels, *frame), in the units of the image; a copy.

        Raises
        ------
        TypeError, ValueError
            If the image is not of real numbers, is empty, or does not fit the other arguments.
        """
        array = real_array(image)
        transparency = None
        axis = check_channel_axis(channel_axis, array.ndim)
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

    def split_array(self, image: Float32Array, transparency: bool = True) -> Float32Array:
        """Split another image of the same shape, with or without transparency."""
        if self.channel_axis is None:
            return self._split_planes(image[..., np.newaxis], image.ndim)
        colours = self.drop_transparency(image) if transparency else image
        return self._split_planes(colours, self.channel_axis)

    def _split_planes(self, array: NDArray[Any], axis: int) -> Float32Array:
        """Copy an array with channels along `axis` to shape (planes, channels, *frame)."""
        array = np.moveaxis(array, axis, -1 - len(self.frame))
        with np.errstate(over="ignore"):  # values that overflow are reported as infinite later
            values = np.array(array, dtype=np.float32, order="C")
        return values.reshape(-1, array.shape[-1 - len(self.frame)], *self.frame)

    @property
    def lead_shape(self) -> tuple[int, ...]:
        """Shape of the leading axes, over which planes are looped."""
        without_channels = self._without_channels
        return without_channels[: len(without_channels) - len(self.frame)]

    @property
    def _without_channels(self) -> tuple[int, ...]:
        return tuple(n for axis, n in enumerate(self.shape) if axis != self.channel_axis)

    def split_mask(self, mask: ArrayLike) -> BoolArray:
        """Split a mask of the shape of the image without its channel axis.

        Returns
        -------
        ndarray of bool
            Shape (planes, 1, *frame): True where the mask is not zero.
        """
        try:
            numbers = np.asarray(mask)
        except (TypeError, ValueError):  # rows of different lengths, and the like
            raise InvalidTypeError(
                "The mask is not an array of numbers; its rows may differ in length."
            ) from None
        if numbers.dtype.kind not in REAL_KINDS:
            raise InvalidTypeError(
                f"The mask holds values of type {numbers.dtype}; it must hold True for pixels to "
                "ignore and False for the others, or numbers, of which 0 stands for False."
            )
        try:
            full = np.broadcast_to(np.not_equal(numbers, 0), self._without_channels)
        except ValueError:
            raise InvalidValueError(
                f"The mask has the shape {numbers.shape}, which does not fit the image's "
                f"{self._without_channels}; use a mask drawn on this image."
            ) from None
        return full.reshape(-1, 1, *self.frame)

    def join_mask(self, mask: BoolArray) -> BoolArray:
        """Join a mask of shape (planes, 1, *frame), repeated for all channels but transparency."""
        whole = mask.reshape(self._without_channels)
        if self.channel_axis is None:
            return whole
        shape = list(self.shape)
        shape[self.channel_axis] -= self.transparency is not None
        return np.broadcast_to(np.expand_dims(whole, self.channel_axis), shape)

    def drop_transparency(self, image: NDArray[Any]) -> NDArray[Any]:
        """Return an image without its transparency channel."""
        if self.channel_axis is None or self.transparency is None:
            return image
        return image[(slice(None),) * self.channel_axis + (slice(None, -1),)]

    def split_own_mask(self, image: ArrayLike) -> BoolArray | None:
        """Split the mask of a NumPy masked array; None if the image has no mask."""
        if not isinstance(image, np.ma.MaskedArray) or image.mask is np.ma.nomask:
            return None
        mask = np.ma.getmaskarray(image)
        if self.channel_axis is not None:
            mask = np.logical_or.reduce(mask, axis=self.channel_axis)
        return self.split_mask(mask)

    def ignored_pixels(self, image: ArrayLike, mask: ArrayLike | None) -> BoolArray | None:
        """Combine the mask of a masked array with that of the user; None if there is neither."""
        own = self.split_own_mask(image)
        if mask is None:
            return own
        ignored = self.split_mask(mask)
        return ignored if own is None else ignored | own

    def plane_name(self, plane: int) -> str:
        """Name of a plane: its index along the leading axes of the image."""
        index = np.unravel_index(plane, self.lead_shape) if self.lead_shape else ()
        return str(int(index[0])) if len(index) == 1 else f"({', '.join(str(i) for i in index)})"

    def join_planes(self, values: Float32Array, transparency: bool = True) -> Float32Array:
        """Join planes into an image of the original shape, with or without transparency."""
        if self.channel_axis is None:
            return values.reshape(self.shape)
        image = values.reshape(*self.lead_shape, *values.shape[1:])
        image = np.moveaxis(image, len(self.lead_shape), self.channel_axis)
        if transparency and self.transparency is not None:
            image = np.concatenate([image, self.transparency], axis=self.channel_axis)
        return np.ascontiguousarray(image)


def real_array(image: ArrayLike) -> NDArray[Any]:
    """Convert an image to an array; raise TypeError if it does not hold real numbers."""
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


def check_channel_axis(channel_axis: int | None, ndim: int) -> int | None:
    """Return the channel axis counted from the front; raise an error if there is no such axis."""
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
    """Return the last `axes` sizes of an image shape without channels; raise if it cannot be."""
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
