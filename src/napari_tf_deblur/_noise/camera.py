"""Estimate the gain, offset and read noise of a camera, as far as one image shows them."""

from typing import NamedTuple

import numpy as np

from napari_tf_deblur._noise.blocks import Blocks
from napari_tf_deblur._noise.dark_background import DarkBackground, find_dark_background
from napari_tf_deblur._noise.photon_transfer import fit_line_from_dark, fit_variance_line
from napari_tf_deblur._noise.variance_line import (
    CHANCE_DIFFERENCE,
    SIGNIFICANT_DIFFERENCE,
    VarianceFit,
)

MAX_GAIN_ERROR = 0.05
"""Largest relative standard error of a known gain. Chosen by ``benchmarks/noise_estimate.py
--pictures development``."""

MIN_VARIANCE_RATIO = 1.25
"""Least ratio of the noise variance in bright and dark blocks if noise grows with light. Chosen by
``benchmarks/noise_estimate.py --pictures development``."""

MAX_PART_AT_MINIMUM = 0.02
"""A block with more than this part of its pixels at the lowest intensity may be clipped there.
Chosen by ``benchmarks/noise_estimate.py --pictures development``."""

VARIANCE_TOLERANCE = 0.15
"""Largest relative difference of two variances that count as equal; structure may add to one of
them. Chosen by ``benchmarks/noise_estimate.py --pictures development``."""

MAX_OFFSET_ERROR_OF_CONTRAST, MAX_RELATIVE_OFFSET_ERROR, MAX_DARK_VARIANCE_ERROR = 0.01, 0.1, 0.2
"""Largest standard error of a known offset, relative to the contrast and to itself; and largest
relative standard error of a known variance in the dark. Chosen by ``benchmarks/noise_estimate.py
--pictures development``."""

MIN_COUNTED_PHOTONS = 3.0
"""Least number of photons in bright pixels if whole numbers count as photons. Below, photon counts
cannot be distinguished from noise about zero that was clipped. Chosen by
``benchmarks/noise_estimate.py --pictures development``."""

MAX_LEVEL_ERROR = 0.1
"""Largest relative standard error of a known noise variance. Derived: it is an error of 5 % of the
standard deviation."""

MIN_UNROUNDED_VARIANCE = 10.0
"""Variance of bright pixels, in squared rounding steps, above which the rounding of dark pixels
does not matter. Chosen by ``benchmarks/noise_estimate.py --pictures development``."""


class CameraNoise(NamedTuple):
    """Noise of a camera, in the units of the blocks; None for what the image does not show.

    Attributes
    ----------
    gain, offset, read_noise : float or None
        See :class:`napari_tf_deblur.Noise`.
    fit : VarianceFit or None
        The line of the variance over the brightness.
    is_photon_counting : bool
        Whether the image counts photons without any other noise. Its lowest value then stands
        for no photon.
    """

    gain: float | None = None
    offset: float | None = None
    read_noise: float | None = None
    fit: VarianceFit | None = None
    is_photon_counting: bool = False

    def variance_at(self, intensity: float) -> float:
        """Return the noise variance at an intensity; 0 if it is not known."""
        if self.fit is None:
            return 0.0
        grows = self.gain is not None or self.fit.is_rising
        return self.fit.variance_at(intensity) if grows else self.fit.level

    @property
    def level_is_known(self) -> bool:
        """Whether the noise variance at the mean intensity is known, even if the slope is not."""
        fit = self.fit
        return fit is not None and bool(fit.level_error < MAX_LEVEL_ERROR * fit.level)


def estimate_camera(blocks: Blocks, axes: int, lowest: float, step: float) -> CameraNoise:
    """Estimate the noise of the camera from the blocks of an image.

    Parameters
    ----------
    blocks : Blocks
        Measurements of the blocks.
    axes : int
        Number of axes of the image.
    lowest : float
        Lowest value of all pixels, in the units of the blocks.
    step : float
        Step to which intensities are rounded, in the same units; 0 if they are not.
    """
    unclipped = blocks.select(blocks.part_at_minimum <= MAX_PART_AT_MINIMUM)
    fit = fit_variance_line(unclipped, axes) if len(unclipped.mean) else None
    count_fit = _fit_photon_counts(blocks, axes, lowest, step, fit)
    if count_fit is not None:
        fit = count_fit
    camera = CameraNoise(fit=fit, is_photon_counting=count_fit is not None)
    # The step of photon counts is the gain; it is not a rounding step.
    used, rounding = (unclipped, step) if count_fit is None else (blocks, 0.0)
    if fit is None or not _grows_with_light(fit, used, rounding):
        return camera
    camera = camera._replace(gain=fit.slope)
    dark = find_dark_background(blocks)
    if dark is not None and _agrees_with_fit(dark, fit):
        return _split_background(camera, dark, fit, blocks)
    darkest = float(np.quantile(unclipped.mean, 0.01)) if len(unclipped.mean) else lowest
    zero = fit.centre - fit.level / fit.slope
    error = np.hypot(fit.variance_error_at(zero) / fit.slope, max(darkest - zero, 0) / 2)
    offset = float(zero + darkest) / 2
    return camera._replace(offset=offset if error < _max_offset_error(offset, blocks) else None)


