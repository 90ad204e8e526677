"""A Gaussian blur fitted to a power spectrum.

The scene's own spectrum is a power law of unknown slope, give or take what scenes differ by: a
smooth function of the logarithm of frequency, and one for each direction. A Gaussian blur falls
with the square of frequency instead, towards the floor of white noise. All that is unknown is
found at once, as the most probable: the blur's covariance is as certain as the rest lets it be.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from napari_tf_deblur._blur.spectrum import LOWEST, Spectrum
from napari_tf_deblur._core.typing import Float64Array

SLOPE, SLOPE_SPREAD = 1.1, 0.4
"""Slope of the logarithm of a scene's amplitudes: mean and standard deviation. Source: photographs
have about 1 (Field, J. Opt. Soc. Am. A 4, 1987); set by hand; ``benchmarks/constants.py --vary``
measures its effect."""

SLOPE_OF_POINTS, ODDS_OF_POINTS = 0.0, -2.2
"""Mean slope of scenes of single points, whose spectrum is white; and the logarithm of their odds.
Derived: the first from the white spectrum. Set by hand; ``benchmarks/constants.py --vary`` measures
its effect."""

REFERENCE = float(np.log(0.1))
"""Logarithm of the frequency, in cycles per pixel, at which slope and strength do not depend on
each other. Definition: of the model's parameters."""

BENDS, BEND_LENGTH = 0.25, 0.5
"""Standard deviation by which a scene's logarithmic spectrum departs from a power law, and its
correlation length in the logarithm of frequency. Set by hand; ``benchmarks/constants.py --vary``
measures its effect."""

STRENGTHS, SLOPES, TURNS, TURN_LENGTH = 0.7, 0.15, 0.2, 1.0
"""Standard deviations by which the logarithmic spectrum differs between directions: in strength, in
slope, in bends; and the correlation length of these. Set by hand; ``benchmarks/constants.py
--vary`` measures its effect."""

FLOOR = 0.05
"""Least relative error of a cell's power. Set by hand; ``benchmarks/constants.py --vary`` measures
its effect."""

FAINTEST = 1e-6
"""Least noise, as a part of the image's power: below it no blur is a Gaussian. Set by hand;
``benchmarks/constants.py --vary`` measures its effect."""

NOISE_SPREAD = 2.0
"""Standard deviation of the logarithm of the noise's variance around that of the highest
frequencies. Set by hand; ``benchmarks/constants.py --vary`` measures its effect."""

HIGHEST = 0.42
"""Frequency, in cycles per pixel, from which on there may be nothing but noise. Set by hand;
``benchmarks/constants.py --vary`` measures its effect."""

WIDTHS = np.geomspace(0.25, 9.0, 20)
"""Standard deviations, in pixels, that are tried for an equal blur along all axes. Limit: of time;
a fit follows."""

OWN = 0.12
"""Variance, in squared pixels, of the scene's own smallest details: a pixel is no point. Set by
hand; ``benchmarks/constants.py --vary`` measures its effect."""

ELONGATED = 0.4
"""Part of the variance by which the first guesses of an elongated blur differ along axes. Set by
hand; ``benchmarks/constants.py --vary`` measures its effect."""


@dataclass(frozen=True)
class Fit:
    """The most probable blur.

    Attributes
    ----------
    badness : float
        Minus the logarithm of its probability, but for a constant.
    scene : ndarray
        Coefficients of the scene's logarithmic spectrum.
    blur : ndarray
        The covariance's free entries: one variance, or as `Spectrum.products`.
    log_noise : float
        Logarithm of the noise's variance.
    uncertainty : ndarray
        Covariance of `blur`.
    slope : float
        The mean of the slopes that were thought likely.
    oddity : float
        How unlike others the scene is: see `Model.oddity`.
    """

    badness: float
    scene: Float64Array
    blur: Float64Array
    log_noise: float
    uncertainty: Float64Array
    slope: float
    oddity: float


