"""How much each pixel counts in the data term, where its noise is known."""

import numpy as np

from napari_tf_deblur._core.forward import convolve
from napari_tf_deblur._core.typing import PSF, Float32Array

REFERENCE = 0.25
"""Brightness, as a part of the range, whose pixels count 1: that of structures, not of the dark,
so that a regularisation weight keeps its meaning however much of an image is dark."""

POWER = 0.5
"""Pixels count by their variance to minus this power. The power 1, the likelihood's own, goes
with a weight that is the same everywhere; but the weight that suits a noise grows with it, and so
bright parts, which volumes are about, were smoothed away. Found by experiment on volumes."""

MOST = 8.0
"""Most that a pixel counts: the loop of ADMM takes long where pixels count very differently."""


def inverse_variance(
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
    usual = gain * max(REFERENCE, gain) + read_noise**2
    return np.asarray(np.minimum((usual / variance) ** POWER, MOST), dtype=np.float32)
