"""Fit the line of a camera's noise, variance over brightness, to the blocks of an image."""

from collections.abc import Callable
from typing import Any

import numpy as np

from napari_tf_deblur._core.typing import Float64Array
from napari_tf_deblur._noise.blocks import MIN_VALID_PART, Blocks
from napari_tf_deblur._noise.variance_line import (
    CHANCE_DIFFERENCE,
    SIGNIFICANT_DIFFERENCE,
    VarianceFit,
    VarianceLine,
)

NOISE_CORRELATION = {
    "corners": {1: 2.63, 2: 2.63**2, 3: 2.63**3},
    "planes": {1: 35 / 18, 2: (35 / 18) ** 2, 3: (35 / 18) ** 3},
    "lines": {1: 2.63, 2: 1.82, 3: 1.54},
}
"""Pixels per independent pixel in squared differences, because neighbouring differences share
noise; by kind of difference and number of axes. `corners` are fourth and `planes` second
differences along all axes at once, `lines` fourth differences along one axis. Derived: from the
filters' autocorrelation."""

MAX_BLOCK_DEVIATION = 3.5
"""Blocks whose variance is more standard deviations above the line than this show structure, and
are left out. Guard: a smaller number leaves out noise; ``tests/noise/test_estimate_noise.py``."""

PHOTON_KURTOSIS = 0.25
"""Excess variance of squared differences of photon counts, over twice their mean in photons.
Derived: from the fourth moment of the Poisson distribution."""

SLOPE_TOLERANCE = 1e-3
"""The fit ends if the relative change of the slope is below this. Limit: of time."""

MAX_LINE_FITS = 10
"""Largest number of fits of the line, each weighted by the noise of the one before. Limit: of
time."""


def fit_line_from_dark(blocks: Blocks, dark: float, axes: int) -> tuple[VarianceLine, float]:
    """Fit the line of the noise variance over the mean that starts at a known variance.

    Parameters
    ----------
    blocks : Blocks
        Measurements of the blocks of an image.
    dark : float
        Variance at intensity 0, in the units of the blocks. If the image shows less noise there,
        the line starts lower.
    axes : int
        Number of axes of the image.

    Returns
    -------
    line : VarianceLine
        The line; of slope 0 if the blocks do not determine it.
    error : float
        Standard error of the slope.
    """
    line, error = _fit_best_differences(
        blocks, axes, lambda *data: _fit_line_with_dark(dark, *data), VarianceLine(0.0, dark)
    )
    return line, float(error)


def fit_variance_line(blocks: Blocks, axes: int) -> VarianceFit | None:
    """Fit the line of the noise variance over the mean, with any intercept; None if impossible."""
    fit, error = _fit_best_differences(blocks, axes, _fit_free_line, None)
    return None if fit is None else fit._replace(slope_error=error)


def _fit_best_differences(
    blocks: Blocks,
    axes: int,
    fit_line: Callable[[Float64Array, Float64Array, Float64Array, Float64Array], Any],
    no_fit: Any,
) -> tuple[Any, float]:
    """Choose the fit to one of three kinds of differences; also return the error of its slope.

    Fourth differences contain the least structure of the image, and determine the slope least
    precisely. They are fitted first. The fit to another kind replaces it if its slope is not
    clearly larger: a larger slope shows that structure is counted as noise.
    """
    best, error = no_fit, np.inf
    noises = (
        blocks.fourth_difference_noise,
        blocks.second_difference_noise,
        blocks.axis_difference_noise,
    )
    for kind, (variance, count) in zip(NOISE_CORRELATION, noises):
        good = (count >= MIN_VALID_PART * count.max(initial=1)) & (variance > 0)
        if not good.any():
            continue
        independent = count[good] / NOISE_CORRELATION[kind][axes]
        fit, fit_error = fit_line(
            blocks.mean[good], variance[good], independent, blocks.variance[good]
        )
        # Standard error of the difference to a less precise estimate (Hausman, 1978).
        apart = np.sqrt(max(error**2 - fit_error**2, 0.0)) if np.isfinite(error) else error
        if best is no_fit or 0 < fit.slope < best.slope + CHANCE_DIFFERENCE * apart:
            if best is not no_fit and np.isfinite(error):
                fit_error = np.hypot(fit_error, (fit.slope - best.slope) / 2)
            best, error = fit, float(fit_error)
    return best, error


