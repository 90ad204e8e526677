"""Compute with regions of an image, which are tuples of slices, and with its shards."""

from collections.abc import Iterator, Sequence
from itertools import product
from math import ceil

from napari_tf_deblur._storage.pyramid import Level

Region = tuple[slice, ...]
"""A slice for each axis, with start and stop."""


def normalize_region(region: Sequence[slice], shape: Sequence[int]) -> Region:
    """Return a region with start and stop filled in; ValueError if it does not fit the shape."""
    if len(region) != len(shape) or any(part.step not in (None, 1) for part in region):
        raise ValueError(f"{region} is no region of an image of {len(shape)} axes.")
    return tuple(slice(*part.indices(n)[:2]) for part, n in zip(region, shape))


def full_region(shape: Sequence[int]) -> Region:
    """Return the region that is a whole image."""
    return tuple(slice(0, n) for n in shape)


def iterate_blocks(region: Region, size: Sequence[int]) -> Iterator[Region]:
    """Yield blocks of a given size that fill a region, from its start, in rising order."""
    cuts = (
        [slice(start, min(start + n, part.stop)) for start in range(part.start, part.stop, n)]
        for part, n in zip(region, size)
    )
    yield from product(*cuts)


def relative_region(region: Region, other: Region) -> Region:
    """Return a region relative to the start of another region."""
    return tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(region, other))


def region_shape(region: Region) -> tuple[int, ...]:
    """Return the number of pixels of a region along each axis."""
    return tuple(part.stop - part.start for part in region)


def to_finer_level(region: Region, level: Level, finer: Level) -> Region:
    """Return the region of the next finer level that has the pixels of a region of a level."""
    steps = (f // g for f, g in zip(level.factors, finer.factors))
    return tuple(
        slice(part.start * step, min(n, part.stop * step))
        for part, n, step in zip(region, finer.shape, steps)
    )


def to_coarser_level(region: Region, coarser: Level, level: Level) -> Region:
    """Return the region of the next coarser level that contains pixels of a region of a level."""
    steps = (f // g for f, g in zip(coarser.factors, level.factors))
    return tuple(slice(p.start // step, ceil(p.stop / step)) for p, step in zip(region, steps))


def iterate_shard_indices(region: Region, level: Level) -> Iterator[tuple[int, ...]]:
    """Yield the index in the grid of shards of each shard that a region touches."""
    touched = (range(p.start // s, ceil(p.stop / s)) for p, s in zip(region, level.shard))
    yield from product(*touched)


def iterate_shards(region: Region, level: Level) -> Iterator[Region]:
    """Yield the region of each shard that a region touches, in rising order."""
    for index in iterate_shard_indices(region, level):
        yield tuple(
            slice(k * s, min(n, (k + 1) * s)) for k, s, n in zip(index, level.shard, level.shape)
        )


def require_whole_shards(region: Region, level: Level) -> None:
    """Raise ValueError if a region does not consist of whole shards of a level."""
    for part, n, s in zip(region, level.shape, level.shard):
        if part.stop <= part.start or part.start % s or (part.stop % s and part.stop != n):
            raise ValueError(
                f"Pixels {part.start} to {part.stop} of {n} are no whole shards of {s} pixels. "
                "If two processes write one shard, data are lost."
            )
