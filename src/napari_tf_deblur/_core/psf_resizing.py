"""Make a PSF wider or narrower, and measure how much it blurs."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import fft

from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._core.typing import PSF, Float64Array

MAX_USEFUL_POWER = 0.35
"""A PSF that passes more than this part of the power of white noise hardly blurs, and the method is
chosen by the noise; Gaussians with a sigma of up to half a pixel are such PSFs. Chosen by
``benchmarks/constants.py --vary MAX_USEFUL_POWER``: half loses 0.18 dB, 1.5 times nothing."""

MIN_NEGATIVE_OTF = 0.01
"""An optical transfer function changes its sign if it falls below minus this value. Guard: against
Gaussians that their array cuts; ``tests/core/test_forward.py``."""


def resize_psf(psf: PSF, times: float | Sequence[float]) -> PSF:
    """Make a PSF of any shape narrower or wider; keep its centre of gravity.

    The transfer function is stretched along frequency, and cut off at the highest frequency of
    the pixels (sinc interpolation). If it changes its sign, as those of motion and defocus do,
    this would make the edges of the PSF ring; then the pixels are resized by area instead.

    Parameters
    ----------
    psf : ndarray of float32
        Of sum 1.
    times : float or sequence of float
        Factor of the width, above 0; one for each axis, or one for all.

    Returns
    -------
    ndarray of float32
        Of sum 1, with the origin at index ``n // 2``. Along axes with a factor above 1, the array
        grows by the same factor.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur import gaussian_psf
    >>> bool(np.abs(resize_psf(gaussian_psf(2), 0.8) - gaussian_psf(1.6, 17)).max() < 1e-3)
    True
    """
    weights = _area_weights if passes_zero(psf) else _sinc_weights
    resized = psf.astype(np.float64)
    factors = [float(factor) for factor in np.broadcast_to(times, (psf.ndim,))]
    for axis, (n, centre) in enumerate(zip(psf.shape, _centre_of_gravity(psf))):
        if (factor := factors[axis]) == 1:
            continue
        more = max(0, math.ceil((factor - 1) * n / 2))
        before = np.arange(n) - centre
        after = np.arange(n + 2 * more) - more - centre
        matrix = weights(before, after, factor)
        resized = np.moveaxis(np.tensordot(matrix, resized, (1, axis)), 0, axis)
    return np.asarray(resized / resized.sum(), dtype=np.float32)


def power_passed(psf: PSF, grid: tuple[int, ...]) -> float:
    """Return the part of the power of white noise that a PSF passes, 0 to 1; less if it is wide."""
    return float(np.mean(np.square(np.abs(transfer_function(psf, grid)))))


def hardly_blurs(psf: PSF) -> bool:
    """Whether a PSF is so narrow that noise matters more than blur."""
    return power_passed(psf, tuple(2 * n for n in psf.shape)) > MAX_USEFUL_POWER


def passes_zero(psf: PSF) -> bool:
    """Whether the transfer function of a PSF changes its sign, as those of motion and defocus."""
    shifts = [n // 2 - round(float(c)) for n, c in zip(psf.shape, _centre_of_gravity(psf))]
    centred = np.roll(psf, shifts, tuple(range(psf.ndim)))
    return bool(transfer_function(centred, _doubled_size(psf)).real.min() < -MIN_NEGATIVE_OTF)


def _centre_of_gravity(psf: PSF) -> list[float]:
    """Centre of gravity of a PSF, as an index of each axis."""
    axes = range(psf.ndim)
    lines = [psf.sum(tuple(other for other in axes if other != axis)) for axis in axes]
    return [float(np.average(np.arange(len(line)), weights=line)) for line in lines]


def _doubled_size(psf: PSF) -> tuple[int, ...]:
    """Shape of a grid that is twice as large as a PSF, rounded up to fast FFTs."""
    return tuple(fft.next_fast_len(2 * n, real=True) for n in psf.shape)


def _sinc_weights(before: Float64Array, after: Float64Array, times: float) -> Float64Array:
    """Matrix of sinc interpolation from pixels at `before` to pixels at `after`.

    Frequencies that either grid cannot represent are cut off.
    """
    band = min(1.0, 1 / times)
    return np.asarray(band * np.sinc(band * (after[:, None] - times * before)))


def _area_weights(before: Float64Array, after: Float64Array, times: float) -> Float64Array:
    """Matrix of area weights: how much of each scaled pixel lies in each new pixel."""
    low = np.maximum(after[:, None] - 0.5, times * (before - 0.5))
    high = np.minimum(after[:, None] + 0.5, times * (before + 0.5))
    return np.asarray(np.maximum(high - low, 0) / times)
