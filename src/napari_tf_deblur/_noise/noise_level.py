"""How strong the noise is at most pixels."""

import numpy as np
from scipy import ndimage

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.typing import BoolArray, Float32Array
from napari_tf_deblur._noise.detector_artifacts import find_rounding_step
from napari_tf_deblur._noise.differences import flat_windows, second_differences
from napari_tf_deblur._noise.quantiles import median, quantile
from napari_tf_deblur._noise.slabs import find_peak_and_unit, iterate_slabs

NOISE_SAMPLE_PIXELS = 2**21
"""Pixels from which the noise is found. Limit: of time."""

MEDIAN_OF_NORMAL = 0.6745
"""Median absolute value of normal noise of standard deviation 1. Definition: of the normal
distribution."""

COARSE_SIGMA = 1.0
"""Sigma, in pixels, of the Gaussian before slopes are computed: the noise that is left says nothing
of second differences. Set by hand: half or 1.5 times changes nothing in
``benchmarks/CONSTANTS.md``."""

FLATTEST_PART = 0.25
"""Part of the pixels that are looked at, those with the least slope. Set by hand: half or 1.5 times
changes nothing in ``benchmarks/CONSTANTS.md``."""

FLAT_PART = 0.01
"""Part of the second differences that are 0 from which on flat areas are searched. Limit: of
time."""


def estimate_noise_level(pixels: Pixels) -> float:
    """Estimate the standard deviation of noise that is the same everywhere.

    From the median absolute second difference, as Donoho & Johnstone (Biometrika 81,
    1994) do with wavelets, of at most two million pixels: of those where the image, seen
    coarsely, is flattest, for the finest detail of a sharp image lies elsewhere. Areas of
    exactly one value (planes without data, saturation, a dark field set to 0) do not count.

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
    >>> round(noise_level(Pixels(noise.astype(np.float32))))
    2
    """
    peak, unit = find_peak_and_unit(pixels)
    if not peak:
        return 0.0
    seen = []
    for values, usable in iterate_slabs(pixels, unit, NOISE_SAMPLE_PIXELS):
        differences, known = second_differences(values, usable)
        if np.count_nonzero(differences == 0) > FLAT_PART * differences.size:
            differences, known = second_differences(values, usable & ~flat_windows(values))
        known = known & _find_smooth_areas(values, known)
        seen.append(np.abs(differences[known]))
    found = np.concatenate(seen) if seen else np.zeros(0, np.float32)
    if not found.size:
        return 0.0
    # Rounded intensities give few different values. Spread each over its own step.
    axes = sum(n > 2 for n in pixels.values.shape[2:])
    step = find_rounding_step(pixels) / unit / 6 ** (axes / 2)
    if step:
        found.sort()  # so that the image may be turned
        found += np.random.default_rng(0).uniform(-step / 2, step / 2, found.size)
    return median(np.abs(found)) / MEDIAN_OF_NORMAL * unit


def _find_smooth_areas(values: Float32Array, known: BoolArray) -> BoolArray:
    """Where the coarse image is flattest, among the pixels whose second differences are known."""
    coarse = ndimage.gaussian_filter(values, COARSE_SIGMA, mode="nearest")
    inner = tuple(slice(1, -1) if n > 2 else slice(None) for n in values.shape)
    steepness = np.zeros(known.shape, np.float32)
    for axis, n in enumerate(values.shape):
        if n > 2:
            steepness += np.square(np.gradient(coarse, axis=axis)[inner])
    if not known.any():
        return known
    return np.asarray(steepness <= quantile(steepness[known], FLATTEST_PART))
