"""Gain, offset and read noise of a camera, as far as an image can tell them."""

from typing import NamedTuple

import numpy as np

from napari_tf_deblur._noise.blocks import Blocks
from napari_tf_deblur._noise.dark_background import DarkBackground, find_dark_background
from napari_tf_deblur._noise.photon_transfer import (
    CHANCE_DIFFERENCE,
    SIGNIFICANT_DIFFERENCE,
    VarianceFit,
    fit_line_from_dark,
    fit_variance_line,
)

MAX_GAIN_ERROR = 0.05
"""Largest relative standard error of a gain that counts as known. Chosen by
``benchmarks/noise_estimate.py --pictures development``."""

MIN_VARIANCE_RATIO = 1.25
"""Ratio of the variance in the bright to that in the dark from which on noise grows with light.
Chosen by ``benchmarks/noise_estimate.py --pictures development``."""

MAX_PART_AT_MINIMUM = 0.02
"""Part of a block's pixels at the lowest intensity from which on it may be cut off there. Chosen by
``benchmarks/noise_estimate.py --pictures development``."""

VARIANCE_TOLERANCE = 0.15
"""Largest relative difference of two variances, or slopes, that are the same but for structure.
Chosen by ``benchmarks/noise_estimate.py --pictures development``."""

MAX_OFFSET_ERROR_OF_CONTRAST, MAX_RELATIVE_OFFSET_ERROR, MAX_DARK_VARIANCE_ERROR = 0.01, 0.1, 0.2
"""Largest standard error of an offset that counts as known, relative to the contrast and to itself;
and that of the variance in the dark. Chosen by ``benchmarks/noise_estimate.py --pictures
development``."""

MIN_COUNTED_PHOTONS = 3.0
"""Least photons of bright pixels by which counts are told from noise about zero that is cut off.
Chosen by ``benchmarks/noise_estimate.py --pictures development``."""

MAX_LEVEL_ERROR = 0.1
"""Largest relative standard error of the variance of a noise that counts as known. Derived: it is
one of 5 % of the noise."""

MIN_UNROUNDED_VARIANCE = 10.0
"""Variance of bright pixels, in squares of the step of intensities, above which rounding of the
dark does not matter. Chosen by ``benchmarks/noise_estimate.py --pictures development``."""


class CameraNoise(NamedTuple):
    """In the units of the blocks; None for what the image cannot tell.

    Attributes
    ----------
    gain, offset, read_noise : float or None
        See :class:`napari_tf_deblur.Noise`.
    fit : Fit or None
        The line of the variance over the brightness.
    counted : bool
        Whether photons were counted without any other noise, so that the lowest value is that
        of no photon.
    """

    gain: float | None = None
    offset: float | None = None
    read_noise: float | None = None
    fit: VarianceFit | None = None
    is_photon_counting: bool = False

    def variance_at(self, intensity: float) -> float:
        """The noise's variance at an intensity; 0 if it is not known."""
        if self.fit is None:
            return 0.0
        grows = self.gain is not None or self.fit.is_rising
        return self.fit.variance_at(intensity) if grows else self.fit.level

    @property
    def level_is_known(self) -> bool:
        """Whether the noise's level is known, however it grows."""
        fit = self.fit
        return fit is not None and bool(fit.level_error < MAX_LEVEL_ERROR * fit.level)


def estimate_camera(blocks: Blocks, axes: int, lowest: float, step: float) -> CameraNoise:
    """What blocks tell of the camera.

    The `lowest` is the lowest value of all pixels, `step` that to which they are rounded.
    """
    whole = blocks.select(blocks.part_at_minimum <= MAX_PART_AT_MINIMUM)
    fit = fit_variance_line(whole, axes) if len(whole.mean) else None
    counted = _fit_photon_counts(blocks, axes, lowest, step, fit)
    if counted is not None:
        fit = counted
    found = CameraNoise(fit=fit, is_photon_counting=counted is not None)
    # Photons that are counted are no rounded intensities, though their step is the gain.
    seen, rounded_to = (whole, step) if counted is None else (blocks, 0.0)
    if fit is None or not _grows_with_light(fit, seen, rounded_to):
        return found
    found = found._replace(gain=fit.slope)
    ground = find_dark_background(blocks)
    if ground is not None and _agrees_with_fit(ground, fit):
        return _split_background(found, ground, fit, blocks)
    darkest = float(np.quantile(whole.mean, 0.01)) if len(whole.mean) else lowest
    zero = fit.centre - fit.level / fit.slope
    error = np.hypot(fit.variance_error_at(zero) / fit.slope, max(darkest - zero, 0) / 2)
    offset = float(zero + darkest) / 2
    return found._replace(offset=offset if error < _max_offset_error(offset, blocks) else None)


