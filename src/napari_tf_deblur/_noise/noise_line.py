"""Estimate the line of an image's noise: its variance over the brightness."""

import math

import numpy as np

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise.blocks import Blocks, measure_blocks
from napari_tf_deblur._noise.camera import MIN_COUNTED_PHOTONS
from napari_tf_deblur._noise.detector_artifacts import find_rounding_step
from napari_tf_deblur._noise.noise_level import estimate_noise_level
from napari_tf_deblur._noise.photon_transfer import fit_line_from_dark
from napari_tf_deblur._noise.slabs import find_peak_and_unit, lowest_value, select_valid
from napari_tf_deblur._noise.sparse_counts import MAX_STEPS_PER_PHOTON, MIN_EMPTY_PART, SPARSE_PART
from napari_tf_deblur._noise.variance_line import SIGNIFICANT_DIFFERENCE, VarianceLine

MIN_RELATIVE_GAIN = 1e-7
"""Least gain, as a part of the image's peak. Guard: an image without noise seems to be of endless
photons; ``tests/noise/test_noise.py``."""


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


def _fit_photon_transfer(pixels: Pixels, level: float, read_noise: float) -> VarianceLine:
    """The line of a camera's noise, from the `noise_level`, in the image's units."""
    peak, unit = find_peak_and_unit(pixels)
    blocks = measure_blocks(pixels, level)
    dark = (read_noise / unit) ** 2
    line = VarianceLine(0.0, dark)
    if blocks is not None:
        step = find_rounding_step(pixels) / unit
        line = fit_photon_line(pixels, blocks, dark, step)
    return line_in_image_units(line, peak, unit)


def fit_photon_line(pixels: Pixels, blocks: Blocks, dark: float, step: float) -> VarianceLine:
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


def line_in_image_units(line: VarianceLine, peak: float, unit: float) -> VarianceLine:
    """A line of blocks in the image's units."""
    slope = max(line.slope, MIN_RELATIVE_GAIN * peak) * unit
    return VarianceLine(float(slope), float(line.intercept) * unit**2)
