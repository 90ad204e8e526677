"""Compute the part of the power that discs and lines pass."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import j1

from napari_tf_deblur._blur.spectrum_model import SpectrumModel
from napari_tf_deblur._core.typing import Float64Array

ARGUMENT_OFFSET = np.float32(1e-4)
"""Number that is added to the arguments of sine and Bessel functions. Guard: against a division by
zero; ``tests/blur/test_blur_families.py``."""

MIN_SHAPE_POWER = 1e-9
"""Number that is added to the part of the power that a shape passes. Guard: against the logarithm
of zero; ``tests/blur/test_blur_families.py``."""


def log_disc_power(model: SpectrumModel, radii: Float64Array) -> Float64Array:
    """Compute the part of the power that discs pass.

    Parameters
    ----------
    model : SpectrumModel
        Holds the frequencies of the cells.
    radii : ndarray
        Shape (discs,): radii in pixels.

    Returns
    -------
    ndarray
        Shape (discs, cells): natural logarithm of the part of the power.
    """
    frequency = 2 * np.pi * np.hypot(*model.spectrum.nodes)

    def transfer(radius: float) -> NDArray[np.floating]:
        x = radius * frequency + ARGUMENT_OFFSET
        return np.asarray(2 * j1(x) / x)

    return np.stack([log_mean_power(t, t) for t in map(transfer, radii)])


def log_line_power(
    model: SpectrumModel, lengths: Float64Array, angles: Float64Array
) -> Float64Array:
    """Compute the part of the power that lines pass.

    Parameters
    ----------
    model : SpectrumModel
        Holds the frequencies of the cells.
    lengths, angles : ndarray
        Shape (lines,): lengths in pixels and angles in degrees.

    Returns
    -------
    ndarray
        Shape (lines, cells): natural logarithm of the part of the power.
    """
    rows, columns = np.pi * model.spectrum.nodes

    def transfer(length: float, angle: float) -> NDArray[np.floating]:
        height, width = np.float32(length * np.sin(angle)), np.float32(length * np.cos(angle))
        x = width * columns - height * rows + ARGUMENT_OFFSET
        return np.asarray(np.sin(x) / x)

    radians = np.radians(angles)
    return np.stack([log_mean_power(t, t) for t in map(transfer, lengths, radians)])


def log_mean_power(first: NDArray[np.floating], second: NDArray[np.floating]) -> Float64Array:
    """Compute the mean of the product of two factors of the power, over the nodes of each cell.

    Parameters
    ----------
    first, second : ndarray
        Shape (cells, nodes): transfer function twice, or its squares along two axes.

    Returns
    -------
    ndarray
        Shape (cells,): natural logarithm of the mean.
    """
    mean = np.einsum("cn,cn->c", first, second) / first.shape[-1]
    return np.asarray(np.log(mean + MIN_SHAPE_POWER), np.float64)
