"""What a worker does: it reads its region, deblurs it, and writes its own shards."""

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
from napari_tf_deblur._large.large_image import RegionReader
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
    """A piece to be deblurred and written.

    Attributes
    ----------
    piece : Piece
        Which.
    part : Part
        What is read for it.
    recipe : Recipe
        How.
    cut : Cut
        All pieces.
    frame_axes : tuple of int
        Axes that are deblurred.
    output : str
        Folder of the OME-Zarr.
    threads : int or None
        That TensorFlow may use; None for all cores.
    halvings : int
        How often the piece is cut into halves, along each axis, to take less memory.
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
        """Return the same, which takes less memory."""
        return replace(self, halvings=self.halvings + 1)

    @property
    def can_split(self) -> bool:
        """Whether its parts would still be larger than their margins."""
        sizes = [region_shape(self.piece.output_region)[axis] for axis in self.frame_axes]
        margins = [self.piece_grid.margin[axis] for axis in self.frame_axes]
        return all(n > 2 ** (self.halvings + 1) * m for n, m in zip(sizes, margins))

    def solve(self) -> Solution:
        """Read and deblur it."""
        pixels, mask = read_region_or_explain(self.region_reader)
        pieces = [self.piece]
        for _ in range(self.halvings):
            pieces = [
                half for one in pieces for half in self.piece_grid.halve(one, self.frame_axes)
            ]
        if not self.halvings:
            return self.piece_solver.solve(pixels, mask, self.piece)
        return self._solve_halves(pieces, pixels, mask)

    def _solve_halves(
        self, pieces: list[Piece], pixels: NDArray[Any], mask: NDArray[Any] | None
    ) -> Solution:
        image = np.empty(region_shape(self.piece.output_region), np.float32)
        kinds: dict[VerdictKind, int] = {}
        warnings: list[Notice] = []
        axis = self.piece_solver.channel_axis
        for one in pieces:
            read = relative_region(one.input_region, self.piece.input_region)
            frame = tuple(s for a, s in enumerate(read) if a != axis)
            part = None if mask is None else mask[frame]
            solved = self.piece_solver.solve(pixels[read], part, one)
            image[relative_region(one.output_region, self.piece.output_region)] = solved.image
            kinds[solved.verdict] = kinds.get(solved.verdict, 0) + prod(
                region_shape(one.output_region)
            )
            warnings += solved.warnings
        most = max(kinds, key=lambda kind: kinds[kind])
        return Solution(image, np.zeros(0, np.float32), most, tuple(dict.fromkeys(warnings)))


def run_piece_task(task: PieceTask) -> dict[str, Any]:
    """Deblur a piece, write it, and note it in the journal; return what was noted."""
    if task.threads is not None:
        _limit_threads(task.threads)
    solved = task.solve()
    output = open_image(task.output)
    output.write(task.piece.output_region, to_dtype(solved.image, output.dtype))
    entry = {
        "verdict": solved.verdict,
        "warnings": list(solved.warnings),
        "at": [part.start for part in task.piece.output_region],
        "halvings": task.halvings,
    }
    Journal.for_image(task.output).write_entry(task.piece.number, entry)
    return entry


def _limit_threads(count: int) -> None:
    """Let a worker use no more threads, zarr's included."""
    import zarr

    limit_threads(count)
    zarr.config.set({"threading.max_workers": count})


def read_region_or_explain(part: RegionReader) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Read pixels and mask of a part; say in words that they cannot be read."""
    try:
        return part.read()
    except MemoryError:
        raise
    except Exception as error:  # whatever the image's reader raises
        words = str(error).rstrip(".") or type(error).__name__
        raise PiecesFailedError(f"the image cannot be read there: {words}.") from error


def solve_samples(asked: Arguments, threads: int | None) -> "Deconvolution":
    """Deblur samples of an image; what all of its pieces need is part of the result."""
    from napari_tf_deblur._run.whole_image import solve

    if threads is not None:
        _limit_threads(threads)
    return finish(solve(asked))


def update_levels(output: str, regions: list[Region]) -> None:
    """Bring the coarser resolutions of some regions up to date; one process at a time."""
    image = open_image(output)
    level = 0
    while regions and level + 1 < len(image.levels):
        parts: dict[str, Region] = {}
        for region in regions:
            parts |= {repr(part): part for part in image.coarser_shard_regions(level, region)}
        level += 1
        for part in parts.values():
            image.build_level_part(level, part)
        regions = list(parts.values())