class Model:
    """The logarithmic spectrum of a blurred scene: a linear model, above white noise."""

    def __init__(self, spectrum: Spectrum) -> None:
        self.spectrum = spectrum
        self.samples = 1 / (1 / np.maximum(spectrum.samples, 0.1) + FLOOR**2)
        floor = FAINTEST * np.average(spectrum.power, weights=spectrum.samples)
        power = spectrum.power + floor
        self.power = power / np.median(power)
        high = spectrum.log_frequency > min(
            np.log(HIGHEST), float(np.quantile(spectrum.log_frequency, 0.8))
        )
        self.log_noise = float(
            np.log(np.average(self.power[high], weights=spectrum.samples[high]) + 1e-30)
        )

    @cached_property
    def bends(self) -> Float64Array:
        """The columns of the scene's model that bend its spectrum alike in all directions."""
        return BENDS * _bends(self.spectrum.log_frequency, BEND_LENGTH)

    @cached_property
    def scene(self) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Columns of the scene's model; prior mean and precision of their coefficients."""
        octave = self.spectrum.log_frequency - REFERENCE
        columns = [np.ones_like(octave)[:, None], -2 * octave[:, None]]
        columns.append(self.bends)
        turns = TURNS * _bends(self.spectrum.log_frequency, TURN_LENGTH)
        by_direction = np.column_stack([STRENGTHS + 0 * octave, SLOPES * octave, turns])
        columns += [function[:, None] * by_direction for function in self.spectrum.directions.T]
        matrix = np.concatenate(columns, axis=1)
        mean, precision = np.zeros(matrix.shape[1]), np.ones(matrix.shape[1])
        mean[1] = SLOPE
        precision[:2] = 1e-4, 1 / SLOPE_SPREAD**2
        return matrix, mean, precision

    def first_guess(self, falls: Float64Array) -> Float64Array:
        """Coefficients of a scene whose blurred spectrum has the strength that is seen."""
        matrix, mean, _ = self.scene
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
        start: Fit | None = None,
        slope: float | None = None,
        free: bool = True,
        steps: int = 30,
        enough: float = 1e-3,
    ) -> Fit:
        """Find the scene, the noise and, if it is free, the blur, by Levenberg and Marquardt.

        The likelihood is that of Whittle (1953): power is the model's, times a mean of
        exponentially distributed values.
        """
        matrix, mean, precision = self.scene
        if slope is None:
            slope = SLOPE if start is None else start.slope
        mean = np.array([mean[0], slope, *mean[2:]])
        falls = -4 * np.pi**2 * columns
        scene = self.first_guess(falls @ blur) if start is None else start.scene
        log_noise = self.log_noise if start is None else start.log_noise
        fixed = np.zeros(len(matrix))
        values = scene
        if free:
            matrix = np.concatenate([matrix, falls], axis=1)
            mean, precision = np.append(mean, blur), np.append(precision, np.full(blur.size, 1e-9))
            values = np.append(scene, blur)
        else:
            fixed = falls @ blur
        values = np.append(values, log_noise)
        mean, precision = np.append(mean, self.log_noise), np.append(precision, NOISE_SPREAD**-2)

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
        uncertainty = inverse[first:-1, first:-1] if free else inverse[:0, :0]
        found = values[first:-1] if free else blur
        scene = values[:first]
        odd = self.oddity(scene)
        return Fit(score, scene, found, float(values[-1]), uncertainty, slope, odd)

    def oddity(self, scene: Float64Array) -> float:
        """How far a scene's spectrum bends: half the sum of the squares of the coefficients.

        Below 2 for photographs, cells and filaments; more for what is soft itself, and for
        textures of one scale, whose bends look like blur.
        """
        return float(np.sum(np.square(scene[2 : 2 + self.bends.shape[1]])) / 2)

    def equal(self) -> tuple[Fit, Float64Array]:
        """Fit one width for all axes; also return the badness at all `WIDTHS`."""
        columns = self.spectrum.products @ self.round(1.0)[:, None]
        return self._best_of(columns, np.square(WIDTHS))

    def as_told(self, number: int = 0) -> Fit:
        """Fit scene and noise, if the blur is that of one of the spectrum's PSFs."""
        columns, told = -self.spectrum.log_passed[number, :, None] / (4 * np.pi**2), np.ones(1)
        fit, points = (
            self.fit(columns, told, free=False, slope=slope) for slope in (SLOPE, SLOPE_OF_POINTS)
        )
        points = replace(points, badness=points.badness - ODDS_OF_POINTS)  # rarer
        return min(fit, points, key=lambda fit: fit.badness)

    def _best_of(self, columns: Float64Array, tried: Float64Array) -> tuple[Fit, Float64Array]:
        """Fit one coefficient, from the best of several; also return the badness of these.

        For the scene or, if that is likelier by far, for one of points.
        """
        fits: list[Fit] = []
        for value in tried:
            before = fits[-1] if fits else None
            fits.append(
                self.fit(columns, np.array([value]), start=before, free=False, steps=5, enough=0.05)
            )
        curve = np.array([fit.badness for fit in fits])
        best = fits[int(np.argmin(curve))]
        best = self.fit(columns, best.blur, start=best)
        points = self.fit(columns, best.blur, start=best, slope=SLOPE_OF_POINTS)
        return points if points.badness < best.badness + ODDS_OF_POINTS else best, curve

    def by_axis(self, equal: Fit) -> Fit:
        """Fit one width per axis, turned in 2D, from the fit of one for all."""
        columns = self.spectrum.products
        variance = max(float(equal.blur[0]), 0.1)
        guesses = [self.round(variance), *self._elongated(variance)]
        fits = [self.fit(columns, guess, start=equal, steps=12, enough=0.02) for guess in guesses]
        best = min(fits, key=lambda fit: fit.badness)
        return self.fit(columns, best.blur, start=best)

    def round(self, variance: float) -> Float64Array:
        """The covariance's free entries, for one variance along all axes."""
        pairs = self.spectrum.products.shape[1]
        if self.spectrum.directions.shape[1] == 4:  # 2D
            return np.array([variance, 0.0, variance])
        return np.full(pairs, variance)

    def _elongated(self, variance: float) -> list[Float64Array]:
        part = ELONGATED * variance
        if self.spectrum.directions.shape[1] == 4:
            turns = np.arange(4) * np.pi / 4
            return [
                self.round(variance)
                + part * np.array([np.cos(2 * t), np.sin(2 * t), -np.cos(2 * t)])
                for t in turns
            ]
        unit = np.eye(len(self.round(variance)))
        return [self.round(variance) + 2 * part * axis for axis in unit]


def _bends(log_frequency: Float64Array, length: float) -> Float64Array:
    """Smooth functions whose sum, with independent normal factors, has variance 1 everywhere."""
    centres = np.arange(np.log(LOWEST), np.log(0.9) + length, 0.8 * length)

    def alike(a: Float64Array, b: Float64Array) -> Float64Array:
        return np.asarray(np.exp(-np.square((a[:, None] - b) / length) / 2))

    root = np.linalg.cholesky(alike(centres, centres) + 1e-6 * np.eye(len(centres)))
    return np.asarray(np.linalg.solve(root, alike(centres, log_frequency)).T)
