"""The straight line of the noise variance over the intensity, and its fit with standard errors."""

from typing import NamedTuple

import numpy as np

from napari_tf_deblur._core.typing import Float64Array

SIGNIFICANT_DIFFERENCE = 3.0
"""Difference of two values, in standard errors, that chance does not explain. Derived: chance
exceeds three once in 370 times."""

CHANCE_DIFFERENCE = 2.0
"""Difference of two values, in standard errors, that chance may explain. Derived: chance exceeds
two once in 22 times."""


class VarianceLine(NamedTuple):
    """A straight line of the noise variance over the intensity.

    Attributes
    ----------
    slope : float
        Variance per intensity; for photon noise, the gain.
    intercept : float
        Variance at intensity 0.
    """

    slope: float
    intercept: float

    def scale_intensity(self, factor: float) -> "VarianceLine":
        """Return the line of the same noise after intensities are multiplied by a factor."""
        return VarianceLine(self.slope * factor, self.intercept * factor * factor)


class VarianceFit(NamedTuple):
    """A line fitted to the noise variances of blocks, with any intercept.

    Attributes
    ----------
    slope, slope_error : float
        Slope and its standard error.
    centre : float
        Intensity about which the line is fitted; there the errors of slope and level are
        independent.
    level, level_error : float
        Variance at the centre, and its standard error.
    block_weights : ndarray
        Weight of each block in the fit.
    expected_variance : ndarray
        Variance of the line at each block.
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
        """The line without its errors."""
        return VarianceLine(self.slope, self.variance_at(0.0))

    def scale_intensity(self, unit: float) -> "VarianceFit":
        """Return the fit after intensities are multiplied by `unit`; block arrays are unchanged."""
        return self._replace(
            slope=self.slope * unit,
            slope_error=self.slope_error * unit,
            centre=self.centre * unit,
            level=self.level * unit**2,
            level_error=self.level_error * unit**2,
        )

    @property
    def is_rising(self) -> bool:
        """Whether the slope is significantly above 0."""
        return self.slope > SIGNIFICANT_DIFFERENCE * self.slope_error

    def variance_at(self, intensity: float) -> float:
        """Return the variance of the line at an intensity."""
        return self.level + self.slope * (intensity - self.centre)

    def variance_error_at(self, intensity: float) -> float:
        """Return the standard error of the variance at an intensity."""
        return float(np.hypot((intensity - self.centre) * self.slope_error, self.level_error))
