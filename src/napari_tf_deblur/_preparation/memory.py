"""How much memory a run takes, and how the C library of Linux keeps it.

That decides how fast large arrays are. Left alone, the library takes each large array afresh
from the system and gives it back at once, and the system clears every page anew: that can cost
more than the transform which fills it. Where there is room, freed arrays are kept for the next
ones while a run works, which halves its time and may double its memory; at its end everything
goes back. Elsewhere than on Linux nothing is changed.
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
"""Bytes from which on an array's memory goes back to the system when it is freed, outside of a run.
Limit: of memory."""

KEPT_BYTES = 64 * 2**20
"""Bytes of freed smaller arrays that are kept at all times. Limit: of memory."""

# Parameters of the C library's mallopt, and what it starts with.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -3, -4, -8
"""Numbers of glibc's `mallopt`. Definition: in malloc.h."""

DEFAULT_MMAP_MAX = 65536
"""Most arrays that glibc maps. Definition: its default."""

NO_LIMIT = -1
"""Value that stands for no limit. Definition: of glibc's `mallopt`."""

BATCH_BYTES = 2**28
"""Working memory that a batch of planes may fill; a single plane may need more. Limit: of
memory."""

MAX_BATCH_PADDING = 1.25
"""Largest ratio of the planes in batches of one size to those that there are. Limit: of time."""

SPARE_MEMORY_FACTOR = 4
"""Ratio of the free memory to what a run must take from which on it may take more. Limit: of
memory."""

_lock = threading.Lock()
_runs = 0


def plan_batch(grid: Grid, shape: tuple[int, ...], method: Method) -> tuple[int, bool]:
    """How many planes fit into the memory for a batch, and whether there is room for more.

    Refuses where not even one plane fits.
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
    """Share planes out among batches of one size, so that all run the same compiled code.

    Parameters
    ----------
    planes : sequence of int
        The planes to solve.
    most : int
        How many fit into the memory at once.

    Returns
    -------
    tuple of tuple of int
        Batches of a power of two each, with the last plane repeated to fill the last one.

    Examples
    --------
    >>> batches([0, 1, 2, 3, 4, 5, 6], most=5)
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
    """Give large arrays back as soon as they are freed; to be called once, early."""
    _set_mallopt(M_ARENA_MAX, 1)  # or else threads do not share what is kept
    _set_mallopt(M_MMAP_THRESHOLD, LARGE_ARRAY_BYTES)
    _set_mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


@contextmanager
def keep_freed_memory(wanted: bool = True) -> Iterator[None]:
    """Keep freed arrays for the next ones; give all back once no run is left inside."""
    global _runs
    if not wanted:
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
    """Return to the system what the C library keeps of freed memory."""
    trim = _find_c_function("malloc_trim")
    if trim is not None:
        trim(0)


def _set_mallopt(parameter: int, value: int) -> None:
    mallopt = _find_c_function("mallopt")
    if mallopt is not None:
        mallopt(parameter, value)


def _find_c_function(name: str) -> "ctypes._NamedFuncPointer | None":
    """Find a function that only some C libraries have."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
