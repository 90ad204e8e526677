"""Make a PSF wider or narrower, and measure how much it blurs."""

import math

import numpy as np
from scipy import fft

from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._core.typing import PSF, Float64Array

MAX_USEFUL_POWER = 0.35
"""Part of the power of white light from which on a PSF leaves little to sharpen, so that the method
is chosen by the noise: Gaussians of up to half a pixel. Set by hand; ``benchmarks/constants.py
--vary`` measures its effect."""

MIN_NEGATIVE_OTF = 0.01
"""Value, below zero, of an optical transfer function from which on it has passed through zero. Set
by hand; ``benchmarks/constants.py --vary`` measures its effect."""


def resize_psf(psf: PSF, times: float) -> PSF:
    """Make a PSF narrower or wider, whatever its shape; its centre of gravity stays.

    The transfer function is drawn out along frequency, and cut at the finest that pixels hold.
    Where it changes its sign, as those of motion and defocus do, edges would ring, and the PSF's
    pixels are drawn together or apart instead.

    Parameters
    ----------
    psf : ndarray of float32
        Of sum 1.
    times : float
        How many times as wide, above 0.

    Returns
    -------
    ndarray of float32
        Of sum 1; a wider one is as much larger, its origin at index ``n // 2`` again.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur import gaussian_psf
    >>> bool(np.abs(resized(gaussian_psf(2), 0.8) - gaussian_psf(1.6, 17)).max() < 1e-3)
    True
    """
    along = _area_weights if passes_zero(psf) else _sinc_weights
    drawn = psf.astype(np.float64)
    for axis, (n, centre) in enumerate(zip(psf.shape, _centre_of_gravity(psf))):
        more = max(0, math.ceil((times - 1) * n / 2))
        before = np.arange(n) - centre
        after = np.arange(n + 2 * more) - more - centre
        drawn = np.moveaxis(np.tensordot(along(before, after, times), drawn, (1, axis)), 0, axis)
    return np.asarray(drawn / drawn.sum(), dtype=np.float32)


def power_passed(psf: PSF, grid: tuple[int, ...]) -> float:
    """Part of the power of white light that a PSF passes, 0 to 1: less if it is wider."""
    return float(np.mean(np.square(np.abs(transfer_function(psf, grid)))))


def hardly_blurs(psf: PSF) -> bool:
    """Whether a PSF is so narrow that there is more noise to remove than blur."""
    return power_passed(psf, tuple(2 * n for n in psf.shape)) > MAX_USEFUL_POWER


def passes_zero(psf: PSF) -> bool:
    """Whether the transfer function changes its sign, as those of motion and defocus do."""
    aside = [n // 2 - round(float(c)) for n, c in zip(psf.shape, _centre_of_gravity(psf))]
    centred = np.roll(psf, aside, tuple(range(psf.ndim)))
    return bool(transfer_function(centred, _doubled_size(psf)).real.min() < -MIN_NEGATIVE_OTF)


def _centre_of_gravity(psf: PSF) -> list[float]:
    """The centre of gravity, as an index of each axis."""
    axes = range(psf.ndim)
    along = [psf.sum(tuple(other for other in axes if other != axis)) for axis in axes]
    return [float(np.average(np.arange(len(part)), weights=part)) for part in along]


def _doubled_size(psf: PSF) -> tuple[int, ...]:
    """A grid on which nothing of a PSF wraps round."""
    return tuple(fft.next_fast_len(2 * n, real=True) for n in psf.shape)


def _sinc_weights(before: Float64Array, after: Float64Array, times: float) -> Float64Array:
    """Shares of pixels at some places in pixels at others, for waves that both can hold."""
    band = min(1.0, 1 / times)
    return np.asarray(band * np.sinc(band * (after[:, None] - times * before)))


def _area_weights(before: Float64Array, after: Float64Array, times: float) -> Float64Array:
    """Shares of pixels made so many times as large, and moved as far, in those they fall into."""
    low = np.maximum(after[:, None] - 0.5, times * (before - 0.5))
    high = np.minimum(after[:, None] + 0.5, times * (before + 0.5))
    return np.asarray(np.maximum(high - low, 0) / times)
