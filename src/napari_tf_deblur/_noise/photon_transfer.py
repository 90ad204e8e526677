"""The line of a camera's noise: variance over brightness."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from napari_tf_deblur._core.typing import Float64Array
from napari_tf_deblur._noise.blocks import Blocks

NOISE_CORRELATION = {
    "corners": {1: 2.63, 2: 2.63**2, 3: 2.63**3},
    "planes": {1: 35 / 18, 2: (35 / 18) ** 2, 3: (35 / 18) ** 3},
    "lines": {1: 2.63, 2: 1.82, 3: 1.54},
}
"""Pixels per pixel of independent noise in squares of differences, as neighbours share noise, by
kind of difference and number of axes: `corners` and `planes` differ along all axes at once, `lines`
along one. Derived: from the filters' autocorrelation."""

MAX_BLOCK_DEVIATION = 3.5
"""Standard deviations above the line from which on a block's variance shows more than noise. Set by
hand; its effect is in ``benchmarks/CONSTANTS.md``."""

SIGNIFICANT_DIFFERENCE = 3.0
"""Standard errors between two values that no chance explains. Derived: chance exceeds three once in
370 times."""

CHANCE_DIFFERENCE = 2.0
"""Standard errors between two values that chance may well explain. Derived: chance exceeds two once
in 22 times."""

MAX_SLOPE_ERROR = 0.3
"""Relative standard error of the slope above which an offset cannot be told from noise. Set by
hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

PHOTON_KURTOSIS = 0.25
"""Excess variance of squared differences of photons, over twice their mean in photons. Derived:
from the fourth moment of the Poisson distribution."""

SLOPE_TOLERANCE = 1e-3
"""Relative change of the slope below which the fit ends. Limit: of time."""

MAX_LINE_FITS = 10
"""Most fits of the line, each weighted by the noise that the one before predicts. Limit: of
time."""


class VarianceLine(NamedTuple):
    """The noise's variance over the intensity: its slope, and its value at intensity 0."""

    slope: float
    intercept: float

    def scale_intensity(self, factor: float) -> "VarianceLine":
        """The line of the same noise where intensities are so many times as large."""
        return VarianceLine(self.slope * factor, self.intercept * factor * factor)


class VarianceFit(NamedTuple):
    """A line through what the blocks show, wherever it starts.

    Attributes
    ----------
    slope, slope_error : float
        With its standard error.
    centre : float
        Intensity at which slope and level know nothing of each other.
    level, level_error : float
        The variance there, with its standard error.
    certainty, expected : ndarray
        Of each block: how much it counts, and the variance that the line expects.
    """

    slope: float
    slope_error: float
    centre: float
    level: float
    level_error: float
    block_weights: Float64Array
    expected_variance: Float64Array

    @property
    def line(self) -> VarianceLine:
        """The line itself."""
        return VarianceLine(self.slope, self.variance_at(0.0))

    def scale_intensity(self, unit: float) -> "VarianceFit":
        """The same line in units of which so many make one of these; the blocks stay."""
        return self._replace(
            slope=self.slope * unit,
            slope_error=self.slope_error * unit,
            centre=self.centre * unit,
            level=self.level * unit**2,
            level_error=self.level_error * unit**2,
        )

    @property
    def is_rising(self) -> bool:
        """Whether the slope is more than chance explains."""
        return self.slope > SIGNIFICANT_DIFFERENCE * self.slope_error

    def variance_at(self, intensity: float) -> float:
        """The variance at an intensity."""
        return self.level + self.slope * (intensity - self.centre)

    def variance_error_at(self, intensity: float) -> float:
        """Its standard error."""
        return float(np.hypot((intensity - self.centre) * self.slope_error, self.level_error))


def fit_line_from_dark(blocks: Blocks, dark: float, axes: int) -> tuple[VarianceLine, float]:
    """The line of the variance over the mean, and the standard error of its slope.

    From `dark` at 0 unless there is less noise; of slope 0 if it has none.
    """
    found, error = _fit_best_differences(
        blocks, axes, lambda *seen: _fit_line_with_dark(dark, *seen), VarianceLine(0.0, dark)
    )
    return found, float(error)


def fit_variance_line(blocks: Blocks, axes: int) -> VarianceFit | None:
    """The line of the variance over the mean, wherever it starts; None if there is none."""
    fit, error = _fit_best_differences(blocks, axes, _fit_free_line, None)
    return None if fit is None else fit._replace(slope_error=error)


def _fit_best_differences(
    blocks: Blocks,
    axes: int,
    fit_line: Callable[[Float64Array, Float64Array, Float64Array, Float64Array], Any],
    no_fit: Any,
) -> tuple[Any, float]:
    """The fit to the differences that tell most of the noise, and the error of its slope.

    If those that show less of the image say that structure is counted as noise, theirs.
    """
    best, error = no_fit, np.inf
    seen = (
        blocks.fourth_difference_noise,
        blocks.second_difference_noise,
        blocks.axis_difference_noise,
    )
    for kind, (variance, count) in zip(NOISE_CORRELATION, seen):
        good = (count >= 0.25 * count.max(initial=1)) & (variance > 0)
        if not good.any():
            continue
        independent = count[good] / NOISE_CORRELATION[kind][axes]
        found, its_error = fit_line(
            blocks.mean[good], variance[good], independent, blocks.variance[good]
        )
        # The error of a difference to what tells less of the same noise (Hausman, 1978).
        apart = np.sqrt(max(error**2 - its_error**2, 0.0)) if np.isfinite(error) else error
        if best is no_fit or 0 < found.slope < best.slope + CHANCE_DIFFERENCE * apart:
            if best is not no_fit and np.isfinite(error):
                its_error = np.hypot(its_error, (found.slope - best.slope) / 2)
            best, error = found, float(its_error)
    return best, error


