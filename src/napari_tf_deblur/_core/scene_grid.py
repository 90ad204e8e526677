"""Choose the grid of the scene: its size, and where the camera's frame lies in it."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_tf_deblur._core.typing import PSF

Boundary = Literal["unknown", "zero", "periodic"]

SCENE_SIZES_2D = tuple(
    rung
    for line in (
        "2 3 4 5 6 8 9 10 12 15 18 20 24 27 30 36 40 45 50 54 60 72 80 90 100 108 120",
        "135 150 180 200 225",
        "270 300 324 360 400 450",
        "540 600 648 720 800 900 1080",
    )
    for rung in map(int, line.split())
)
"""Sizes of scenes in 2D: products of 2, 3 and 5, from 100 on 8 to 20 % apart. Limit: of the number
of compiled sizes; ``benchmarks/sizes.py`` measures their time and memory."""

MIN_SIZE_RATIO = 1.04
"""Smallest ratio of neighbouring sizes of scenes in 1D and 3D. Limit: of the number of compiled
sizes; ``benchmarks/sizes.py`` measures their time and memory."""

MAX_LADDER_SIZE = 2**16
"""Size in pixels up to which sizes are rounded up to the ladder. Limit: of memory."""


@dataclass(frozen=True)
class Grid:
    """Position of the camera's frame in the larger, periodic grid of the scene.

    Attributes
    ----------
    frame, scene : tuple of int
        Shapes over the deblurred axes, in pixels.
    offset : tuple of int
        Index in the scene of the frame's first pixel.
    """

    frame: tuple[int, ...]
    scene: tuple[int, ...]
    offset: tuple[int, ...]

    @classmethod
    def around(
        cls,
        frame: tuple[int, ...],
        psf: PSF,
        boundary: Boundary,
        reach: float = 1.0,
        times: int = 1,
    ) -> Self:
        """Choose a scene that contains all points whose light the PSF brings into the frame.

        Sizes are rounded up to a ladder of sizes, so that frames of many sizes share compiled
        code; see :func:`scene_size`. A ``"periodic"`` scene is the frame itself.

        Parameters
        ----------
        frame : tuple of int
            Shape over the deblurred axes, in pixels.
        psf : ndarray of float32
            Of as many axes.
        boundary : {"unknown", "zero", "periodic"}
            What lies beyond the frame.
        reach : float, optional
            Part of the PSF's light, 0 to 1, for which the margin is made. The rest, far out in
            the large PSFs of microscopes, wraps round and so costs no memory.
        times : int, optional
            Width of the margin, as a multiple of the reach of that light.
        """
        if boundary == "periodic":
            return cls(frame, frame, (0,) * len(frame))
        before, after = [[times * n for n in side] for side in measure_reach(psf, reach)]
        scene = tuple(scene_size(n + a + b, len(frame)) for n, a, b in zip(frame, before, after))
        # Light that lands at i comes from i - k, for k from -before to +after.
        return cls(frame, scene, tuple(after))

    @property
    def window(self) -> tuple[slice, ...]:
        """Slices of the frame in the scene."""
        return tuple(slice(o, o + n) for o, n in zip(self.offset, self.frame))

    @property
    def margins(self) -> tuple[tuple[int, int], ...]:
        """Pixels of the scene before and after the frame, per axis."""
        return tuple((o, s - n - o) for o, n, s in zip(self.offset, self.frame, self.scene))

    def extend_mirrored(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Extend a frame to the whole scene by reflection at its nearer side.

        The scene is periodic, so each line beyond the frame lies between both sides of it. A line
        at the same distance from both is the mean of both reflections. Therefore the position of
        the frame in the scene does not matter, and a flipped frame gives a flipped result.

        Parameters
        ----------
        values : ndarray of float32
            Shape (..., *frame).

        Returns
        -------
        ndarray of float32
            Shape (..., *scene).
        """
        first = values.ndim - len(self.frame)
        for axis, (n, size, offset) in enumerate(zip(self.frame, self.scene, self.offset), first):
            before, after = _mirror_indices(n, size)
            place = np.roll(np.arange(size), offset)
            extended = values.take(before[place], axis)
            ties = np.flatnonzero(before[place] != after[place])  # as far from both sides
            if ties.size:
                line = (slice(None),) * axis + (ties,)
                extended[line] = (extended[line] + values.take(after[place][ties], axis)) / 2
            values = extended
        return values


