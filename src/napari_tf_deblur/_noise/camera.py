"""Gain, offset and read noise of a camera, as far as an image can tell them."""

from typing import NamedTuple

import numpy as np

from napari_tf_deblur._noise.blocks import Blocks
from napari_tf_deblur._noise.dark_ground import Ground, dark_ground
from napari_tf_deblur._noise.line_fit import LIKELY, SURE, Fit, best_fit, line_and_error

KNOWN = 0.05
"""Largest relative standard error of a gain that counts as known. Chosen by
``benchmarks/noise_estimate.py --pictures development``."""

GROWS = 1.25
"""Ratio of the variance in the bright to that in the dark from which on noise grows with light.
Chosen by ``benchmarks/noise_estimate.py --pictures development``."""

CUT = 0.02
"""Part of a block's pixels at the lowest intensity from which on it may be cut off there. Chosen by
``benchmarks/noise_estimate.py --pictures development``."""

ALIKE = 0.15
"""Largest relative difference of two variances, or slopes, that are the same but for structure.
Chosen by ``benchmarks/noise_estimate.py --pictures development``."""

OF_CONTRAST, OF_OFFSET, OF_VARIANCE = 0.01, 0.1, 0.2
"""Largest standard error of an offset that counts as known, relative to the contrast and to itself;
and that of the variance in the dark. Chosen by ``benchmarks/noise_estimate.py --pictures
development``."""

FAINTEST = 3.0
"""Least photons of bright pixels by which counts are told from noise about zero that is cut off.
Chosen by ``benchmarks/noise_estimate.py --pictures development``."""

SURE_OF_LEVEL = 0.1
"""Largest relative standard error of the variance of a noise that counts as known. Derived: it is
one of 5 % of the noise."""

NOT_ROUND = 10.0
"""Variance of bright pixels, in squares of the step of intensities, above which rounding of the
dark does not matter. Chosen by ``benchmarks/noise_estimate.py --pictures development``."""


class Camera(NamedTuple):
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
    fit: Fit | None = None
    counted: bool = False

    def variance_at(self, intensity: float) -> float:
        """The noise's variance at an intensity; 0 if it is not known."""
        if self.fit is None:
            return 0.0
        grows = self.gain is not None or self.fit.rises
        return self.fit.at(intensity) if grows else self.fit.level

    @property
    def sure(self) -> bool:
        """Whether the noise's level is known, however it grows."""
        fit = self.fit
        return fit is not None and bool(fit.level_error < SURE_OF_LEVEL * fit.level)


def camera_of(blocks: Blocks, axes: int, lowest: float, step: float) -> Camera:
    """What blocks tell of the camera.

    The `lowest` is the lowest value of all pixels, `step` that to which they are rounded.
    """
    whole = blocks.where(blocks.piled <= CUT)
    fit = best_fit(whole, axes) if len(whole.mean) else None
    counted = _counted(blocks, axes, lowest, step, fit)
    if counted is not None:
        fit = counted
    found = Camera(fit=fit, counted=counted is not None)
    # Photons that are counted are no rounded intensities, though their step is the gain.
    seen, rounded_to = (whole, step) if counted is None else (blocks, 0.0)
    if fit is None or not _grows(fit, seen, rounded_to):
        return found
    found = found._replace(gain=fit.slope)
    ground = dark_ground(blocks)
    if ground is not None and _is_of(ground, fit):
        return _from_ground(found, ground, fit, blocks)
    darkest = float(np.quantile(whole.mean, 0.01)) if len(whole.mean) else lowest
    zero = fit.centre - fit.level / fit.slope
    error = np.hypot(fit.error_at(zero) / fit.slope, max(darkest - zero, 0) / 2)
    offset = float(zero + darkest) / 2
    return found._replace(offset=offset if error < _enough(offset, blocks) else None)


def _counted(blocks: Blocks, axes: int, lowest: float, step: float, fit: Fit | None) -> Fit | None:
    """The line of photons counted without any other noise, if that is what the image shows.

    The lowest value is then that of no photon, and many pixels have it. Others have it because
    values below were cut off; their line does not start there.
    """
    if not np.any(blocks.piled > CUT):
        return None
    line, error = line_and_error(blocks._replace(mean=blocks.mean - lowest), 0.0, axes)
    if line.at_zero or not line.slope > 0 or error > KNOWN * line.slope:
        return None
    agrees = False
    if fit is not None and fit.slope > 0:
        apart = abs(fit.slope - line.slope)
        none = abs(fit.at(lowest)) + LIKELY * fit.error_at(lowest) < line.slope**2
        alike = fit.slope_error < KNOWN * fit.slope and apart < 2 * KNOWN * fit.slope
        agrees = alike or (none and apart < LIKELY * np.hypot(error, fit.slope_error))
    if not agrees:  # counts are whole numbers of photons; so are a camera's integers, of others
        reach = float(np.quantile(blocks.mean, 0.99)) - lowest
        agrees = abs(step - line.slope) < KNOWN * step and reach > FAINTEST * step
    nothing = np.zeros_like(blocks.mean)
    return Fit(line.slope, error, lowest, 0.0, 0.0, nothing, nothing) if agrees else None


def _grows(fit: Fit, blocks: Blocks, step: float) -> bool:
    """Whether the noise grows with the brightness, and by how much is known."""
    if not fit.slope > 0 or fit.slope_error > KNOWN * fit.slope:
        return False
    low, high = (fit.at(float(np.quantile(blocks.mean, part))) for part in (0.01, 0.99))
    if fit.slope < step and high < NOT_ROUND * step**2:
        return False
    return bool(high > GROWS * low)


def _is_of(ground: Ground, fit: Fit) -> bool:
    """Whether a ground's pixels scatter by the noise that the line expects there."""
    error = np.hypot(fit.error_at(ground.level), ground.variance_error)
    apart = abs(ground.variance - fit.at(ground.level))
    return bool(apart <= SURE * error + ALIKE * ground.variance)


def _from_ground(found: Camera, ground: Ground, fit: Fit, blocks: Blocks) -> Camera:
    """Tell light from read noise in the ground: the noise of photons is skewed."""
    gain = fit.slope
    most = ground.variance / gain  # light of the ground, were there no read noise
    photons = most / gain
    error = gain * np.sqrt((6 * photons**3 + 18 * photons**2 + photons) / ground.pixels)
    light = float(np.clip(ground.third / gain**2, 0, most))
    if light < LIKELY * error:
        light = 0.0
    elif light > most - LIKELY * error:
        light = most
    offset = ground.level - light
    if min(error, most) < _enough(offset, blocks):
        found = found._replace(offset=offset)
    read = max(ground.variance - gain * light, 0.0)
    unsure = gain * error
    if ground.piled > CUT and fit.error_at(ground.level) > gain**2 / 8:
        return found  # what was below the lowest value may be cut off
    if unsure < OF_VARIANCE * read or (read <= 2 * unsure and 2 * unsure < gain**2 / 4):
        found = found._replace(read_noise=float(np.sqrt(read)))
    return found


def _enough(offset: float, blocks: Blocks) -> float:
    """Standard error up to which an offset is known."""
    return max(OF_CONTRAST * float(np.ptp(blocks.mean)), OF_OFFSET * abs(offset))