def _fit_free_line(
    mean: Float64Array, variance: Float64Array, count: Float64Array, spread: Float64Array
) -> tuple[VarianceFit, float]:
    """Fit a line to variances of blocks, iteratively weighted; also return the slope's error.

    Each variance was measured from `count` independent pixels. `spread` is the variance of the
    pixels of each block, structure included.
    """
    darkest = float(np.quantile(mean, 0.02))
    base = float(np.median(variance[mean <= max(darkest, float(mean.min()))]))
    rise = np.maximum(mean - darkest, 0)
    slope = _weighted_median((variance - base) / np.where(rise > 0, rise, 1), count * rise**2)
    expected = base + max(slope, 0.0) * rise
    fit = VarianceFit(0.0, np.inf, 0.0, 0.0, np.inf, np.zeros_like(mean), expected)
    for _ in range(MAX_LINE_FITS):
        # The variances scatter more than for normal noise if photons are few, or if one part of
        # a block is brighter than another.
        excess = PHOTON_KURTOSIS * expected + np.maximum(spread - expected, 0)
        square = np.square(expected) + fit.slope**2 * excess
        used = variance <= expected + MAX_BLOCK_DEVIATION * np.sqrt(2 * square / count)
        weights = used * count / square
        if not used.any():
            return fit, np.inf
        centre = np.sum(weights * mean) / np.sum(weights)
        level = np.sum(weights * variance) / np.sum(weights)
        slope, error = _estimate_slope(mean - centre, variance - level, weights, expected)
        expected = np.maximum(level + slope * (mean - centre), 0.3 * min(base, level))
        level_error = float(np.sqrt(2 / np.sum(weights)))
        converged = abs(slope - fit.slope) <= SLOPE_TOLERANCE * abs(slope) and np.isfinite(
            fit.slope_error
        )
        fit = VarianceFit(slope, error, float(centre), float(level), level_error, weights, expected)
        if converged:
            break
    misfit = np.sum(weights * np.square(variance - expected)) / 2 / max(used.sum() - 2, 1)
    error *= np.sqrt(max(misfit, 1.0))
    return fit._replace(slope_error=float(error)), float(error)


def _fit_line_with_dark(
    dark: float,
    mean: Float64Array,
    variance: Float64Array,
    count: Float64Array,
    spread: Float64Array,
) -> tuple[VarianceLine, float]:
    """Fit a line that starts at `dark` at intensity 0; also return the error of its slope."""
    fit, line_error = _fit_free_line(mean, variance, count, spread)
    if not fit.block_weights.any():
        return VarianceLine(0.0, dark), np.inf
    slope, error = _estimate_slope(mean, variance - dark, fit.block_weights, fit.expected_variance)
    if not np.isfinite(error):  # fewer photons than blocks
        total = max(float(np.sum(count * mean)), 0.0)
        slope = max(float(np.sum(count * (variance - dark))), 0.0) / total if total else 0.0
        return VarianceLine(slope, dark), np.inf
    # Less noise at intensity 0 than `dark` shows an offset that was not subtracted.
    if (
        dark - fit.variance_at(0.0) > SIGNIFICANT_DIFFERENCE * fit.variance_error_at(0.0)
        and fit.slope > SIGNIFICANT_DIFFERENCE * line_error
    ):
        return fit.line, line_error
    return VarianceLine(max(slope, 0.0), dark), error


def _estimate_slope(
    rise: Float64Array,
    excess: Float64Array,
    weights: Float64Array,
    expected: Float64Array,
) -> tuple[float, float]:
    """Slope of excess variance over the rise in brightness, and its standard error.

    A rise that the noise of the block mean explains does not count: many such rises would make
    the slope too small.
    """
    squared = np.square(rise) * weights * expected
    true_rise = np.where(
        squared > SIGNIFICANT_DIFFERENCE**2,
        rise * (1 - SIGNIFICANT_DIFFERENCE**2 / np.maximum(squared, SIGNIFICANT_DIFFERENCE**2)),
        0,
    )
    norm = np.sum(weights * true_rise * rise)
    if not norm > 0:
        return 0.0, np.inf
    slope = float(np.sum(weights * true_rise * excess) / norm)
    # If the brightness changes within blocks, their variances scatter more than expected.
    scatter = np.sum(np.square(weights * true_rise * (excess - slope * rise)))
    error = np.sqrt(max(2 * np.sum(weights * np.square(true_rise)), scatter)) / norm
    return slope, float(error)


def _weighted_median(values: Float64Array, weights: Float64Array) -> float:
    """Value at which the sum of the weights, in the order of the values, reaches half."""
    order = np.argsort(values)
    sums = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(sums, sums[-1] / 2)])