def scene_size(least: int, axes: int) -> int:
    """Round the size of a scene up to the next size of a ladder of sizes with fast FFTs.

    TensorFlow compiles code for each shape of the scene, which takes about a second and some
    megabytes that are never freed. So there are few sizes. In 2D they lie 7 to 20 % apart, a
    little above the usual sizes of cameras, up to the size where a run takes longer than
    compiling. In volumes and in larger images, where additional pixels cost more, they lie 4 %
    apart.

    Parameters
    ----------
    least : int
        Smallest size along an axis, in pixels.
    axes : int
        Number of axes of the scene.

    Returns
    -------
    int
        `least` or more, in pixels, without a prime factor above 5.

    Examples
    --------
    >>> scene_size(512 + 12, 2), scene_size(555, 2)
    (540, 600)
    """
    sizes = SCENE_SIZES_2D if axes == 2 and least <= SCENE_SIZES_2D[-1] else _fine_sizes()
    size = next((n for n in sizes if n >= least), None)
    return fft.next_fast_len(least, real=True) if size is None else size


def measure_reach(psf: PSF, reach: float) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Measure how far a PSF reaches before and after its origin.

    Parameters
    ----------
    psf : ndarray of float32
        Origin at index ``n // 2`` of each axis.
    reach : float
        Part of the light to include, 0 to 1; the rest is left out in halves on both sides.

    Returns
    -------
    before, after : tuple of int
        Pixels along each axis.
    """
    before, after = [], []
    for axis, n in enumerate(psf.shape):
        others = tuple(a for a in range(psf.ndim) if a != axis)
        light = np.cumsum(np.abs(psf).sum(axis=others, dtype=np.float64))
        outside = (1 - reach) / 2 * light[-1]
        first = int(np.searchsorted(light, outside, side="right"))
        last = int(np.searchsorted(light, light[-1] - outside, side="left"))
        before.append(max(0, n // 2 - first))
        after.append(max(0, last - n // 2))
    return tuple(before), tuple(after)


@lru_cache(maxsize=1)
def _fine_sizes() -> tuple[int, ...]:
    """Sizes without a prime factor above 5, each at least 4 % larger than the one before."""
    sizes, least = [1], 2.0
    while sizes[-1] < MAX_LADDER_SIZE:
        sizes.append(fft.next_fast_len(math.ceil(least), real=True))
        least = max(sizes[-1] + 1, MIN_SIZE_RATIO * sizes[-1])
    return tuple(sizes)


def _mirror_indices(n: int, size: int) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Lines of a frame of `n` that extend it by reflection to a period of `size` lines.

    Returns two arrays of indices, which start at the first line of the frame. They differ only in
    a line that is as far from both sides of the frame.
    """
    away = np.arange(size - n)  # from the last line of the frame
    at_end, at_start = (_reflect_indices(k, n) for k in (n + away, away - (size - n)))
    frame = np.arange(n)
    left, right = (size - n) // 2, (size - n + 1) // 2
    return (
        np.concatenate([frame, at_end[:right], at_start[right:]]),
        np.concatenate([frame, at_end[:left], at_start[left:]]),
    )


def _reflect_indices(places: NDArray[np.int_], n: int) -> NDArray[np.int_]:
    """Indices within a frame of `n` for places beyond it, reflected at both sides."""
    phase = places % (2 * n)
    return np.where(phase < n, phase, 2 * n - 1 - phase)
