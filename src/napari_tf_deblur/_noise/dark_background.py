"""The ground of an image: the lowest level that many flat blocks share."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.typing import Float64Array
from napari_tf_deblur._noise.blocks import Blocks

MIN_BACKGROUND_BLOCKS = 12
"""Least number of blocks that make a ground. Chosen by ``benchmarks/noise_estimate.py --pictures
development``."""

MIN_BACKGROUND_BLOCK_PART = 0.02
"""Least part of all blocks that make a ground. Chosen by ``benchmarks/noise_estimate.py --pictures
development``."""

BACKGROUND_WIDTH = 4.0
"""Width of a ground in standard deviations of a block's mean. Derived: two to each side hold 95 %
of its blocks."""

MIN_BLOCK_RATIO = 3.0
"""Least ratio of the blocks in a ground to those in as wide a window next to it: a slope of
brightness has none. Chosen by ``benchmarks/noise_estimate.py --pictures development``."""

MAX_BLOCK_MEAN_VARIANCE = 1.0
"""Largest variance of the means of a ground's blocks, in that of noise. Derived: cut off at its
`BACKGROUND_WIDTH`, noise has 0.77; means that are as many at each brightness have 1.33."""

BACKGROUND_SEARCHES = 3
"""Times that a ground is searched, each with the noise of the one before. Limit: of time."""


class DarkBackground(NamedTuple):
    """A flat dark ground; intensities in the units of the blocks.

    Attributes
    ----------
    level, level_error : float
        Its brightness, and the standard error.
    variance, variance_error : float
        Of its pixels, structure included.
    noise : float
        The noise's variance in it, from differences of neighbours.
    third : float
        Third central moment of its pixels.
    pixels : float
        How many it was found from.
    piled : float
        Part of them that have the lowest value there is.
    part : float
        Part of all blocks that are as bright.
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

    A ground is a narrow heap of the blocks' means, no wider than the noise makes it, with fewer
    blocks above and next to none below: where the brightness changes all over an image there is
    no such heap. Blocks next to brighter ones are left out: some light of those is in them.
    """
    blocks = blocks.select(blocks.pixel_count >= 0.75 * blocks.pixel_count.max(initial=1))
    if len(blocks.mean) < MIN_BACKGROUND_BLOCKS:
        return None
    ordered = np.sort(blocks.mean)
    least = max(MIN_BACKGROUND_BLOCKS, round(MIN_BACKGROUND_BLOCK_PART * len(ordered)))
    variance = float(np.median(blocks.variance[blocks.mean <= ordered[least - 1]]))
    pixels = float(np.median(blocks.pixel_count))
    found = None
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
        found = _average_blocks(blocks.select(flat & inside), float(np.mean(inside)))
        variance = found.variance
    return found


def _find_lowest_mode(ordered: Float64Array, width: float, least: int) -> float | None:
    """Where the lowest heap of values begins that is no wider than the width."""

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
