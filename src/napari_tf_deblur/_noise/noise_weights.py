"""Compute the weight of each pixel in the data term from its noise."""

import numpy as np

from napari_tf_deblur._core.forward import convolve
from napari_tf_deblur._core.typing import PSF, Float32Array

REFERENCE_BRIGHTNESS = 0.25
"""Brightness of pixels of weight 1, as a part of the range: a brightness of structures, not of the
dark, so that a regularisation weight means the same whatever part of the image is dark. Chosen by
``benchmarks/constants.py --vary REFERENCE_BRIGHTNESS``: half loses 0.26 dB, 1.5 times 0.04 dB."""

VARIANCE_EXPONENT = 0.5
"""Exponent of the inverse variance in the weight of a pixel. The likelihood has 1, but this smooths
bright parts too much, because the suitable regularisation weight grows with the noise. Chosen by
``benchmarks/constants.py --vary VARIANCE_EXPONENT``: half loses 0.02 dB, 1.5 times 0.09 dB."""

MAX_DATA_WEIGHT = 8.0
"""Largest weight of a pixel. Limit: of time; ADMM needs many iterations if weights differ much."""


def compute_noise_weights(
    observed: Float32Array, psf: PSF, gain: float, read_noise: float
) -> Float32Array:
    """Compute relative weights of pixels whose noise grows with their brightness.

    The variance is ``gain * mean + read_noise**2``, where the mean is the image blurred once
    more. The weight of a pixel depends only on its neighbourhood, so a part of an image gets the
    same weights as the whole.

    Parameters
    ----------
    observed : ndarray of float32
        Shape (planes, channels, *frame), scaled to a range of 1.
    psf : ndarray of float32
        Of sum 1.
    gain, read_noise : float
        Intensity per photon, and standard deviation without light, in the units of `observed`.

    Returns
    -------
    ndarray of float32
        Shape of `observed`; 1 at a brightness of `REFERENCE_BRIGHTNESS`, at most
        `MAX_DATA_WEIGHT`.
    """
    mean = np.maximum(convolve(observed, psf, boundary="reflect"), 0)
    # A few pixels without a photon do not prove that the mean is zero: count at least one photon.
    variance = gain * np.maximum(mean, gain) + read_noise**2
    reference = gain * max(REFERENCE_BRIGHTNESS, gain) + read_noise**2
    return np.asarray(
        np.minimum((reference / variance) ** VARIANCE_EXPONENT, MAX_DATA_WEIGHT), dtype=np.float32
    )
