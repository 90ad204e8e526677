"""The ground of an image: the lowest level that many flat blocks share."""

from typing import NamedTuple

import numpy as np

from napari_tf_deblur._noise.blocks import Blocks, Values
from napari_tf_deblur._noise.line_fit import Fit

FEWEST = 12
"""Blocks that make a ground."""

LEAST_PART = 0.02
"""Part of all blocks that make a ground."""

WIDTH = 4.0
"""Standard deviations of a block's mean that a ground is wide."""

STANDS_OUT = 2.0
"""Times as many blocks as in as wide a window next to it: a slope of brightness has none."""

AGREES = 3.0
"""Standard errors within which a ground's spread is the noise's."""

SHARE = 0.15
"""Part of the noise's variance that structure in a ground may add."""


class Ground(NamedTuple):
    """A flat dark ground; intensities in the units of the blocks.

    Attributes
    ----------
    level, level_error : float
        Its brightness, and the standard error.
    variance, variance_error : float
        Of its pixels.
    third : float
        Third central moment of its pixels.
    pixels : float
        How many it was found from.
    piled : float
        Part of them that have the lowest value there is.
    """

    level: float
    level_error: float
    variance: float
    variance_error: float
    third: float
    pixels: float
    piled: float


def dark_ground(blocks: Blocks) -> Ground | None:
    """Find the lowest level that many flat blocks share; None if there is none.

    A ground is a narrow heap of the blocks' means, no wider than the noise makes it, with
    next to nothing below it, and fewer blocks above: where the brightness changes all over an
    image its means have no such heap.
    """
    full = blocks.number >= 0.75 * blocks.number.max(initial=1)
    blocks = blocks.where(full)
    mean, number = blocks.mean, blocks.number
    if len(mean) < FEWEST:
        return None
    order = np.argsort(mean)
    low = order[: max(FEWEST, round(LEAST_PART * len(mean)))]
    least = len(low)
    variance = float(np.median(blocks.variance[low]))
    for _ in range(3):
        error = np.sqrt(max(variance, 0.0) / float(np.median(number)))
        if not error > 0:
            flat = mean == mean[order[0]]
            break
        start = _heap(mean[order], WIDTH * error, least)
        if start is None:
            return None
        flat = (mean >= start) & (mean <= start + WIDTH * error)
        variance = float(np.average(blocks.variance[flat], weights=number[flat]))
    else:
        above = np.count_nonzero((mean > start + WIDTH * error) & (mean <= start + 2 * WIDTH * error))
        below = np.count_nonzero(mean < start)
        inside = np.count_nonzero(flat)
        if inside < least or inside < STANDS_OUT * above or inside < STANDS_OUT * below:
            return None
    if np.count_nonzero(flat) < least:
        return None
    return _of(blocks.where(flat), variance)


def _heap(ordered: Values, width: float, least: int) -> float | None:
    """Where the lowest window begins that holds nearly as many as any below the middle."""
    inside = np.searchsorted(ordered, ordered + width, side="right") - np.arange(len(ordered))
    most = inside.max()
    # The lowest heap: the first window that the one above it does not outnumber.
    next_to = np.searchsorted(ordered, ordered + 2 * width, side="right") - np.arange(len(ordered)) - inside
    good = np.nonzero((inside >= least) & (inside >= STANDS_OUT * next_to))[0]
    if not len(good) or most < least:
        return None
    first = good[0]
    near = good[ordered[good] <= ordered[first] + width]
    return float(ordered[near[np.argmax(inside[near])]])


def _of(blocks: Blocks, variance: float) -> Ground:
    pixels = float(blocks.number.sum())
    level = float(np.average(blocks.mean, weights=blocks.number))
    third = float(np.average(blocks.third, weights=blocks.number))
    each = np.average(np.square(blocks.variance - variance), weights=blocks.number)
    return Ground(
        level=level,
        level_error=float(np.sqrt(variance / pixels)),
        variance=variance,
        variance_error=float(np.sqrt(each / len(blocks.mean))),
        third=third,
        pixels=pixels,
        piled=float(np.average(blocks.piled, weights=blocks.number)),
    )
