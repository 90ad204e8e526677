"""A Gaussian blur fitted to a power spectrum.

The scene's own spectrum is a power law of unknown slope, give or take what scenes differ by: a
smooth function of the logarithm of frequency, and one for each direction. A Gaussian blur falls
with the square of frequency instead, towards the floor of white noise. All that is unknown is
found at once, as the most probable: the blur's covariance is as certain as the rest lets it be.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from napari_tf_deblur._blur.spectrum import MIN_FREQUENCY, PowerSpectrum
from napari_tf_deblur._core.typing import Float64Array

SCENE_SLOPE, SCENE_SLOPE_SD = 1.1, 0.4
"""Slope of the logarithm of a scene's amplitudes: mean and standard deviation. Source: photographs
have about 1 (Field, J. Opt. Soc. Am. A 4, 1987); set by hand; ``benchmarks/constants.py --vary``
measures its effect."""

POINT_SCENE_SLOPE, POINT_SCENE_LOG_ODDS = 0.0, -2.2
"""Mean slope of scenes of single points, whose spectrum is white; and the logarithm of their odds.
Derived: the first from the white spectrum. Set by hand: half or 1.5 times changes nothing in
``benchmarks/CONSTANTS.md``."""

REFERENCE_LOG_FREQUENCY = float(np.log(0.1))
"""Logarithm of the frequency, in cycles per pixel, at which slope and strength do not depend on
each other. Definition: of the model's parameters."""

BEND_STRENGTH, BEND_LENGTH = 0.25, 0.5
"""Standard deviation by which a scene's logarithmic spectrum departs from a power law, and its
correlation length in the logarithm of frequency. Set by hand; its effect is in
``benchmarks/CONSTANTS.md``."""

DIRECTION_STRENGTH, DIRECTION_SLOPE, DIRECTION_BEND, DIRECTION_BEND_LENGTH = 0.7, 0.15, 0.2, 1.0
"""Standard deviations by which the logarithmic spectrum differs between directions: in strength, in
slope, in bends; and the correlation length of these. Set by hand; its effect is in
``benchmarks/CONSTANTS.md``."""

MIN_POWER_ERROR = 0.05
"""Least relative error of a cell's power. Set by hand: half or 1.5 times changes nothing in
``benchmarks/CONSTANTS.md``."""

MIN_NOISE_PART = 1e-6
"""Least noise, as a part of the image's power: below it no blur is a Gaussian. Set by hand: half or
1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

LOG_NOISE_SD = 2.0
"""Standard deviation of the logarithm of the noise's variance around that of the highest
frequencies. Set by hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

NOISE_FREQUENCY = 0.42
"""Frequency, in cycles per pixel, from which on there may be nothing but noise. Set by hand: half
or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

TRIAL_SIGMAS = np.geomspace(0.25, 9.0, 20)
"""Standard deviations, in pixels, that are tried for an equal blur along all axes. Limit: of time;
a fit follows."""

PIXEL_BLUR_VARIANCE = 0.12
"""Variance, in squared pixels, of the scene's own smallest details: a pixel is no point. Set by
hand; its effect is in ``benchmarks/CONSTANTS.md``."""

START_ELONGATION = 0.4
"""Part of the variance by which the first guesses of an elongated blur differ along axes. Set by
hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""


@dataclass(frozen=True)
class GaussianBlurFit:
    """The most probable blur.

    Attributes
    ----------
    badness : float
        Minus the logarithm of its probability, but for a constant.
    scene : ndarray
        Coefficients of the scene's logarithmic spectrum.
    blur : ndarray
        The covariance's free entries: one variance, or as `Spectrum.frequency_products`.
    log_noise : float
        Logarithm of the noise's variance.
    uncertainty : ndarray
        Covariance of `blur`.
    slope : float
        The mean of the slopes that were thought likely.
    oddity : float
        How unlike others the scene is: see `SpectrumModel.measure_bending`.
    """

    negative_log_posterior: float
    scene_coefficients: Float64Array
    blur: Float64Array
    log_noise: float
    uncertainty: Float64Array
    slope: float
    spectral_bending: float


