"""Estimate the background of an image: the intensity where there is no structure."""

import math
from typing import NamedTuple

import numpy as np

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise.blocks import Blocks
from napari_tf_deblur._noise.camera import MAX_PART_AT_MINIMUM, CameraNoise, estimate_camera
from napari_tf_deblur._noise.dark_background import DarkBackground, find_dark_background
from napari_tf_deblur._noise.noise_sample import NoiseSample

MIN_BACKGROUND_AREA = 0.1
"""Least part of the blocks that a dark background covers; flat parts of structures cover less.
Chosen by ``benchmarks/background.py --pictures development``."""

MAX_FLAT_VARIANCE = 1.15
"""Largest variance of the pixels of a flat background, relative to the variance of its noise.
Chosen by ``benchmarks/background.py --pictures development``."""

SAFETY_STANDARD_ERRORS = 2.0
"""Standard errors that are subtracted from the level found. Derived: chance exceeds two once in 40
times."""

HIDDEN_LIGHT = 0.1
"""Light that a flat background may contain unnoticed, in standard errors of the mean of one block.
Chosen by ``benchmarks/background.py --pictures development``."""

DARKEST_BLOCK_DEVIATION = 4.0
"""Standard errors by which the mean of the darkest of some hundred blocks lies, by chance, below
its true brightness. Chosen by ``benchmarks/background.py --pictures development``."""


class Background(NamedTuple):
    """Background of an image: its intensity without structure, in intensity units.

    Attributes
    ----------
    level : float
        Camera offset and haze; 0 if the image does not show them.
    noise : float
        Standard deviation of the noise at this level, from the camera and from the photons of
        the haze. After the level is subtracted, this noise remains in the dark without any light,
        so a method must count it as read noise. 0 if the level is 0 because it is unknown.
    error : float
        Uncertainty of the level: in 19 of 20 images, the true level lies within twice this of
        `level`. It is not the scatter of repeated images. It includes what one image cannot show,
        such as read noise that looks like light, and that `level` is deliberately low.
    """

    level: float
    noise: float
    error: float = 0.0


def describe_subtraction(level: float, error: float | None) -> str:
    """Describe the subtracted background and its error in a sentence; empty if the level is 0.

    If the error is more than half the level, the image does not tell the background from 0. Then
    the sentence says how high the true level may be.

    Parameters
    ----------
    level : float
        The background that was subtracted.
    error : float or None
        Its error, see `Background`; None if the user gave the level.

    Examples
    --------
    >>> describe_subtraction(100.0, 2.0)
    'Background 100.0 ± 2.0 subtracted.'
    >>> describe_subtraction(9.0, 296.0)
    'Background 9 subtracted; the true level may be anything from 0 to 601.'
    """
    if not level:
        return ""
    if not error:
        return f"Background {level:.4g} subtracted."
    digits = max(0, 1 - math.floor(math.log10(error)))
    if abs(level) >= 2 * error:
        return f"Background {level:.{digits}f} ± {error:.{digits}f} subtracted."
    lowest = 0.0 if level > 0 else level - 2 * error
    return (
        f"Background {level:.4g} subtracted; the true level may be anything from "
        f"{lowest:.4g} to {level + 2 * error:.{digits}f}."
    )


def estimate_background(pixels: Pixels, sample: NoiseSample | None = None) -> Background:
    """Estimate the background of an image: camera offset and haze.

    If the image shows a wide, flat, dark background, its brightness is the level. Otherwise the
    level is at most the offset of the camera, if the line of the noise shows it: a photograph has
    structure everywhere, and none of it is background. The estimate is rather too low than too
    high, because dim structure that is subtracted is lost.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame), in the units of the image; finite where valid.
    sample : NoiseSample, optional
        Measurements of an image of one channel, if they were made before.

    Returns
    -------
    Background
        The background of the channel with the lowest level.

    Examples
    --------
    >>> import numpy as np
    >>> light = np.zeros((1, 1, 128, 128))
    >>> light[..., 40:90, 40:90] = 100
    >>> counts = np.random.default_rng(0).poisson(light + 20).astype(np.float32)
    >>> background = estimate_background(Pixels(counts))
    >>> round(background.level), round(background.noise**2), bool(background.error < 0.5)
    (20, 20, True)
    """
    planes, valid = pixels
    if planes.shape[1] == 1:
        return _estimate_channel_background(sample or NoiseSample.from_pixels(pixels))
    if valid is not None:
        valid = np.broadcast_to(valid, planes.shape)
    channels = [
        Pixels(planes[:, c : c + 1], None if valid is None else valid[:, c : c + 1])
        for c in range(planes.shape[1])
    ]
    return min(
        _estimate_channel_background(NoiseSample.from_pixels(channel)) for channel in channels
    )


