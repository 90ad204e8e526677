"""Divide a residual by the standard deviation of the noise of each pixel."""

import numpy as np

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._noise.noise import estimate_channel_noise
from napari_tf_deblur._noise.noise_line import fit_noise_line
from napari_tf_deblur._noise.noise_sample import NoiseSample

MIN_RELATIVE_NOISE = 0.3
"""Least noise of a pixel, relative to the noise at most pixels. Guard: below, the line of variance
over brightness is not reliable; ``tests/noise/test_standardise.py``."""


def standardise_residual(residual: Float32Array, image: Float32Array) -> Float32Array | None:
    """Divide a residual by the standard deviation of each pixel's noise.

    Photon noise grows with the brightness. Its variance is the line that is estimated from the
    image, at the intensity of the model (the image without the residual). If the noise does not
    grow with the brightness, all pixels are divided by the same number.

    Parameters
    ----------
    residual : ndarray of float32
        Shape (planes, channels, *frame); 0 at pixels that were not compared.
    image : ndarray of float32
        The image, in the same shape and units; NaN and infinite pixels do not count.

    Returns
    -------
    ndarray of float32 or None
        Without units, finite; None if no noise can be measured in the image.

    Examples
    --------
    >>> light = np.full((1, 1, 128, 128), 9.0)
    >>> light[..., 64:] = 900
    >>> counts = np.random.default_rng(0).poisson(light).astype(np.float32)
    >>> residual = standardise_residual(counts - light.astype(np.float32), counts)
    >>> [round(float(residual[..., part].std())) for part in (slice(4, 60), slice(68, 124))]
    [1, 1]
    """
    compared = np.isfinite(image) & (residual != 0)
    if not compared.any():
        return None
    sample = NoiseSample.from_pixels(Pixels(image, None if compared.all() else compared))
    level, line = sample.level, fit_noise_line(sample)
    if not level:
        return None
    if estimate_channel_noise(sample).gain is None:  # the same noise everywhere
        return np.asarray(np.where(compared, residual / np.float32(level), 0), np.float32)
    model = np.where(compared, image - residual, 0)
    variance = np.float32(line.intercept) + np.float32(line.slope) * model
    mean = float(variance[compared].mean(dtype=np.float64))
    variance += np.float32(max(0.0, level**2 - mean))
    np.maximum(variance, np.float32((MIN_RELATIVE_NOISE * level) ** 2), out=variance)
    return np.asarray(np.where(compared, residual / np.sqrt(variance), 0), np.float32)
