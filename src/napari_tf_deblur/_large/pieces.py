"""Cut an image into pieces: the region that each writes, and the larger region that it reads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, prod
from typing import Self

from napari_tf_deblur._storage.regions import Region, region_shape, relative_region


@dataclass(frozen=True)
class Piece:
    """A part of an image that is deblurred by itself.

    Attributes
    ----------
    number : int
        Index of the piece among the pieces of its image.
    output_region : tuple of slice
        Region of the image that the piece writes. The output regions of all pieces cover the image
        once.
    input_region : tuple of slice
        Region that is read and deblurred: the output region and a margin. The scene is periodic:
        beyond each border of the image lie first the pixels of `gap`, then those of the opposite
        side. So the region may start below 0 or end beyond the image.
    gap : tuple of slice
        Part of the input region that lies beyond the image, along each axis. It is empty for
        pieces that are not at the border.
    """

    number: int
    output_region: Region
    input_region: Region
    gap: Region

    @property
    def inner_region(self) -> Region:
        """The output region, relative to the start of the input region."""
        return relative_region(self.output_region, self.input_region)

    @property
    def start(self) -> tuple[int, ...]:
        """Index of the first pixel that the piece writes."""
        return tuple(part.start for part in self.output_region)


@dataclass(frozen=True)
class PieceGrid:
    """A regular grid of pieces over an image.

    All pieces read regions of one shape, so that TensorFlow compiles once. Pieces at the border
    also read the gap and the opposite side of the image. Without these, their results would differ
    from that of the whole image.

    Attributes
    ----------
    shape : tuple of int
        Shape of the image.
    size : tuple of int
        Pixels that a piece writes along each axis. Pieces at the end may be smaller.
    margin : tuple of int
        Pixels that are read beyond the output region along each axis, at both sides.
    gap : tuple of int
        Pixels along each axis between the border of the image and its opposite side, in the
        periodic scene. 0 where the opposite side is not read.
    """

    shape: tuple[int, ...]
    size: tuple[int, ...]
    margin: tuple[int, ...]
    gap: tuple[int, ...]

    @classmethod
    def from_sizes(
        cls,
        shape: Sequence[int],
        frame_axes: Sequence[int],
        size: Sequence[int],
        margin: Sequence[int],
        gap: Sequence[int],
        channel_axis: int | None = None,
        planes: int = 1,
    ) -> Self:
        """Make the grid of an image.

        Parameters
        ----------
        shape : sequence of int
            Shape of the image.
        frame_axes : sequence of int
            Axes that are deblurred.
        size, margin, gap : sequence of int
            Pixels along each deblurred axis; see the attributes of the class.
        channel_axis : int, optional
            Axis of colours. It is not cut.
        planes : int, optional
            Number of frames in a piece, along the last of the other axes.
        """
        sizes, margins, gaps = [1] * len(shape), [0] * len(shape), [0] * len(shape)
        others = [a for a in range(len(shape)) if a not in frame_axes and a != channel_axis]
        if others:
            sizes[others[-1]] = min(planes, shape[others[-1]])
        if channel_axis is not None:
            sizes[channel_axis] = shape[channel_axis]
        for axis, n, m, g in zip(frame_axes, size, margin, gap):
            sizes[axis], margins[axis], gaps[axis] = min(n, shape[axis]), m, g
        return cls(tuple(shape), tuple(sizes), tuple(margins), tuple(gaps))

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of pieces along each axis."""
        return tuple(ceil(n / s) for n, s in zip(self.shape, self.size))

    @property
    def input_size(self) -> tuple[int, ...]:
        """Pixels along each axis that a piece reads if it is not at the border."""
        return tuple(
            min(n, s + 2 * m) for n, s, m in zip(self.shape, self.size, self.margin, strict=True)
        )

    @property
    def largest_input_size(self) -> tuple[int, ...]:
        """Pixels along each axis that the largest piece at the border reads."""
        return tuple(
            max(size, read.stop - read.start)
            for axis, size in enumerate(self.input_size)
            for read in [self._input_slice(axis, 0, min(self.size[axis], self.shape[axis]))]
        )

    def __len__(self) -> int:
        return prod(self.counts)

    def __iter__(self) -> Iterator[Piece]:
        """Yield the pieces in order, those of the first frame first."""
        for number, index in enumerate(product(*map(range, self.counts))):
            yield self._piece_at(number, index)

    def halve(self, piece: Piece, frame_axes: Sequence[int]) -> list[Piece]:
        """Cut a piece that takes too much memory into halves along each deblurred axis."""
        sizes = [
            ceil(n / 2) if axis in frame_axes else n
            for axis, n in enumerate(region_shape(piece.output_region))
        ]
        starts = [
            range(part.start, part.stop, size)
            for part, size in zip(piece.output_region, sizes, strict=True)
        ]
        # The input region of the piece stays: it contains a whole axis, or the opposite side.
        gaps = [
            g * (region_shape(piece.input_region)[a] != self.shape[a])
            for a, g in enumerate(self.gap)
        ]
        smaller = PieceGrid(self.shape, tuple(sizes), self.margin, tuple(gaps))
        corners = product(*starts)
        return [
            smaller.make_piece(piece.number, corner, [part.stop for part in piece.output_region])
            for corner in corners
        ]

    def _piece_at(self, number: int, index: Sequence[int]) -> Piece:
        return self.make_piece(number, [k * s for k, s in zip(index, self.size)], self.shape)

    def make_piece(self, number: int, corner: Sequence[int], end: Sequence[int]) -> Piece:
        """Make the piece that begins at a corner, and ends after its size or at an end."""
        output, read, gap = [], [], []
        for axis, (start, stop) in enumerate(zip(corner, end, strict=True)):
            stop = min(start + self.size[axis], stop)
            output.append(slice(start, stop))
            read.append(self._input_slice(axis, start, stop))
            gap.append(self._gap_slice(axis, read[-1]))
        return Piece(number, tuple(output), tuple(read), tuple(gap))

    def _input_slice(self, axis: int, start: int, stop: int) -> slice:
        """Return the range that is read along an axis for a range that is written."""
        n, m, g, r = self.shape[axis], self.margin[axis], self.gap[axis], self.input_size[axis]
        if m == 0:
            return slice(start, stop)  # an axis that is not deblurred has no margin
        other = max(m, ceil(g / 2))  # a mirror in the middle of the gap needs half of it
        if g and r + g + other < n:
            if start < m:
                return slice(start - g - other, start - m + r)
            if stop > n - m:
                return slice(stop + m - r, stop + g + other)
        elif g:
            return slice(0, n)
        first = max(0, min(start - m, n - r))
        return slice(first, first + r)

    def _gap_slice(self, axis: int, read: slice) -> slice:
        """Return the part of a range along an axis in which the image has no pixels."""
        n, g = self.shape[axis], self.gap[axis]
        if read.start < 0:
            return slice(-g - read.start, -read.start)
        if read.stop > n:
            return slice(n - read.start, n + g - read.start)
        return slice(0, 0)
