"""An image cut into pieces that overlap: what is read, and what is written, for each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, prod
from typing import Self

from napari_tf_deblur._core.psf_resizing import passes_zero
from napari_tf_deblur._core.scene_grid import Grid, measure_reach
from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._preparation.iterations import PSF_LIGHT_KEPT
from napari_tf_deblur._storage.regions import Region, region_shape, relative_region
from napari_tf_deblur.methods import Method

MARGIN_RATIO, ZERO_CROSSING_MARGIN_RATIO = 3, 8
"""Margin of a piece, in times the reach of the PSF. The second is for PSFs whose transfer function
passes through zero, as those of motion and defocus: what undoes them reaches farther, and as far
along all axes. Chosen by ``benchmarks/pieces.py seams --margins 1,2,3,4``: pieces differ from the
whole image by less than 1 % of its range."""

MAX_GAP_RATIO = {1: 4, 2: 4, 3: 2}
"""Ratio to the margin, by number of axes, beyond which pieces at the image's border read no more of
what lies between it and the opposite side. Limit: of memory, in volumes; ``benchmarks/pieces.py
seams --gap 4`` shows what differs."""


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
        What is deblurred for it: more, by a margin. The scene of an image is periodic: from before
        0, and from the image's size on, come first the pixels of `gap`, and then those of its
        opposite side.
    gap : tuple of slice
        The part of what is read that lies beyond the image, along each axis; empty for most.
    """

    number: int
    output_region: Region
    input_region: Region
    gap: Region

    @property
    def inner_region(self) -> Region:
        """Where what is written lies in what is read."""
        return relative_region(self.output_region, self.input_region)


@dataclass(frozen=True)
class PieceGrid:
    """How an image is cut into pieces.

    Pieces read regions of one shape, so that what is compiled for one serves all; those at the
    border of the image, which come out as in the whole image only with its opposite side, read
    more by the gap.

    Attributes
    ----------
    shape : tuple of int
        Of the image.
    size : tuple of int
        Pixels along each axis of what a piece writes; those at the end may be smaller.
    margin : tuple of int
        Pixels along each axis that are read beyond that, at both sides.
    gap : tuple of int
        Pixels along each axis between the image's border and its opposite side, in its periodic
        scene; 0 where the opposite side is not read.
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
        """Cut the frames of an image.

        Parameters
        ----------
        shape : sequence of int
            Of the image.
        frame_axes : sequence of int
            Those that are deblurred.
        size, margin, gap : sequence of int
            Along each of them.
        channel_axis : int, optional
            It is not cut.
        planes : int, optional
            Frames that a piece takes at once, along the last of the other axes.
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
        """Pixels along each axis of what is read for a piece that is not at the border."""
        return tuple(
            min(n, s + 2 * m) for n, s, m in zip(self.shape, self.size, self.margin, strict=True)
        )

    @property
    def largest_input_size(self) -> tuple[int, ...]:
        """Pixels along each axis of the most that is read for a piece, one at the border."""
        return tuple(
            max(size, read.stop - read.start)
            for axis, size in enumerate(self.input_size)
            for read in [self._input_slice(axis, 0, min(self.size[axis], self.shape[axis]))]
        )

    def __len__(self) -> int:
        return prod(self.counts)

    def __iter__(self) -> Iterator[Piece]:
        """Yield the pieces, those of the first frame first."""
        for number, place in enumerate(product(*map(range, self.counts))):
            yield self._piece_at(number, place)

    def halve(self, piece: Piece, frame_axes: Sequence[int]) -> list[Piece]:
        """Cut a piece into halves along each axis, where it takes too much memory."""
        sizes = [
            ceil(n / 2) if axis in frame_axes else n
            for axis, n in enumerate(region_shape(piece.output_region))
        ]
        starts = [
            range(part.start, part.stop, size)
            for part, size in zip(piece.output_region, sizes, strict=True)
        ]
        # What is read is there already: all of an axis, or with the opposite side.
        gaps = [
            g * (region_shape(piece.input_region)[a] != self.shape[a])
            for a, g in enumerate(self.gap)
        ]
        smaller = PieceGrid(self.shape, tuple(sizes), self.margin, tuple(gaps))
        corners = product(*starts)
        return [
            smaller._make_piece(piece.number, corner, [part.stop for part in piece.output_region])
            for corner in corners
        ]

    def _piece_at(self, number: int, place: Sequence[int]) -> Piece:
        return self._make_piece(number, [k * s for k, s in zip(place, self.size)], self.shape)

    def _make_piece(self, number: int, corner: Sequence[int], end: Sequence[int]) -> Piece:
        write, read, gap = [], [], []
        for axis, (start, stop) in enumerate(zip(corner, end, strict=True)):
            stop = min(start + self.size[axis], stop)
            write.append(slice(start, stop))
            read.append(self._input_slice(axis, start, stop))
            gap.append(self._gap_slice(axis, read[-1]))
        return Piece(number, tuple(write), tuple(read), tuple(gap))

    def _input_slice(self, axis: int, start: int, stop: int) -> slice:
        """Return what is read along an axis for what is written."""
        n, m, g, r = self.shape[axis], self.margin[axis], self.gap[axis], self.input_size[axis]
        if m == 0:
            return slice(start, stop)  # planes are not moved
        other = max(m, ceil(g / 2))  # a mirror in the middle of the gap sees so much of it
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
        """Return where in what is read along an axis the image has no pixels."""
        n, g = self.shape[axis], self.gap[axis]
        if read.start < 0:
            return slice(-g - read.start, -read.start)
        if read.stop > n:
            return slice(n - read.start, n + g - read.start)
        return slice(0, 0)


def scene_gap(frame: Sequence[int], psf: PSF, method: Method) -> tuple[int, ...]:
    """Return the width of what pieces read between the image's border and its opposite side.

    In volumes, methods that have no weight do not read the opposite side: the width is 0. It
    changed them by less than 0.2 % of the range.

    Parameters
    ----------
    frame : sequence of int
        Pixels of the image along each deblurred axis.
    psf : ndarray of float32
        Of sum 1.
    method : Method
        What is done.
    """
    if len(frame) == 3 and not method.has_weight:
        return (0,) * len(frame)
    scene = Grid.around(tuple(frame), psf, "unknown", PSF_LIGHT_KEPT, method.reach).scene
    most = [MAX_GAP_RATIO[len(frame)] * m for m in piece_margin(psf, method)]
    return tuple(min(s - n, m) for s, n, m in zip(scene, frame, most))


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
        Pixels at each side: three times as far as 99.9 % of the PSF's light reaches; where its
        transfer function passes through zero, eight times as far as that along the longest axis.

    Examples
    --------
    >>> from napari_tf_deblur import TotalVariation, gaussian_psf, piece_margin
    >>> piece_margin(gaussian_psf(1.5), TotalVariation())
    (15, 15)
    """
    reach = [max(a, b, 1) for a, b in zip(*measure_reach(psf, PSF_LIGHT_KEPT))]
    if passes_zero(psf):
        return (max(ZERO_CROSSING_MARGIN_RATIO, method.reach) * max(reach),) * len(reach)
    return tuple(max(MARGIN_RATIO, method.reach) * n for n in reach)