def _fit_photon_counts(
    blocks: Blocks, axes: int, lowest: float, step: float, fit: VarianceFit | None
) -> VarianceFit | None:
    """Fit the line of pure photon counts; None if the image is not one.

    In photon counts, the lowest value stands for no photon, and many pixels have it. In other
    images, many pixels have the lowest value because lower values were clipped; then the line
    does not start there.
    """
    if not np.any(blocks.part_at_minimum > MAX_PART_AT_MINIMUM):
        return None
    line, error = fit_line_from_dark(blocks._replace(mean=blocks.mean - lowest), 0.0, axes)
    if line.intercept or not line.slope > 0 or error > MAX_GAIN_ERROR * line.slope:
        return None
    agrees = False
    if fit is not None and fit.slope > 0:
        difference = abs(fit.slope - line.slope)
        starts_at_zero = (
            abs(fit.variance_at(lowest)) + CHANCE_DIFFERENCE * fit.variance_error_at(lowest)
            < line.slope**2
        )
        same_slope = (
            fit.slope_error < MAX_GAIN_ERROR * fit.slope
            and difference < 2 * MAX_GAIN_ERROR * fit.slope
        )
        agrees = same_slope or (
            starts_at_zero and difference < CHANCE_DIFFERENCE * np.hypot(error, fit.slope_error)
        )
    if not agrees:  # is a step one photon? A camera's integers have steps of other sizes
        contrast = float(np.quantile(blocks.mean, 0.99)) - lowest
        agrees = (
            abs(step - line.slope) < MAX_GAIN_ERROR * step and contrast > MIN_COUNTED_PHOTONS * step
        )
    zeros = np.zeros_like(blocks.mean)
    return VarianceFit(line.slope, error, lowest, 0.0, 0.0, zeros, zeros) if agrees else None


def _grows_with_light(fit: VarianceFit, blocks: Blocks, step: float) -> bool:
    """Whether the noise grows with the brightness, with a slope that is known."""
    if not fit.slope > 0 or fit.slope_error > MAX_GAIN_ERROR * fit.slope:
        return False
    low, high = (fit.variance_at(float(np.quantile(blocks.mean, part))) for part in (0.01, 0.99))
    if fit.slope < step and high < MIN_UNROUNDED_VARIANCE * step**2:
        return False
    return bool(high > MIN_VARIANCE_RATIO * low)


def _agrees_with_fit(dark: DarkBackground, fit: VarianceFit) -> bool:
    """Whether the variance of a background is the noise variance of the line there."""
    error = np.hypot(fit.variance_error_at(dark.level), dark.variance_error)
    difference = abs(dark.variance - fit.variance_at(dark.level))
    return bool(difference <= SIGNIFICANT_DIFFERENCE * error + VARIANCE_TOLERANCE * dark.variance)


def _split_background(
    camera: CameraNoise, dark: DarkBackground, fit: VarianceFit, blocks: Blocks
) -> CameraNoise:
    """Split a background into light and read noise, and add offset and read noise to a camera.

    The noise of photons is skewed, and read noise is not: the third moment measures the light.
    """
    gain = fit.slope
    most = dark.variance / gain  # the light, if there were no read noise
    photons = most / gain
    error = gain * np.sqrt((6 * photons**3 + 18 * photons**2 + photons) / dark.pixels)
    light = float(np.clip(dark.third_moment / gain**2, 0, most))
    if light < CHANCE_DIFFERENCE * error:
        light = 0.0
    elif light > most - CHANCE_DIFFERENCE * error:
        light = most
    offset = dark.level - light
    if min(error, most) < _max_offset_error(offset, blocks):
        camera = camera._replace(offset=offset)
    read = max(dark.variance - gain * light, 0.0)
    read_error = gain * error
    if (
        dark.part_at_minimum > MAX_PART_AT_MINIMUM
        and fit.variance_error_at(dark.level) > gain**2 / 8
    ):
        return camera  # values below the lowest may be clipped
    is_precise = read_error < MAX_DARK_VARIANCE_ERROR * read
    is_small = read <= 2 * read_error and 2 * read_error < gain**2 / 4
    if is_precise or is_small:
        camera = camera._replace(read_noise=float(np.sqrt(read)))
    return camera


def _max_offset_error(offset: float, blocks: Blocks) -> float:
    """Largest standard error of a known offset."""
    return max(
        MAX_OFFSET_ERROR_OF_CONTRAST * float(np.ptp(blocks.mean)),
        MAX_RELATIVE_OFFSET_ERROR * abs(offset),
    )
