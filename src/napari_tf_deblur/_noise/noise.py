"""What an image says about its noise: how strong it is, and how many photons made it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.planes import PlaneLayout, real_array
from napari_tf_deblur._noise.blocks import Blocks, measure_blocks
from napari_tf_deblur._noise.camera import MIN_COUNTED_PHOTONS, estimate_camera
from napari_tf_deblur._noise.detector_artifacts import find_rounding_step
from napari_tf_deblur._noise.noise_level import NOISE_SAMPLE_PIXELS, estimate_noise_level
from napari_tf_deblur._noise.photon_transfer import (
    SIGNIFICANT_DIFFERENCE,
    VarianceFit,
    VarianceLine,
    fit_line_from_dark,
)
from napari_tf_deblur._noise.slabs import find_peak_and_unit, lowest_value, select_valid

MIN_RELATIVE_GAIN = 1e-7
"""Least gain, as a part of the image's peak. Guard: an image without noise seems to be of endless
photons; ``tests/noise/test_noise.py``."""

MIN_EMPTY_PART, SPARSE_PART = 0.5, 0.98
"""Part of the pixels without a photon, and part of the image with less than `MIN_COUNTED_PHOTONS`
photons, from which on a step of intensity is a photon. Chosen by ``benchmarks/sparse_counts.py
--development``."""

DARK_BLOCK_PART, MAX_DARK_PHOTONS = 0.1, 0.1
"""Part of the blocks that must have less than so many photons per pixel: where some light lies
about everything, the counts are not sparse. Chosen by ``benchmarks/sparse_counts.py
--development``."""

MAX_STEPS_PER_PHOTON = 2.0
"""Steps per photon from which on intensities are no counts. Chosen by ``benchmarks/sparse_counts.py
--development``."""

PHOTON_COUNT_TOLERANCE = 0.01
"""Largest error of whole numbers of photons. Derived: rounding to float32 leaves less up to 80 000
photons."""


@dataclass(frozen=True)
class Noise:
    """The noise of an image, in its intensity units; made by :func:`estimate_noise`.

    None stands for what the image cannot tell.

    Attributes
    ----------
    sigma : float
        Standard deviation at the usual pixels: on a dark ground, of the dark.
    mean : float
        Standard deviation over all pixels, root mean square.
    gain : float or None
        Intensity units per photon. None where noise does not grow with the brightness, too.
    offset : float or None
        Intensity without light.
    read_noise : float or None
        Standard deviation without light, what rounding adds included.
    confident : bool
        Whether enough of the image is free of structure to know `sigma` to about 5 %.
    """

    sigma: float
    mean: float
    gain: float | None = None
    offset: float | None = None
    read_noise: float | None = None
    confident: bool = True

    def __str__(self) -> str:
        """Say it in a sentence."""
        doubt = "" if self.confident else ", uncertain"
        if self.gain is None:
            return (
                f"Noise of standard deviation {self.sigma:.3g}{doubt}; "
                "the image does not tell how many photons made it."
            )
        known = [f"{self.gain:.3g} intensity units per photon"]
        for name, value in (("offset", self.offset), ("read noise", self.read_noise)):
            known.append(f"{name} {'unknown' if value is None else f'{value:.4g}'}")
        return (
            f"Noise of photons, {', '.join(known)}; standard deviation {self.sigma:.3g} at the "
            f"usual pixels and {self.mean:.3g} on average{doubt}."
        )


def estimate_noise(
    image: ArrayLike,
    *,
    channel_axis: int | None = None,
    alpha: bool = False,
    mask: ArrayLike | None = None,
) -> Noise | tuple[Noise, ...]:
    """Tell an image's noise, and the camera's gain, offset and read noise, from one image.

    The variance of a camera's noise grows in a straight line with the brightness (Mortara &
    Fowler, SPIE 290, 1981; Foi et al., IEEE TIP 17(10), 2008); its slope is the gain. What it
    says without light is read off a dark ground, if there is one. The line alone cannot tell
    faint light from read noise there, but photons are skewed to the bright and read noise is
    not: the third moment can. Nothing is claimed that is not known to about a tenth.

    Parameters
    ----------
    image : array_like
        Any real dtype. Its last two axes are one picture, the others are looped over; planes of
        one value, saturated and hot pixels do not count, nor do NaN, infinite or masked ones.
        Of large images a part is looked at.
    channel_axis : int, optional
        Axis of colour channels.
    alpha : bool, optional
        Whether the last channel is transparency, which is left out.
    mask : array_like, optional
        True, or any number but 0, for pixels to ignore; broadcast to the image without its
        channel axis.

    Returns
    -------
    Noise or tuple of Noise
        With a channel axis one for each channel.

    Raises
    ------
    TypeError
        If the image or the mask do not hold numbers.
    ValueError
        If no pixel of the image counts, or the mask or the channel axis do not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> light = 200 * np.sin(np.arange(256) / 40).clip(0) * np.ones((256, 1))
    >>> camera = 100 + 2 * random.poisson(light) + random.normal(0, 4, light.shape)
    >>> noise = estimate_noise(camera)
    >>> round(noise.gain, 1), round(noise.offset), round(noise.read_noise)
    (2.0, 100, 4)
    """
    axes = real_array(image).ndim - (channel_axis is not None)
    frame = np.ones((1,) * min(2, max(1, axes)), np.float32)
    planes, values = PlaneLayout.split_image(image, frame, channel_axis, alpha)
    ignored = planes.ignored_pixels(image, mask)
    valid = np.isfinite(values) if ignored is None else np.isfinite(values) & ~ignored
    if not valid.any():
        raise InvalidValueError(
            "The image has no pixel to tell the noise from: all are masked, NaN or infinite."
        )
    channels = range(values.shape[1])
    every = bool(valid.all())
    found = tuple(
        estimate_channel_noise(Pixels(values[:, c : c + 1], None if every else valid[:, c : c + 1]))
        for c in channels
    )
    return found[0] if channel_axis is None else found


def estimate_channel_noise(pixels: Pixels) -> Noise:
    """The noise of one channel: shape (planes, 1, *frame)."""
    return _measure_channel(pixels)[0]


def estimate_noise_line(pixels: Pixels) -> VarianceLine:
    """The line that most likely is the noise's variance over the intensity, sure or not.

    That of photons, unless the image shows that noise does not grow like theirs: to take their
    noise for one that is the same everywhere does more harm than the other way round.

    Parameters
    ----------
    planes : ndarray of float32
        Shape (planes, 1, *frame).
    valid : ndarray of bool, optional
        Pixels to look at, broadcastable to `planes`; all by default.

    Returns
    -------
    Line
        In the image's units; flat where noise is about the same everywhere.
    """
    noise, fit, photons = _measure_channel(pixels)
    if noise.gain is not None:
        dark = (noise.read_noise or 0.0) ** 2
        return _at_least_fit(
            VarianceLine(noise.gain, dark - noise.gain * (noise.offset or 0.0)), fit
        )
    slower = (
        fit is not None and photons.slope - fit.slope > SIGNIFICANT_DIFFERENCE * fit.slope_error
    )
    brightest = float(select_valid(pixels).max())
    few = photons.intercept + photons.slope * brightest < noise.sigma**2
    if not (slower or few):
        return _at_least_fit(photons, fit)
    # It may grow like theirs above what a background that was subtracted has left.
    return (
        fit.line
        if fit is not None and fit.is_rising and not few
        else VarianceLine(0.0, noise.mean**2)
    )


def _at_least_fit(line: VarianceLine, fit: VarianceFit | None) -> VarianceLine:
    """The line, or what blocks show, if that is surely more in the dark.

    After a background was subtracted, the noise of its photons is still there.
    """
    if fit is None or fit.variance_at(
        0.0
    ) - line.intercept < SIGNIFICANT_DIFFERENCE * fit.variance_error_at(0.0):
        return line
    return fit.line if fit.slope > 0 else VarianceLine(0.0, fit.level)


def _measure_channel(pixels: Pixels) -> tuple[Noise, VarianceFit | None, VarianceLine]:
    """The noise, the line through what blocks show, and that of photons, in the image's units."""
    usual = estimate_noise_level(pixels)
    peak, unit = find_peak_and_unit(pixels)
    blocks = measure_blocks(pixels, usual, NOISE_SAMPLE_PIXELS) if usual else None
    if blocks is None:
        return Noise(usual, usual, confident=False), None, VarianceLine(0.0, 0.0)
    axes = pixels.values.ndim - 2
    lowest, step = lowest_value(pixels) / unit, find_rounding_step(pixels) / unit
    camera = estimate_camera(blocks, axes, lowest, step)
    variances = (camera.variance_at(float(part(blocks.mean))) for part in (np.median, np.mean))
    sigma, mean = (math.sqrt(v) * unit if v > 0 else usual for v in variances)
    gain, offset, read_noise = (
        None if value is None else value * unit
        for value in (camera.gain, camera.offset, camera.read_noise)
    )
    fit = None if camera.fit is None else camera.fit.scale_intensity(unit)
    photons = _to_image_units(_fit_photon_line(pixels, blocks, 0.0, step), peak, unit)
    return Noise(sigma, mean, gain, offset, read_noise, camera.level_is_known), fit, photons


