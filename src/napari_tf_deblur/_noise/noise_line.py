"""Estimate the line of an image's noise: its variance over the brightness."""

import math

import numpy as np

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise.camera import MIN_COUNTED_PHOTONS
from napari_tf_deblur._noise.noise_sample import NoiseSample
from napari_tf_deblur._noise.photon_transfer import fit_line_from_dark
from napari_tf_deblur._noise.slabs import select_valid
from napari_tf_deblur._noise.sparse_counts import MAX_STEPS_PER_PHOTON, MIN_EMPTY_PART, SPARSE_PART
from napari_tf_deblur._noise.variance_line import SIGNIFICANT_DIFFERENCE, VarianceLine

MIN_RELATIVE_GAIN = 1e-7
"""Least gain, relative to the peak of the image. Guard: an image without noise would have
infinitely many photons; ``tests/noise/test_noise.py``."""


def estimate_gain(pixels: Pixels, *, read_noise: float = 0.0) -> float:
    """Estimate the gain of the camera from noise and brightness.

    The variance of a camera's noise is a straight line over the mean intensity; its slope is
    the gain (Mortara & Fowler, SPIE 290, 1981; Foi et al., IEEE TIP 17(10), 2008). The variance
    of each block is measured from differences of neighbours, which contain almost only noise in a
    blurred image. Blocks are weighted by how well they determine the slope: dark blocks, however
    many, hardly count; blocks with more variance than noise has (edges, texture) do not count.

    The line starts at the variance of the read noise at intensity 0, unless the image shows less
    noise there. So an offset that was not subtracted is detected and does no harm, if the image
    has enough contrast. If there is more noise in the dark than `read_noise`, it counts as photon
    noise, because the method knows of no other noise.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame), with the camera's offset subtracted if it is known.
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
    >>> round(estimate_gain(Pixels(3 * counts)))
    3
    """
    return fit_photon_line(NoiseSample.from_pixels(pixels), read_noise).slope


def average_noise(pixels: Pixels, level: float, line: VarianceLine) -> float:
    """Return the standard deviation of the noise, root mean square over all pixels.

    `level` is the noise at most pixels; in an image with a dark background, at the background.
    Photon noise grows with the brightness, so the average over all pixels is larger.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame).
    level : float
        Standard deviation of the noise at most pixels, from `measure_level_and_line`.
    line : VarianceLine
        Variance of the noise over the intensity, from the same function.

    Returns
    -------
    float
        In intensity units; not less than `level`.

    Examples
    --------
    >>> import numpy as np
    >>> light = np.full((1, 1, 128, 128), 2.0)
    >>> light[..., 48:80] = 200  # a quarter: 51.5 photons on average
    >>> counts = np.random.default_rng(0).poisson(light).astype(np.float32)
    >>> pixels = Pixels(counts)
    >>> 6 < average_noise(pixels, *measure_level_and_line(pixels)) < 8
    True
    """
    if not level:
        return 0.0
    mean = float(np.mean(select_valid(pixels), dtype=np.float64))
    variance = line.intercept + line.slope * mean
    return max(level, math.sqrt(max(variance, 0.0)))


def measure_level_and_line(pixels: Pixels) -> tuple[float, VarianceLine]:
    """Measure the noise level, and the line of the noise variance over the brightness.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame).

    Returns
    -------
    level : float
        Result of `estimate_noise_level`, in intensity units; 0 for an image without noise.
    line : VarianceLine
        Variance of the noise over the intensity, in image units.
    """
    sample = NoiseSample.from_pixels(pixels)
    return sample.level, fit_noise_line(sample)


def fit_noise_line(sample: NoiseSample) -> VarianceLine:
    """Return the line of photon noise, in image units; 0 for an image without noise."""
    return fit_photon_line(sample) if sample.level else VarianceLine(0.0, 0.0)


def fit_photon_line(sample: NoiseSample, read_noise: float = 0.0) -> VarianceLine:
    """Fit the line of a camera's noise, in image units, that starts at the read noise.

    In sparse counts, the variance says almost nothing, and one rounding step is taken as one
    photon. Counts are sparse if most pixels have the lowest value and next to no part of the
    image is brighter than a few steps. Exception: if the slope is clearly larger than one step,
    the fit is kept, because some cameras show one photon as several steps.

    Parameters
    ----------
    sample : NoiseSample
        Measurements of the image.
    read_noise : float, optional
        Standard deviation of the noise without light, in image units.

    Returns
    -------
    VarianceLine
        The line; its slope is not less than `MIN_RELATIVE_GAIN` times the peak.
    """
    unit, blocks, step = sample.unit, sample.blocks, sample.step
    dark = (read_noise / unit) ** 2
    line = VarianceLine(0.0, dark)
    if blocks is not None:
        line, error = fit_line_from_dark(blocks, dark, sample.axes)
        if step and sample.part_at_lowest >= MIN_EMPTY_PART:
            brightest = float(np.quantile(blocks.mean, SPARSE_PART)) - sample.lowest
            is_bright = brightest > MIN_COUNTED_PHOTONS * step
            is_more = line.slope - MAX_STEPS_PER_PHOTON * step > SIGNIFICANT_DIFFERENCE * error
            if not (is_bright or is_more):
                line = VarianceLine(step, -step * sample.lowest)
    slope = max(line.slope, MIN_RELATIVE_GAIN * (sample.peak or 1.0)) * unit
    return VarianceLine(float(slope), float(line.intercept) * unit**2)
