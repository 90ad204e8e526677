"""Fit scene and noise of one spectrum for many known blurs at once."""

import numpy as np

from napari_tf_deblur._blur.gaussian_fit import PIXEL_BLUR_VARIANCE
from napari_tf_deblur._blur.spectrum_model import (
    REFERENCE_LOG_FREQUENCY,
    SCENE_SLOPE,
    WIDE_PRIOR_SD,
    SpectrumModel,
)
from napari_tf_deblur._core.typing import Float64Array

PIXEL_BLUR_VARIANCE_SD = 0.15
"""Prior standard deviation of `PIXEL_BLUR_VARIANCE`, in squared pixels: lenses and pixels differ.
Chosen by ``benchmarks/blur_constants.py``: with half, one clear estimate more is false."""

RIDGE_SINE_SQUARED, RIDGE_STRENGTH, RIDGE_SLOPE = 0.02, 1.5, 0.5
"""Buildings and print are upright: their spectra have ridges along the axes, which look like those
of long lines. Squared sine of the angle to an axis below which a cell lies on the ridge; and prior
standard deviations by which the logarithm of its power differs from the rest, in strength and in
slope. Chosen by ``benchmarks/blur_constants.py``: half and 1.5 times change no family; without
ridges, a line is missed."""


class BatchSceneModel:
    """Scene and noise for each of many known blurs, fitted to the same spectrum.

    Parameters
    ----------
    model : SpectrumModel
        The model of scene and noise.
    slope : float
        Prior mean of the slope.
    gaussian : bool
        Whether the blurs are Gaussians, whose variances are fitted again. If not, each blur is
        combined with a small Gaussian of about `PIXEL_BLUR_VARIANCE`.
    """

    def __init__(
        self, model: SpectrumModel, slope: float = SCENE_SLOPE, gaussian: bool = False
    ) -> None:
        self.model = model
        matrix, mean, precision = model.scene_prior
        mean = np.array([mean[0], slope, *mean[2:]])
        columns = -4 * np.pi**2 * model.spectrum.frequency_products
        gaussians, spread = (
            (columns, WIDE_PRIOR_SD)
            if gaussian
            else (columns @ model.isotropic_covariance(1.0)[:, None], PIXEL_BLUR_VARIANCE_SD)
        )
        squares = model.spectrum.frequency_products[:, [0, 2]]
        on_ridge = (squares / squares.sum(axis=1, keepdims=True))[:, ::-1] < RIDGE_SINE_SQUARED
        slopes = on_ridge * (model.spectrum.log_frequency - REFERENCE_LOG_FREQUENCY)[:, None]
        ridges = np.concatenate([RIDGE_STRENGTH * on_ridge, RIDGE_SLOPE * slopes], axis=1)
        ridge_count, variance_count = ridges.shape[1], gaussians.shape[1]
        variance_mean = np.full(variance_count, 0.0 if gaussian else PIXEL_BLUR_VARIANCE)
        variance_precision = np.full(variance_count, spread**-2)
        self._matrix = np.concatenate([matrix, ridges, gaussians], axis=1)
        self._mean = np.concatenate([mean, np.zeros(ridge_count), variance_mean, [model.log_noise]])
        self._precision = np.concatenate(
            [precision, np.ones(ridge_count), variance_precision, [WIDE_PRIOR_SD**-2]]
        )

    @property
    def coefficient_count(self) -> int:
        """Number of coefficients: of the scene, the ridges, the Gaussian and the noise."""
        return len(self._mean)

    def fit_linear(self, blurs: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Fit the logarithm of the power above the noise, which is a linear problem.

        Parameters
        ----------
        blurs : ndarray
            Shape (blurs, cells): logarithm of the part of the power that each blur passes.

        Returns
        -------
        scores : ndarray
            Shape (blurs,): negative log posterior. The scores of this function can only be compared
            with each other.
        values : ndarray
            Shape (blurs, coefficients): coefficients of the scene, the ridges, the Gaussian and the
            noise.
        """
        model, mean, precision = self.model, self._mean[:-1], self._precision[:-1]
        signal = np.maximum(model.power - 0.8 * np.exp(model.log_noise), 0.05 * model.power)
        weight = model.samples * np.square(signal / model.power)
        weighted = self._matrix.T * weight
        rest = np.log(signal) - blurs
        normal = weighted @ self._matrix + np.diag(precision)
        values = np.linalg.solve(normal, weighted @ rest.T + (precision * mean)[:, None]).T
        misfit = np.square(rest - values @ self._matrix.T) @ weight
        scores = (misfit + np.square(values - mean) @ precision) / 2
        noise = np.full((len(blurs), 1), model.log_noise)
        return scores, np.concatenate([values, noise], axis=1)

    def fit(
        self, blurs: Float64Array, values: Float64Array, steps: int
    ) -> tuple[Float64Array, Float64Array]:
        """Fit as `SpectrumModel.fit` does, by the Levenberg-Marquardt method.

        Parameters
        ----------
        blurs : ndarray
            Shape (blurs, cells): logarithm of the part of the power that each blur passes.
        values : ndarray
            Shape (blurs, coefficients): start values.
        steps : int
            Number of steps.

        Returns
        -------
        scores : ndarray
            Shape (blurs,): negative log posterior, as that of `BlurFit`.
        values : ndarray
            Shape (blurs, coefficients), in the order of `fit_linear`.
        """
        power, samples = self.model.power, self.model.samples

        def posterior(values: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array]:
            image = np.exp(np.clip(values[:, :-1] @ self._matrix.T + blurs, -80, 80))
            total = image + np.exp(np.clip(values[:, -1:], -80, 80))
            misfit = (power / total + np.log(total)) @ samples
            prior = np.square(values - self._mean) @ self._precision / 2
            return np.asarray(misfit + prior), image / total, total

        score, part, total = posterior(values)
        damping = np.full(len(blurs), 1e-2)
        for _ in range(steps):
            # How the logarithm of the total power changes with each coefficient.
            slopes = np.concatenate([part[:, :, None] * self._matrix, 1 - part[:, :, None]], axis=2)
            weighted = np.swapaxes(slopes * samples[:, None], 1, 2)
            gradient = (weighted @ (1 - power / total)[:, :, None])[:, :, 0]
            gradient += self._precision * (values - self._mean)
            curvature = weighted @ slopes + np.diag(self._precision)
            pending = np.ones(len(blurs), np.bool_)
            for _ in range(4):
                damped = curvature + damping[:, None, None] * (
                    curvature * np.eye(curvature.shape[-1])
                )
                step = -np.linalg.solve(damped, gradient[:, :, None])[:, :, 0]
                step *= np.minimum(1, 2 / np.maximum(np.abs(step[:, -1:]), 1e-9))
                trial = values + step
                new = posterior(trial)
                better = pending & (new[0] < score)
                values = np.where(better[:, None], trial, values)
                score = np.where(better, new[0], score)
                part = np.where(better[:, None], new[1], part)
                total = np.where(better[:, None], new[2], total)
                damping = np.where(
                    better, damping / 5, np.where(pending, np.maximum(damping, 1e-3) * 6, damping)
                )
                pending &= ~better
                if not pending.any():
                    break
        return score, values