def estimate_gain(pixels: Pixels, *, read_noise: float = 0.0) -> float:
    """Estimate how much the intensity grows per photon, from noise and brightness.

    The variance of a camera's noise is a straight line over the mean intensity; its slope is
    the gain (Mortara & Fowler, SPIE 290, 1981; Foi et al., IEEE TIP 17(10), 2008). The
    variance comes from differences of neighbours, in which a blurred image has next to nothing
    but noise, block by block. Each block counts by how well it tells the slope: the dark ones,
    however many, hardly; those with more variance than noise has (edges, texture) not at all.

    The line starts from the read noise at intensity 0, unless there is less noise than that: an
    offset that was not subtracted is found, and does no harm, where the image has the contrast
    to tell it. More noise in the dark than was told counts as the photons', for a method that
    is told of no other noise must reckon with it.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame), the camera's offset subtracted if it is known.
    read_noise : float
        Standard deviation of the noise without light, in intensity units.

    Returns
    -------
    float
        Intensity units per photon, above 0.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.random.default_rng(0).poisson(50, (1, 1, 128, 128)).astype(np.float32)
    >>> round(photon_gain(Pixels(3 * counts)))
    3
    """
    if not find_peak_and_unit(pixels)[0]:
        return MIN_RELATIVE_GAIN
    return _fit_photon_transfer(pixels, estimate_noise_level(pixels), read_noise).slope


