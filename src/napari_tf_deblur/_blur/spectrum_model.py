"""Model the power spectrum of a blurred scene, and fit scene, blur and noise together.

The spectrum of the scene is a power law of unknown slope. Scenes depart from it by a smooth
function of the logarithm of frequency, and by one for each direction. A Gaussian blur makes the
logarithm of the power fall with the square of frequency instead, down to the floor of white noise.
All unknowns are fitted at once, by maximum a posteriori. So the uncertainty of the blur includes
that of scene and noise.
"""

from functools import cached_property

import numpy as np

from napari_tf_deblur._blur.blur_fit import BlurFit
from napari_tf_deblur._blur.spectrum import MIN_FREQUENCY, PowerSpectrum
from napari_tf_deblur._core.typing import Float64Array

SCENE_SLOPE, SCENE_SLOPE_SD = 1.1, 0.4
"""Slope by which the amplitudes of a scene fall with frequency, both as logarithms: prior mean and
standard deviation. Source: photographs have about 1 (Field, J. Opt. Soc. Am. A 4, 1987)."""

REFERENCE_LOG_FREQUENCY = float(np.log(0.1))
"""Logarithm of the frequency, in cycles per pixel, at which the strength of the scene is defined,
so that slope and strength are independent. Definition: of the model's parameters."""

BEND_STRENGTH, BEND_LENGTH = 0.25, 0.5
"""Standard deviation by which the logarithm of a scene's power departs from a power law, and its
correlation length in the logarithm of frequency. Chosen by ``benchmarks/blur_constants.py``: half
of each misses two families."""

DIRECTION_STRENGTH, DIRECTION_SLOPE, DIRECTION_BEND, DIRECTION_BEND_LENGTH = 0.7, 0.15, 0.2, 1.0
"""Standard deviations by which the logarithm of the power differs between directions: in strength,
in slope, and in bends; and the correlation length of the bends. Chosen by
``benchmarks/blur_constants.py``: none is better in families, clear
estimates and sizes at 0.5 or 1.5 times."""

MIN_POWER_ERROR = 0.05
"""Least relative error of the power of a cell, because the model is smooth. Chosen by
``benchmarks/blur_constants.py``: 1.5 times makes two estimates less clear."""

MIN_NOISE_PART = 1e-6
"""Least noise, as a part of the power of the image: no real blur is a Gaussian to a smaller part.
Guard: against the rounding and the cut of PSFs in images without noise;
``tests/blur/test_blur_families.py``."""

WIDE_PRIOR_SD = 1e3
"""Prior standard deviation of what only the image tells: the logarithm of the noise variance, and
variances of the blur in squared pixels. Guard: against a curvature of zero where the image tells
nothing; ``tests/blur/test_blur_estimate.py``."""

CELLS_PER_PRODUCT = 64
"""Cells whose products are summed in one call of BLAS. Limit: of time; from 2^18 multiplications
on, OpenBLAS waits for its threads, which may take longer than the product."""


