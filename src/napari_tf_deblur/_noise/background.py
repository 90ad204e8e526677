"""What an image says about its background: the intensity where there is no structure."""

import math
from typing import NamedTuple

import numpy as np

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise.blocks import Blocks, measure_blocks
from napari_tf_deblur._noise.camera import MAX_PART_AT_MINIMUM, CameraNoise, estimate_camera
from napari_tf_deblur._noise.dark_background import DarkBackground, find_dark_background
from napari_tf_deblur._noise.detector_artifacts import find_rounding_step
from napari_tf_deblur._noise.noise_level import NOISE_SAMPLE_PIXELS, estimate_noise_level
from napari_tf_deblur._noise.slabs import find_peak_and_unit, lowest_value

MIN_BACKGROUND_AREA = 0.1
"""Part of the field that a dark ground covers, at the least: no flat part of a structure does.
Chosen by ``benchmarks/background.py --pictures development``."""

MAX_FLAT_VARIANCE = 1.15
"""Largest variance of a flat ground's pixels, over that of the noise in it. Chosen by
``benchmarks/background.py --pictures development``."""

SAFETY_STANDARD_ERRORS = 2.0
"""Standard errors by which the result stays below what was found. Derived: chance exceeds two once
in 40 times."""

HIDDEN_LIGHT = 0.1
"""Light that a flat ground may hide, in standard errors of the mean of one of its blocks: so dim a
structure makes no block stand out. Chosen by ``benchmarks/background.py --pictures
development``."""

DARKEST_BLOCK_DEVIATION = 4.0
"""Standard errors by which the mean of the darkest of some hundred blocks lies below its light.
Chosen by ``benchmarks/background.py --pictures development``."""


class Background(NamedTuple):
    """What is there without the structure, in intensity units.

    Attributes
    ----------
    level : float
        Camera offset and haze; 0 where nothing says otherwise.
    noise : float
        Standard deviation about it: of the camera, and of the haze's photons. A method that
        takes the level away must reckon with it as read noise, for what is left in the dark
        is noise of this size and no light; 0 where the level is 0 for want of knowledge.
    error : float
        How sure the level is: the true one is no farther from it than twice this, 19 times of 20.
        It is not the scatter of repeated images but covers what an image cannot tell, such as read
        noise that looks like light, and that the level is meant to be too low.
    """

    level: float
    noise: float
    error: float = 0.0


def describe_subtraction(level: float, error: float | None) -> str:
    """Say which background was subtracted, and how sure it is; nothing where it is 0."""
    if not level:
        return ""
    if not error:
        return f"Background {level:.4g} subtracted."
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"Background {level:.{digits}f} ± {error:.{digits}f} subtracted."


def estimate_background(pixels: Pixels, noise: float | None = None) -> Background:
    """Find the intensity that is there without the structure: camera offset and haze.

    On a wide, flat, dark ground, where the image shows one, its brightness. Elsewhere no more
    than what the camera itself shows, if the line of its noise tells that: a photograph has
    structure everywhere, and none of it is background. It rather says too little than too
    much, for what is subtracted from dim structure is lost.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame), in the image's own units; finite where valid.
    noise : float, optional
        The `noise_level` of all channels, if it was measured before.

    Returns
    -------
    Background
        That of the channel where it is least.

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
        return _estimate_channel_background(
            pixels, estimate_noise_level(pixels) if noise is None else noise
        )
    if valid is not None:
        valid = np.broadcast_to(valid, planes.shape)
    channels = [
        Pixels(planes[:, c : c + 1], None if valid is None else valid[:, c : c + 1])
        for c in range(planes.shape[1])
    ]
    return min(
        _estimate_channel_background(channel, estimate_noise_level(channel)) for channel in channels
    )


def _estimate_channel_background(pixels: Pixels, noise: float) -> Background:
    unit = find_peak_and_unit(pixels)[1]
    lowest = lowest_value(pixels)
    blocks = measure_blocks(pixels, noise, NOISE_SAMPLE_PIXELS)
    if blocks is None:
        return Background(0.0, 0.0, max(lowest, 0.0) / 2)
    step = find_rounding_step(pixels) / unit
    camera = estimate_camera(blocks, pixels.values.ndim - 2, lowest / unit, step)
    if camera.is_photon_counting:  # steps of single photons are no rounding
        step = 0.0
    ground = find_dark_background(blocks)
    if (
        ground is None
        or ground.block_part < MIN_BACKGROUND_AREA
        or ground.variance > MAX_FLAT_VARIANCE * ground.noise
    ):
        level = _camera_offset(camera, blocks)
        if np.any(blocks.part_at_minimum > MAX_PART_AT_MINIMUM):  # what was below may be cut off
            level = min(level, max(lowest / unit, 0.0))
        noise = _root(camera.variance_at(level)) * bool(level)
        return _background_in_image_units(
            level, noise, (_darkest_light(blocks, camera) - level) / 2, step, unit
        )
    noise = _root(ground.variance)
    if ground.part_at_minimum > MAX_PART_AT_MINIMUM and not _is_light(ground, camera):
        level = lowest / unit
        return _background_in_image_units(level, noise, (ground.level - level) / 2, step, unit)
    hidden = HIDDEN_LIGHT * noise / _root(float(np.median(blocks.pixel_count)))
    level, below = (
        ground.level - SAFETY_STANDARD_ERRORS * ground.level_error,
        SAFETY_STANDARD_ERRORS * ground.level_error,
    )
    return _background_in_image_units(level, noise, float(np.hypot(below, hidden)), step, unit)


def _background_in_image_units(
    level: float, noise: float, error: float, step: float, unit: float
) -> Background:
    """In the image's units; without noise, rounding leaves it unsure by half a step."""
    rounded = step / 2 if noise < step / 2 else 0.0
    return Background(level * unit, noise * unit, float(np.hypot(error, rounded)) * unit)


def _darkest_light(blocks: Blocks, camera: CameraNoise) -> float:
    """Brightness of the darkest block: there may be no light in it, but not less than none.

    By chance the darkest of many blocks is darker than its light.
    """
    at = int(np.argmin(blocks.mean))
    mean, number = float(blocks.mean[at]), float(blocks.pixel_count[at])
    return mean + DARKEST_BLOCK_DEVIATION * _root(camera.variance_at(mean) / max(number, 1.0))


def _root(variance: float) -> float:
    return float(np.sqrt(max(variance, 0.0)))


def _is_light(ground: DarkBackground, camera: CameraNoise) -> bool:
    """Whether a ground in which many pixels have the lowest value is of photons all the same."""
    return (
        camera.is_photon_counting
        and camera.fit is not None
        and ground.level - camera.fit.centre > camera.fit.slope
    )


def _camera_offset(camera: CameraNoise, blocks: Blocks) -> float:
    """Intensity that the camera shows at least: noise would be less than none below it."""
    if camera.gain is None or camera.fit is None:
        return 0.0
    fit = camera.fit
    zero = fit.centre - fit.level / fit.slope
    error = fit.variance_error_at(zero) / fit.slope
    return max(float(min(zero - SAFETY_STANDARD_ERRORS * error, blocks.mean.min())), 0.0)
