"""Fit a Gaussian blur, or a known PSF, to a power spectrum."""

from dataclasses import replace

import numpy as np

from napari_tf_deblur._blur.blur_fit import BlurFit
from napari_tf_deblur._blur.spectrum_model import SCENE_SLOPE, SpectrumModel
from napari_tf_deblur._core.typing import Float64Array

POINT_SCENE_SLOPE, POINT_SCENE_LOG_ODDS = 0.0, -2.2
"""Mean slope of scenes of single points, whose spectrum is white; and the logarithm of their prior
odds. Derived: the slope of a white spectrum, and the odds of one scene in ten."""

TRIAL_SIGMAS = np.geomspace(0.25, 9.0, 20)
"""Standard deviations, in pixels, that are tried for a blur that is equal along all axes. Limit: of
time; a fit follows."""

PIXEL_BLUR_VARIANCE = 0.12
"""Variance, in squared pixels, of the smallest details of a scene: a pixel is not a point. Chosen
by ``benchmarks/blur_constants.py``: with half, one clear estimate more is false, and 1.5 times
makes sizes less exact."""

START_ELONGATION = 0.4
"""Part of the variance by which the start values of an elongated blur differ along axes. Limit: of
time; a fit follows."""


def fit_isotropic(model: SpectrumModel) -> tuple[BlurFit, Float64Array]:
    """Fit a Gaussian with one variance for all axes.

    Parameters
    ----------
    model : SpectrumModel
        The model of the spectrum.

    Returns
    -------
    fit : BlurFit
        The most probable blur.
    curve : ndarray
        The negative log posterior at each of `TRIAL_SIGMAS`.
    """
    columns = model.spectrum.frequency_products @ model.isotropic_covariance(1.0)[:, None]
    fits: list[BlurFit] = []
    for variance in np.square(TRIAL_SIGMAS):
        start = fits[-1] if fits else None
        fits.append(
            model.fit(
                columns,
                np.array([variance]),
                start=start,
                fit_blur=False,
                max_steps=5,
                min_gain=0.05,
            )
        )
    curve = np.array([fit.negative_log_posterior for fit in fits])
    best = fits[int(np.argmin(curve))]
    best = model.fit(columns, best.blur, start=best)
    points = model.fit(columns, best.blur, start=best, slope=POINT_SCENE_SLOPE)
    if points.negative_log_posterior < best.negative_log_posterior + POINT_SCENE_LOG_ODDS:
        return points, curve
    return best, curve


def fit_known_psf(model: SpectrumModel, number: int = 0, start: BlurFit | None = None) -> BlurFit:
    """Fit scene and noise, if the blur is one of the PSFs of the spectrum.

    Parameters
    ----------
    model : SpectrumModel
        The model of the spectrum.
    number : int
        Number of the PSF, from 0.
    start : BlurFit, optional
        A fit with a similar PSF, from which this one starts.
    """
    columns = -model.spectrum.log_psf_power[number, :, None] / (4 * np.pi**2)
    fit = model.fit(columns, np.ones(1), fit_blur=False, slope=SCENE_SLOPE, start=start)
    points = model.fit(columns, np.ones(1), fit_blur=False, slope=POINT_SCENE_SLOPE, start=fit)
    points = replace(
        points, negative_log_posterior=points.negative_log_posterior - POINT_SCENE_LOG_ODDS
    )  # scenes of points are rarer
    return min(fit, points, key=lambda fit: fit.negative_log_posterior)


def fit_anisotropic(model: SpectrumModel, isotropic: BlurFit) -> BlurFit:
    """Fit a Gaussian with one variance per axis; in 2D, its axes may be rotated.

    Parameters
    ----------
    model : SpectrumModel
        The model of the spectrum.
    isotropic : BlurFit
        The fit with one variance for all axes, from which this one starts.
    """
    columns = model.spectrum.frequency_products
    variance = max(float(isotropic.blur[0]), 0.1)
    starts = [model.isotropic_covariance(variance), *_elongated_starts(model, variance)]
    fits = [
        model.fit(columns, start, start=isotropic, max_steps=12, min_gain=0.02) for start in starts
    ]
    best = min(fits, key=lambda fit: fit.negative_log_posterior)
    return model.fit(columns, best.blur, start=best)


def _elongated_starts(model: SpectrumModel, variance: float) -> list[Float64Array]:
    """Return covariances that are elongated along several directions."""
    part = START_ELONGATION * variance
    if model.spectrum.directions.shape[1] == 4:  # 2D
        angles = np.arange(4) * np.pi / 4
        return [
            model.isotropic_covariance(variance)
            + part * np.array([np.cos(2 * t), np.sin(2 * t), -np.cos(2 * t)])
            for t in angles
        ]
    unit = np.eye(len(model.isotropic_covariance(variance)))
    return [model.isotropic_covariance(variance) + 2 * part * axis for axis in unit]
