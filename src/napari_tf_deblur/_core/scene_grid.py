"""Choose the grid of the scene: its size, and where the camera's frame lies in it."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_tf_deblur._core.typing import PSF

Boundary = Literal["unknown", "zero", "periodic"]

BOUNDARIES: tuple[Boundary, ...] = get_args(Boundary)

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
of sizes that are compiled; ``benchmarks/sizes.py`` measures their time and memory."""

MIN_SIZE_RATIO = 1.04
"""Least ratio of neighbouring sizes of scenes in 1D and 3D. Limit: of the number of sizes that are
compiled; ``benchmarks/sizes.py`` measures their time and memory."""

MAX_LADDER_SIZE = 2**16
"""Size in pixels beyond which every size has its own scene. Limit: of memory."""


@dataclass(frozen=True)
class Grid:
    """Where the camera's frame lies in the larger, periodic grid of the scene.

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
        """Find the scene that holds what a PSF can bring into a frame.

        The sizes are rungs of a ladder, so that frames of many sizes share compiled code;
        see :func:`scene_size`. A ``"periodic"`` scene is the frame itself. `reach` is the part
        of the PSF's light to account for: the rest, far out in the large PSFs of microscopes,
        wraps round instead of costing memory. So many `times` the PSF's reach is left around
        the frame.
        """
        if boundary == "periodic":
            return cls(frame, frame, (0,) * len(frame))
        before, after = [[times * n for n in side] for side in measure_reach(psf, reach)]
        scene = tuple(scene_size(n + a + b, len(frame)) for n, a, b in zip(frame, before, after))
        # Light that lands at i comes from i - k, for k from -before to +after.
        return cls(frame, scene, tuple(after))

    @property
    def window(self) -> tuple[slice, ...]:
        """Slices that cut the frame out of the scene."""
        return tuple(slice(o, o + n) for o, n in zip(self.offset, self.frame))

    @property
    def margins(self) -> tuple[tuple[int, int], ...]:
        """Widths of the scene before and after the frame, per axis."""
        return tuple((o, s - n - o) for o, n, s in zip(self.offset, self.frame, self.scene))

    def extend_mirrored(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Continue a frame over the scene as in a mirror, from whichever side is nearer.

        The scene is periodic, so that a line beyond the frame is some pixels from both sides. One
        as far from both has the mean. So where the frame lies in the scene does not matter, and
        what is made of a mirrored frame is mirrored.

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
            longer = values.take(before[place], axis)
            as_far = np.flatnonzero(before[place] != after[place])
            if as_far.size:
                line = (slice(None),) * axis + (as_far,)
                longer[line] = (longer[line] + values.take(after[place][as_far], axis)) / 2
            values = longer
        return values


def scene_size(least: int, axes: int) -> int:
    """Round the size of a scene up to a rung of a ladder of sizes whose transforms are fast.

    What is compiled is compiled for one shape of the scene, which takes about a second and
    some megabytes that are never freed. In 2D the rungs lie 7 to 20 % apart up to the size
    where a run takes longer than that, and a little above the usual sizes of cameras; in
    volumes and in larger images, where more pixels cost more, 4 %.

    Parameters
    ----------
    least : int
        What the scene must hold along an axis.
    axes : int
        Number of axes of the scene.

    Returns
    -------
    int
        With no prime factor above 5; `least` or more.

    Examples
    --------
    >>> scene_size(512 + 12, 2), scene_size(555, 2)
    (540, 600)
    """
    rungs = SCENE_SIZES_2D if axes == 2 and least <= SCENE_SIZES_2D[-1] else _fine_rungs()
    found = next((rung for rung in rungs if rung >= least), None)
    return fft.next_fast_len(least, real=True) if found is None else found


def measure_reach(psf: PSF, reach: float) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How far, per axis, a part of a PSF's light lies before and after its origin."""
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
def _fine_rungs() -> tuple[int, ...]:
    """Numbers without a prime factor above 5, each a little larger than the one before."""
    rungs, wanted = [1], 2.0
    while rungs[-1] < MAX_LADDER_SIZE:
        rungs.append(fft.next_fast_len(math.ceil(wanted), real=True))
        wanted = max(rungs[-1] + 1, MIN_SIZE_RATIO * rungs[-1])
    return tuple(rungs)


def _mirror_indices(n: int, size: int) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """The lines of a frame of `n` that continue it in a mirror over a period, from its first on.

    Two for each: they differ for a line as far from both sides.
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
    """Indices within a frame of `n`, for places beyond it, as in mirrors at both sides."""
    turned = places % (2 * n)
    return np.where(turned < n, turned, 2 * n - 1 - turned)
