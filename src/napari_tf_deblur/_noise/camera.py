"""Gain, offset and read noise of a camera, as far as an image can tell them."""

from typing import NamedTuple

import numpy as np

from napari_tf_deblur._noise.blocks import Blocks
from napari_tf_deblur._noise.dark_ground import AGREES, SHARE, Ground, dark_ground
from napari_tf_deblur._noise.line_fit import Fit, best_fit

KNOWN = 0.05
"""Relative standard error up to which a gain is known."""

GROWS = 1.25
"""Times as much variance in the bright as in the dark from which on noise grows with light."""

CUT = 0.02
"""Part of the pixels at the lowest intensity above which a block may be cut off there."""

OF_CONTRAST = 0.01
OF_OFFSET = 0.1
"""Standard error of an offset up to which it is known, of the contrast and of itself."""


class Camera(NamedTuple):
    """In the units of the blocks; None for what the image cannot tell."""

    gain: float | None
    offset: float | None
    read_noise: float | None
    fit: Fit
    ground: Ground | None


def camera(blocks: Blocks, axes: int) -> Camera | None:
    """What blocks tell of the camera."""
    whole = blocks.where(blocks.piled <= CUT)
    fit = best_fit(whole, axes)
    if fit is None or not fit.certainty.any():
        return None
    ground = dark_ground(blocks)
    unknown = Camera(None, None, None, fit, ground)
    low, high = np.quantile(whole.mean, 0.01), np.quantile(whole.mean, 0.99)
    if not fit.slope > 0 or fit.slope_error > KNOWN * fit.slope:
        return unknown
    if fit.at(high) < GROWS * fit.at(low):
        return unknown
    unknown = unknown._replace(gain=fit.slope)
    contrast = blocks.mean.max() - blocks.mean.min()
    zero = fit.centre - fit.level / fit.slope
    zero_error = fit.error_at(zero) / fit.slope
    if ground is not None:
        dark = fit.at(ground.level)
        error = np.hypot(fit.error_at(ground.level), ground.variance_error)
        if abs(ground.variance - dark) > AGREES * error + SHARE * ground.variance:
            ground = None
    if ground is None:
        darkest = float(np.quantile(whole.mean, 0.01))
        offset = (zero + darkest) / 2
        error = np.hypot(zero_error, max(darkest - zero, 0) / 4)
        if error < max(OF_CONTRAST * contrast, OF_OFFSET * abs(offset)):
            return unknown._replace(offset=offset)
        return unknown
    g = fit.slope
    most = ground.variance / g  # light of the ground, if there were no read noise
    photons = most / g
    error = g * np.sqrt((6 * photons**3 + 18 * photons**2 + photons) / ground.pixels)
    light = float(np.clip(ground.third / g**2, 0, most))
    if light < 2 * error:
        light = 0.0
    elif light > most - 2 * error:
        light = most
    offset = ground.level - light
    known = error < max(OF_CONTRAST * contrast, OF_OFFSET * abs(offset)) or most < OF_CONTRAST * contrast
    read = ground.variance - g * light
    if ground.piled > CUT and fit.error_at(ground.level) > g**2 / 8:
        return unknown  # what was below the lowest value may be cut off
    surely = g * error < 0.2 * read or (read <= 2 * g * error and np.sqrt(2 * g * error) < 0.5 * g)
    return unknown._replace(
        offset=offset if known else None,
        read_noise=float(np.sqrt(max(read, 0))) if surely else None,
    )
