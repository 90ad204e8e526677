"""Brightness and noise, block by block."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.typing import BoolArray, Float32Array, Float64Array
from napari_tf_deblur._noise.detector_artifacts import (
    find_clipping_level,
    find_hot_pixels,
    find_saturation_level,
)
from napari_tf_deblur._noise.differences import neighbours, second_differences_along
from napari_tf_deblur._noise.slabs import find_peak_and_unit, iterate_slabs

BLOCK_PIXELS = 64
"""Pixels of a block whose noise is compared with its brightness, about. Set by hand; its effect is
in ``benchmarks/CONSTANTS.md``."""

MIN_VALID_PART = 0.25
"""Least part of a block's pixels that must count. Set by hand: half or 1.5 times changes nothing in
``benchmarks/CONSTANTS.md``."""


class Blocks(NamedTuple):
    """What is known of each block of an image; one axis each.

    Attributes
    ----------
    mean : ndarray
        Brightness.
    of_corners, of_planes, of_lines : tuple of ndarray
        The noise's variance, and the number of pixels that it was found from: from fourth and
        second differences along all axes at once, and from fourth ones along single axes.
    variance, third, number : ndarray
        Second and third moment about the block's own mean, structure included, and the pixels.
    piled : ndarray
        Part of the pixels that have the lowest value there is.
    beside : ndarray
        The largest mean among a block and those next to it.
    """

    mean: Float64Array
    fourth_difference_noise: tuple[Float64Array, Float64Array]
    second_difference_noise: tuple[Float64Array, Float64Array]
    axis_difference_noise: tuple[Float64Array, Float64Array]
    variance: Float64Array
    third_moment: Float64Array
    pixel_count: Float64Array
    part_at_minimum: Float64Array
    neighbour_maximum: Float64Array

    @classmethod
    def from_values(cls, values: Float32Array, usable: BoolArray, lowest: float) -> Self:
        """Look at one piece of an image."""
        axes = [axis for axis, n in enumerate(values.shape) if n > 2]
        noise, known = second_differences_along(values, usable, axes)
        mean = values
        for axis in axes:
            before, here, after = neighbours(mean, axis)
            mean = (before + 4 * here + after) * np.float32(1 / 6)
        light, count = block_means(mean, known)
        of_planes = block_means(np.square(noise), known)[0], count
        inner = values[tuple(slice(1, -1) if n > 2 else slice(None) for n in values.shape)]
        middle = _expand_to_pixels(light, inner)
        apart = inner - middle
        square = np.square(apart)
        shift = block_means(apart, known)[0]
        second = block_means(square, known)[0]
        third = block_means(square * apart, known)[0] - 3 * shift * second + 2 * shift**3
        second -= np.square(shift)
        left = np.maximum(count, 3)
        piled = np.zeros_like(light)
        if np.isfinite(lowest):
            piled = block_means((inner <= lowest).astype(np.float32), known)[0]
        return cls(
            mean=light,
            fourth_difference_noise=_measure_fourth_differences(noise, known, axes),
            second_difference_noise=of_planes,
            axis_difference_noise=_measure_axis_differences(
                values, usable, known, axes, light.shape
            ),
            variance=second * left / (left - 1),
            third_moment=third * left**2 / ((left - 1) * (left - 2)),
            pixel_count=count,
            part_at_minimum=piled,
            neighbour_maximum=ndimage.maximum_filter(
                _as_block_grid(light, inner), 3, mode="nearest"
            ).ravel(),
        )

    @classmethod
    def concatenate(cls, pieces: Iterable[Self]) -> Self:
        """Those of all pieces."""
        columns: Iterable[tuple[Any, ...]] = zip(*pieces)
        return cls(*(_concatenate_column(column) for column in columns))

    def select(self, kept: NDArray[np.bool_]) -> Self:
        """Some of the blocks."""
        columns: Iterable[Any] = self
        parts: Iterable[Any] = (
            tuple(part[kept] for part in column) if isinstance(column, tuple) else column[kept]
            for column in columns
        )
        return type(self)(*parts)


def measure_blocks(pixels: Pixels, level: float, max_pixels: float = np.inf) -> Blocks | None:
    """All blocks of an image, intensities over their unit; None if they are of one value.

    Of a larger image about `max_pixels` pixels are looked at. The `level` noise tells hot pixels.
    """
    unit = find_peak_and_unit(pixels)[1]
    top, bottom = find_saturation_level(pixels) / unit, find_clipping_level(pixels) / unit
    pieces = []
    for values, usable in iterate_slabs(pixels, unit, max_pixels):
        broken = find_hot_pixels(values, usable, level / unit) | (values >= top)
        pieces.append(Blocks.from_values(values, usable & ~broken, bottom))
    if not pieces:
        return None
    blocks = Blocks.concatenate(pieces)
    counting = blocks.pixel_count >= MIN_VALID_PART * blocks.pixel_count.max(initial=1)
    return blocks.select(counting) if counting.any() else None


def _concatenate_column(column: tuple[Any, ...]) -> Any:
    if isinstance(column[0], tuple):
        return tuple(np.concatenate(parts) for parts in zip(*column))
    return np.concatenate(column)


def _measure_fourth_differences(
    second: Float32Array, known: BoolArray, axes: list[int]
) -> tuple[Float64Array, Float64Array]:
    """The noise's variance from fourth differences along all axes, made of second ones."""
    long = [axis for axis in axes if second.shape[axis] > 2]
    noise, seen = second_differences_along(second, known, long)
    noise *= np.float32((6 / np.sqrt(70)) ** len(long))
    margins = [(1, 1) if a in long else (0, 0) for a in range(second.ndim)]
    return block_means(np.square(np.pad(noise, margins)), np.pad(seen, margins))


