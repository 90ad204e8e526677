"""What an image says about itself: its photons, its noise, how much filtering it needs."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_tf_deblur.forward import laplacian_spectrum, transfer_function
from napari_tf_deblur.psf import PSF

Array = NDArray[np.float32]

BLOCK_PIXELS = 256
"""About how many pixels a block has whose noise is compared with its brightness."""

LEAST_GAIN = 1e-7
"""An image without noise seems to be of endless photons; this part of its peak is one."""

LARGEST_LOOK = {1: 4096, 2: 512, 3: 96}
"""Pixels per axis of the image's middle that are enough to find the balance from."""

BALANCES = np.logspace(-6, 2, 49)
"""Balances of the Wiener filter to choose from."""

LEAST_BALANCE = 2e-3
"""Below it, what is beyond the frame harms more than noise, which alone is accounted for."""

MEDIAN_OF_NORMAL = 0.6745
"""Median absolute value of normal noise of standard deviation 1."""


def photon_gain(planes: Array, valid: NDArray[np.bool_] | None = None) -> float:
    """Estimate how much the intensity grows per photon, from noise and brightness.

    Photon noise has a variance of the gain times the mean. The variance comes from the
    second differences along all axes, one after another, in which a blurred image has next
    to nothing but noise, block by block; the median over the brighter half of the blocks
    is the result.

    Parameters
    ----------
    planes : ndarray of float32
        Shape (planes, channels, *frame); intensity 0 where there is no light.
    valid : ndarray of bool, optional
        Pixels to look at, broadcastable to `planes`; all by default.

    Returns
    -------
    float
        Intensity units per photon, above 0.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.random.default_rng(0).poisson(50, (1, 1, 128, 128)).astype(np.float32)
    >>> round(photon_gain(3 * counts), 1)
    3.0
    """
    noise, mean, usable = _noise_and_mean(planes, valid)
    variance = _block_means(np.square(noise) * usable)
    mean = _block_means(mean * usable)
    bright = (mean > 0) & (mean >= np.median(mean))
    gain = np.median(variance[bright] / mean[bright]) if bright.any() else 0.0
    return float(max(gain, LEAST_GAIN * np.abs(planes).max(initial=1e-30)))


def noise_level(planes: Array, valid: NDArray[np.bool_] | None = None) -> float:
    """Estimate the standard deviation of noise that is the same everywhere.

    From the median absolute second difference, as Donoho & Johnstone (Biometrika 81,
    1994) do with wavelets.

    Parameters
    ----------
    planes : ndarray of float32
        Shape (planes, channels, *frame).
    valid : ndarray of bool, optional
        Pixels to look at, broadcastable to `planes`; all by default.

    Returns
    -------
    float
        In intensity units; 0 for an image without noise.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(0, 2, (1, 1, 128, 128))
    >>> round(noise_level(noise.astype(np.float32)))
    2
    """
    noise, _, usable = _noise_and_mean(planes, valid)
    seen = np.abs(noise[usable > 0])
    return float(np.median(seen) / MEDIAN_OF_NORMAL) if seen.size else 0.0


