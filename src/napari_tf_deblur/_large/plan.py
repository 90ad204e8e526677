"""Plan the pieces of an image: the largest that fit into the memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod

from napari_tf_deblur._core.errors import OutOfMemoryError
from napari_tf_deblur._core.scene_grid import Grid
from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._large.margins import piece_margin, scene_gap
from napari_tf_deblur._large.memory_budget import GB
from napari_tf_deblur._large.pieces import PieceGrid
from napari_tf_deblur._preparation.iterations import PSF_LIGHT_KEPT
from napari_tf_deblur.methods import Method

EXTRA_COPIES = 12
"""Float32 copies of the input region of a piece, besides those of the method: the image, its
planes, the result, the residual, and the arrays of the verdict. Limit: of memory; by
``benchmarks/pieces.py budget`` a run that may use 1.8 GB used 1.55 GB."""

PIECE_SIZE_UNIT = {1: 4096, 2: 256, 3: 32}
"""The side of a piece is a multiple of this many pixels, by number of axes. Derived: from the sides
of shards and chunks."""

MAX_PIECE_PIXELS = {1: 2**22, 2: 2**22, 3: 2**24}
"""Largest number of pixels of a piece, by number of axes. Limit: of time between two updates of the
progress; larger pieces are hardly faster."""

MAX_PLANES_PIXELS = 2**20
"""Largest number of pixels of planes that form one piece. Limit: of memory."""


@dataclass(frozen=True)
class Plan:
    """The pieces of an image, and the workers and memory that they need.

    Attributes
    ----------
    piece_grid : PieceGrid
        The pieces.
    workers, threads : int
        Number of worker processes, and of threads in each. 0 workers: in this process.
    piece_bytes : int
        Memory of a piece, in bytes.
    total_bytes : int
        Memory of all processes together, in bytes.
    """

    piece_grid: PieceGrid
    workers: int
    threads: int
    piece_bytes: int
    total_bytes: int

    @property
    def summary_text(self) -> str:
        """Number and size of the pieces, and their memory, as the end of a sentence."""
        size = " x ".join(str(n) for n in self.piece_grid.size if n > 1)
        count = len(self.piece_grid)
        pieces = f"{count} pieces of {size} pixels" if count > 1 else "one piece"
        return f"in {pieces}, with about {self.total_bytes / GB:.1f} GB of memory"


def estimate_piece_bytes(input_size: Sequence[int], channels: int, psf: PSF, method: Method) -> int:
    """Estimate the memory of a piece.

    Parameters
    ----------
    input_size : sequence of int
        Pixels of the input region along each deblurred axis.
    channels : int
        Number of colours.
    psf : ndarray of float32
        PSF of sum 1.
    method : Method
        The method.

    Returns
    -------
    int
        Memory in bytes, without that of TensorFlow itself.
    """
    scene = Grid.around(tuple(input_size), psf, "unknown", PSF_LIGHT_KEPT, method.reach).scene
    values = method.working_copies(len(input_size)) * prod(scene) + EXTRA_COPIES * prod(input_size)
    return 4 * channels * values


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
        Shape of the image.
    frame_axes : sequence of int
        Axes that are deblurred.
    channel_axis : int or None
        Axis of colours.
    psf : ndarray of float32
        PSF of sum 1.
    method : Method
        The method.
    budget : int
        Memory of all processes together, in bytes.
    workers, threads : int, optional
        Number of worker processes, and of threads in each; 0 workers: in this process.
    overhead_bytes : int, optional
        Memory of all processes without pieces, in bytes.

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
    piece_budget = (budget - overhead_bytes) // max(1, workers)
    unit = PIECE_SIZE_UNIT[len(frame)]
    counts = [1] * len(frame)

    def size() -> list[int]:
        return [min(n, ceil(n / k / unit) * unit) for n, k in zip(frame, counts)]

    def piece_grid(planes: int = 1) -> PieceGrid:
        return PieceGrid.from_sizes(shape, frame_axes, size(), margin, gap, channel_axis, planes)

    def piece_bytes() -> int:
        input_size = [piece_grid().largest_input_size[axis] for axis in frame_axes]
        return estimate_piece_bytes(input_size, channels, psf, method)

    while piece_bytes() > piece_budget or channels * prod(size()) > MAX_PIECE_PIXELS[len(frame)]:
        axes_to_cut = [axis for axis, s in enumerate(size()) if s > unit]
        if not axes_to_cut:
            if piece_bytes() <= piece_budget:
                break
            needed = piece_bytes() * max(1, workers) + overhead_bytes
            raise OutOfMemoryError(
                f"Even a piece of {' x '.join(map(str, size()))} pixels needs {needed / GB:.1f} GB "
                f"of memory with this PSF and method, and only {budget / GB:.1f} GB may be used. "
                "Allow more memory, use a smaller PSF, or choose another method."
            )
        axis = max(axes_to_cut, key=lambda a: size()[a])
        previous = size()[axis]
        while size()[axis] == previous:
            counts[axis] += 1
    planes = max(
        1, min(MAX_PLANES_PIXELS // (channels * prod(frame)), piece_budget // piece_bytes())
    )
    planes = planes if size() == frame else 1
    total = overhead_bytes + max(1, workers) * planes * piece_bytes()
    return Plan(piece_grid(planes), workers, threads, planes * piece_bytes(), total)
