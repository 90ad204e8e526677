"""Smooth images in float32, several times as fast as SciPy, which sums in float64."""

import numpy as np

from napari_tf_deblur._core.typing import Float32Array

GAUSSIAN_REACH = 4.0
"""Standard deviations up to which a Gaussian filter reaches. Derived: the rest is 6e-5 of it."""


def smooth(values: Float32Array, kernel: Float32Array) -> Float32Array:
    """Filter an image along all axes in turn; beyond its edge, the values at the edge are repeated.

    Parameters
    ----------
    values : ndarray of float32
        The image.
    kernel : ndarray of float32
        Weights of an odd number of neighbouring pixels, the same in both directions.

    Returns
    -------
    ndarray of float32
        The filtered image.

    Examples
    --------
    >>> smooth(np.array([3, 0, 0], np.float32), mean_kernel(3)).round().tolist()
    [2.0, 1.0, 0.0]
    """
    reach = len(kernel) // 2
    for axis, n in enumerate(values.shape):
        margins = [(reach, reach) if a == axis else (0, 0) for a in range(values.ndim)]
        padded = np.pad(values, margins, mode="edge")
        shifted = [
            padded[(slice(None),) * axis + (slice(start, start + n),)]
            for start in range(2 * reach + 1)
        ]
        values = kernel[reach] * shifted[reach]
        for weight, before, after in zip(kernel[:reach], shifted, shifted[::-1]):
            pair = before + after
            pair *= weight
            values += pair
    return values


def mean_kernel(size: int) -> Float32Array:
    """Return the kernel of a mean over an odd number of pixels."""
    return np.full(size, 1 / size, np.float32)


def gaussian_kernel(sigma: float) -> Float32Array:
    """Return the kernel of a Gaussian filter, of sigma in pixels."""
    reach = round(GAUSSIAN_REACH * sigma)
    weights = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / sigma))
    return np.asarray(weights / weights.sum(), np.float32)
