"""Draw random numbers that are computed from an image and turn, flip and move with it.

The number of a pixel is a hash of the comparisons of the pixel and its neighbours (smaller or
larger), the same for all directions: rounds of colour refinement, as for graphs (Weisfeiler &
Leman, 1968). If an image is turned, flipped, moved, or multiplied by a constant, the same place of
the scene gets the same number. These numbers are as good as independent ones: they depend on the
noise, and a hash is not correlated with its input.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import special

from napari_tf_deblur._core.typing import Float32Array

Hashes = NDArray[np.uint64]

NEIGHBOUR_STRIDES = (1, 1, 2, 3)
"""Distances, in pixels, to the neighbours that are hashed, round by round. Larger distances give
fewer pixels of a sparse image the same hash, but bring more pixels near the frame. Guard:
``tests/noise/test_equivariant_random.py``."""

OUTSIDE_HASH = np.uint64(0x9E3779B97F4A7C15)
"""Hash of a neighbour beyond the frame. Definition: any unlikely number; this is 2^64 over the
golden ratio."""

MULTIPLIERS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
"""Multipliers of the hash. Source: SplitMix64 (Steele, Lea & Flood, OOPSLA 2014)."""


def draw_normal(values: Float32Array, axes: int) -> Float32Array:
    """Draw normally distributed numbers that turn, flip and move with an image.

    Parameters
    ----------
    values : ndarray of float32
        The last `axes` axes are one frame; the others are looped over.
    axes : int
        Number of axes of a frame.

    Returns
    -------
    ndarray of float32
        Shape of `values`, with mean 0 and standard deviation 1.

    Examples
    --------
    >>> image = np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32)
    >>> numbers = draw_normal(image, 2)
    >>> bool(np.all(draw_normal(image[::-1].T, 2) == numbers[::-1].T))
    True
    """
    return next(iterate_normal(values, axes))


def iterate_normal(values: Float32Array, axes: int) -> Iterator[Float32Array]:
    """Draw without end: first the numbers of `draw_normal`, then others, independent of them.

    Parameters
    ----------
    values : ndarray of float32
        The last `axes` axes are one frame; the others are looped over.
    axes : int
        Number of axes of a frame.

    Yields
    ------
    ndarray of float32
        As `draw_normal` returns it.
    """
    surplus = np.uint64(11)  # of 64 bits, a double holds 53
    hashes = _hash_neighbourhoods(values, axes)
    while True:
        uniform = ((hashes >> surplus).astype(np.float64) + 0.5) / 2**53
        yield np.asarray(special.ndtri(uniform), np.float32)
        hashes = _mix_bits(hashes)


def _hash_neighbourhoods(values: Float32Array, axes: int) -> Hashes:
    """Hash of each pixel's neighbourhood, the same for all directions."""
    frame_axes = range(values.ndim - axes, values.ndim)
    hashes = np.zeros(values.shape, np.uint64)
    for axis in frame_axes:
        line, sums = np.moveaxis(values, axis, 0), _axis_first(hashes, axis)
        less = (line[:-1] < line[1:]).astype(np.uint64)
        more = (line[:-1] > line[1:]).astype(np.uint64)
        sums[:-1] += less + (more << np.uint64(8))
        sums[1:] += more + (less << np.uint64(8))
    for stride in NEIGHBOUR_STRIDES:
        hashes = _mix_bits(hashes)
        around = np.zeros_like(hashes)
        for axis in frame_axes:
            neighbours, sums = _axis_first(hashes, axis), _axis_first(around, axis)
            sums[:-stride] += neighbours[stride:]
            sums[stride:] += neighbours[:-stride]
            sums[-stride:] += OUTSIDE_HASH
            sums[:stride] += OUTSIDE_HASH
        hashes = _mix_bits(hashes + (around << np.uint64(1)))
    return hashes


def _axis_first(numbers: Hashes, axis: int) -> Hashes:
    """View of the numbers with one axis moved to the front."""
    return np.moveaxis(numbers, axis, 0)


def _mix_bits(numbers: Hashes) -> Hashes:
    """Hash each number by the last steps of SplitMix64."""
    numbers = numbers + OUTSIDE_HASH
    numbers = (numbers ^ (numbers >> np.uint64(30))) * MULTIPLIERS[0]
    numbers = (numbers ^ (numbers >> np.uint64(27))) * MULTIPLIERS[1]
    return np.asarray(numbers ^ (numbers >> np.uint64(31)))
