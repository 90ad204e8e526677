"""Frequencies of a half spectrum, as :func:`scipy.fft.rfftn` gives it, and their weights."""

import numpy as np
from scipy import fft

from napari_tf_deblur._core.typing import Float64Array


def half_spectrum_frequencies(shape: tuple[int, ...]) -> list[Float64Array]:
    """Return the frequencies along each axis, in cycles per pixel.

    Parameters
    ----------
    shape : tuple of int
        Shape of the image.

    Returns
    -------
    list of ndarray of float64
        One array per axis; together they broadcast to the shape of the half spectrum.
    """
    lines = [fft.fftfreq(n) for n in shape[:-1]] + [fft.rfftfreq(shape[-1])]
    return list(np.meshgrid(*lines, indexing="ij", sparse=True))


def half_spectrum_weights(size: int) -> Float64Array:
    """Return how often the whole spectrum has each value along the last axis: once or twice.

    Parameters
    ----------
    size : int
        Number of pixels along the last axis.

    Returns
    -------
    ndarray of float64
        Shape (size // 2 + 1,).
    """
    weights = np.full(size // 2 + 1, 2.0)  # the half spectrum omits mirrored frequencies
    weights[0] = 1.0
    if size % 2 == 0:
        weights[-1] = 1.0
    return weights
