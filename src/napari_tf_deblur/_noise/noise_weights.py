"""How much each pixel counts in the data term, where its noise is known."""

import numpy as np

from napari_tf_deblur._core.forward import convolve
from napari_tf_deblur._core.typing import PSF, Float32Array

REFERENCE_BRIGHTNESS = 0.25
"""Brightness, as a part of the range, of pixels of weight 1: that of structures, not of the dark,
so that a regularisation weight means the same however much of an image is dark. Set by hand; its
effect is in ``benchmarks/CONSTANTS.md``."""

VARIANCE_EXPONENT = 0.5
"""Power of a pixel's inverse variance that is its weight. The likelihood has 1, which smooths
bright parts away: the regularisation weight that suits a noise grows with it. Set by hand; its
effect is in ``benchmarks/CONSTANTS.md``."""

MAX_DATA_WEIGHT = 8.0
"""Largest weight of a pixel: ADMM takes many iterations where weights differ much. Set by hand:
half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""


def compute_noise_weights(
    observed: Float32Array, psf: PSF, gain: float, read_noise: float
) -> Float32Array:
    """Relative weight of pixels whose noise grows with their brightness.

    The variance is ``gain * mean + read_noise**2``; the mean is the image blurred once
    more. Nothing but a pixel's surroundings counts, so that a part of an image is weighed as
    in the whole.

    Parameters
    ----------
    observed : ndarray of float32
        Shape (planes, channels, *frame), of a range of 1.
    psf : ndarray of float32
        Of sum 1.
    gain, read_noise : float
        In the units of `observed`.

    Returns
    -------
    ndarray of float32
        Of the shape of `observed`; 1 at a brightness of REFERENCE.
    """
    mean = np.maximum(convolve(observed, psf, boundary="reflect"), 0)
    # A mean of a few pixels with no photon at all is not known to be zero.
    variance = gain * np.maximum(mean, gain) + read_noise**2
    usual = gain * max(REFERENCE_BRIGHTNESS, gain) + read_noise**2
    return np.asarray(
        np.minimum((usual / variance) ** VARIANCE_EXPONENT, MAX_DATA_WEIGHT), dtype=np.float32
    )
