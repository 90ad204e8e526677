"""Do the tasks of workers: read a region, deblur it, and write the shards of one piece."""

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.dtypes import to_dtype
from napari_tf_deblur._core.errors import PiecesFailedError
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.steps import finish
from napari_tf_deblur._core.threads import limit_threads
from napari_tf_deblur._large.large_image import LargeImage, RegionReader
from napari_tf_deblur._large.piece_solver import PieceSolver, Solution
from napari_tf_deblur._large.pieces import Piece, PieceGrid
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._run.verdict import VerdictKind
from napari_tf_deblur._storage.journal import Journal
from napari_tf_deblur._storage.ome_zarr import open_image
from napari_tf_deblur._storage.regions import Region, region_shape, relative_region

if TYPE_CHECKING:
    from napari_tf_deblur._run.deconvolution import Deconvolution


@dataclass(frozen=True)
class PieceTask:
    """A piece that a worker is to deblur and write.

    Attributes
    ----------
    piece : Piece
        The piece.
    region_reader : RegionReader
        Reads its input region.
    piece_solver : PieceSolver
        Deblurs it.
    piece_grid : PieceGrid
        All pieces of the image.
    frame_axes : tuple of int
        Axes that are deblurred.
    output : str
        Folder of the OME-Zarr.
    threads : int or None
        Number of threads that TensorFlow may use; None for all cores.
    halvings : int
        How often the piece is cut into halves, along each deblurred axis, to save memory.
    """

    piece: Piece
    region_reader: RegionReader
    piece_solver: PieceSolver
    piece_grid: PieceGrid
    frame_axes: tuple[int, ...]
    output: str
    threads: int | None
    halvings: int = 0

    def split_further(self) -> "PieceTask":
        """Return the same task in smaller parts, which need less memory."""
        return replace(self, halvings=self.halvings + 1)

    @property
    def can_split(self) -> bool:
        """Whether the smaller parts would still be larger than their margins."""
        sizes = [region_shape(self.piece.output_region)[axis] for axis in self.frame_axes]
        margins = [self.piece_grid.margin[axis] for axis in self.frame_axes]
        return all(n > 2 ** (self.halvings + 1) * m for n, m in zip(sizes, margins))

    def solve(self) -> Solution:
        """Read and deblur the piece."""
        pixels, mask = read_region_or_explain(self.region_reader)
        pieces = [self.piece]
        for _ in range(self.halvings):
            pieces = [
                half for piece in pieces for half in self.piece_grid.halve(piece, self.frame_axes)
            ]
        if not self.halvings:
            return self.piece_solver.solve(pixels, mask, self.piece)
        return self._solve_halves(pieces, pixels, mask)

    def _solve_halves(
        self, pieces: list[Piece], pixels: NDArray[Any], mask: NDArray[Any] | None
    ) -> Solution:
        """Deblur the parts of the piece one after another; the verdict is that of most pixels."""
        image = np.empty(region_shape(self.piece.output_region), np.float32)
        pixel_counts: dict[VerdictKind, int] = {}
        warnings: list[Notice] = []
        for part in pieces:
            region = relative_region(part.input_region, self.piece.input_region)
            frame = tuple(s for a, s in enumerate(region) if a != self.piece_solver.channel_axis)
            part_mask = None if mask is None else mask[frame]
            solution = self.piece_solver.solve(pixels[region], part_mask, part)
            image[relative_region(part.output_region, self.piece.output_region)] = solution.image
            count = prod(region_shape(part.output_region))
            pixel_counts[solution.verdict] = pixel_counts.get(solution.verdict, 0) + count
            warnings += solution.warnings
        verdict = max(pixel_counts, key=lambda kind: pixel_counts[kind])
        return Solution(image, np.zeros(0, np.float32), verdict, tuple(dict.fromkeys(warnings)))


class TaskMaker:
    """Makes the tasks of the pieces of an image.

    Parameters
    ----------
    image : LargeImage
        The image.
    piece_solver : PieceSolver
        Deblurs each piece.
    piece_grid : PieceGrid
        The pieces.
    output : str
        Folder of the OME-Zarr.
    threads : int or None
        Number of threads that TensorFlow may use in a worker; None for all cores.
    """

    def __init__(
        self,
        image: LargeImage,
        piece_solver: PieceSolver,
        piece_grid: PieceGrid,
        output: str,
        threads: int | None,
    ) -> None:
        self._image, self._piece_solver, self._piece_grid = image, piece_solver, piece_grid
        self._output, self._threads = output, threads
        self._is_transferable: bool | None = None  # whether workers can read the image themselves

    def make_task(self, piece: Piece, halvings: int) -> PieceTask:
        """Make the task of a piece; read its region here if workers cannot read it.

        Parameters
        ----------
        piece : Piece
            The piece.
        halvings : int
            How often it is cut into halves; see `PieceTask`.

        Raises
        ------
        PiecesFailedError
            If the region cannot be read in this process.
        """
        reader = self._image.get_region_reader(piece.input_region, piece.gap)
        if self._is_transferable is None:
            self._is_transferable = reader.is_transferable
        if not self._is_transferable:
            reader = RegionReader(*read_region_or_explain(reader))
        return PieceTask(
            piece,
            reader,
            self._piece_solver,
            self._piece_grid,
            self._image.frame_axes(self._piece_solver.psf.ndim),
            self._output,
            self._threads,
            halvings,
        )


def run_piece_task(task: PieceTask) -> dict[str, Any]:
    """Deblur a piece, write it, and add an entry to the journal.

    Returns
    -------
    dict
        The entry.
    """
    if task.threads is not None:
        _limit_threads(task.threads)
    solution = task.solve()
    output = open_image(task.output)
    output.write(task.piece.output_region, to_dtype(solution.image, output.dtype))
    entry = {
        "verdict": solution.verdict,
        "warnings": list(solution.warnings),
        "at": list(task.piece.start),
        "halvings": task.halvings,
    }
    Journal.for_image(task.output).write_entry(task.piece.number, entry)
    return entry


def _limit_threads(count: int) -> None:
    """Limit the threads of a worker, those of zarr included."""
    import zarr

    limit_threads(count)
    zarr.config.set({"threading.max_workers": count})


def read_region_or_explain(reader: RegionReader) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Read the pixels and the mask of a region.

    Raises
    ------
    PiecesFailedError
        If they cannot be read.
    """
    try:
        return reader.read()
    except MemoryError:
        raise
    except Exception as error:  # any error of the reader of the image
        cause = str(error).rstrip(".") or type(error).__name__
        raise PiecesFailedError(f"the image cannot be read there: {cause}.") from error


def solve_samples(arguments: Arguments, threads: int | None) -> "Deconvolution":
    """Deblur samples of an image; their calibration is part of the result.

    Parameters
    ----------
    arguments : Arguments
        The arguments of the run on the samples.
    threads : int or None
        Number of threads that TensorFlow may use; None for all cores.
    """
    from napari_tf_deblur._run.whole_image import solve

    if threads is not None:
        _limit_threads(threads)
    return finish(solve(arguments))


def update_levels(output: str, regions: list[Region]) -> None:
    """Update the coarser resolutions of some regions. Only one process may do so at a time."""
    open_image(output).build_levels(regions)
