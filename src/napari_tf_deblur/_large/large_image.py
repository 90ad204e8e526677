"""Read a large image and its mask region by region."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._core.planes import REAL_KINDS, check_channel_axis
from napari_tf_deblur._large.lazy_arrays import (
    cull_region,
    is_lazy,
    is_on_cluster,
    read_region,
    to_dask,
)
from napari_tf_deblur._large.transfer import is_transferable
from napari_tf_deblur._preparation.arguments import CalibrationArguments
from napari_tf_deblur._storage.regions import Region


@dataclass(frozen=True)
class RegionReader:
    """A region of an image and its mask, which can be read later, possibly by another process.

    Attributes
    ----------
    pixels, mask : ndarray, dask.array.Array or None
        Pixels and mask of the region. The mask is None if the image has none.
    """

    pixels: Any
    mask: Any

    @property
    def is_transferable(self) -> bool:
        """Whether another process can read the region."""
        arrays = [one for one in (self.pixels, self.mask) if one is not None]
        if any(not isinstance(one, np.ndarray) and is_on_cluster(one) for one in arrays):
            return False
        return is_transferable(arrays, sum(one.nbytes for one in arrays))

    def read(self) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """Read the pixels and the mask; None if there is no mask."""
        return _read(self.pixels), None if self.mask is None else _read(self.mask)


@dataclass(frozen=True)
class LargeImage:
    """An image in memory, or a lazy one.

    Attributes
    ----------
    data : ndarray or dask.array.Array
        The pixels.
    mask : ndarray, dask.array.Array or None
        Pixels to ignore, of the image's shape without its channel axis.
    channel_axis : int or None
        Axis of colours, counted from the front.
    """

    data: Any
    mask: Any
    channel_axis: int | None

    @classmethod
    def from_arguments(cls, arguments: CalibrationArguments) -> Self:
        """Take image and mask from the arguments of a run; no pixel is read.

        Raises
        ------
        InvalidTypeError
            If the pixels are not real numbers.
        InvalidValueError
            If the shape is not known or has a zero, or the mask does not fit the image.
        """
        image: Any = arguments.image
        data = to_dask(image) if is_lazy(image) else np.asarray(image)
        if data.dtype.kind not in REAL_KINDS:
            raise InvalidTypeError(
                f"The image holds values of type {data.dtype}; it must hold real numbers."
            )
        if any(not isinstance(n, int | np.integer) or n < 1 for n in data.shape):
            raise InvalidValueError(
                f"The image has the shape {data.shape}. The number of pixels along each axis must "
                "be known, and must not be 0."
            )
        axis = check_channel_axis(arguments.channel_axis, data.ndim)
        mask: Any = arguments.mask
        if isinstance(image, np.ma.MaskedArray) and image.mask is not np.ma.nomask:
            own: Any = np.ma.getmaskarray(image)
            own = own if axis is None else own.any(axis)
            mask = own if mask is None else own | np.not_equal(mask, 0)
        if mask is not None:
            mask = to_dask(mask) if is_lazy(mask) else np.asarray(mask)
            frame = tuple(n for a, n in enumerate(data.shape) if a != axis)
            try:
                mask = _broadcast(mask, frame)
            except ValueError:
                raise InvalidValueError(
                    f"The mask has the shape {mask.shape}, which does not fit the image's "
                    f"{frame}; use a mask drawn on this image."
                ) from None
        return cls(data, mask, axis)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of pixels per axis."""
        return tuple(int(n) for n in self.data.shape)

    @property
    def is_lazy(self) -> bool:
        """Whether the image is not in memory."""
        return not isinstance(self.data, np.ndarray)

    def frame_axes(self, ndim: int) -> tuple[int, ...]:
        """Return the axes that are deblurred: the last ones, without that of colours.

        Parameters
        ----------
        ndim : int
            Number of axes of the PSF.

        Raises
        ------
        InvalidValueError
            If the image has fewer axes.
        """
        axes = [a for a in range(len(self.shape)) if a != self.channel_axis]
        if not 1 <= ndim <= len(axes):
            raise InvalidValueError(
                f"The PSF has {ndim} axes and the image has {len(axes)} to deblur. Use a PSF with "
                "fewer axes."
            )
        return tuple(axes[-ndim:])

    def get_region_reader(self, region: Region, gap: Region | None = None) -> RegionReader:
        """Return an object that reads a region of the image and of the mask.

        Parameters
        ----------
        region : tuple of slice
            The region. If it starts before the image or ends beyond it, it also contains the gap,
            which is filled with zeros, and a part of the opposite side of the image.
        gap : tuple of slice, optional
            Position of the gap in the region, along each axis.
        """
        mask = None
        gap = gap or (slice(0, 0),) * len(region)
        if self.mask is not None:
            frame = [a for a in range(len(region)) if a != self.channel_axis]
            mask = _take_periodic_region(
                self.mask, [region[a] for a in frame], [gap[a] for a in frame]
            )
        return RegionReader(_take_periodic_region(self.data, region, gap), mask)

    def read(self, region: Region) -> NDArray[Any]:
        """Read the pixels of a region."""
        return self.data[region] if not self.is_lazy else read_region(self.data, region)


def _take_periodic_region(array: Any, region: Sequence[slice], gap: Sequence[slice]) -> Any:
    """Return a region of an array that is continued by a gap of zeros and its opposite side."""
    for axis, (part, zeros) in enumerate(zip(region, gap)):
        n, width = array.shape[axis], zeros.stop - zeros.start
        if part.start < 0:
            ends = slice(n - zeros.start, n), slice(0, part.stop)
        elif part.stop > n:
            ends = slice(part.start, n), slice(0, part.stop - n - width)
        else:
            continue
        before, after = (
            _take_periodic_region(array, [*region[:axis], end, *region[axis + 1 :]], gap)
            for end in ends
        )
        return _join_with_zeros(before, after, width, axis)
    where = tuple(region)
    return array[where] if isinstance(array, np.ndarray) else cull_region(array, where)


def _join_with_zeros(before: Any, after: Any, width: int, axis: int) -> Any:
    """Join two arrays along an axis, with zeros between them."""
    shape = [width if a == axis else n for a, n in enumerate(before.shape)]
    if isinstance(before, np.ndarray):
        return np.concatenate([before, np.zeros(shape, before.dtype), after], axis)
    import dask.array as da

    return da.concatenate([before, da.zeros(shape, dtype=before.dtype), after], axis)


def _read(part: Any) -> NDArray[Any]:
    if isinstance(part, np.ndarray):
        return part
    return read_region(part, (slice(None),) * part.ndim)


def _broadcast(mask: Any, shape: Sequence[int]) -> Any:
    if isinstance(mask, np.ndarray):
        return np.broadcast_to(mask, shape)
    import dask.array as da

    return da.broadcast_to(mask, shape)
