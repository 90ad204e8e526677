"""The line of a camera's noise: variance over brightness."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CORRELATION = {
    "planes": {1: 35 / 18, 2: (35 / 18) ** 2, 3: (35 / 18) ** 3},
    "lines": {1: 2.63, 2: 1.82, 3: 1.54},
}
"""Pixels per pixel of independent noise, by axes, in squares of differences: neighbours share
noise. `planes` differ along all axes at once, `lines` along one, which tells more of the noise
and hides less of the image."""

STRAY = 3.5
"""Standard deviations by which a block's variance is above the line if it shows more than noise."""

FAINT = 3.0
"""Standard errors by which a block is brighter than the dark if its brightness tells anything."""

SURE = 3.0
"""Standard errors between two values that no chance explains."""

LIKELY = 2.0
"""Standard errors between two values that chance may well explain."""

WORST_ERROR = 0.3
"""Relative standard error of the slope above which an offset cannot be told from noise."""

ROUNDS = 10
"""Fits of the line, each weighted by the noise that the one before expects."""


class Line(NamedTuple):
    """The noise's variance over the intensity: its slope, and its value at intensity 0."""

    slope: float
    at_zero: float


def best_line(blocks: NDArray[np.float64], dark: float, axes: int) -> Line:
    """The line of the variance over the mean; of slope 0 if it has none.

    From differences along single axes, unless those along all axes, which show the least of
    the image, say that structure is counted as noise.
    """
    mean, *measured = blocks
    best, error = Line(0.0, dark), np.inf
    for kind, variance, count in zip(CORRELATION, measured[::2], measured[1::2]):
        good = (count >= 0.25 * count.max(initial=1)) & (variance > 0)
        if not good.any():
            continue
        found, its_error = _fitted_line(
            mean[good], variance[good], count[good] / CORRELATION[kind][axes], dark
        )
        if kind == "planes" or 0 < found.slope < best.slope + LIKELY * error:
            best, error = found, its_error
    return best


def _fitted_line(
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
    count: NDArray[np.float64],
    dark: float,
) -> tuple[Line, float]:
    """Fit a line to variances of `count` independent pixels each; standard error of its slope."""
    darkest = float(np.quantile(mean, 0.02))
    base = float(np.median(variance[mean <= max(darkest, float(mean.min()))]))
    rise = np.maximum(mean - darkest, 0)
    line = _weighted_median((variance - base) / np.where(rise > 0, rise, 1), count * rise**2)
    expected = base + max(line, 0.0) * rise
    for _ in range(ROUNDS):
        kept = variance <= (1 + STRAY * np.sqrt(2 / count)) * expected
        certainty = kept * count / np.square(expected)
        if not kept.any():
            return Line(0.0, dark), np.inf
        centre = np.sum(certainty * mean) / np.sum(certainty)
        level = np.sum(certainty * variance) / np.sum(certainty)
        line, line_error = _ratio(mean - centre, variance - level, certainty, expected)
        expected = np.maximum(level + line * (mean - centre), 0.3 * min(base, level))
    # The line from the noise in the dark at 0, whose only unknown is the slope.
    slope, error = _ratio(mean, variance - dark, certainty, expected)
    if not np.isfinite(error):  # fewer photons than blocks
        total = max(float(np.sum(count * mean)), 0.0)
        slope = max(float(np.sum(count * (variance - dark))), 0.0) / total if total else 0.0
        return Line(slope, dark), np.inf
    misfit = np.sum(certainty * np.square(variance - expected)) / 2 / max(kept.sum() - 2, 1)
    line_error *= np.sqrt(max(misfit, 1.0))
    intercept_error = np.hypot(centre * line_error, np.sqrt(2 / np.sum(certainty)))
    at_zero = level - line * centre
    # Less noise at 0 than there can be tells of an offset.
    if dark - at_zero > SURE * intercept_error and line_error < WORST_ERROR * line:
        return Line(line, at_zero), line_error
    return Line(max(slope, 0.0), dark), error


def _ratio(
    rise: NDArray[np.float64],
    excess: NDArray[np.float64],
    certainty: NDArray[np.float64],
    expected: NDArray[np.float64],
) -> tuple[float, float]:
    """Excess variance per rise in brightness, and its standard error.

    A rise that the noise of a block's mean explains does not count: many of them would pull
    the slope down.
    """
    squared = np.square(rise) * certainty * expected
    told = np.where(squared > FAINT**2, rise * (1 - FAINT**2 / np.maximum(squared, FAINT**2)), 0)
    lever = np.sum(certainty * told * rise)
    if not lever > 0:
        return 0.0, np.inf
    error = np.sqrt(2 * np.sum(certainty * np.square(told))) / lever
    return float(np.sum(certainty * told * excess) / lever), float(error)


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    sums = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(sums, sums[-1] / 2)])