def average_noise(pixels: Pixels, level: float, line: VarianceLine) -> float:
    """Standard deviation of the noise, root mean square over all pixels.

    `noise_level` is that of most pixels: on a dark ground, of the dark. The noise of photons
    grows with the brightness, so that on average it is larger there.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame).
    usual : float
        Standard deviation of the noise in most places, as `measure_level_and_line` finds it.
    line : Line
        Of the variance, from there, too.

    Returns
    -------
    float
        In intensity units.

    Examples
    --------
    >>> import numpy as np
    >>> light = np.full((1, 1, 128, 128), 2.0)
    >>> light[..., 48:80] = 200  # a quarter: 51.5 photons on average
    >>> counts = np.random.default_rng(0).poisson(light).astype(np.float32)
    >>> pixels = Pixels(counts)
    >>> 6 < mean_of_line(pixels, *level_and_line(pixels)) < 8
    True
    """
    if not level:
        return 0.0
    mean = float(np.mean(select_valid(pixels), dtype=np.float64))
    variance = line.intercept + line.slope * mean
    return max(level, math.sqrt(max(variance, 0.0)))


def measure_level_and_line(pixels: Pixels) -> tuple[float, VarianceLine]:
    """The `noise_level`, and the straight line of variance over brightness.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame).

    Returns
    -------
    level : float
        In intensity units; 0 for an image without noise.
    line : Line
        Of the variance, in intensity units.
    """
    level = estimate_noise_level(pixels)
    return level, line_of_level(pixels, level)


