"""What an image says about itself: how many photons it is made of, how noisy it is."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

BLOCK_PIXELS = 256
"""About how many pixels a block has whose noise is compared with its brightness."""

LEAST_GAIN = 1e-7
"""An image without noise seems to be of endless photons; this part of its peak is one."""


MEDIAN_OF_NORMAL = 0.6745
"""Median absolute value of normal noise of standard deviation 1."""


def photon_gain(planes: Array, valid: NDArray[np.bool_] | None = None) -> float:
    """Estimate how much the intensity grows per photon, from noise and brightness.

    Photon noise has a variance of the gain times the mean. The variance comes from the
    second differences along all axes, one after another, in which a blurred image has next
    to nothing but noise, block by block; the median over the brighter half of the blocks
    is the result.

    Parameters
    ----------
    planes : ndarray of float32
        Shape (planes, channels, *frame); intensity 0 where there is no light.
    valid : ndarray of bool, optional
        Pixels to look at, broadcastable to `planes`; all by default.

    Returns
    -------
    float
        Intensity units per photon, above 0.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.random.default_rng(0).poisson(50, (1, 1, 128, 128)).astype(np.float32)
    >>> round(photon_gain(3 * counts), 1)
    3.0
    """
    noise, mean, usable = _noise_and_mean(planes, valid)
    variance = _block_means(np.square(noise) * usable)
    mean = _block_means(mean * usable)
    bright = (mean > 0) & (mean >= np.median(mean))
    gain = np.median(variance[bright] / mean[bright]) if bright.any() else 0.0
    return float(max(gain, LEAST_GAIN * np.abs(planes).max(initial=1e-30)))


def noise_level(planes: Array, valid: NDArray[np.bool_] | None = None) -> float:
    """Estimate the standard deviation of noise that is the same everywhere.

    From the median absolute second difference, as Donoho & Johnstone (Biometrika 81,
    1994) do with wavelets.

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
    noise, _, usable = _noise_and_mean(planes, valid)
    seen = np.abs(noise[usable > 0])
    return float(np.median(seen) / MEDIAN_OF_NORMAL) if seen.size else 0.0


def _noise_and_mean(planes: Array, valid: NDArray[np.bool_] | None) -> tuple[Array, Array, Array]:
    """Second differences, scaled to keep the noise's variance; local mean; 0 where invalid."""
    noise, mean = planes, planes
    usable = np.ones_like(planes)
    if valid is not None:
        usable *= valid
    for axis in range(2, planes.ndim):
        if planes.shape[axis] > 2:
            before, here, after = _neighbours(noise, axis)
            noise = (before - 2 * here + after) * np.float32(1 / np.sqrt(6))
            before, here, after = _neighbours(mean, axis)
            mean = (before + 4 * here + after) * np.float32(1 / 6)
            before, here, after = _neighbours(usable, axis)
            usable = before * here * after
    return noise, mean, usable


def _neighbours(values: Array, axis: int) -> list[Array]:
    """Along an axis, what lies before each value, the value and what lies after it."""
    lead = (slice(None),) * axis
    return [values[(*lead, slice(k, k + values.shape[axis] - 2))] for k in range(3)]


def _block_means(values: Array) -> Array:
    """Means over blocks of about the wanted size; what is left over at the end is cut off."""
    frame = values.shape[2:]
    side = round(BLOCK_PIXELS ** (1 / len(frame)))
    blocks = [min(side, n) for n in frame]
    whole = (slice(None),) * 2 + tuple(slice(n // b * b) for n, b in zip(frame, blocks))
    shape = [part for n, b in zip(frame, blocks) for part in (n // b, b)]
    axes = tuple(range(3, 3 + 2 * len(frame), 2))
    cut = values[whole].reshape(*values.shape[:2], *shape)
    return np.asarray(cut.mean(axis=axes), dtype=np.float32)