def _estimate_channel_background(sample: NoiseSample) -> Background:
    """Background of one channel."""
    unit, lowest, step, blocks = sample.unit, sample.lowest, sample.step, sample.blocks
    if blocks is None:
        return Background(0.0, 0.0, max(lowest, 0.0) * unit / 2)
    camera = estimate_camera(blocks, sample.axes, lowest, step)
    if camera.is_photon_counting:  # the steps are single photons, not rounding
        step = 0.0
    dark = find_dark_background(blocks)
    if (
        dark is None
        or dark.block_part < MIN_BACKGROUND_AREA
        or dark.variance > MAX_FLAT_VARIANCE * dark.noise
    ):
        level = _camera_offset(camera, blocks)
        if np.any(blocks.part_at_minimum > MAX_PART_AT_MINIMUM):  # lower values may be clipped
            level = min(level, max(lowest, 0.0))
        noise = _root(camera.variance_at(level)) * bool(level)
        return _background_in_image_units(
            level, noise, (_darkest_light(blocks, camera) - level) / 2, step, unit
        )
    noise = _root(dark.variance)
    if dark.part_at_minimum > MAX_PART_AT_MINIMUM and not _is_light(dark, camera):
        level = lowest
        return _background_in_image_units(level, noise, (dark.level - level) / 2, step, unit)
    hidden = HIDDEN_LIGHT * noise / _root(float(np.median(blocks.pixel_count)))
    margin = SAFETY_STANDARD_ERRORS * dark.level_error
    level = dark.level - margin
    return _background_in_image_units(level, noise, float(np.hypot(margin, hidden)), step, unit)


def _background_in_image_units(
    level: float, noise: float, error: float, step: float, unit: float
) -> Background:
    """Convert to image units; without much noise, add half a rounding step to the error."""
    rounding = step / 2 if noise < step / 2 else 0.0
    return Background(level * unit, noise * unit, float(np.hypot(error, rounding)) * unit)


def _darkest_light(blocks: Blocks, camera: CameraNoise) -> float:
    """Upper limit of the background: the brightness of the darkest block.

    A few standard errors are added, because the darkest of many blocks is too dark by chance.
    """
    at = int(np.argmin(blocks.mean))
    mean, number = float(blocks.mean[at]), float(blocks.pixel_count[at])
    return mean + DARKEST_BLOCK_DEVIATION * _root(camera.variance_at(mean) / max(number, 1.0))


def _root(variance: float) -> float:
    """Square root; 0 for negative values."""
    return float(np.sqrt(max(variance, 0.0)))


def _is_light(dark: DarkBackground, camera: CameraNoise) -> bool:
    """Whether a background consists of photons although many pixels have the lowest value."""
    return (
        camera.is_photon_counting
        and camera.fit is not None
        and dark.level - camera.fit.centre > camera.fit.slope
    )


def _camera_offset(camera: CameraNoise, blocks: Blocks) -> float:
    """Lowest possible offset of the camera: below it, the line of the noise would be negative."""
    if camera.gain is None or camera.fit is None:
        return 0.0
    fit = camera.fit
    zero = fit.centre - fit.level / fit.slope
    error = fit.variance_error_at(zero) / fit.slope
    return max(float(min(zero - SAFETY_STANDARD_ERRORS * error, blocks.mean.min())), 0.0)
