"""An image cut into pieces that overlap: what is read, and what is written, for each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, prod
from typing import Self

from napari_tf_deblur._large.regions import Region, inside, size_of
from napari_tf_deblur._preparation.prepared import REACH
from napari_tf_deblur.forward import passes_zero, reaches
from napari_tf_deblur.methods import Method
from napari_tf_deblur.psf import PSF

MARGIN, MARGIN_OF_HARD = 3, 6
"""Times as far as the PSF reaches is read around a piece. The second is for PSFs whose transfer
function passes through zero, as those of motion and defocus do: what undoes them reaches farther.
Far from the image's border, pieces then differed from the whole image by 0.22 % of the range at the
most, and by 0.42 % of it. See ``benchmarks/pieces.py seams``."""


@dataclass(frozen=True)
class Piece:
    """A part of an image.

    Attributes
    ----------
    number : int
        Its place among the pieces of its image.
    write : tuple of slice
        The part of the image that it is; the pieces cover the image once.
    read : tuple of slice
        What is deblurred for it: more, by a margin.
    """

    number: int
    write: Region
    read: Region

    @property
    def inside(self) -> Region:
        """Where what is written lies in what is read."""
        return inside(self.write, self.read)


@dataclass(frozen=True)
class Cut:
    """How an image is cut into pieces.

    All pieces read regions of one shape, so that what is compiled for one serves all: at the
    border of the image they are moved inwards.

    Attributes
    ----------
    shape : tuple of int
        Of the image.
    size : tuple of int
        Pixels along each axis of what a piece writes; those at the end may be smaller.
    margin : tuple of int
        Pixels along each axis that are read beyond that, at both sides.
    """

    shape: tuple[int, ...]
    size: tuple[int, ...]
    margin: tuple[int, ...]

    @classmethod
    def of(
        cls,
        shape: Sequence[int],
        frame_axes: Sequence[int],
        size: Sequence[int],
        margin: Sequence[int],
        channel_axis: int | None = None,
        planes: int = 1,
    ) -> Self:
        """Cut the frames of an image.

        Parameters
        ----------
        shape : sequence of int
            Of the image.
        frame_axes : sequence of int
            Those that are deblurred.
        size, margin : sequence of int
            Along each of them.
        channel_axis : int, optional
            It is not cut.
        planes : int, optional
            Frames that a piece takes at once, along the last of the other axes.
        """
        sizes, margins = [1] * len(shape), [0] * len(shape)
        others = [a for a in range(len(shape)) if a not in frame_axes and a != channel_axis]
        if others:
            sizes[others[-1]] = min(planes, shape[others[-1]])
        if channel_axis is not None:
            sizes[channel_axis] = shape[channel_axis]
        for axis, n, m in zip(frame_axes, size, margin):
            sizes[axis], margins[axis] = min(n, shape[axis]), m
        return cls(tuple(shape), tuple(sizes), tuple(margins))

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of pieces along each axis."""
        return tuple(ceil(n / s) for n, s in zip(self.shape, self.size))

    @property
    def read_size(self) -> tuple[int, ...]:
        """Pixels along each axis of what is read for a piece."""
        return tuple(
            min(n, s + 2 * m) for n, s, m in zip(self.shape, self.size, self.margin, strict=True)
        )

    def __len__(self) -> int:
        return prod(self.counts)

    def __iter__(self) -> Iterator[Piece]:
        """Yield the pieces, those of the first frame first."""
        for number, place in enumerate(product(*map(range, self.counts))):
            yield self._at(number, place)

    def halved(self, piece: Piece, frame_axes: Sequence[int]) -> list[Piece]:
        """Cut a piece into halves along each axis, where it takes too much memory."""
        sizes = [
            ceil(n / 2) if axis in frame_axes else n for axis, n in enumerate(size_of(piece.write))
        ]
        starts = [
            range(part.start, part.stop, size)
            for part, size in zip(piece.write, sizes, strict=True)
        ]
        smaller = Cut(self.shape, tuple(sizes), self.margin)
        corners = product(*starts)
        return [
            smaller._from(piece.number, corner, [part.stop for part in piece.write])
            for corner in corners
        ]

    def _at(self, number: int, place: Sequence[int]) -> Piece:
        return self._from(number, [k * s for k, s in zip(place, self.size)], self.shape)

    def _from(self, number: int, corner: Sequence[int], end: Sequence[int]) -> Piece:
        write, read = [], []
        for start, stop, n, s, m, r in zip(
            corner, end, self.shape, self.size, self.margin, self.read_size, strict=True
        ):
            write.append(slice(start, min(start + s, stop)))
            first = max(0, min(start - m, n - r))
            whole = m == 0  # planes are not moved
            read.append(slice(start, min(start + s, n)) if whole else slice(first, first + r))
        return Piece(number, tuple(write), tuple(read))


def piece_margin(psf: PSF, method: Method) -> tuple[int, ...]:
    """Return how many pixels around a piece its result depends on, along each axis.

    Parameters
    ----------
    psf : ndarray of float32
        Of sum 1.
    method : Method
        What is done.

    Returns
    -------
    tuple of int
        Pixels at each side: three times as far as 99.9 % of the PSF's light reaches; six times
        where its transfer function passes through zero.

    Examples
    --------
    >>> from napari_tf_deblur import TotalVariation, gaussian_psf, piece_margin
    >>> piece_margin(gaussian_psf(1.5), TotalVariation())
    (15, 15)
    """
    times = max(MARGIN_OF_HARD if passes_zero(psf) else MARGIN, method.reach)
    return tuple(times * max(a, b, 1) for a, b in zip(*reaches(psf, REACH)))
