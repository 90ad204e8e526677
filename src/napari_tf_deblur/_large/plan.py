"""How large pieces may be: what they take of the memory, and what there is."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod

from napari_tf_deblur._core.errors import OutOfMemoryError
from napari_tf_deblur._core.gaussian_psf import gaussian_psf
from napari_tf_deblur._core.scene_grid import Grid
from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._large.memory_budget import GB
from napari_tf_deblur._large.pieces import PieceGrid, piece_margin, scene_gap
from napari_tf_deblur._preparation.iterations import PSF_LIGHT_KEPT
from napari_tf_deblur.methods import Method

WORKER_BYTES = 960 * 2**20
"""Bytes of a worker without a piece, and of the process that watches it. Set by hand, as seen:
TensorFlow 680 MiB, 250 more after samples were deblurred by several methods, the other process 60.
``benchmarks/pieces.py budget`` measures the sum."""

CLIENT_BYTES = 300 * 2**20
"""Bytes of the process that asks for the pieces, with dask and its scheduler. Set by hand, as seen;
``benchmarks/pieces.py budget`` measures the sum."""

EXTRA_COPIES = 12
"""Float32 copies of what is read for a piece, besides those of the method: the image, its planes,
the result, the residual, and what the verdict compares. Set by hand; ``benchmarks/pieces.py
budget`` measures the sum."""

PIECE_SIZE_UNIT = {1: 4096, 2: 256, 3: 32}
"""Pixels of which the sides of pieces are multiples, by number of axes. Derived: from the sides of
shards and chunks."""

MAX_PIECE_PIXELS = {1: 2**22, 2: 2**22, 3: 2**24}
"""Most pixels of a piece, by number of axes. Limit: of time, until progress is seen; larger ones
are hardly faster."""

EFFICIENT_PIECE_SIZE = {1: 2**16, 2: 768, 3: 96}
"""Pixels along each axis of a piece that is not mostly margin, by number of axes. Limit: of
time."""

PLANNING_SIGMA = (2.0, 1.5, 1.5)
"""Sigmas along z, y and x of a PSF that is not known yet, for the plan. Set by hand; it changes the
plan that is announced, and no result."""

MAX_PLANES_PIXELS = 2**20
"""Pixels up to which planes are taken together. Limit: of memory."""


@dataclass(frozen=True)
class Plan:
    """How an image is deblurred piece by piece.

    Attributes
    ----------
    cut : Cut
        The pieces.
    workers, threads : int
        Processes that work side by side, and threads of each. No workers: in this process.
    piece_bytes : int
        Memory that a piece takes.
    total_bytes : int
        Memory of all processes together.
    """

    piece_grid: PieceGrid
    workers: int
    threads: int
    piece_bytes: int
    total_bytes: int

    @property
    def summary_text(self) -> str:
        """How many pieces of which size, and the memory that they take."""
        size = " x ".join(str(n) for n in self.piece_grid.size if n > 1)
        count = len(self.piece_grid)
        pieces = f"{count} pieces of {size} pixels" if count > 1 else "one piece"
        return f"in {pieces}, with about {self.total_bytes / GB:.1f} GB of memory"


def plan_workers(
    ndim: int, channels: int, psf: PSF, method: Method, budget: int, cores: int
) -> tuple[int, int]:
    """Say how many processes work side by side, and how much memory each may take.

    Processes of one thread each have the most throughput; but each has its own TensorFlow, and
    small pieces are mostly margin.

    Parameters
    ----------
    ndim, channels : int
        Deblurred axes, and colours.
    psf : ndarray of float32
        Of sum 1.
    method : Method
        What is done.
    budget : int
        Bytes that all may take together.
    cores : int
        Of this machine.

    Returns
    -------
    tuple of int
        Processes, and bytes of each.
    """
    margin = piece_margin(psf, method)
    read = [EFFICIENT_PIECE_SIZE[ndim] + 2 * m for m in margin]
    decent = WORKER_BYTES + estimate_piece_bytes(read, channels, psf, method)
    workers = max(1, min(cores, (budget - CLIENT_BYTES) // decent))
    return workers, (budget - CLIENT_BYTES) // workers


def estimate_piece_bytes(read: Sequence[int], channels: int, psf: PSF, method: Method) -> int:
    """Estimate the memory that a piece takes.

    Parameters
    ----------
    read : sequence of int
        Pixels along each deblurred axis of what is read for it.
    channels : int
        Colours.
    psf : ndarray of float32
        Of sum 1.
    method : Method
        What is done.

    Returns
    -------
    int
        Bytes, without what TensorFlow itself takes.
    """
    scene = Grid.around(tuple(read), psf, "unknown", PSF_LIGHT_KEPT, method.reach).scene
    copies = method.working_copies(len(read)) * prod(scene) + EXTRA_COPIES * prod(read)
    return 4 * channels * copies


def plan_pieces(
    shape: Sequence[int],
    frame_axes: Sequence[int],
    channel_axis: int | None,
    psf: PSF,
    method: Method,
    budget: int,
    workers: int = 0,
    threads: int = 1,
    overhead_bytes: int = 0,
) -> Plan:
    """Find the largest pieces that fit into the memory.

    Parameters
    ----------
    shape : sequence of int
        Of the image.
    frame_axes : sequence of int
        Axes that are deblurred.
    channel_axis : int or None
        Axis of colours.
    psf : ndarray of float32
        Of sum 1.
    method : Method
        What is done.
    budget : int
        Bytes that all processes may take together.
    workers, threads : int, optional
        Processes, and threads of each; no workers: all is done in this process.
    own_process : int, optional
        Bytes that are taken besides pieces.

    Returns
    -------
    Plan
        The pieces.

    Raises
    ------
    OutOfMemoryError
        If even the smallest piece does not fit.
    """
    frame = [shape[axis] for axis in frame_axes]
    margin, gap = piece_margin(psf, method), scene_gap(frame, psf, method)
    channels = 1 if channel_axis is None else shape[channel_axis]
    each = (budget - overhead_bytes) // max(1, workers)
    unit = PIECE_SIZE_UNIT[len(frame)]
    counts = [1] * len(frame)

    def size() -> list[int]:
        return [min(n, ceil(n / k / unit) * unit) for n, k in zip(frame, counts)]

    def cut(planes: int = 1) -> PieceGrid:
        return PieceGrid.from_sizes(shape, frame_axes, size(), margin, gap, channel_axis, planes)

    def needed() -> int:
        read = [cut().largest_input_size[axis] for axis in frame_axes]
        return estimate_piece_bytes(read, channels, psf, method)

    while needed() > each or channels * prod(size()) > MAX_PIECE_PIXELS[len(frame)]:
        larger = [axis for axis, s in enumerate(size()) if s > unit]
        if not larger:
            if needed() <= each:
                break
            raise OutOfMemoryError(
                f"Even a piece of {' x '.join(map(str, size()))} pixels needs "
                f"{(needed() * max(1, workers) + overhead_bytes) / GB:.1f} GB of memory with this PSF "
                f"and method, and {budget / GB:.1f} GB may be taken: allow more, choose a smaller "
                "PSF, or another method."
            )
        axis = max(larger, key=lambda a: size()[a])
        before = size()[axis]
        while size()[axis] == before:
            counts[axis] += 1
    planes = max(1, min(MAX_PLANES_PIXELS // (channels * prod(frame)), each // needed()))
    planes = planes if size() == frame else 1
    total = overhead_bytes + max(1, workers) * planes * needed()
    return Plan(cut(planes), workers, threads, planes * needed(), total)


def estimate_plan(
    shape: Sequence[int],
    frame_axes: Sequence[int],
    channel_axis: int | None,
    method: Method,
    budget: int,
) -> Plan:
    """Plan the pieces of an image for processes of this machine, with a PSF of a usual size.

    Which method an image picks is not known yet: the pieces are those of the method given here, and
    of another one they may be larger or smaller.

    Parameters
    ----------
    shape, frame_axes, channel_axis, method, budget
        As of :func:`plan_pieces`.
    """
    ndim = len(frame_axes)
    psf = gaussian_psf(PLANNING_SIGMA[-ndim:])
    channels = 1 if channel_axis is None else shape[channel_axis]
    cores = os.cpu_count() or 1
    workers, _ = plan_workers(ndim, channels, psf, method, budget, cores)
    own = CLIENT_BYTES + workers * WORKER_BYTES
    threads = max(1, cores // workers)
    return plan_pieces(shape, frame_axes, channel_axis, psf, method, budget, workers, threads, own)