def _measure_axis_differences(
    values: Float32Array,
    usable: BoolArray,
    known: BoolArray,
    axes: list[int],
    blocks: tuple[int, ...],
) -> tuple[Float64Array, Float64Array]:
    """The noise's variance from fourth differences along single axes."""
    total, number = np.zeros(blocks), np.zeros(blocks)
    for axis in axes if len(axes) > 1 else ():
        if values.shape[axis] < 5:
            continue
        noise, seen = second_differences_along(values, usable, [axis, axis])
        noise *= np.float32(6 / np.sqrt(70))
        # Cut or filled to where the differences along all axes are.
        full = [(1, 1) if a == axis else (0, 0) for a in range(values.ndim)]
        inner = tuple(
            slice(1, -1) if a in axes and a != axis else slice(None) for a in range(values.ndim)
        )
        noise, seen = np.pad(noise[inner], full), np.pad(seen[inner], full)
        variance, count = block_means(np.square(noise), seen & known)
        total += variance * count
        number += count
    return total / np.maximum(number, 1), number / max(len(axes), 1)


def _block_sides(shape: tuple[int, ...]) -> list[int]:
    side = round(BLOCK_PIXELS ** (1 / len(shape)))
    return [min(side, n) for n in shape]


def _as_block_grid(of_blocks: Float64Array, values: Float32Array) -> Float64Array:
    """The values of blocks, one axis each as the image has them."""
    return of_blocks.reshape([n // b for n, b in zip(values.shape, _block_sides(values.shape))])


def _expand_to_pixels(of_blocks: Float64Array, values: Float32Array) -> Float32Array:
    """The value of each block at its pixels; any beyond the whole blocks, which nobody counts."""
    spread = _as_block_grid(of_blocks, values).astype(np.float32)
    for axis, (n, b) in enumerate(zip(values.shape, _block_sides(values.shape))):
        block = np.zeros(n, np.intp)
        block[_whole_block_lines(n, b)] = np.arange(n // b).repeat(b)
        spread = spread.take(block, axis)
    return spread


def block_means(values: Float32Array, known: BoolArray) -> tuple[Float64Array, Float64Array]:
    """Mean of what is known in each block, and its number."""
    count = _block_sums(known.astype(np.float32))
    total = _block_sums(values * known)
    return total / np.maximum(count, 1), count


def _whole_block_lines(n: int, block: int) -> NDArray[np.intp]:
    """The lines that are in whole blocks: as many are left out before as after them.

    Where their number is odd, so is `n`, as sides of blocks are even, and the line in the middle is
    left out too: no direction is preferred.
    """
    rest = n % block
    lines = np.arange(rest // 2, n - rest // 2)
    return np.delete(lines, len(lines) // 2) if rest % 2 else lines


def _block_sums(values: Float32Array) -> Float64Array:
    """Sum of each whole block; one axis after the other, which is faster than all at once."""
    for axis, (n, b) in enumerate(zip(values.shape, _block_sides(values.shape))):
        lines = _whole_block_lines(n, b)
        one = slice(lines[0], lines[-1] + 1)
        whole = values.take(lines, axis) if n % b % 2 else values[(slice(None),) * axis + (one,)]
        parts = (*whole.shape[:axis], n // b, b, *whole.shape[axis + 1 :])
        values = np.add.reduce(whole.reshape(parts), axis=axis + 1)
    return values.ravel().astype(np.float64)
