"""A large image and its mask, read region by region."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._core.planes import REAL_KINDS
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
    """A region of an image that is read where it is needed, maybe by another process.

    Attributes
    ----------
    pixels, mask : ndarray, dask.array.Array or None
        The region; a mask of one that has none is None.
    """

    pixels: Any
    mask: Any

    @property
    def is_transferable(self) -> bool:
        """Whether another process can read it."""
        arrays = [one for one in (self.pixels, self.mask) if one is not None]
        if any(not isinstance(one, np.ndarray) and is_on_cluster(one) for one in arrays):
            return False
        return is_transferable(arrays, sum(one.nbytes for one in arrays))

    def read(self) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """Read pixels and mask."""
        return _read(self.pixels), None if self.mask is None else _read(self.mask)


@dataclass(frozen=True)
class LargeImage:
    """An image in memory or not.

    Attributes
    ----------
    data : ndarray or dask.array.Array
        Its pixels.
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
        """Take image and mask from the arguments; nothing is read."""
        image: Any = arguments.image
        data = to_dask(image) if is_lazy(image) else np.asarray(image)
        if data.dtype.kind not in REAL_KINDS:
            raise InvalidTypeError(
                f"The image holds values of type {data.dtype}; it must hold real numbers."
            )
        if any(not isinstance(n, int | np.integer) or n < 1 for n in data.shape):
            raise InvalidValueError(
                f"The image has the shape {data.shape}: how large it is must be known, and it must "
                "have pixels."
            )
        axis = arguments.channel_axis
        if axis is not None:
            axis = range(data.ndim)[axis]
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
        """Pixels per axis."""
        return tuple(int(n) for n in self.data.shape)

    @property
    def is_lazy(self) -> bool:
        """Whether it is not in memory."""
        return not isinstance(self.data, np.ndarray)

    def frame_axes(self, ndim: int) -> tuple[int, ...]:
        """Return the last axes, as many as are deblurred, without that of colours."""
        axes = [a for a in range(len(self.shape)) if a != self.channel_axis]
        if not 1 <= ndim <= len(axes):
            raise InvalidValueError(
                f"The PSF has {ndim} axes and the image has {len(axes)} to deblur; use a PSF with "
                "fewer axes."
            )
        return tuple(axes[-ndim:])

    def get_region_reader(self, region: Region, gap: Region | None = None) -> RegionReader:
        """Return a region, to be read where it is needed.

        Parameters
        ----------
        region : tuple of slice
            It may begin before the image, or end beyond it: its opposite side is then read, with
            zeros between.
        gap : tuple of slice, optional
            Where in the region, along each axis, those zeros are.
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
    """Return a region of an array whose opposite sides lie beyond gaps of zeros."""
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
    """Put two arrays together along an axis, with zeros between."""
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
