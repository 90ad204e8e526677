"""Which axes are what: an image taken apart into planes and put together again."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_tf_deblur.psf import PSF

REAL_KINDS = "biuf"
"""NumPy's kinds of dtype that hold real numbers."""


@dataclass(frozen=True)
class Planes:
    """An image as float32 planes of shape (planes, channels, *frame).

    A "plane" has as many axes as the PSF, 1 to 3; without a channel axis there is one
    channel.

    Attributes
    ----------
    shape : tuple of int
        Shape of the image.
    channel_axis : int or None
        The image's channel axis, counted from the front.
    alpha : ndarray or None
        Transparency, not to be deblurred: the fourth of four channels on the last axis.
    """

    shape: tuple[int, ...]
    channel_axis: int | None
    alpha: NDArray[np.float32] | None

    @classmethod
    def of(
        cls, image: ArrayLike, psf: PSF, channel_axis: int | None
    ) -> tuple[Self, NDArray[np.float32]]:
        """Check an image against a PSF and take it apart.

        Returns
        -------
        planes : Planes
            How to put it together again.
        values : ndarray of float32
            Shape (planes, channels, *frame), in the image's own units; a copy.
        """
        array = np.asarray(image)
        if array.dtype.kind not in REAL_KINDS:
            raise TypeError(
                f"The image holds values of type {array.dtype}; only real numbers can be "
                "deblurred. Convert it first, for example to its absolute value."
            )
        alpha = None
        axis = _checked_axis(channel_axis, array.ndim)
        shape = array.shape
        if axis is None:
            array = array[..., np.newaxis]
            axis = array.ndim - 1
        elif axis == array.ndim - 1 and array.shape[axis] == 4:
            alpha = array[..., 3:].astype(np.float32)
            array = array[..., :3]
        _check_shapes(array.shape[:axis] + array.shape[axis + 1 :], psf.shape)
        array = np.moveaxis(array, axis, -1 - psf.ndim)
        with np.errstate(over="ignore"):  # what overflows is found to be infinite later
            values = np.array(array, dtype=np.float32, order="C")
        values = values.reshape(-1, *values.shape[-1 - psf.ndim :])
        return cls(shape, None if channel_axis is None else axis, alpha), values

    def mask(self, mask: ArrayLike, frame: tuple[int, ...]) -> NDArray[np.bool_]:
        """Take apart a mask that fits the image without its channel axis."""
        without_channels = tuple(
            n for axis, n in enumerate(self.shape) if axis != self.channel_axis
        )
        try:
            full = np.broadcast_to(np.asarray(mask, dtype=bool), without_channels)
        except ValueError:
            raise ValueError(
                f"The mask has the shape {np.shape(mask)}, which does not fit the image's "
                f"{without_channels}; use a mask drawn on this image."
            ) from None
        return full.reshape(-1, 1, *frame)

    def together(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Put planes together into an image of the original shape."""
        frame_axes = values.ndim - 2
        if self.channel_axis is None:
            return values.reshape(self.shape)
        lead = [n for axis, n in enumerate(self.shape) if axis != self.channel_axis]
        image = values.reshape(*lead[: len(lead) - frame_axes], *values.shape[1:])
        image = np.moveaxis(image, -1 - frame_axes, self.channel_axis)
        if self.alpha is not None:
            image = np.concatenate([image, self.alpha], axis=-1)
        return np.ascontiguousarray(image)


def _checked_axis(channel_axis: int | None, ndim: int) -> int | None:
    if channel_axis is None:
        return None
    if not -ndim <= channel_axis < ndim:
        raise ValueError(f"The channel axis is {channel_axis}, but the image has {ndim} axes only.")
    return channel_axis % ndim


def _check_shapes(image: tuple[int, ...], psf: tuple[int, ...]) -> None:
    if len(psf) > len(image):
        raise ValueError(
            f"The PSF has {len(psf)} axes and the image has {len(image)} to deblur; use a "
            "PSF with fewer axes, for example one plane of it."
        )
    frame = image[len(image) - len(psf) :]
    if 0 in image:
        raise ValueError(f"The image is empty (shape {image}); choose one with pixels.")
    if max(frame) == 1:
        raise ValueError("The image has a single pixel to deblur; choose one with at least two.")
    if any(p > n for p, n in zip(psf, frame)):
        raise ValueError(
            f"The PSF's size {psf} is larger than the image's {frame}; use a smaller PSF "
            "(smaller sigmas or size, or a measured one cut to its bright part)."
        )
