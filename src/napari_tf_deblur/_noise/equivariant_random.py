"""Random numbers that belong to an image: they turn and move with it.

A pixel's number is a hash of how it and its neighbours compare, the same for all directions
(rounds of colour refinement, as for graphs: Weisfeiler & Leman, 1968). So an image that is turned,
mirrored, moved, or in other units has the same numbers at the same places of the scene. For what
is done with the image's values they are as good as any: they follow from the noise, and a hash has
nothing in common with what it is made from.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special

from napari_tf_deblur._core.typing import Float32Array

Hashes = NDArray[np.uint64]

NEIGHBOUR_STRIDES = (1, 1, 2, 3)
"""Distances, in pixels, to the neighbours that are looked at, round by round: far enough that few
pixels of a sparse image see the same, and no farther, so that few are near the frame. Guard:
``tests/noise/test_equivariant_random.py``."""

OUTSIDE_HASH = np.uint64(0x9E3779B97F4A7C15)
"""Number that stands for a neighbour beyond the frame. Definition: any unlikely number; this is
2^64 over the golden ratio."""

MULTIPLIERS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
"""Multipliers of the hash. Source: SplitMix64 (Steele, Lea & Flood, OOPSLA 2014)."""


def draw_normal(values: Float32Array, axes: int) -> Float32Array:
    """Normally distributed numbers that turn and move with an image.

    Parameters
    ----------
    values : ndarray of float32
        The last `axes` axes are one frame, the others are looped over.
    axes : int
        Of a frame.

    Returns
    -------
    ndarray of float32
        Shape of `values`; of mean 0 and standard deviation 1.

    Examples
    --------
    >>> image = np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32)
    >>> numbers = normal_numbers(image, 2)
    >>> bool(np.all(normal_numbers(image[::-1].T, 2) == numbers[::-1].T))
    True
    """
    part = np.uint64(11)
    uniform = ((_hash_neighbourhoods(values, axes) >> part).astype(np.float64) + 0.5) / 2**53
    return np.asarray(special.ndtri(uniform), np.float32)


def _hash_neighbourhoods(values: Float32Array, axes: int) -> Hashes:
    """A hash of each pixel's surroundings, the same for all directions."""
    along = range(values.ndim - axes, values.ndim)
    found = np.zeros(values.shape, np.uint64)
    for axis in along:
        line, sums = np.moveaxis(values, axis, 0), _axis_first(found, axis)
        less = (line[:-1] < line[1:]).astype(np.uint64)
        more = (line[:-1] > line[1:]).astype(np.uint64)
        sums[:-1] += less + (more << np.uint64(8))
        sums[1:] += more + (less << np.uint64(8))
    for stride in NEIGHBOUR_STRIDES:
        found = _mix_bits(found)
        around = np.zeros_like(found)
        for axis in along:
            line_of, sums = _axis_first(found, axis), _axis_first(around, axis)
            sums[:-stride] += line_of[stride:]
            sums[stride:] += line_of[:-stride]
            sums[-stride:] += OUTSIDE_HASH
            sums[:stride] += OUTSIDE_HASH
        found = _mix_bits(found + (around << np.uint64(1)))
    return found


def _axis_first(numbers: Hashes, axis: int) -> Hashes:
    """The same numbers, this axis first."""
    return np.moveaxis(numbers, axis, 0)


def _mix_bits(numbers: Hashes) -> Hashes:
    """Each number's hash: the last steps of SplitMix64."""
    numbers = numbers + OUTSIDE_HASH
    numbers = (numbers ^ (numbers >> np.uint64(30))) * MULTIPLIERS[0]
    numbers = (numbers ^ (numbers >> np.uint64(27))) * MULTIPLIERS[1]
    return np.asarray(numbers ^ (numbers >> np.uint64(31)))