class SpectrumModel:
    """A linear model of the logarithm of the power of a blurred scene, plus white noise.

    Parameters
    ----------
    spectrum : PowerSpectrum
        The measured spectrum.
    """

    def __init__(self, spectrum: PowerSpectrum) -> None:
        self.spectrum = spectrum
        self.samples = 1 / (1 / np.maximum(spectrum.samples, 0.1) + MIN_POWER_ERROR**2)
        floor = MIN_NOISE_PART * np.average(spectrum.power, weights=spectrum.samples)
        power = spectrum.power + floor
        self.power = power / np.median(power)
        high = spectrum.log_frequency > np.quantile(spectrum.log_frequency, 0.8)
        self.log_noise = float(
            np.log(np.average(self.power[high], weights=spectrum.samples[high]) + 1e-30)
        )

    @cached_property
    def bend_basis(self) -> Float64Array:
        """The columns of the scene's model that bend the spectrum alike in all directions."""
        return BEND_STRENGTH * _smooth_basis(self.spectrum.log_frequency, BEND_LENGTH)

    @cached_property
    def scene_prior(self) -> tuple[Float64Array, Float64Array, Float64Array]:
        """The columns of the scene's model; prior mean and precision of their coefficients."""
        relative = self.spectrum.log_frequency - REFERENCE_LOG_FREQUENCY
        columns = [np.ones_like(relative)[:, None], -2 * relative[:, None]]
        columns.append(self.bend_basis)
        bends = DIRECTION_BEND * _smooth_basis(self.spectrum.log_frequency, DIRECTION_BEND_LENGTH)
        by_direction = np.column_stack(
            [DIRECTION_STRENGTH + 0 * relative, DIRECTION_SLOPE * relative, bends]
        )
        columns += [function[:, None] * by_direction for function in self.spectrum.directions.T]
        matrix = np.concatenate(columns, axis=1)
        mean, precision = np.zeros(matrix.shape[1]), np.ones(matrix.shape[1])
        mean[1] = SCENE_SLOPE
        precision[:2] = 1e-4, 1 / SCENE_SLOPE_SD**2
        return matrix, mean, precision

    def guess_scene(self, log_blur: Float64Array) -> Float64Array:
        """Return coefficients of a mean scene with the strength of the spectrum.

        Parameters
        ----------
        log_blur : ndarray
            Shape (cells,): logarithm of the part of the power that the blur passes.
        """
        matrix, mean, _ = self.scene_prior
        log_frequency = self.spectrum.log_frequency
        low = log_frequency < max(np.log(0.12), float(np.quantile(log_frequency, 0.15)))
        signal = np.maximum(self.power - 0.8 * np.exp(self.log_noise), 0.05 * self.power)
        rest = np.log(signal + 1e-30) - matrix @ mean - log_blur
        guess = mean.copy()
        guess[0] = np.average(rest[low], weights=self.samples[low])
        return guess

    def fit(
        self,
        columns: Float64Array,
        blur: Float64Array,
        *,
        start: BlurFit | None = None,
        slope: float | None = None,
        fit_blur: bool = True,
        max_steps: int = 30,
        min_gain: float = 1e-3,
    ) -> BlurFit:
        """Fit scene and noise, and the blur if it is free, by the Levenberg-Marquardt method.

        The likelihood is that of Whittle (1953): the power of each cell is that of the model, times
        a mean of exponentially distributed values.

        Parameters
        ----------
        columns : ndarray
            Shape (cells, coefficients): the blur multiplies the power by
            ``exp(-4 pi**2 columns @ blur)``.
        blur : ndarray
            Coefficients of the blur: start values, or fixed values.
        start : BlurFit, optional
            A fit from which scene and noise start.
        slope : float, optional
            Prior mean of the slope; by default that of `start`, or `SCENE_SLOPE`.
        fit_blur : bool
            Whether the blur is fitted, too.
        max_steps : int
            Largest number of steps.
        min_gain : float
            The fit ends when a step lowers the negative log posterior by less than this.
        """
        matrix, mean, precision = self.scene_prior
        if slope is None:
            slope = SCENE_SLOPE if start is None else start.slope
        mean = np.array([mean[0], slope, *mean[2:]])
        blur_columns = -4 * np.pi**2 * columns
        scene = self.guess_scene(blur_columns @ blur) if start is None else start.scene_coefficients
        log_noise = self.log_noise if start is None else start.log_noise
        fixed = np.zeros(len(matrix))
        values = scene
        if fit_blur:
            matrix = np.concatenate([matrix, blur_columns], axis=1)
            mean = np.append(mean, blur)
            precision = np.append(precision, np.full(blur.size, WIDE_PRIOR_SD**-2))
            values = np.append(scene, blur)
        else:
            fixed = blur_columns @ blur
        values = np.append(values, log_noise)
        mean, precision = np.append(mean, self.log_noise), np.append(precision, WIDE_PRIOR_SD**-2)

        def posterior(values: Float64Array) -> tuple[float, Float64Array, float, Float64Array]:
            image = np.exp(np.clip(matrix @ values[:-1] + fixed, -80, 80))
            noise = float(np.exp(np.clip(values[-1], -80, 80)))
            total = image + noise
            misfit = np.sum(self.samples * (self.power / total + np.log(total)))
            prior = np.sum(precision * np.square(values - mean)) / 2
            return float(misfit + prior), image, noise, total

        columns_by_row = np.ascontiguousarray(matrix.T)
        score, image, noise, total = posterior(values)
        damping = 1e-2
        for _ in range(max_steps):
            slopes = np.vstack([columns_by_row * (image / total), noise / total])
            weighted = slopes * self.samples
            gradient = weighted @ (1 - self.power / total) + precision * (values - mean)
            curvature = _sum_products(weighted, slopes) + np.diag(precision)
            gain = 0.0
            for _ in range(8):
                damped = curvature + damping * np.diag(np.diag(curvature))
                step = -np.linalg.solve(damped, gradient)
                step *= min(1.0, 2 / max(abs(step[-1]), 1e-9))
                new = posterior(values + step)
                gain = score - new[0]
                if gain > 0:
                    break
                damping = max(damping, 1e-3) * 6
            if gain <= 0:
                break
            values = values + step
            score, image, noise, total = new
            damping /= 5
            if gain < min_gain:
                break
        first = len(scene)
        inverse = np.asarray(np.linalg.inv(curvature), np.float64)
        uncertainty = inverse[first:-1, first:-1] if fit_blur else inverse[:0, :0]
        blur = values[first:-1] if fit_blur else blur
        scene = values[:first]
        bending = self.measure_bending(scene)
        return BlurFit(score, scene, blur, float(values[-1]), uncertainty, slope, bending)

    def measure_bending(self, scene: Float64Array) -> float:
        """Return how far the spectrum of a scene departs from a power law.

        It is half the sum of the squares of the coefficients of the bends: below 2 for photographs,
        cells and filaments; more for soft scenes, and for textures of one scale, whose bends look
        like blur.
        """
        return float(np.sum(np.square(scene[2 : 2 + self.bend_basis.shape[1]])) / 2)

    def isotropic_covariance(self, variance: float) -> Float64Array:
        """Return the free entries of a covariance with one variance for all axes."""
        pairs = self.spectrum.frequency_products.shape[1]
        if self.spectrum.directions.shape[1] == 4:  # 2D
            return np.array([variance, 0.0, variance])
        return np.full(pairs, variance)


def _sum_products(a: Float64Array, b: Float64Array) -> Float64Array:
    """Return ``a @ b.T`` of two arrays of shape (coefficients, cells)."""
    parts = [np.s_[:, k : k + CELLS_PER_PRODUCT] for k in range(0, a.shape[1], CELLS_PER_PRODUCT)]
    return np.asarray(sum(a[part] @ b[part].T for part in parts))


def _smooth_basis(log_frequency: Float64Array, length: float) -> Float64Array:
    """Return smooth functions whose sum with independent normal factors has variance 1."""
    centres = np.arange(np.log(MIN_FREQUENCY), np.log(0.9) + length, 0.8 * length)

    def correlation(a: Float64Array, b: Float64Array) -> Float64Array:
        return np.asarray(np.exp(-np.square((a[:, None] - b) / length) / 2))

    root = np.linalg.cholesky(correlation(centres, centres) + 1e-6 * np.eye(len(centres)))
    return np.asarray(np.linalg.solve(root, correlation(centres, log_frequency)).T)
