"""A straight line of the noise's variance over the intensity, given or fitted."""

from typing import NamedTuple

import numpy as np

from napari_tf_deblur._core.typing import Float64Array

SIGNIFICANT_DIFFERENCE = 3.0
"""Standard errors between two values that no chance explains. Derived: chance exceeds three once in
370 times."""

CHANCE_DIFFERENCE = 2.0
"""Standard errors between two values that chance may well explain. Derived: chance exceeds two once
in 22 times."""


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
