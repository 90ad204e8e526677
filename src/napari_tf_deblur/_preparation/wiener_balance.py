"""Estimate the balance of the Wiener filter from an image."""

import numpy as np
from scipy import fft

from napari_tf_deblur._core.forward import laplacian_spectrum, transfer_function
from napari_tf_deblur._core.patches import (
    LARGEST_LOOK,
    LARGEST_SERIES,
    fade_window,
    find_patches,
    read_patch,
    subtract_mean,
    symmetric_size,
)
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.threads import fft_workers
from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._noise.slabs import find_peak_and_unit

TRIAL_BALANCES = np.logspace(-6, 2, 49)
"""Balances of the Wiener filter from which the best is chosen. Limit: of time; there are six per
decade."""

MIN_BALANCE = 1e-3
"""Least balance. Below it, the light from beyond the frame causes larger errors than the noise, and
cross-validation counts the noise only. Chosen by ``benchmarks/wiener_balance.py``: half gains
more in photographs and loses more in a volume of nuclei."""


def estimate_wiener_balance(pixels: Pixels, psf: PSF, periodic: bool = False) -> float:
    """Estimate the balance of a Wiener filter by generalised cross-validation.

    The balance is the one with which all other pixels predict each pixel best (Golub, Heath &
    Wahba, Technometrics 21, 1979). The noise level need not be known.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame). At most five planes are used, and one patch of each: the
        middle, or another that has much more structure. Planes without contrast are left out.
    psf : ndarray of float32
        Point spread function of sum 1.
    periodic : bool
        Whether the image wraps round. Otherwise it is faded out towards its frame.

    Returns
    -------
    float
        Balance of :class:`napari_tf_deblur.Wiener`; the least one if the image has no contrast.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur import gaussian_psf
    >>> noise = np.random.default_rng(0).normal(0, 2, (1, 1, 64, 64)).astype(np.float32)
    >>> estimate_wiener_balance(Pixels(noise), gaussian_psf(1)) > 1  # only noise: filter strongly
    True
    """
    frame = pixels.values.shape[2:]
    patch_shape = tuple(symmetric_size(n, LARGEST_LOOK[len(frame)]) for n in frame)
    peak, unit = find_peak_and_unit(pixels)
    patches = find_patches(pixels, unit, patch_shape, LARGEST_SERIES) if peak else []
    if not patches:
        return MIN_BALANCE
    power = np.zeros((*patch_shape[:-1], patch_shape[-1] // 2 + 1))
    for plane, place in patches:
        patch = subtract_mean(read_patch(pixels, plane, place), unit)
        if not periodic or patch_shape != frame:
            patch *= fade_window(patch_shape)
        spectra = fft.rfftn(patch, axes=tuple(range(1, patch.ndim)), workers=fft_workers())
        power += np.sum(np.square(np.abs(spectra)), axis=0, dtype=np.float64)
    psf_power = np.square(np.abs(transfer_function(psf, patch_shape)))
    smoothness = np.square(laplacian_spectrum(patch_shape))
    # All columns of the half spectrum but the first stand for their mirror images, too.
    multiplicity = np.full(patch_shape[-1] // 2 + 1, 2.0)
    multiplicity[0] = 1.0
    scores = []
    for balance in TRIAL_BALANCES:
        damping = balance * smoothness
        removed = damping / (psf_power + damping + 1e-20)  # part of the image that is filtered away
        count = np.sum(multiplicity * removed)
        scores.append(np.sum(multiplicity * np.square(removed) * power) / (count**2 + 1e-30))
    best = float(TRIAL_BALANCES[int(np.argmin(scores))])
    return best if periodic else max(best, MIN_BALANCE)
