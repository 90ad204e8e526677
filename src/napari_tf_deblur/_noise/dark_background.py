"""Find the dark background of an image: the lowest level that many flat blocks share."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.typing import Float64Array
from napari_tf_deblur._noise.blocks import Blocks

MIN_BACKGROUND_BLOCKS = 12
"""Least number of blocks of a background. Chosen by ``benchmarks/noise_estimate.py --pictures
development``."""

MIN_BACKGROUND_BLOCK_PART = 0.02
"""Least part of all blocks that a background has. Chosen by ``benchmarks/noise_estimate.py
--pictures development``."""

BACKGROUND_WIDTH = 4.0
"""Width of a background in standard deviations of a block mean. Derived: two on each side contain
95 % of its blocks."""

MIN_BLOCK_RATIO = 3.0
"""Least ratio of the number of blocks in a background to that in an equally wide window beside it;
a slope of brightness has a lower ratio. Chosen by ``benchmarks/noise_estimate.py --pictures
development``."""

MAX_BLOCK_MEAN_VARIANCE = 1.0
"""Largest variance of the block means of a background, relative to the variance of a block mean by
noise. Derived: noise that is cut off at `BACKGROUND_WIDTH` has 0.77; uniformly distributed means
have 1.33."""

BACKGROUND_SEARCHES = 3
"""Number of searches of a background, each with the noise of the one before. Limit: of time."""


class DarkBackground(NamedTuple):
    """A flat dark background; intensities in the units of the blocks.

    Attributes
    ----------
    level, level_error : float
        Mean intensity and its standard error.
    variance, variance_error : float
        Variance of its pixels, structure included, and the standard error.
    noise : float
        Variance of its noise, from second differences of pixels.
    third_moment : float
        Third central moment of its pixels.
    pixels : float
        Number of its pixels.
    part_at_minimum : float
        Part of its pixels that have the lowest value of the image, 0 to 1.
    block_part : float
        Part of all blocks whose mean lies within the background, 0 to 1.
    """

    level: float
    level_error: float
    variance: float
    variance_error: float
    noise: float
    third_moment: float
    pixels: float
    part_at_minimum: float
    block_part: float


def find_dark_background(blocks: Blocks) -> DarkBackground | None:
    """Find the lowest level that many flat blocks share; None if there is none.

    A background is a narrow mode of the histogram of block means. It is not wider than the noise
    makes it, with fewer blocks above it and next to none below. An image whose brightness changes
    everywhere has no such mode. Blocks beside brighter blocks are left out, because they contain
    some of their light.
    """
    blocks = blocks.select(blocks.pixel_count >= 0.75 * blocks.pixel_count.max(initial=1))
    if len(blocks.mean) < MIN_BACKGROUND_BLOCKS:
        return None
    ordered = np.sort(blocks.mean)
    least = max(MIN_BACKGROUND_BLOCKS, round(MIN_BACKGROUND_BLOCK_PART * len(ordered)))
    variance = float(np.median(blocks.variance[blocks.mean <= ordered[least - 1]]))
    pixels = float(np.median(blocks.pixel_count))
    background = None
    for _ in range(BACKGROUND_SEARCHES):
        error = float(np.sqrt(max(variance, 0.0) / pixels))
        start = (
            _find_lowest_mode(ordered, BACKGROUND_WIDTH * error, least)
            if error
            else float(ordered[0])
        )
        if start is None:
            return None
        flat = (blocks.mean >= start) & (
            blocks.neighbour_maximum <= start + (BACKGROUND_WIDTH + 1) * error
        )
        inside = (blocks.mean >= start) & (blocks.mean <= start + BACKGROUND_WIDTH * error)
        if np.count_nonzero(flat & inside) < MIN_BACKGROUND_BLOCKS:
            return None
        if np.var(blocks.mean[flat & inside]) > MAX_BLOCK_MEAN_VARIANCE * error**2:
            return None
        background = _average_blocks(blocks.select(flat & inside), float(np.mean(inside)))
        variance = background.variance
    return background


def _find_lowest_mode(ordered: Float64Array, width: float, least: int) -> float | None:
    """Start of the lowest mode of sorted values that is not wider than `width`; None if none."""

    def within(start: Float64Array, end: Float64Array) -> NDArray[np.int64]:
        return np.searchsorted(ordered, end, side="right") - np.searchsorted(ordered, start)

    inside = within(ordered, ordered + width)
    above = within(ordered + width, ordered + 2 * width)
    below = within(ordered - width, ordered)
    outside = MIN_BLOCK_RATIO * np.maximum(above, below)
    darker = np.searchsorted(ordered, ordered - width)
    good = np.nonzero((inside >= least) & (inside >= outside) & (darker < least))[0]
    if not len(good):
        return None
    near = good[ordered[good] <= ordered[good[0]] + width]
    return float(ordered[near[np.argmax(inside[near])]])


def _average_blocks(blocks: Blocks, part: float) -> DarkBackground:
    """Average the blocks of a background, weighted by their numbers of pixels."""

    def mean(values: Float64Array) -> float:
        return float(np.average(values, weights=blocks.pixel_count))

    pixels = float(blocks.pixel_count.sum())
    variance = mean(blocks.variance)
    scatter = mean(np.square(blocks.variance - variance))
    return DarkBackground(
        level=mean(blocks.mean),
        level_error=float(np.sqrt(variance / pixels)),
        variance=variance,
        variance_error=float(np.sqrt(scatter / len(blocks.mean))),
        noise=mean(blocks.second_difference_noise[0]),
        third_moment=mean(blocks.third_moment),
        pixels=pixels,
        part_at_minimum=mean(blocks.part_at_minimum),
        block_part=part,
    )
