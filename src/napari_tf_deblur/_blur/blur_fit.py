"""The fit of a blur to a power spectrum."""

from dataclasses import dataclass

from napari_tf_deblur._core.typing import Float64Array


@dataclass(frozen=True)
class BlurFit:
    """The most probable blur, scene and noise of a spectrum.

    Attributes
    ----------
    negative_log_posterior : float
        Minus the logarithm of the posterior probability, but for a constant.
    scene_coefficients : ndarray
        Coefficients of the logarithm of the scene's power.
    blur : ndarray
        Free entries of the covariance, in squared pixels: one variance, or in the order of
        `PowerSpectrum.frequency_products`.
    log_noise : float
        Logarithm of the noise variance.
    uncertainty : ndarray
        Covariance of `blur`.
    slope : float
        Prior mean of the slope.
    spectral_bending : float
        How far the scene departs from a power law, see `SpectrumModel.measure_bending`.
    """

    negative_log_posterior: float
    scene_coefficients: Float64Array
    blur: Float64Array
    log_noise: float
    uncertainty: Float64Array
    slope: float
    spectral_bending: float
