"""Measure brightness and noise in each block of an image."""

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
"""Pixels of a block, about. Guard: the noise of smaller blocks is too uncertain;
``tests/noise/test_estimate_noise.py``."""

MIN_VALID_PART = 0.25
"""Least part of a block's pixels, and of its differences, that must be valid. Guard: if nearly all
must, a masked image has no blocks; ``tests/noise/test_estimate_noise.py``."""


class Blocks(NamedTuple):
    """Measurements of all blocks of an image: arrays of one axis, one element per block.

    Attributes
    ----------
    mean : ndarray
        Mean intensity.
    fourth_difference_noise, second_difference_noise, axis_difference_noise : tuple of ndarray
        Variance of the noise, and the number of pixels that it was measured from. The noise comes
        from fourth differences along all axes at once, from second differences along all axes at
        once, and from fourth differences along single axes.
    variance, third_moment : ndarray
        Second and third central moment of the pixels of the block, structure included.
    pixel_count : ndarray
        Number of valid pixels.
    part_at_minimum : ndarray
        Part of the pixels that have the lowest value of the image, 0 to 1.
    neighbour_maximum : ndarray
        Largest mean of a block and its neighbours.
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
        """Measure the blocks of one slab of an image."""
        axes = [axis for axis, n in enumerate(values.shape) if n > 2]
        noise, known = second_differences_along(values, usable, axes)
        mean = values
        for axis in axes:
            before, middle, after = neighbours(mean, axis)
            mean = (before + 4 * middle + after) * np.float32(1 / 6)
        light, count = block_means(mean, known)
        second_differences = block_means(np.square(noise), known)[0], count
        inner = values[tuple(slice(1, -1) if n > 2 else slice(None) for n in values.shape)]
        deviation = inner - _expand_to_pixels(light, inner)
        square = np.square(deviation)
        shift = block_means(deviation, known)[0]
        second = block_means(square, known)[0]
        third = block_means(square * deviation, known)[0] - 3 * shift * second + 2 * shift**3
        second -= np.square(shift)
        number = np.maximum(count, 3)
        at_minimum = np.zeros_like(light)
        if np.isfinite(lowest):
            at_minimum = block_means((inner <= lowest).astype(np.float32), known)[0]
        return cls(
            mean=light,
            fourth_difference_noise=_measure_fourth_differences(noise, known, axes),
            second_difference_noise=second_differences,
            axis_difference_noise=_measure_axis_differences(
                values, usable, known, axes, light.shape
            ),
            variance=second * number / (number - 1),
            third_moment=third * number**2 / ((number - 1) * (number - 2)),
            pixel_count=count,
            part_at_minimum=at_minimum,
            neighbour_maximum=ndimage.maximum_filter(
                _as_block_grid(light, inner), 3, mode="nearest"
            ).ravel(),
        )

    @classmethod
    def concatenate(cls, pieces: Iterable[Self]) -> Self:
        """Join the blocks of all slabs."""
        columns: Iterable[tuple[Any, ...]] = zip(*pieces)
        return cls(*(_concatenate_column(column) for column in columns))

    def select(self, mask: NDArray[np.bool_]) -> Self:
        """Return some of the blocks, by a mask."""
        columns: Iterable[Any] = self
        parts: Iterable[Any] = (
            tuple(part[mask] for part in column) if isinstance(column, tuple) else column[mask]
            for column in columns
        )
        return type(self)(*parts)


def measure_blocks(pixels: Pixels, level: float, max_pixels: float = np.inf) -> Blocks | None:
    """Measure the blocks of an image.

    Saturated and hot pixels are left out.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame).
    level : float
        Standard deviation of the noise, in image units, to detect hot pixels.
    max_pixels : float, optional
        About the largest number of pixels that are measured; all by default.

    Returns
    -------
    Blocks or None
        Intensities divided by the unit of :func:`find_peak_and_unit`; None if the image has one
        value only, or no block with enough valid pixels.
    """
    unit = find_peak_and_unit(pixels)[1]
    top, bottom = find_saturation_level(pixels) / unit, find_clipping_level(pixels) / unit
    pieces = []
    for values, usable in iterate_slabs(pixels, unit, max_pixels):
        bad = find_hot_pixels(values, usable, level / unit) | (values >= top)
        pieces.append(Blocks.from_values(values, usable & ~bad, bottom))
    if not pieces:
        return None
    blocks = Blocks.concatenate(pieces)
    counting = blocks.pixel_count >= MIN_VALID_PART * blocks.pixel_count.max(initial=1)
    return blocks.select(counting) if counting.any() else None


def _concatenate_column(column: tuple[Any, ...]) -> Any:
    """Join one attribute of several `Blocks`: arrays, or tuples of arrays."""
    if isinstance(column[0], tuple):
        return tuple(np.concatenate(parts) for parts in zip(*column))
    return np.concatenate(column)


def _measure_fourth_differences(
    second: Float32Array, known: BoolArray, axes: list[int]
) -> tuple[Float64Array, Float64Array]:
    """Noise variance from fourth differences along all axes, made of second differences."""
    long = [axis for axis in axes if second.shape[axis] > 2]
    noise, usable = second_differences_along(second, known, long)
    noise *= np.float32((6 / np.sqrt(70)) ** len(long))
    margins = [(1, 1) if a in long else (0, 0) for a in range(second.ndim)]
    return block_means(np.square(np.pad(noise, margins)), np.pad(usable, margins))


def _measure_axis_differences(
    values: Float32Array,
    usable: BoolArray,
    known: BoolArray,
    axes: list[int],
    blocks: tuple[int, ...],
) -> tuple[Float64Array, Float64Array]:
    """Noise variance from fourth differences along single axes."""
    total, number = np.zeros(blocks), np.zeros(blocks)
    for axis in axes if len(axes) > 1 else ():
        if values.shape[axis] < 5:
            continue
        noise, inside = second_differences_along(values, usable, [axis, axis])
        noise *= np.float32(6 / np.sqrt(70))
        # Crop or pad to the shape of the differences along all axes.
        margins = [(1, 1) if a == axis else (0, 0) for a in range(values.ndim)]
        inner = tuple(
            slice(1, -1) if a in axes and a != axis else slice(None) for a in range(values.ndim)
        )
        noise, inside = np.pad(noise[inner], margins), np.pad(inside[inner], margins)
        variance, count = block_means(np.square(noise), inside & known)
        total += variance * count
        number += count
    return total / np.maximum(number, 1), number / max(len(axes), 1)


def _block_sides(shape: tuple[int, ...]) -> list[int]:
    """Pixels of a block along each axis."""
    side = round(BLOCK_PIXELS ** (1 / len(shape)))
    return [min(side, n) for n in shape]


def _as_block_grid(block_values: Float64Array, values: Float32Array) -> Float64Array:
    """Reshape one value per block to the axes of the image."""
    return block_values.reshape([n // b for n, b in zip(values.shape, _block_sides(values.shape))])


def _expand_to_pixels(block_values: Float64Array, values: Float32Array) -> Float32Array:
    """Repeat the value of each block at its pixels; pixels outside whole blocks get any value."""
    expanded = _as_block_grid(block_values, values).astype(np.float32)
    for axis, (n, b) in enumerate(zip(values.shape, _block_sides(values.shape))):
        block = np.zeros(n, np.intp)
        block[_whole_block_lines(n, b)] = np.arange(n // b).repeat(b)
        expanded = expanded.take(block, axis)
    return expanded


def block_means(values: Float32Array, known: BoolArray) -> tuple[Float64Array, Float64Array]:
    """Mean and number of the known values in each block."""
    count = _block_sums(known.astype(np.float32))
    total = _block_sums(values * known)
    return total / np.maximum(count, 1), count


def _whole_block_lines(n: int, block: int) -> NDArray[np.intp]:
    """Lines that lie in whole blocks; the remaining lines are left out equally at both ends.

    If an odd number of lines remains (then `n` is odd, because sides of blocks are even), the
    line in the middle is left out too, so that no direction is preferred.
    """
    rest = n % block
    lines = np.arange(rest // 2, n - rest // 2)
    return np.delete(lines, len(lines) // 2) if rest % 2 else lines


def _block_sums(values: Float32Array) -> Float64Array:
    """Sum of each whole block; axis by axis, which is faster than all axes at once."""
    for axis, (n, b) in enumerate(zip(values.shape, _block_sides(values.shape))):
        lines = _whole_block_lines(n, b)
        one = slice(lines[0], lines[-1] + 1)
        whole = values.take(lines, axis) if n % b % 2 else values[(slice(None),) * axis + (one,)]
        parts = (*whole.shape[:axis], n // b, b, *whole.shape[axis + 1 :])
        values = np.add.reduce(whole.reshape(parts), axis=axis + 1)
    return values.ravel().astype(np.float64)
