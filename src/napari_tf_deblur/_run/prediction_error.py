"""Errors of prediction in trials: noise variance, risks of blocks, and their differences."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._core.half_spectrum import half_spectrum_weights
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.threads import fft_workers
from napari_tf_deblur._core.typing import PSF, BoolArray, Float32Array
from napari_tf_deblur._noise.noise import estimate_noise_line
from napari_tf_deblur._noise.noise_sample import NoiseSample
from napari_tf_deblur._noise.variance_line import VarianceLine

BRIGHTNESS_SIGMA = 1.0
"""Sigma, in pixels, of the Gaussian that smooths the image to give the brightness, and so the noise
variance, of each pixel. Chosen by ``benchmarks/weights.py --development``."""

MIN_VARIANCE_PART = 0.02
"""Least noise variance of a pixel, as a part of the largest, that is used to weight its error.
Chosen by ``benchmarks/weights.py --development``."""

RISK_BLOCKS = 81
"""Approximate number of blocks of a plane whose errors of prediction are compared: enough to
measure their spread, and large enough to be independent. Chosen by ``benchmarks/weights.py
--development``."""

RISK_FILTER_BALANCE = 0.01
"""Balance of the Wiener filter that deblurs an error of prediction. With a smaller value, noise
hides the differences; with a larger one, fine detail does not count. Chosen by
``benchmarks/weights.py --development``: between 0.003 and 0.03 it hardly mattered."""


@dataclass(frozen=True)
class Trial:
    """The result of a trial.

    Attributes
    ----------
    risks : ndarray of float64
        What each block adds to the risk of the data: the mean squared error of prediction, in units
        of the noise variance, less the part of the noise itself.
    image_risks : ndarray of float64
        What each block adds to the risk of the image: the same of the deblurred error, in units of
        the mean noise variance.
    residual : ndarray of float32
        The first copy less the result blurred again, in intensity units.
    psf : ndarray of float32
        The PSF of the trial.
    """

    risks: NDArray[np.float64]
    image_risks: NDArray[np.float64]
    residual: Float32Array
    psf: PSF

    @property
    def risk(self) -> float:
        """Risk of the data: mean squared error of prediction."""
        return float(self.risks.sum())

    @property
    def image_risk(self) -> float:
        """Risk of the image: mean squared error of prediction after deblurring."""
        return float(self.image_risks.sum())


class RiskDifference(NamedTuple):
    """The risk of one trial less that of another, and its standard error.

    A positive `gain` says that the other trial predicts better.
    """

    gain: float
    error: float

    @classmethod
    def from_blocks(
        cls, differences: NDArray[np.float64], handicap: float = 0.0
    ) -> "RiskDifference":
        """Sum the differences of all blocks less a handicap; take the error from their spread."""
        spread = (
            differences.std(ddof=1) * np.sqrt(differences.size) if differences.size > 1 else np.inf
        )
        return cls(float(differences.sum()) - handicap, float(spread))

    @property
    def z_score(self) -> float:
        """The gain in standard errors."""
        return self.gain / max(self.error, 1e-12)


def sum_blocks(values: Float32Array) -> NDArray[np.float64]:
    """Sum values over blocks of each plane, and over channels.

    Parameters
    ----------
    values : ndarray of float32
        Shape (planes, channels, *frame).

    Returns
    -------
    ndarray of float64
        One sum for each block; a plane has about `RISK_BLOCKS`.
    """
    axes = values.ndim - 2
    total = values.sum(axis=1, dtype=np.float64)
    for axis in range(1, total.ndim):
        n = total.shape[axis]
        parts = min(n, round(RISK_BLOCKS ** (1 / axes)))
        total = np.add.reduceat(total, np.arange(parts) * n // parts, axis=axis)
    return np.asarray(total.ravel())


def error_filter(psf: PSF, frame: tuple[int, ...]) -> NDArray[np.complex64]:
    """Return the spectrum of a Wiener filter that keeps the mean square of white noise.

    Parameters
    ----------
    psf : ndarray of float32
        The PSF, of sum 1.
    frame : tuple of int
        Shape of the errors of prediction that it deblurs.
    """
    transfer = transfer_function(psf, frame)
    inverse = transfer.conj() / (np.square(np.abs(transfer)) + np.float32(RISK_FILTER_BALANCE))
    power = np.square(np.abs(inverse)) * half_spectrum_weights(frame[-1])
    gain = float(np.sum(power)) / float(np.prod(frame))
    return np.asarray(inverse / np.float32(np.sqrt(gain)))


def deblur_error(error: Float32Array, spectrum_factor: NDArray[np.complex64]) -> Float32Array:
    """Deblur errors of prediction, shape (planes, channels, *frame), by an `error_filter`."""
    frame = error.shape[2:]
    axes = tuple(range(2, error.ndim))
    spectrum = fft.rfftn(error, axes=axes, workers=fft_workers())
    spectrum *= spectrum_factor
    return np.asarray(fft.irfftn(spectrum, s=frame, axes=axes, workers=fft_workers()))


def fit_channel_lines(
    values: Float32Array,
    valid: BoolArray | None,
    fit: Callable[[NoiseSample], VarianceLine] = estimate_noise_line,
) -> list[VarianceLine]:
    """Fit the line of noise variance over brightness for each channel."""
    channels = [np.s_[:, c : c + 1] for c in range(values.shape[1])]
    return [
        fit(NoiseSample.from_pixels(Pixels(values[c], None if valid is None else valid[c])))
        for c in channels
    ]


def variance_by_value(values: Float32Array, lines: list[VarianceLine]) -> Float32Array:
    """Return the noise variance that the lines give for the value of each pixel, at least 0.

    It is right on average, whatever the neighbouring pixels are.
    """
    shape = (1, -1) + (1,) * (values.ndim - 2)
    slope, intercept = (np.reshape(part, shape).astype(np.float32) for part in zip(*lines))
    return np.maximum(intercept + slope * values, np.float32(0))


def local_variance(values: Float32Array, lines: list[VarianceLine], axes: int) -> Float32Array:
    """Return the noise variance that the lines give for the smoothed brightness at each pixel.

    It is at least `MIN_VARIANCE_PART` of the largest.
    """
    sigma = (0,) * (values.ndim - axes) + (BRIGHTNESS_SIGMA,) * axes
    variance = variance_by_value(ndimage.gaussian_filter(values, sigma, mode="nearest"), lines)
    return np.asarray(np.maximum(variance, np.float32(MIN_VARIANCE_PART) * variance.max()))
