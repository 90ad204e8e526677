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
from napari_tf_deblur._large.pieces import Cut, Piece
from napari_tf_deblur._large.recipe import Recipe, Solution
from napari_tf_deblur._large.source import Part
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._run.verdict import Kind
from napari_tf_deblur._storage.journal import Journal
from napari_tf_deblur._storage.ome_zarr import open_image
from napari_tf_deblur._storage.regions import Region, inside, size_of

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
    part: Part
    recipe: Recipe
    cut: Cut
    frame_axes: tuple[int, ...]
    output: str
    threads: int | None
    halvings: int = 0

    def smaller(self) -> "PieceTask":
        """Return the same, which takes less memory."""
        return replace(self, halvings=self.halvings + 1)

    @property
    def can_be_smaller(self) -> bool:
        """Whether its parts would still be larger than their margins."""
        sizes = [size_of(self.piece.write)[axis] for axis in self.frame_axes]
        margins = [self.cut.margin[axis] for axis in self.frame_axes]
        return all(n > 2 ** (self.halvings + 1) * m for n, m in zip(sizes, margins))

    def solve(self) -> Solution:
        """Read and deblur it."""
        pixels, mask = read_in_words(self.part)
        pieces = [self.piece]
        for _ in range(self.halvings):
            pieces = [half for one in pieces for half in self.cut.halved(one, self.frame_axes)]
        if not self.halvings:
            return self.recipe.solve(pixels, mask, self.piece)
        return self._put_together(pieces, pixels, mask)

    def _put_together(
        self, pieces: list[Piece], pixels: NDArray[Any], mask: NDArray[Any] | None
    ) -> Solution:
        image = np.empty(size_of(self.piece.write), np.float32)
        kinds: dict[Kind, int] = {}
        warnings: list[Notice] = []
        axis = self.recipe.channel_axis
        for one in pieces:
            read = inside(one.read, self.piece.read)
            frame = tuple(s for a, s in enumerate(read) if a != axis)
            part = None if mask is None else mask[frame]
            solved = self.recipe.solve(pixels[read], part, one)
            image[inside(one.write, self.piece.write)] = solved.image
            kinds[solved.verdict] = kinds.get(solved.verdict, 0) + prod(size_of(one.write))
            warnings += solved.warnings
        most = max(kinds, key=lambda kind: kinds[kind])
        return Solution(image, np.zeros(0, np.float32), most, tuple(dict.fromkeys(warnings)))


def do_piece(task: PieceTask) -> dict[str, Any]:
    """Deblur a piece, write it, and note it in the journal; return what was noted."""
    if task.threads is not None:
        _limit_threads(task.threads)
    solved = task.solve()
    output = open_image(task.output)
    output.write(task.piece.write, to_dtype(solved.image, output.dtype))
    entry = {
        "verdict": solved.verdict,
        "warnings": list(solved.warnings),
        "at": [part.start for part in task.piece.write],
        "halvings": task.halvings,
    }
    Journal.of_image(task.output).note(task.piece.number, entry)
    return entry


def _limit_threads(count: int) -> None:
    """Let a worker use no more threads, zarr's included."""
    import zarr

    limit_threads(count)
    zarr.config.set({"threading.max_workers": count})


def read_in_words(part: Part) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Read pixels and mask of a part; say in words that they cannot be read."""
    try:
        return part.read()
    except MemoryError:
        raise
    except Exception as error:  # whatever the image's reader raises
        words = str(error).rstrip(".") or type(error).__name__
        raise PiecesFailedError(f"the image cannot be read there: {words}.") from error


def do_samples(asked: Arguments, threads: int | None) -> "Deconvolution":
    """Deblur samples of an image; what all of its pieces need is part of the result."""
    from napari_tf_deblur._run.run import solve

    if threads is not None:
        _limit_threads(threads)
    return finish(solve(asked))


def build_levels(output: str, regions: list[Region]) -> None:
    """Bring the coarser resolutions of some regions up to date; one process at a time."""
    image = open_image(output)
    level = 0
    while regions and level + 1 < len(image.levels):
        parts: dict[str, Region] = {}
        for region in regions:
            parts |= {repr(part): part for part in image.parts_above(level, region)}
        level += 1
        for part in parts.values():
            image.build_part(level, part)
        regions = list(parts.values())
