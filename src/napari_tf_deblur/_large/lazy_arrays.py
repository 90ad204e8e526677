"""Read images that are not in memory: arrays of dask, zarr, h5py, xarray, and of napari layers."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.packages import require_packages
from napari_tf_deblur._large.transfer import to_transferable
from napari_tf_deblur._storage.regions import Region

CHUNK_BYTES = 2**24
"""Bytes that are read at once from an array without chunks. Limit: of memory."""


def is_lazy(image: object) -> bool:
    """Whether an image is not in memory, so that its pixels are read when they are needed.

    Parameters
    ----------
    image : object
        An image.

    Returns
    -------
    bool
        True for arrays of dask, zarr, h5py and xarray (unless in memory), memory-mapped files of
        NumPy, data of multiscale layers, and all objects that have a shape and can be indexed but
        do not offer their memory to NumPy.
    """
    if isinstance(image, np.memmap):
        return True
    if isinstance(image, np.ndarray | np.generic | list | tuple | int | float):
        return False
    if _is_multiscale(image):
        return True
    if type(image).__module__.partition(".")[0] == "xarray":
        return not isinstance(_unwrap_xarray(image), np.ndarray)
    has = all(hasattr(image, name) for name in ("shape", "dtype", "ndim", "__getitem__"))
    return has and not hasattr(image, "__array_interface__") and not hasattr(image, "__dlpack__")


def to_dask(image: Any) -> Any:
    """Return a lazy image as an array of dask; no pixel is read.

    Parameters
    ----------
    image : array_like
        An image for which :func:`is_lazy` is true. Of several resolutions, the first is used.

    Returns
    -------
    dask.array.Array
        Of the same shape and type.
    """
    require_packages("dask")
    import dask.array as da

    if _is_multiscale(image):
        image = image[0]
    if type(image).__module__.partition(".")[0] == "xarray":
        image = _unwrap_xarray(image)
    if isinstance(image, da.Array):
        return image
    image = to_transferable(image)
    return da.from_array(image, chunks=_chunks(image), asarray=True, inline_array=True)


def read_region(image: Any, region: Region) -> NDArray[Any]:
    """Read a region of a dask array, in this thread unless workers hold the array."""
    from dask.base import compute

    scheduler = None if is_on_cluster(image) else "synchronous"
    return np.asarray(compute(image[region], scheduler=scheduler)[0])


def cull_region(image: Any, region: Region) -> Any:
    """Return a region of a dask array, with its task graph culled to the tasks that it needs."""
    from dask.base import optimize

    if is_on_cluster(image):
        return image[region]  # an optimised graph would hide the futures of the workers
    return optimize(image[region])[0]


def is_on_cluster(image: Any) -> bool:
    """Whether workers of dask.distributed hold a dask array or a part of it."""
    if "distributed" not in sys.modules:
        return False
    from distributed import futures_of

    return bool(futures_of(image))


def _is_multiscale(image: Any) -> bool:
    if type(image).__name__ == "MultiScaleData":
        return True
    return isinstance(image, Sequence) and len(image) > 0 and hasattr(image[0], "dtype")


def _unwrap_xarray(image: Any) -> Any:
    """Return the array within an xarray; chunked if it is a file that has not been read yet."""
    variable = image.variable
    if variable.chunks is None and not variable._in_memory:
        return image.chunk().data
    return variable.data


def _chunks(image: Any) -> Any:
    """Return the chunks in which an array is read: its shards or chunks, if it has them."""
    sizes = getattr(image, "shards", None) or getattr(image, "chunks", None)
    if sizes:
        return tuple(sizes)
    itemsize = max(1, np.dtype(image.dtype).itemsize)
    side = max(1, int((CHUNK_BYTES / itemsize) ** (1 / min(2, max(1, image.ndim)))))
    last = [min(n, side) for n in image.shape[-2:]]
    return (*(1,) * (image.ndim - len(last)), *last)
