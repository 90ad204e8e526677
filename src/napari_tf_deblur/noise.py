"""What an image says about its noise: how strong it is, and how many photons made it."""

import math

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._noise.blocks import blocks_of
from napari_tf_deblur._noise.broken_pixels import hot_pixels, rounding_step, saturated_at
from napari_tf_deblur._noise.differences import flat_windows, second_differences
from napari_tf_deblur._noise.line_fit import Line, best_line
from napari_tf_deblur._noise.pieces import Array, Mask, peak_and_unit, slabs
from napari_tf_deblur._noise.quantiles import median

SAMPLE_PIXELS = 2**21
"""Pixels that are enough to find the noise from."""

LEAST_GAIN = 1e-7
"""An image without noise seems to be of endless photons; this part of its peak is one."""

MEDIAN_OF_NORMAL = 0.6745
"""Median absolute value of normal noise of standard deviation 1."""

FLAT_PART = 0.01
"""Part of the second differences that are 0, up to which nobody need look for flat areas."""


def photon_gain(planes: Array, valid: Mask | None = None, *, read_noise: float = 0.0) -> float:
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
    planes : ndarray of float32
        Shape (planes, channels, *frame), the camera's offset subtracted if it is known.
    valid : ndarray of bool, optional
        Pixels to look at, broadcastable to `planes`; all by default.
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
    >>> round(photon_gain(3 * counts))
    3
    """
    if not peak_and_unit(planes, valid)[0]:
        return LEAST_GAIN
    return _photon_transfer(planes, valid, noise_level(planes, valid), read_noise).slope


def noise_level(planes: Array, valid: Mask | None = None) -> float:
    """Estimate the standard deviation of noise that is the same everywhere.

    From the median absolute second difference, as Donoho & Johnstone (Biometrika 81,
    1994) do with wavelets, of at most two million pixels. Areas of exactly one value (planes
    without data, saturation, a dark field set to 0) do not count.

    Parameters
    ----------
    planes : ndarray of float32
        Shape (planes, channels, *frame).
    valid : ndarray of bool, optional
        Pixels to look at, broadcastable to `planes`; all by default.

    Returns
    -------
    float
        In intensity units; 0 for an image without noise.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(0, 2, (1, 1, 128, 128))
    >>> round(noise_level(noise.astype(np.float32)))
    2
    """
    peak, unit = peak_and_unit(planes, valid)
    if not peak:
        return 0.0
    seen = []
    for values, usable in slabs(planes, valid, unit, SAMPLE_PIXELS):
        differences, known = second_differences(values, usable)
        if np.count_nonzero(differences == 0) > FLAT_PART * differences.size:
            differences, known = second_differences(values, usable & ~flat_windows(values))
        seen.append(np.abs(differences[known]))
    found = np.concatenate(seen) if seen else np.zeros(0, np.float32)
    if not found.size:
        return 0.0
    # Rounded intensities give few different values. Spread each over its own step.
    axes = sum(n > 2 for n in planes.shape[2:])
    step = rounding_step(planes, valid) / unit / 6 ** (axes / 2)
    if step:
        found += np.random.default_rng(0).uniform(-step / 2, step / 2, found.size)
    return median(np.abs(found)) / MEDIAN_OF_NORMAL * unit


def mean_noise(planes: Array, valid: Mask | None = None) -> float:
    """Standard deviation of the noise, root mean square over all pixels.

    `noise_level` is that of most pixels: on a dark ground, of the dark. The noise of photons
    grows with the brightness, so that on average it is larger there.

    Parameters
    ----------
    planes : ndarray of float32
        Shape (planes, channels, *frame).
    valid : ndarray of bool, optional
        Pixels to look at, broadcastable to `planes`; all by default.

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
    >>> 6 < mean_noise(counts) < 8
    True
    """
    usual = noise_level(planes, valid)
    if not usual:
        return 0.0
    pixels = planes if valid is None else planes[np.broadcast_to(valid, planes.shape)]
    line = _photon_transfer(planes, valid, usual, 0.0)
    variance = line.at_zero + line.slope * float(np.mean(pixels, dtype=np.float64))
    return max(usual, math.sqrt(max(variance, 0.0)))


def noise_line(planes: Array, valid: Mask | None = None) -> tuple[float, Line]:
    """The `noise_level`, and the straight line of variance over brightness.

    Parameters
    ----------
    planes : ndarray of float32
        Shape (planes, channels, *frame).
    valid : ndarray of bool, optional
        Pixels to look at, broadcastable to `planes`; all by default.

    Returns
    -------
    level : float
        In intensity units; 0 for an image without noise.
    line : Line
        Of the variance, in intensity units.
    """
    usual = noise_level(planes, valid)
    return usual, _photon_transfer(planes, valid, usual, 0.0) if usual else Line(0.0, 0.0)


def _photon_transfer(planes: Array, valid: Mask | None, usual: float, read_noise: float) -> Line:
    """The line of a camera's noise, from the `noise_level`, in the image's units."""
    peak, unit = peak_and_unit(planes, valid)
    noise = usual / unit
    top = saturated_at(planes, valid) / unit
    blocks: list[NDArray[np.float64]] = []
    for values, usable in slabs(planes, valid, unit):
        broken = hot_pixels(values, usable, noise) | (values >= top)
        blocks.append(blocks_of(values, usable & ~broken))
    dark = (read_noise / unit) ** 2
    line = Line(0.0, dark)
    if blocks:
        line = best_line(np.concatenate(blocks, axis=1), dark, planes.ndim - 2)
    slope = max(line.slope, LEAST_GAIN * peak) * unit
    return Line(float(slope), float(line.at_zero) * unit**2)