class SpectrumModel:
    """The logarithmic spectrum of a blurred scene: a linear model, above white noise."""

    def __init__(self, spectrum: PowerSpectrum) -> None:
        self.spectrum = spectrum
        self.samples = 1 / (1 / np.maximum(spectrum.samples, 0.1) + MIN_POWER_ERROR**2)
        floor = MIN_NOISE_PART * np.average(spectrum.power, weights=spectrum.samples)
        power = spectrum.power + floor
        self.power = power / np.median(power)
        high = spectrum.log_frequency > min(
            np.log(NOISE_FREQUENCY), float(np.quantile(spectrum.log_frequency, 0.8))
        )
        self.log_noise = float(
            np.log(np.average(self.power[high], weights=spectrum.samples[high]) + 1e-30)
        )

    @cached_property
    def bend_basis(self) -> Float64Array:
        """The columns of the scene's model that bend its spectrum alike in all directions."""
        return BEND_STRENGTH * _smooth_basis(self.spectrum.log_frequency, BEND_LENGTH)

    @cached_property
    def scene_prior(self) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Columns of the scene's model; prior mean and precision of their coefficients."""
        octave = self.spectrum.log_frequency - REFERENCE_LOG_FREQUENCY
        columns = [np.ones_like(octave)[:, None], -2 * octave[:, None]]
        columns.append(self.bend_basis)
        turns = DIRECTION_BEND * _smooth_basis(self.spectrum.log_frequency, DIRECTION_BEND_LENGTH)
        by_direction = np.column_stack(
            [DIRECTION_STRENGTH + 0 * octave, DIRECTION_SLOPE * octave, turns]
        )
        columns += [function[:, None] * by_direction for function in self.spectrum.directions.T]
        matrix = np.concatenate(columns, axis=1)
        mean, precision = np.zeros(matrix.shape[1]), np.ones(matrix.shape[1])
        mean[1] = SCENE_SLOPE
        precision[:2] = 1e-4, 1 / SCENE_SLOPE_SD**2
        return matrix, mean, precision

    def guess_scene(self, falls: Float64Array) -> Float64Array:
        """Coefficients of a scene whose blurred spectrum has the strength that is seen."""
        matrix, mean, _ = self.scene_prior
        log_frequency = self.spectrum.log_frequency
        low = log_frequency < max(np.log(0.12), float(np.quantile(log_frequency, 0.15)))
        seen = np.maximum(self.power - 0.8 * np.exp(self.log_noise), 0.05 * self.power)
        rest = np.log(seen + 1e-30) - matrix @ mean - falls
        guess = mean.copy()
        guess[0] = np.average(rest[low], weights=self.samples[low])
        return guess

    def fit(
        self,
        columns: Float64Array,
        blur: Float64Array,
        *,
        start: GaussianBlurFit | None = None,
        slope: float | None = None,
        fit_blur: bool = True,
        steps: int = 30,
        enough: float = 1e-3,
    ) -> GaussianBlurFit:
        """Find the scene, the noise and, if it is free, the blur, by Levenberg and Marquardt.

        The likelihood is that of Whittle (1953): power is the model's, times a mean of
        exponentially distributed values.
        """
        matrix, mean, precision = self.scene_prior
        if slope is None:
            slope = SCENE_SLOPE if start is None else start.slope
        mean = np.array([mean[0], slope, *mean[2:]])
        falls = -4 * np.pi**2 * columns
        scene = self.guess_scene(falls @ blur) if start is None else start.scene_coefficients
        log_noise = self.log_noise if start is None else start.log_noise
        fixed = np.zeros(len(matrix))
        values = scene
        if fit_blur:
            matrix = np.concatenate([matrix, falls], axis=1)
            mean, precision = np.append(mean, blur), np.append(precision, np.full(blur.size, 1e-9))
            values = np.append(scene, blur)
        else:
            fixed = falls @ blur
        values = np.append(values, log_noise)
        mean, precision = np.append(mean, self.log_noise), np.append(precision, LOG_NOISE_SD**-2)

        def badness(values: Float64Array) -> tuple[float, Float64Array, float, Float64Array]:
            image = np.exp(np.clip(matrix @ values[:-1] + fixed, -80, 80))
            noise = float(np.exp(np.clip(values[-1], -80, 80)))
            total = image + noise
            misfit = np.sum(self.samples * (self.power / total + np.log(total)))
            prior = np.sum(precision * np.square(values - mean)) / 2
            return float(misfit + prior), image, noise, total

        columns_by_row = np.ascontiguousarray(matrix.T)
        score, image, noise, total = badness(values)
        damping = 1e-2
        for _ in range(steps):
            slopes = np.vstack([columns_by_row * (image / total), noise / total])
            weighted = slopes * self.samples
            gradient = weighted @ (1 - self.power / total) + precision * (values - mean)
            # A product this small takes the library longer to share out than to do.
            curvature = np.einsum("ic,jc->ij", weighted, slopes) + np.diag(precision)
            gain = 0.0
            for _ in range(8):
                damped = curvature + damping * np.diag(np.diag(curvature))
                step = -np.linalg.solve(damped, gradient)
                step *= min(1.0, 2 / max(abs(step[-1]), 1e-9))
                new = badness(values + step)
                gain = score - new[0]
                if gain > 0:
                    break
                damping = max(damping, 1e-3) * 6
            if gain <= 0:
                break
            values = values + step
            score, image, noise, total = new
            damping /= 5
            if gain < enough:
                break
        first = len(scene)
        inverse = np.asarray(np.linalg.inv(curvature), np.float64)
        uncertainty = inverse[first:-1, first:-1] if fit_blur else inverse[:0, :0]
        found = values[first:-1] if fit_blur else blur
        scene = values[:first]
        odd = self.measure_bending(scene)
        return GaussianBlurFit(score, scene, found, float(values[-1]), uncertainty, slope, odd)

    def measure_bending(self, scene: Float64Array) -> float:
        """How far a scene's spectrum bends: half the sum of the squares of the coefficients.

        Below 2 for photographs, cells and filaments; more for what is soft itself, and for
        textures of one scale, whose bends look like blur.
        """
        return float(np.sum(np.square(scene[2 : 2 + self.bend_basis.shape[1]])) / 2)

    def fit_isotropic(self) -> tuple[GaussianBlurFit, Float64Array]:
        """Fit one width for all axes; also return the badness at all `TRIAL_SIGMAS`."""
        columns = self.spectrum.frequency_products @ self.isotropic_covariance(1.0)[:, None]
        return self._fit_from_best_start(columns, np.square(TRIAL_SIGMAS))

    def fit_known_psf(self, number: int = 0) -> GaussianBlurFit:
        """Fit scene and noise, if the blur is that of one of the spectrum's PSFs."""
        columns, told = -self.spectrum.log_psf_power[number, :, None] / (4 * np.pi**2), np.ones(1)
        fit, points = (
            self.fit(columns, told, fit_blur=False, slope=slope)
            for slope in (SCENE_SLOPE, POINT_SCENE_SLOPE)
        )
        points = replace(
            points, negative_log_posterior=points.negative_log_posterior - POINT_SCENE_LOG_ODDS
        )  # rarer
        return min(fit, points, key=lambda fit: fit.negative_log_posterior)

    def _fit_from_best_start(
        self, columns: Float64Array, tried: Float64Array
    ) -> tuple[GaussianBlurFit, Float64Array]:
        """Fit one coefficient, from the best of several; also return the badness of these.

        For the scene or, if that is likelier by far, for one of points.
        """
        fits: list[GaussianBlurFit] = []
        for value in tried:
            before = fits[-1] if fits else None
            fits.append(
                self.fit(
                    columns, np.array([value]), start=before, fit_blur=False, steps=5, enough=0.05
                )
            )
        curve = np.array([fit.negative_log_posterior for fit in fits])
        best = fits[int(np.argmin(curve))]
        best = self.fit(columns, best.blur, start=best)
        points = self.fit(columns, best.blur, start=best, slope=POINT_SCENE_SLOPE)
        return (
            points
            if points.negative_log_posterior < best.negative_log_posterior + POINT_SCENE_LOG_ODDS
            else best,
            curve,
        )

    def fit_anisotropic(self, equal: GaussianBlurFit) -> GaussianBlurFit:
        """Fit one width per axis, turned in 2D, from the fit of one for all."""
        columns = self.spectrum.frequency_products
        variance = max(float(equal.blur[0]), 0.1)
        guesses = [self.isotropic_covariance(variance), *self._elongated_starts(variance)]
        fits = [self.fit(columns, guess, start=equal, steps=12, enough=0.02) for guess in guesses]
        best = min(fits, key=lambda fit: fit.negative_log_posterior)
        return self.fit(columns, best.blur, start=best)

    def isotropic_covariance(self, variance: float) -> Float64Array:
        """The covariance's free entries, for one variance along all axes."""
        pairs = self.spectrum.frequency_products.shape[1]
        if self.spectrum.directions.shape[1] == 4:  # 2D
            return np.array([variance, 0.0, variance])
        return np.full(pairs, variance)

    def _elongated_starts(self, variance: float) -> list[Float64Array]:
        part = START_ELONGATION * variance
        if self.spectrum.directions.shape[1] == 4:
            turns = np.arange(4) * np.pi / 4
            return [
                self.isotropic_covariance(variance)
                + part * np.array([np.cos(2 * t), np.sin(2 * t), -np.cos(2 * t)])
                for t in turns
            ]
        unit = np.eye(len(self.isotropic_covariance(variance)))
        return [self.isotropic_covariance(variance) + 2 * part * axis for axis in unit]


def _smooth_basis(log_frequency: Float64Array, length: float) -> Float64Array:
    """Smooth functions whose sum, with independent normal factors, has variance 1 everywhere."""
    centres = np.arange(np.log(MIN_FREQUENCY), np.log(0.9) + length, 0.8 * length)

    def alike(a: Float64Array, b: Float64Array) -> Float64Array:
        return np.asarray(np.exp(-np.square((a[:, None] - b) / length) / 2))

    root = np.linalg.cholesky(alike(centres, centres) + 1e-6 * np.eye(len(centres)))
    return np.asarray(np.linalg.solve(root, alike(centres, log_frequency)).T)