def line_of_level(pixels: Pixels, level: float) -> VarianceLine:
    """Return the straight line of `measure_level_and_line`, where the level is known already."""
    return _fit_photon_transfer(pixels, level, 0.0) if level else VarianceLine(0.0, 0.0)


def counts_are_sparse(pixels: Pixels, level: float, line: VarianceLine) -> bool:
    """Whether an image counts photons one by one, and most of its pixels have none.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame).
    usual : float
        Standard deviation of the noise in most places, as `measure_level_and_line` finds it.
    line : Line
        Of the variance, from there, too.

    Returns
    -------
    bool
        True if most pixels have the lowest value, the others whole steps more, the noise is that
        of photons of one step each, and parts of the image are dark.

    Examples
    --------
    >>> import numpy as np
    >>> light = np.zeros((1, 1, 64, 64))
    >>> light[..., 8:16] = 0.8
    >>> counts = np.random.default_rng(0).poisson(light).astype(np.float32)
    >>> counts_are_sparse(Pixels(counts), *level_and_line(Pixels(counts)))
    True
    >>> uneven = Pixels(counts + 0.1 * np.sin(counts))
    >>> counts_are_sparse(uneven, *level_and_line(uneven))
    False
    >>> lit = np.random.default_rng(0).poisson(light + 0.4).astype(np.float32)
    >>> counts_are_sparse(Pixels(lit), *level_and_line(Pixels(lit)))
    False
    """
    values, lowest = select_valid(pixels), lowest_value(pixels)
    if np.count_nonzero(values == lowest) < MIN_EMPTY_PART * values.size or not line.slope > 0:
        return False
    steps = np.unique(values[values > lowest]) - lowest
    if (
        not steps.size
        or not 1 / MAX_STEPS_PER_PHOTON < line.slope / steps[0] < MAX_STEPS_PER_PHOTON
    ):
        return False
    photons = steps / steps[0]
    if np.abs(photons - np.round(photons)).max() > PHOTON_COUNT_TOLERANCE:
        return False
    blocks = measure_blocks(pixels, level)
    unit = find_peak_and_unit(pixels)[1]
    darkest = np.inf if blocks is None else unit * float(np.quantile(blocks.mean, DARK_BLOCK_PART))
    return bool(darkest - lowest < MAX_DARK_PHOTONS * steps[0])


def _fit_photon_transfer(pixels: Pixels, level: float, read_noise: float) -> VarianceLine:
    """The line of a camera's noise, from the `noise_level`, in the image's units."""
    peak, unit = find_peak_and_unit(pixels)
    blocks = measure_blocks(pixels, level)
    dark = (read_noise / unit) ** 2
    line = VarianceLine(0.0, dark)
    if blocks is not None:
        step = find_rounding_step(pixels) / unit
        line = _fit_photon_line(pixels, blocks, dark, step)
    return _to_image_units(line, peak, unit)


def _fit_photon_line(pixels: Pixels, blocks: Blocks, dark: float, step: float) -> VarianceLine:
    """The line of a camera's noise, in units of the blocks; of sparse counts it is known.

    Where most pixels have the lowest value, the others whole steps more, and hardly any part more
    than a few, a step is a photon: of so few, the variance tells next to nothing. Unless it is
    larger than that: a camera may show a photon as several steps.
    """
    line, error = fit_line_from_dark(blocks, dark, pixels.values.ndim - 2)
    values, lowest = select_valid(pixels), lowest_value(pixels)
    if not step or np.count_nonzero(values == lowest) < MIN_EMPTY_PART * values.size:
        return line
    darkest = lowest / find_peak_and_unit(pixels)[1]
    is_bright = np.quantile(blocks.mean, SPARSE_PART) - darkest > MIN_COUNTED_PHOTONS * step
    is_more = line.slope - MAX_STEPS_PER_PHOTON * step > SIGNIFICANT_DIFFERENCE * error
    return line if is_bright or is_more else VarianceLine(step, -step * darkest)


def _to_image_units(line: VarianceLine, peak: float, unit: float) -> VarianceLine:
    """A line of blocks in the image's units."""
    slope = max(line.slope, MIN_RELATIVE_GAIN * peak) * unit
    return VarianceLine(float(slope), float(line.intercept) * unit**2)
