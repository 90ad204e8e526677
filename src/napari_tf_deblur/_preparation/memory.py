"""Plan the memory of a run, and set how the C library of Linux reuses freed memory.

By default the C library takes each large array from the system and gives it back as soon as it is
freed. The system then clears every page again, which can cost more than the transform that fills
the array. If there is enough free memory, freed arrays are therefore kept for the next ones during
a run. This halves its time and may double its memory. At the end of the run all of it goes back to
the system. On other systems than Linux nothing is changed.
"""

import ctypes
import math
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import psutil

from napari_tf_deblur._core.errors import OutOfMemoryError
from napari_tf_deblur._core.scene_grid import Grid
from napari_tf_deblur.methods import Method

LARGE_ARRAY_BYTES = 4 * 2**20
"""Least size in bytes of arrays whose memory goes back to the system when they are freed outside of
a run. Limit: of memory."""

KEPT_BYTES = 64 * 2**20
"""Bytes of freed smaller arrays that are always kept. Limit: of memory."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -3, -4, -8
"""Numbers of glibc's `mallopt`. Definition: in malloc.h."""

DEFAULT_MMAP_MAX = 65536
"""Largest number of arrays that glibc maps. Definition: its default."""

NO_LIMIT = -1
"""Value that stands for no limit. Definition: of glibc's `mallopt`."""

BATCH_BYTES = 2**28
"""Bytes of working memory that a batch of planes may fill; a single plane may need more. Limit: of
memory."""

MAX_BATCH_PADDING = 1.25
"""Largest ratio of the planes in all batches to the planes of the image: batches have one size, so
the last plane is repeated to fill the last batch. Limit: of time."""

SPARE_MEMORY_FACTOR = 4
"""Freed memory is kept, which is faster, if the free memory is at least this many times the memory
that a run needs. Limit: of memory."""

_lock = threading.Lock()
_runs = 0


def plan_batch(grid: Grid, shape: tuple[int, ...], method: Method) -> tuple[int, bool]:
    """Plan how many planes are solved together, and whether freed memory may be kept.

    Parameters
    ----------
    grid : Grid
        Grid of one plane.
    shape : tuple of int
        Shape of the planes, (planes, channels, *frame).
    method : Method
        The method, which says how many copies of the scene a run works with.

    Returns
    -------
    batch_size : int
        Largest number of planes of a batch, at least 1.
    has_spare_memory : bool
        Whether a run may keep freed memory.

    Raises
    ------
    MemoryError
        If one plane and the result need more than the free memory.
    """
    copies = method.working_copies(len(grid.frame))
    plane = 4 * copies * shape[1] * int(np.prod(grid.scene))
    result = 4 * int(np.prod(shape))
    available = psutil.virtual_memory().available
    if plane + result > available:
        raise OutOfMemoryError(
            f"This image needs about {(plane + result) / 2**30:.1f} GB of memory and "
            f"{available / 2**30:.1f} GB are free; crop it, deblur it as 2D instead of 3D, "
            "or close other programs."
        )
    batch = max(1, BATCH_BYTES // plane)
    return batch, method.keeps_freed_memory and SPARE_MEMORY_FACTOR * (
        batch * plane + result
    ) < available


def make_batches(planes: Sequence[int], most: int) -> tuple[tuple[int, ...], ...]:
    """Divide planes into batches of one size, so that all batches run the same compiled code.

    Parameters
    ----------
    planes : sequence of int
        The planes to solve.
    most : int
        Largest number of planes of a batch.

    Returns
    -------
    tuple of tuple of int
        Batches whose size is a power of two. The last plane is repeated to fill the last batch.

    Examples
    --------
    >>> make_batches([0, 1, 2, 3, 4, 5, 6], most=5)
    ((0, 1, 2, 3), (4, 5, 6, 6))
    """
    size = 1
    while 2 * size <= min(most, len(planes)):
        size *= 2
    while math.ceil(len(planes) / size) * size > MAX_BATCH_PADDING * len(planes):
        size //= 2
    filled = [*planes, *[planes[-1]] * (-len(planes) % size)]
    return tuple(tuple(filled[k : k + size]) for k in range(0, len(filled), size))


def configure_allocator() -> None:
    """Make large arrays go back to the system when they are freed. Call it once, early."""
    _set_mallopt(M_ARENA_MAX, 1)  # with several arenas, threads would not share freed memory
    _set_mallopt(M_MMAP_THRESHOLD, LARGE_ARRAY_BYTES)
    _set_mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


@contextmanager
def keep_freed_memory(enabled: bool = True) -> Iterator[None]:
    """Keep freed memory for the next arrays; return all of it when the last run has ended."""
    global _runs
    if not enabled:
        yield
        return
    with _lock:
        _runs += 1
        _set_mallopt(M_MMAP_MAX, 0)
        _set_mallopt(M_TRIM_THRESHOLD, NO_LIMIT)
    try:
        yield
    finally:
        with _lock:
            _runs -= 1
            if not _runs:
                _set_mallopt(M_MMAP_MAX, DEFAULT_MMAP_MAX)
                _set_mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
                release_freed_memory()


def release_freed_memory() -> None:
    """Return the freed memory that the C library keeps to the system."""
    trim = _find_c_function("malloc_trim")
    if trim is not None:
        trim(0)


def _set_mallopt(parameter: int, value: int) -> None:
    """Set a parameter of the allocator, where the C library has `mallopt`."""
    mallopt = _find_c_function("mallopt")
    if mallopt is not None:
        mallopt(parameter, value)


def _find_c_function(name: str) -> "ctypes._NamedFuncPointer | None":
    """Find a function of the C library; None where it does not exist."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