def _fit_free_line(
    mean: Float64Array, variance: Float64Array, count: Float64Array, spread: Float64Array
) -> tuple[VarianceFit, float]:
    """Fit a line to variances of `count` independent pixels each; standard error of its slope.

    The `spread` is the variance of each block's pixels, structure included.
    """
    darkest = float(np.quantile(mean, 0.02))
    base = float(np.median(variance[mean <= max(darkest, float(mean.min()))]))
    rise = np.maximum(mean - darkest, 0)
    line = _weighted_median((variance - base) / np.where(rise > 0, rise, 1), count * rise**2)
    expected = base + max(line, 0.0) * rise
    fit = VarianceFit(0.0, np.inf, 0.0, 0.0, np.inf, np.zeros_like(mean), expected)
    for _ in range(MAX_LINE_FITS):
        # Few photons scatter more than a normal distribution does, and so does what is brighter
        # in one part of a block than in another.
        uneven = PHOTON_KURTOSIS * expected + np.maximum(spread - expected, 0)
        square = np.square(expected) + fit.slope**2 * uneven
        kept = variance <= expected + MAX_BLOCK_DEVIATION * np.sqrt(2 * square / count)
        certainty = kept * count / square
        if not kept.any():
            return fit, np.inf
        centre = np.sum(certainty * mean) / np.sum(certainty)
        level = np.sum(certainty * variance) / np.sum(certainty)
        line, error = _estimate_slope(mean - centre, variance - level, certainty, expected)
        expected = np.maximum(level + line * (mean - centre), 0.3 * min(base, level))
        level_error = float(np.sqrt(2 / np.sum(certainty)))
        settled = abs(line - fit.slope) <= SLOPE_TOLERANCE * abs(line) and np.isfinite(
            fit.slope_error
        )
        fit = VarianceFit(
            line, error, float(centre), float(level), level_error, certainty, expected
        )
        if settled:
            break
    misfit = np.sum(certainty * np.square(variance - expected)) / 2 / max(kept.sum() - 2, 1)
    error *= np.sqrt(max(misfit, 1.0))
    return fit._replace(slope_error=float(error)), float(error)


def _fit_line_with_dark(
    dark: float,
    mean: Float64Array,
    variance: Float64Array,
    count: Float64Array,
    spread: Float64Array,
) -> tuple[VarianceLine, float]:
    """The line from the noise in the dark at 0, whose only unknown is the slope."""
    fit, line_error = _fit_free_line(mean, variance, count, spread)
    if not fit.block_weights.any():
        return VarianceLine(0.0, dark), np.inf
    slope, error = _estimate_slope(mean, variance - dark, fit.block_weights, fit.expected_variance)
    if not np.isfinite(error):  # fewer photons than blocks
        total = max(float(np.sum(count * mean)), 0.0)
        slope = max(float(np.sum(count * (variance - dark))), 0.0) / total if total else 0.0
        return VarianceLine(slope, dark), np.inf
    # Less noise at 0 than there can be tells of an offset.
    if (
        dark - fit.variance_at(0.0) > SIGNIFICANT_DIFFERENCE * fit.variance_error_at(0.0)
        and line_error < MAX_SLOPE_ERROR * fit.slope
    ):
        return fit.line, line_error
    return VarianceLine(max(slope, 0.0), dark), error


def _estimate_slope(
    rise: Float64Array,
    excess: Float64Array,
    certainty: Float64Array,
    expected: Float64Array,
) -> tuple[float, float]:
    """Excess variance per rise in brightness, and its standard error.

    A rise that the noise of a block's mean explains does not count: many of them would pull
    the slope down.
    """
    squared = np.square(rise) * certainty * expected
    told = np.where(
        squared > SIGNIFICANT_DIFFERENCE**2,
        rise * (1 - SIGNIFICANT_DIFFERENCE**2 / np.maximum(squared, SIGNIFICANT_DIFFERENCE**2)),
        0,
    )
    lever = np.sum(certainty * told * rise)
    if not lever > 0:
        return 0.0, np.inf
    ratio = float(np.sum(certainty * told * excess) / lever)
    # Where brightness changes within blocks their variances scatter more than they should.
    scatter = np.sum(np.square(certainty * told * (excess - ratio * rise)))
    error = np.sqrt(max(2 * np.sum(certainty * np.square(told)), scatter)) / lever
    return ratio, float(error)


def _weighted_median(values: Float64Array, weights: Float64Array) -> float:
    order = np.argsort(values)
    sums = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(sums, sums[-1] / 2)])
