"""Compare the power of data and residual at frequencies that a PSF passes alike."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_tf_deblur._blur.spectrum import MIN_PERIODS_IN_PATCH
from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._core.half_spectrum import half_spectrum_frequencies, half_spectrum_weights
from napari_tf_deblur._core.patches import (
    fade_window,
    find_patches,
    leak_spectrum,
    read_patch,
    subtract_mean,
)
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.threads import fft_workers
from napari_tf_deblur._core.typing import PSF, BoolArray, Float32Array, Float64Array
from napari_tf_deblur._noise.standardise import MIN_RELATIVE_NOISE
from napari_tf_deblur._noise.variance_line import VarianceLine

RESIDUAL_PATCH_SIZE = {1: 2**16, 2: 512, 3: 96}
"""Largest size of a patch, in pixels per axis, by the number of axes. Limit: of time."""

MAX_RESIDUAL_PIXELS = 2**20
"""Approximate number of pixels of all patches together. Limit: of time."""

SHELL_COUNT = 14
"""Number of shells, without that of frequencies that the PSF does not pass. Guard: against shells
that mix signal and noise; ``tests/run/test_verdict.py``."""

SHELL_VARIANCE = 4.5
"""Variance of the relative mean power of a shell, times its number of frequencies. Derived: from
the symmetry of spectra, which hold each value twice, and from the window, which makes neighbours
depend on each other."""

MIN_FREQUENCIES = 4 * SHELL_VARIANCE
"""Least number of frequencies in a shell. Derived: two standard errors of its mean power are not
more than this power."""

MAX_FLOOR_POWER = 1.5
"""The shell of least power should hold only noise, so it gives the noise floor. It is used up to
this many times the noise power estimated from pixel differences: photographs have more noise in
bright areas than such estimates say. Guard: against images with signal in all shells;
``tests/run/test_verdict.py``."""

MIN_NOISE_OF_RANGE = 5e-4
"""Least noise, as a part of the image's range: a smaller misfit does no harm. Guard: against images
without noise; ``tests/run/test_verdict.py``."""

MAX_SHELL_DEPTH = float(-np.log(MIN_NOISE_OF_RANGE))
"""Minus the logarithm of the transfer function in the last shell. Derived: of frequencies that are
damped more, even the whole range of the image is less than the least noise."""

MIN_SIGNAL_POWER = 2.5
"""Least power of the data in one shell, in units of the noise power and less two standard errors,
of an image with signal. Chosen by ``benchmarks/claims.py --development``: noise alone reached 2.6
once in 558 times."""

MIN_VISIBLE_POWER = 1.6
"""Power of the data, in units of the noise power, below which no signal is visible. Chosen by
``benchmarks/claims.py --development``."""


@dataclass(frozen=True, eq=False)
class ResidualSpectrum:
    """Spectra of data and residual, averaged over shells of frequencies that a PSF passes alike.

    The shells are ordered from the frequencies that are passed best to those that are not passed.
    Powers are in units of the noise power.

    Attributes
    ----------
    passed_power : ndarray of float64
        Mean square of the optical transfer function in each shell.
    count : ndarray of float64
        Number of frequencies in each shell.
    data_power : ndarray of float64
        Power of the data in each shell.
    residual_power : ndarray of float64
        Power of the residual in each shell, each pixel in units of its own noise.
    followed_part : ndarray of float64
        Part of the data that the re-blurred result follows, 0 to 1.
    mean_passed_power : float
        Mean square of the optical transfer function over all frequencies.
    at_nyquist : tuple of (float, float)
        For each axis, at the frequency of one period in two pixels: the optical transfer function,
        and the power of the data in units of the noise floor.
    """

    passed_power: Float64Array
    count: Float64Array
    data_power: Float64Array
    residual_power: Float64Array
    followed_part: Float64Array
    mean_passed_power: float
    at_nyquist: tuple[tuple[float, float], ...]

    @classmethod
    def from_residual(
        cls,
        values: Float32Array,
        residual: Float32Array,
        valid: BoolArray | None,
        psf: PSF,
        scale: float,
        noise: tuple[float, VarianceLine],
    ) -> Self | None:
        """Compute the spectra of an image and of its residual.

        Parameters
        ----------
        values, residual : ndarray of float32
            Shape (planes, channels, *frame). Of large ones, patches are used.
        valid : ndarray of bool or None
            Which pixels count, broadcastable to `values`; None for all.
        psf : ndarray of float32
            The PSF, of sum 1.
        scale : float
            Range of intensities.
        noise : (float, VarianceLine)
            Level and line of the noise, see :func:`.measure_level_and_line`.

        Returns
        -------
        ResidualSpectrum or None
            None if the image has no structure.
        """
        frame = values.shape[2:]
        size = tuple(min(n, RESIDUAL_PATCH_SIZE[len(frame)]) for n in frame)
        max_patches = max(1, MAX_RESIDUAL_PIXELS // int(np.prod(size)))
        places = find_patches(Pixels(values, valid), scale, size, max_patches)
        if not places:
            return None
        patches = [read_patch(Pixels(values, valid), *place) for place in places]
        data = np.stack([subtract_mean(Pixels(patch, mask), scale) for patch, mask in patches])
        unit = np.float32(scale)
        misfit: Float32Array = np.stack([residual[plane][place] for plane, place in places])
        misfit /= unit
        observed: Float32Array = np.stack([patch for patch, _ in patches])
        observed /= unit
        level, line = noise[0] / scale, noise[1].scale_intensity(1 / scale)
        level = max(level, MIN_NOISE_OF_RANGE)
        variance = np.float32(line.intercept) + np.float32(line.slope) * (observed - misfit)
        variance += np.float32(max(0.0, level**2 - float(variance.mean(dtype=np.float64))))
        np.maximum(variance, np.float32((MIN_RELATIVE_NOISE * level) ** 2), out=variance)
        return cls._from_patches(data, misfit, variance, psf)

    @property
    def has_signal(self) -> bool:
        """Whether the data contain more than noise."""
        lower_bound = self.data_power / (1 + 2 * np.sqrt(SHELL_VARIANCE / self.count))
        return bool((lower_bound > MIN_SIGNAL_POWER).any())

    @property
    def residual_lower_bound(self) -> Float64Array:
        """Power of the residual, less one standard error."""
        return np.asarray(self.residual_power / (1 + np.sqrt(SHELL_VARIANCE / self.count)))

    @classmethod
    def _from_patches(
        cls, data: Float32Array, misfit: Float32Array, variance: Float32Array, psf: PSF
    ) -> Self | None:
        """Average the spectra of patches, shape (patches, channels, *size)."""
        size = data.shape[2:]
        axes = tuple(range(2, data.ndim))
        fade = fade_window(size)

        def spectrum(values: Float32Array) -> NDArray[np.complex64]:
            return np.asarray(fft.rfftn(values * fade, axes=axes, workers=fft_workers()))

        def power(a: NDArray[np.complex64], b: NDArray[np.complex64]) -> Float64Array:
            return np.asarray(np.sum((a * b.conj()).real, axis=(0, 1), dtype=np.float64))

        data_spectrum, misfit_spectrum = spectrum(data), spectrum(misfit)
        relative = spectrum(np.asarray(misfit / np.sqrt(variance), np.float32))
        noise = float(np.sum(variance * fade**2, dtype=np.float64))
        patch_count = data.shape[0] * data.shape[1]
        unit_power = float(np.sum(fade**2, dtype=np.float64)) * patch_count
        observed = power(data_spectrum, data_spectrum) / noise
        transfer = np.abs(transfer_function(psf, size))
        passed = leak_spectrum(np.square(transfer))
        weight, frequencies = _frequencies(size)
        if not weight.any():  # a few pixels
            return None
        depth = -0.5 * np.log(np.maximum(passed, 1e-30))
        shell = np.minimum(
            SHELL_COUNT * np.sqrt(np.maximum(depth, 0) / MAX_SHELL_DEPTH), SHELL_COUNT
        ).astype(int)
        count = np.bincount(shell.ravel(), weight.ravel(), SHELL_COUNT + 1)

        def mean(values: NDArray[np.floating]) -> Float64Array:
            total = np.bincount(shell.ravel(), (weight * values).ravel(), SHELL_COUNT + 1)
            return np.asarray(total / np.maximum(count, 1))

        total_count = count * patch_count
        enough = total_count >= MIN_FREQUENCIES
        data_power = mean(observed)
        upper_bound = data_power * (1 + 2 * np.sqrt(SHELL_VARIANCE / np.maximum(total_count, 1)))
        floor = min(MAX_FLOOR_POWER, max(float(upper_bound[enough].min(initial=np.inf)), 1e-9))
        cross_power = mean(power(misfit_spectrum, data_spectrum) / noise)
        followed = 1 - cross_power / np.maximum(data_power, 1e-30)
        residual_power = mean(power(relative, relative) / unit_power)
        edges = [_near_nyquist(frequencies, axis) & (weight > 0) for axis in range(len(size))]
        return cls(
            passed_power=mean(passed)[enough],
            count=total_count[enough],
            data_power=data_power[enough] / floor,
            residual_power=residual_power[enough] / floor,
            followed_part=followed[enough],
            mean_passed_power=float(np.average(np.square(transfer), weights=weight)),
            at_nyquist=tuple(
                (float(transfer[edge].mean()), float(observed[edge].mean() / floor))
                for edge in edges
                if edge.any()
            ),
        )


def _frequencies(size: tuple[int, ...]) -> tuple[Float64Array, list[Float64Array]]:
    """Return the weight of each frequency of a half spectrum, and the frequencies per axis."""
    frequencies = [np.abs(part) for part in half_spectrum_frequencies(size)]
    periods = np.sqrt(sum(np.square(part * n) for part, n in zip(frequencies, size)))
    weight = half_spectrum_weights(size[-1])
    return np.where(periods < MIN_PERIODS_IN_PATCH, 0.0, weight), frequencies


def _near_nyquist(frequencies: list[Float64Array], axis: int) -> BoolArray:
    """Mark frequencies near one period in two pixels of an axis, and low along the others."""
    edge = frequencies[axis] > 0.45
    for other, part in enumerate(frequencies):
        if other != axis:
            edge = edge & (part < 0.15)
    return edge