def _fit_photon_counts(
    blocks: Blocks, axes: int, lowest: float, step: float, fit: VarianceFit | None
) -> VarianceFit | None:
    """The line of photons counted without any other noise, if that is what the image shows.

    The lowest value is then that of no photon, and many pixels have it. Others have it because
    values below were cut off; their line does not start there.
    """
    if not np.any(blocks.part_at_minimum > MAX_PART_AT_MINIMUM):
        return None
    line, error = fit_line_from_dark(blocks._replace(mean=blocks.mean - lowest), 0.0, axes)
    if line.intercept or not line.slope > 0 or error > MAX_GAIN_ERROR * line.slope:
        return None
    agrees = False
    if fit is not None and fit.slope > 0:
        apart = abs(fit.slope - line.slope)
        none = (
            abs(fit.variance_at(lowest)) + CHANCE_DIFFERENCE * fit.variance_error_at(lowest)
            < line.slope**2
        )
        alike = (
            fit.slope_error < MAX_GAIN_ERROR * fit.slope and apart < 2 * MAX_GAIN_ERROR * fit.slope
        )
        agrees = alike or (none and apart < CHANCE_DIFFERENCE * np.hypot(error, fit.slope_error))
    if not agrees:  # counts are whole numbers of photons; so are a camera's integers, of others
        reach = float(np.quantile(blocks.mean, 0.99)) - lowest
        agrees = (
            abs(step - line.slope) < MAX_GAIN_ERROR * step and reach > MIN_COUNTED_PHOTONS * step
        )
    nothing = np.zeros_like(blocks.mean)
    return VarianceFit(line.slope, error, lowest, 0.0, 0.0, nothing, nothing) if agrees else None


def _grows_with_light(fit: VarianceFit, blocks: Blocks, step: float) -> bool:
    """Whether the noise grows with the brightness, and by how much is known."""
    if not fit.slope > 0 or fit.slope_error > MAX_GAIN_ERROR * fit.slope:
        return False
    low, high = (fit.variance_at(float(np.quantile(blocks.mean, part))) for part in (0.01, 0.99))
    if fit.slope < step and high < MIN_UNROUNDED_VARIANCE * step**2:
        return False
    return bool(high > MIN_VARIANCE_RATIO * low)


def _agrees_with_fit(ground: DarkBackground, fit: VarianceFit) -> bool:
    """Whether a ground's pixels scatter by the noise that the line expects there."""
    error = np.hypot(fit.variance_error_at(ground.level), ground.variance_error)
    apart = abs(ground.variance - fit.variance_at(ground.level))
    return bool(apart <= SIGNIFICANT_DIFFERENCE * error + VARIANCE_TOLERANCE * ground.variance)


def _split_background(
    found: CameraNoise, ground: DarkBackground, fit: VarianceFit, blocks: Blocks
) -> CameraNoise:
    """Tell light from read noise in the ground: the noise of photons is skewed."""
    gain = fit.slope
    most = ground.variance / gain  # light of the ground, were there no read noise
    photons = most / gain
    error = gain * np.sqrt((6 * photons**3 + 18 * photons**2 + photons) / ground.pixels)
    light = float(np.clip(ground.third_moment / gain**2, 0, most))
    if light < CHANCE_DIFFERENCE * error:
        light = 0.0
    elif light > most - CHANCE_DIFFERENCE * error:
        light = most
    offset = ground.level - light
    if min(error, most) < _max_offset_error(offset, blocks):
        found = found._replace(offset=offset)
    read = max(ground.variance - gain * light, 0.0)
    unsure = gain * error
    if (
        ground.part_at_minimum > MAX_PART_AT_MINIMUM
        and fit.variance_error_at(ground.level) > gain**2 / 8
    ):
        return found  # what was below the lowest value may be cut off
    if unsure < MAX_DARK_VARIANCE_ERROR * read or (read <= 2 * unsure and 2 * unsure < gain**2 / 4):
        found = found._replace(read_noise=float(np.sqrt(read)))
    return found


def _max_offset_error(offset: float, blocks: Blocks) -> float:
    """Standard error up to which an offset is known."""
    return max(
        MAX_OFFSET_ERROR_OF_CONTRAST * float(np.ptp(blocks.mean)),
        MAX_RELATIVE_OFFSET_ERROR * abs(offset),
    )
