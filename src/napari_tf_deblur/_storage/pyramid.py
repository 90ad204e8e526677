"""Plan the arrays of an OME-Zarr: levels of a pyramid, shards and chunks."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from napari_tf_deblur._storage.image_description import SPACE_TYPE, StoredAxis

MIN_LEVEL_SIZE = 512
"""Largest side, in pixels, of the coarsest level. Set by eye: a window shows about as many
pixels."""

CHUNK_2D, CHUNK_3D = (512, 512), (32, 256, 256)
SHARD_2D, SHARD_3D = (2048, 2048), (64, 512, 512)
"""Sides of chunks and shards of planes and volumes, in pixels. Limit: of the memory of one read and
of one write: 1 and 8 MiB of float32 in a chunk, 16 and 64 MiB in a shard."""

MAX_Z_STEP_RATIO = 1.05
"""Largest pixel size along z, in pixel sizes along y and x, at which z is halved together with
both. Derived: rounding to two digits changes a size by up to 5 %, 1.05 to 1.0 for example."""


@dataclass(frozen=True)
class Level:
    """One resolution of an image.

    Attributes
    ----------
    shape, chunk, shard : tuple of int
        Pixels per axis of the array, of a chunk (which is read at once) and of a shard (which is
        written at once). A shard consists of whole chunks.
    factors : tuple of int
        Size of a pixel, in pixels of the full resolution, along each axis.
    """

    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    shard: tuple[int, ...]
    factors: tuple[int, ...]


def plan_levels(
    shape: Sequence[int],
    axes: Sequence[StoredAxis],
    shard: Sequence[int],
    chunk: Sequence[int] | None = None,
    levels: int | None = None,
) -> tuple[Level, ...]:
    """Plan the resolutions of an image. Each is half as large as the one before, along y and x.

    z is halved as soon as its pixel size is no larger than that along y and x. So voxels become
    cubes, and remain cubes. An axis of odd length keeps its last pixel.

    Parameters
    ----------
    shape : sequence of int
        Pixels per axis.
    axes : sequence of StoredAxis
        The axes. Only those of space are halved.
    shard, chunk : sequence of int
        Pixels per axis. By default, a chunk has about 512 x 512 or 32 x 256 x 256 pixels.
    levels : int, optional
        Number of levels. By default, levels are added until the coarsest one has at most 512 pixels
        along each axis that is halved.

    Returns
    -------
    tuple of Level
        The levels, full resolution first.

    Examples
    --------
    >>> plane = (StoredAxis("y"), StoredAxis("x"))
    >>> [level.shape for level in plan_levels((4096, 1001), plane, (2048, 2048))]
    [(4096, 1001), (2048, 501), (1024, 251), (512, 126)]
    """
    factors = (1,) * len(shape)
    planned: list[Level] = []
    while True:
        size = tuple(ceil(n / f) for n, f in zip(shape, factors))
        inner = default_chunk(shard, axes, shape) if chunk is None else tuple(chunk)
        planned.append(Level(size, *_fit_chunk_and_shard(size, shard, inner), factors))
        halves = _find_axes_to_halve(size, axes, factors)
        largest = max((size[k] for k in halves), default=1)
        if len(planned) == levels or largest == 1 or (levels is None and largest <= MIN_LEVEL_SIZE):
            return tuple(planned)
        factors = tuple(f * 2 if k in halves else f for k, f in enumerate(factors))


def default_shard(
    shape: Sequence[int], axes: Sequence[StoredAxis], rgb: bool = False
) -> tuple[int, ...]:
    """Return the default shard: 2048 x 2048 or 64 x 512 x 512 pixels, and all colours."""
    return _assign_sizes(shape, axes, SHARD_2D, SHARD_3D, rgb)


def default_chunk(
    shard: Sequence[int], axes: Sequence[StoredAxis], shape: Sequence[int]
) -> tuple[int, ...]:
    """Return the default chunk of a shard: about 512 x 512 or 32 x 256 x 256 pixels."""
    sizes = _assign_sizes(shape, axes, CHUNK_2D, CHUNK_3D, rgb=False)
    return tuple(_divisor(n, about) for n, about in zip(shard, sizes))


def _find_axes_to_halve(
    size: Sequence[int], axes: Sequence[StoredAxis], factors: Sequence[int]
) -> set[int]:
    """Return the axes along which the next level has half as many pixels."""
    space = [k for k, axis in enumerate(axes) if axis.type == SPACE_TYPE]
    step = {k: _micrometres(axes[k]) * factors[k] for k in space}
    known = {k: bool(axes[k].unit) for k in space}
    fine = MAX_Z_STEP_RATIO * max(step[k] for k in space[-2:])
    return {
        k
        for k in space
        if size[k] > 1 and (k in space[-2:] or (known[k] == known[space[-1]] and step[k] <= fine))
    }


def _micrometres(axis: StoredAxis) -> float:
    """Return the pixel size along an axis in micrometres, or without a unit if it is no length."""
    from napari_tf_deblur._storage.axes import convert_length, is_length

    known = axis.unit and is_length(axis.unit)
    return convert_length(axis.scale, str(axis.unit), "um") if known else axis.scale


def _assign_sizes(
    shape: Sequence[int],
    axes: Sequence[StoredAxis],
    plane: tuple[int, ...],
    volume: tuple[int, ...],
    rgb: bool,
) -> tuple[int, ...]:
    """Return the sizes of a plane or a volume for the axes of space, and 1 for the others."""
    space = [k for k, axis in enumerate(axes) if axis.type == SPACE_TYPE]
    if len(space) < 2:
        space = list(range(len(axes) - rgb))[-2:]
    sizes = volume if len(space) == 3 and shape[space[0]] > 1 else plane
    assigned = dict(zip(space[-len(sizes) :], sizes))
    if rgb:
        assigned[len(shape) - 1] = shape[-1]
    return tuple(assigned.get(k, 1) for k in range(len(shape)))


def _divisor(n: int, about: int) -> int:
    """Return the divisor of `n` whose ratio to `about` is nearest to 1."""
    return min((d for d in range(1, n + 1) if n % d == 0), key=lambda d: max(d / about, about / d))


def _fit_chunk_and_shard(
    size: Sequence[int], shard: Sequence[int], chunk: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return chunk and shard, reduced to the size of the array."""
    inner = tuple(min(c, n) for c, n in zip(chunk, size))
    outer = tuple(min(s, ceil(n / c) * c) for n, s, c in zip(size, shard, inner))
    return inner, outer
