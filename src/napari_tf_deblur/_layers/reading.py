"""Reads the pixels of a lazy layer in pieces, so that reading can be stopped."""

import time
from collections.abc import Generator
from threading import Event
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import OutOfMemoryError

STEP_SECONDS = 0.2
"""Time for reading one piece, in seconds. Set by eye: a run stops after about this time."""


def read_in_steps(data: Any, stop: Event) -> Generator[float, None, NDArray[Any]]:
    """Read an image of dask or Zarr; a NumPy array is returned unchanged.

    A piece consists of whole chunks along the axis with the most chunks. Its size is adapted so
    that it is read in about a fifth of a second; dask reads the chunks of a piece in parallel.

    Parameters
    ----------
    data : array_like
        The image.
    stop : threading.Event
        Set it to stop reading before the next piece.

    Yields
    ------
    float
        The fraction that has been read, 0 to 1.

    Returns
    -------
    ndarray
        The image. If `stop` was set, the rest of it has no valid values.

    Raises
    ------
    OutOfMemoryError
        If the image does not fit into the free memory.
    """
    shape, dtype = getattr(data, "shape", ()), getattr(data, "dtype", None)
    if isinstance(data, np.ndarray) or not shape or dtype is None or 0 in shape:
        return np.asarray(data)
    needed = float(np.prod(np.asarray(shape, float))) * np.dtype(dtype).itemsize
    available = psutil.virtual_memory().available
    if needed > available:
        raise OutOfMemoryError(
            f"The image needs {needed / 2**30:.1f} GB of memory, but only "
            f"{available / 2**30:.1f} GB are free; crop it, or close other programs."
        )
    axis, ends = _chunk_ends(data)
    read = np.empty(shape, dtype)
    begin, count = 0, 1
    while begin < len(ends) and not stop.is_set():
        end = min(begin + count, len(ends))
        piece = (slice(None),) * axis + (slice(ends[begin - 1] if begin else 0, ends[end - 1]),)
        started = time.monotonic()
        read[piece] = np.asarray(data[piece])
        if time.monotonic() - started < STEP_SECONDS / 2:
            count *= 2
        elif time.monotonic() - started > STEP_SECONDS * 2:
            count = max(1, count // 2)
        begin = end
        yield end / len(ends)
    return read


def _chunk_ends(data: Any) -> tuple[int, list[int]]:
    """Return the axis with the most chunks, and the end index of each; single planes if unknown."""
    chunks = getattr(data, "chunks", None) or (1,)
    sizes = []
    for length, chunk in zip(data.shape, chunks):
        step = (chunk,) * -(-length // chunk) if isinstance(chunk, int) else tuple(chunk)
        sizes.append(step)
    axis = max(range(len(sizes)), key=lambda k: len(sizes[k]))
    ends = np.minimum(np.cumsum(sizes[axis]), data.shape[axis])
    return axis, [int(end) for end in ends]
