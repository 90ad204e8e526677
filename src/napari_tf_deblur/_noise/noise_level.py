"""Estimate the standard deviation of the noise at most pixels."""

import numpy as np

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.smoothing import gaussian_kernel, smooth
from napari_tf_deblur._core.typing import BoolArray, Float32Array
from napari_tf_deblur._noise.detector_artifacts import find_rounding_step
from napari_tf_deblur._noise.differences import flat_windows, neighbours, second_differences
from napari_tf_deblur._noise.quantiles import median, quantile
from napari_tf_deblur._noise.slabs import find_peak_and_unit, iterate_slabs

NOISE_SAMPLE_PIXELS = 2**21
"""Largest number of pixels from which the noise is estimated, about. Limit: of time."""

MEDIAN_OF_NORMAL = 0.6745
"""Median absolute value of normal noise of standard deviation 1. Definition: of the normal
distribution."""

COARSE_SIGMA = 1.0
"""Sigma, in pixels, of the Gaussian filter before gradients are computed. Noise that remains after
it is not correlated with second differences. Derived: it passes 0.7 % of the highest frequency."""

FLATTEST_PART = 0.25
"""Part of the pixels from which the noise is estimated: those with the smallest gradient. Guard:
against sharp detail in half of an image; ``tests/noise/test_noise.py``."""

FLAT_PART = 0.01
"""If more than this part of the second differences is 0, areas of one value are searched. Limit: of
time."""


def estimate_noise_level(pixels: Pixels) -> float:
    """Estimate the standard deviation of the noise at most pixels.

    It is the median absolute second difference, scaled to a standard deviation, as Donoho &
    Johnstone (Biometrika 81, 1994) do with wavelets. At most about two million pixels are used,
    and of these the quarter where the smoothed image is flattest, because the fine detail of a
    sharp image lies elsewhere. Areas of exactly one value (planes without data, saturation, a
    dark field set to 0) do not count.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame).

    Returns
    -------
    float
        In intensity units; 0 for an image without noise.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(0, 2, (1, 1, 128, 128))
    >>> round(estimate_noise_level(Pixels(noise.astype(np.float32))))
    2
    """
    peak, unit = find_peak_and_unit(pixels)
    if not peak:
        return 0.0
    parts = []
    for values, usable in iterate_slabs(pixels, unit, NOISE_SAMPLE_PIXELS):
        differences, known = second_differences(values, usable)
        if np.count_nonzero(differences == 0) > FLAT_PART * differences.size:
            differences, known = second_differences(values, usable & ~flat_windows(values))
        known = known & _find_smooth_areas(values, known)
        parts.append(np.abs(differences[known]))
    sizes = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if not sizes.size:
        return 0.0
    # Rounded intensities give few distinct differences: spread them by uniform noise of one step.
    axes = sum(n > 2 for n in pixels.values.shape[2:])
    step = find_rounding_step(pixels) / unit / 6 ** (axes / 2)
    if step:
        sizes.sort()  # the result is then the same for a turned image
        sizes += np.random.default_rng(0).uniform(-step / 2, step / 2, sizes.size)
    return median(np.abs(sizes)) / MEDIAN_OF_NORMAL * unit


def _find_smooth_areas(values: Float32Array, known: BoolArray) -> BoolArray:
    """Among pixels with known second differences, those where the smoothed image is flattest."""
    coarse = smooth(values, gaussian_kernel(COARSE_SIGMA))
    inner = tuple(slice(1, -1) if n > 2 else slice(None) for n in values.shape)
    steepness = np.zeros(known.shape, np.float32)
    for axis, n in enumerate(values.shape):
        if n > 2:
            along = coarse[(*inner[:axis], slice(None), *inner[axis + 1 :])]
            before, _, after = neighbours(along, axis)
            steepness += np.square((after - before) * np.float32(0.5))
    if not known.any():
        return known
    return np.asarray(steepness <= quantile(steepness[known], FLATTEST_PART))