def wiener_balance(planes: Array, psf: PSF, periodic: bool = False) -> float:
    """Find the balance of a Wiener filter by generalised cross-validation.

    It predicts each pixel best from all others (Golub, Heath & Wahba, Technometrics 21,
    1979); neither the noise nor anything else need be known.

    Parameters
    ----------
    planes : ndarray of float32
        Shape (planes, channels, *frame); the middle of the middle plane is looked at.
    psf : ndarray of float32
        Of sum 1.
    periodic : bool
        Whether the image wraps round; it is faded out towards its frame otherwise.

    Returns
    -------
    float
        For :class:`napari_tf_deblur.Wiener`.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur import gaussian_psf
    >>> noise = np.random.default_rng(0).normal(0, 2, (1, 1, 64, 64)).astype(np.float32)
    >>> wiener_balance(noise, gaussian_psf(1)) > 1  # nothing but noise: filter hard
    True
    """
    image = planes[len(planes) // 2]
    frame = image.shape[1:]
    look = [min(n, LARGEST_LOOK[len(frame)]) for n in frame]
    starts = [(n - m) // 2 for n, m in zip(frame, look)]
    middle = image[(slice(None), *(slice(a, a + m) for a, m in zip(starts, look)))]
    if not periodic or tuple(look) != frame:
        middle = middle - middle.mean()
        for axis, m in enumerate(look):
            fade = np.sin(np.pi * (np.arange(m) + 0.5) / m).astype(np.float32) ** 2
            middle *= fade.reshape([-1 if a == axis else 1 for a in range(len(look))])
    shape = middle.shape[1:]
    spectra = fft.rfftn(middle, axes=tuple(range(1, middle.ndim)), workers=-1)
    power = np.sum(np.square(np.abs(spectra)), axis=0, dtype=np.float64)
    passed = np.square(np.abs(transfer_function(psf, shape)))
    smoothness = np.square(laplacian_spectrum(shape))
    twice = np.full(shape[-1] // 2 + 1, 2.0)  # what the half spectrum leaves out
    twice[0] = 1.0
    scores = []
    for balance in BALANCES:
        damped = balance * smoothness
        rest = damped / (passed + damped + 1e-20)  # part of the image that is filtered away
        count = np.sum(twice * rest)
        scores.append(np.sum(twice * np.square(rest) * power) / (count**2 + 1e-30))
    best = float(BALANCES[int(np.argmin(scores))])
    return best if periodic else max(best, LEAST_BALANCE)


def _noise_and_mean(planes: Array, valid: NDArray[np.bool_] | None) -> tuple[Array, Array, Array]:
    """Second differences, scaled to keep the noise's variance; local mean; 0 where invalid."""
    noise, mean = planes, planes
    usable = np.ones_like(planes)
    if valid is not None:
        usable *= valid
    for axis in range(2, planes.ndim):
        if planes.shape[axis] > 2:
            before, here, after = _neighbours(noise, axis)
            noise = (before - 2 * here + after) * np.float32(1 / np.sqrt(6))
            before, here, after = _neighbours(mean, axis)
            mean = (before + 4 * here + after) * np.float32(1 / 6)
            before, here, after = _neighbours(usable, axis)
            usable = before * here * after
    return noise, mean, usable


def _neighbours(values: Array, axis: int) -> list[Array]:
    """Along an axis, what lies before each value, the value and what lies after it."""
    lead = (slice(None),) * axis
    return [values[(*lead, slice(k, k + values.shape[axis] - 2))] for k in range(3)]


def _block_means(values: Array) -> Array:
    """Means over blocks of about the wanted size; what is left over at the end is cut off."""
    frame = values.shape[2:]
    side = round(BLOCK_PIXELS ** (1 / len(frame)))
    blocks = [min(side, n) for n in frame]
    whole = (slice(None),) * 2 + tuple(slice(n // b * b) for n, b in zip(frame, blocks))
    shape = [part for n, b in zip(frame, blocks) for part in (n // b, b)]
    axes = tuple(range(3, 3 + 2 * len(frame), 2))
    cut = values[whole].reshape(*values.shape[:2], *shape)
    return np.asarray(cut.mean(axis=axes), dtype=np.float32)


def intensity_scale(planes: Array, valid: NDArray[np.bool_] | None = None) -> float:
    """Find what to divide intensities by: the range of the darkest to the brightest thousandth."""
    stride = max(1, planes.size // 200_000)
    sample = planes.ravel()[::stride]
    if valid is not None:
        sample = sample[np.broadcast_to(valid, planes.shape).ravel()[::stride]]
    low, high = np.percentile(sample, [0.1, 99.9]) if sample.size else (0.0, 0.0)
    candidates = (lambda: high - low, lambda: np.ptp(planes), lambda: np.abs(planes).max())
    sizes = (float(candidate()) for candidate in candidates)
    return next((size for size in sizes if np.isfinite(size) and size > 0), 1.0)
