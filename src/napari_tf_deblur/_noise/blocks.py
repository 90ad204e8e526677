"""Brightness and noise, block by block."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._noise.differences import differences, neighbours
from napari_tf_deblur._noise.pieces import Array, Mask

BLOCK_PIXELS = 64
"""About how many pixels a block has whose noise is compared with its brightness."""


def blocks_of(values: Array, usable: Mask) -> NDArray[np.float64]:
    """Of each block: mean, then variance and number of pixels from planes, then from lines."""
    axes = [axis for axis, n in enumerate(values.shape) if n > 2]
    noise, known = differences(values, usable, axes)
    rows = [*_block_means(noise, known)]
    mean = values
    for axis in axes:
        before, here, after = neighbours(mean, axis)
        mean = (before + 4 * here + after) * np.float32(1 / 6)
    light, _ = _block_means(mean, known, square=False)
    total, number = np.zeros_like(light), np.zeros_like(light)
    for axis in axes if len(axes) > 1 else ():
        if values.shape[axis] < 5:
            continue
        noise, seen = differences(values, usable, [axis, axis])
        noise *= np.float32(6 / np.sqrt(70))
        # Cut or filled to where the differences along all axes are.
        full = [(1, 1) if a == axis else (0, 0) for a in range(values.ndim)]
        inner = tuple(
            slice(1, -1) if a in axes and a != axis else slice(None) for a in range(values.ndim)
        )
        noise, seen = np.pad(noise[inner], full), np.pad(seen[inner], full)
        variance, count = _block_means(noise, seen & known)
        total += variance * count
        number += count
    rows += [total / np.maximum(number, 1), number / max(len(axes), 1)]
    return np.stack([light, *rows])


def _block_means(
    values: Array, known: Mask, square: bool = True
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean, of the squares, of what is known in each block, and its number."""
    shape = values.shape
    side = round(BLOCK_PIXELS ** (1 / len(shape)))
    blocks = [min(side, n) for n in shape]
    whole = tuple(slice(n // b * b) for n, b in zip(shape, blocks))
    split = [part for n, b in zip(shape, blocks) for part in (n // b, b)]
    axes = tuple(range(1, 2 * len(shape), 2))

    def apart(array: NDArray[Any]) -> NDArray[Any]:
        return array[whole].reshape(split)

    count = np.sum(apart(known), axis=axes, dtype=np.float64).ravel()
    kept = np.where(known, np.square(values) if square else values, np.float32(0))
    total = np.sum(apart(kept), axis=axes, dtype=np.float64).ravel()
    return total / np.maximum(count, 1), count
