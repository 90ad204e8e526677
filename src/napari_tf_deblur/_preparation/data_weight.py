"""How much each pixel counts in the data term, where its noise is known."""

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur.forward import convolve
from napari_tf_deblur.psf import PSF

Array = NDArray[np.float32]


def inverse_variance(observed: Array, psf: PSF, gain: float, read_noise: float) -> Array:
    """Relative weight of pixels whose noise grows with their brightness.

    The variance is ``gain * mean + read_noise**2``; the mean is the image blurred once
    more. Averages 1 per plane, so that the regularisation weight keeps its meaning.

    Parameters
    ----------
    observed : ndarray of float32
        Shape (planes, channels, *frame).
    psf : ndarray of float32
        Of sum 1.
    gain, read_noise : float
        In the units of `observed`.

    Returns
    -------
    ndarray of float32
        Of the shape of `observed`.
    """
    mean = np.maximum(convolve(observed, psf, boundary="reflect"), 0)
    # A mean of a few pixels with no photon at all is not known to be zero.
    variance = gain * np.maximum(mean, gain) + read_noise**2
    axes = tuple(range(1, observed.ndim))
    return np.asarray(
        1 / (variance * np.mean(1 / variance, axis=axes, keepdims=True)), dtype=np.float32
    )
