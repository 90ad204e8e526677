"""The same scene in pixels twice as large, where a long way is walked in short steps.

Along axes where the PSF passes little of the finest detail, a scene in larger pixels is nearly
the whole of what can be known, at a part of the cost. Counts of photons, added up, are counts
of photons again, so that it is the same problem.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Array = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

PASSED = 0.2
"""What the PSF may pass, along an axis, of the finest detail that larger pixels show, for them
to be used: a Gaussian of sigma 1.15 passes so much."""

LEAST_LENGTH = 32
"""Pixels that an axis must have left."""

LEAST_PIXELS = 2**18
"""Of the scene. In a smaller one compiling for another size takes longer than is saved."""


def axes_of(spectrum: Spectrum, scene: tuple[int, ...]) -> tuple[int, ...]:
    """Along which axes of a scene larger pixels do.

    Parameters
    ----------
    spectrum : ndarray of complex64
        The optical transfer function, over the half spectrum.
    scene : tuple of int
        Shape of the scene.
    """
    if math.prod(scene) < LEAST_PIXELS:
        return ()

    def passed(axis: int) -> float:
        at = [0] * len(scene)
        at[axis] = scene[axis] // 4
        return float(np.abs(spectrum[tuple(at)]))

    return tuple(
        axis
        for axis, n in enumerate(scene)
        if n % 2 == 0 and n >= 2 * LEAST_LENGTH and passed(axis) < PASSED
    )


def mean_of_pairs(values: Array, axes: tuple[int, ...], frame_axes: int) -> Array:
    """Average neighbours along axes of the scene, which come last; what has one pixel stays."""
    for axis in axes:
        a = values.ndim - frame_axes + axis
        if values.shape[a] > 1:
            shape = (*values.shape[:a], values.shape[a] // 2, 2, *values.shape[a + 1 :])
            values = values.reshape(shape).mean(axis=a + 1)
    return values


def drawn_out(values: Array, axes: tuple[int, ...], frame_axes: int) -> Array:
    """Back to the smaller pixels, by linear interpolation; the scene wraps round."""
    for axis in axes:
        a = values.ndim - frame_axes + axis
        near = 0.75 * values
        before = near + 0.25 * np.roll(values, 1, a)
        after = near + 0.25 * np.roll(values, -1, a)
        shape = (*values.shape[:a], 2 * values.shape[a], *values.shape[a + 1 :])
        values = np.stack([before, after], axis=a + 1).reshape(shape)
    return values


def spectrum_of(spectrum: Spectrum, scene: tuple[int, ...], axes: tuple[int, ...]) -> Spectrum:
    """The transfer function between scenes in larger pixels."""
    psf = fft.irfftn(spectrum, s=scene, workers=-1)
    for axis in axes:
        # A large pixel's light, averaged over another: the PSF under a tent.
        tent = psf + 0.5 * (np.roll(psf, 1, axis) + np.roll(psf, -1, axis))
        psf = tent.take(np.arange(0, scene[axis], 2), axis)
    return np.asarray(fft.rfftn(psf, workers=-1), np.complex64)
