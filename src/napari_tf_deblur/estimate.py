"""What an image says about how to treat it: its scale, how much filtering it needs."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from napari_tf_deblur.forward import laplacian_spectrum, transfer_function
from napari_tf_deblur.noise import hot_pixels, noise_level, peak_and_unit, slabs
from napari_tf_deblur.psf import PSF

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

TAIL = 1e-3
"""Part of the pixels that are darker or brighter than the range of intensities."""

SIGNIFICANT = 5.0
"""Standard deviations by which a pixel's surroundings differ from the background in an object."""

OF_CONTRAST = 0.1
"""Part of the largest contrast by which an object's surroundings differ from the background."""

LEAST_OBJECTS = 0.1
"""If objects cover less of the image, as much background counts as makes this part of all."""

SAMPLE_PIXELS = 2**24
"""Pixels that are enough to find the range from."""

LARGEST_LOOK = {1: 4096, 2: 512, 3: 96}
"""Pixels per axis of the image's middle that are enough to find the balance from."""

LARGEST_SERIES = 5
"""Planes that are enough to find the balance from."""

FILL_WINDOW = 5
"""Pixels per axis whose mean is put where nothing was seen."""

BALANCES = np.logspace(-6, 2, 49)
"""Balances of the Wiener filter to choose from."""

LEAST_BALANCE = 2e-3
"""Below it, what is beyond the frame harms more than noise, which alone is accounted for."""


def intensity_scale(planes: Array, valid: Mask | None = None) -> float:
    """Find what to divide intensities by, so that one weight fits every image.

    The range from the darkest to the brightest thousandth. Where objects cover less than a tenth
    of the image, only so much of the background counts as if they covered a tenth, so that more
    background changes nothing. Single hot or dead pixels do not count.

    Parameters
    ----------
    planes : ndarray of float32
        Shape (planes, channels, *frame).
    valid : ndarray of bool, optional
        Pixels to look at, broadcastable to `planes`; all by default.

    Returns
    -------
    float
        In intensity units, above 0; an image of one value has that, without its sign, and an
        image of zeros 1.

    Examples
    --------
    >>> import numpy as np
    >>> ramp = np.linspace(5, 15, 10_000, dtype=np.float32).reshape(1, 1, 100, 100)
    >>> round(intensity_scale(ramp), 2)
    9.98
    """
    peak, unit = peak_and_unit(planes, valid)
    if not peak:
        return 1.0
    noise = noise_level(planes, valid) / unit
    pieces = [
        _values_and_surroundings(*piece, noise)
        for piece in slabs(planes, valid, unit, SAMPLE_PIXELS)
    ]
    if not pieces:
        return peak * unit
    values = np.concatenate([piece[0] for piece in pieces])
    away = np.concatenate([piece[1] for piece in pieces])
    if not np.ptp(values) > 0:  # nothing but single pixels
        kept = True if valid is None else valid
        low = np.min(planes, where=kept, initial=np.inf) / unit
        return float(np.max(planes, where=kept, initial=-np.inf) / unit - low) * unit
    away -= np.median(away)
    contrast = max(float(away.max()), -float(away.min()))
    least = max(SIGNIFICANT * noise / 3 ** ((planes.ndim - 2) / 2), OF_CONTRAST * contrast)
    bright, dark = values[away > least], values[away < -least]
    tail = TAIL * min(values.size, (bright.size + dark.size) / LEAST_OBJECTS)
    low, high = np.quantile(values, [TAIL, 1 - TAIL])
    if bright.size > 1:
        high = max(high, np.quantile(bright, max(0.0, 1 - tail / (bright.size - 1))))
    if dark.size > 1:
        low = min(low, np.quantile(dark, min(1.0, tail / (dark.size - 1))))
    return float(high - low if high > low else np.ptp(values)) * unit


def wiener_balance(
    planes: Array, psf: PSF, periodic: bool = False, valid: Mask | None = None
) -> float:
    """Find the balance of a Wiener filter by generalised cross-validation.

    It predicts each pixel best from all others (Golub, Heath & Wahba, Technometrics 21,
    1979); neither the noise nor anything else need be known.

    Parameters
    ----------
    planes : ndarray of float32
        Shape (planes, channels, *frame); the middle of five planes at most is looked at.
        Planes without any contrast are passed over.
    psf : ndarray of float32
        Of sum 1.
    periodic : bool
        Whether the image wraps round; it is faded out towards its frame otherwise.
    valid : ndarray of bool, optional
        Pixels to look at, broadcastable to `planes`; all by default. The others are taken for
        the mean of what is around them.

    Returns
    -------
    float
        For :class:`napari_tf_deblur.Wiener`; the least that is used if there is no contrast.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur import gaussian_psf
    >>> noise = np.random.default_rng(0).normal(0, 2, (1, 1, 64, 64)).astype(np.float32)
    >>> wiener_balance(noise, gaussian_psf(1)) > 1  # nothing but noise: filter hard
    True
    """
    frame = planes.shape[2:]
    look = tuple(min(n, LARGEST_LOOK[len(frame)]) for n in frame)
    starts = [(n - m) // 2 for n, m in zip(frame, look)]
    middle = (slice(None), slice(None), *(slice(a, a + m) for a, m in zip(starts, look)))
    seen = planes[middle]
    kept = None if valid is None else np.broadcast_to(valid, planes.shape)[middle]
    peak, unit = peak_and_unit(seen, kept)
    images = _with_contrast(seen, kept, unit) if peak else []
    if not images:
        return LEAST_BALANCE
    power = np.zeros((*look[:-1], look[-1] // 2 + 1))
    for image in images:
        if not periodic or look != frame:
            for axis, m in enumerate(look):
                fade = np.sin(np.pi * (np.arange(m) + 0.5) / m).astype(np.float32) ** 2
                image *= fade.reshape([-1 if a == axis else 1 for a in range(len(look))])
        spectra = fft.rfftn(image, axes=tuple(range(1, image.ndim)), workers=-1)
        power += np.sum(np.square(np.abs(spectra)), axis=0, dtype=np.float64)
    passed = np.square(np.abs(transfer_function(psf, look)))
    smoothness = np.square(laplacian_spectrum(look))
    twice = np.full(look[-1] // 2 + 1, 2.0)  # what the half spectrum leaves out
    twice[0] = 1.0
    scores = []
    for balance in BALANCES:
        damped = balance * smoothness
        rest = damped / (passed + damped + 1e-20)  # part of the image that is filtered away
        count = np.sum(twice * rest)
        scores.append(np.sum(twice * np.square(rest) * power) / (count**2 + 1e-30))
    best = float(BALANCES[int(np.argmin(scores))])
    return best if periodic else max(best, LEAST_BALANCE)


def _values_and_surroundings(values: Array, usable: Mask, noise: float) -> tuple[Array, Array]:
    """Pixels that count, and the mean of each with its neighbours; one axis."""
    single = hot_pixels(values, usable, noise) | hot_pixels(-values, usable, noise)
    usable = usable & ~single
    around = ndimage.uniform_filter(values * usable, 3, mode="nearest")
    if usable.all():
        return values.ravel(), around.ravel()
    known = ndimage.uniform_filter(usable.astype(np.float32), 3, mode="nearest")
    return values[usable], around[usable] / known[usable]


def _with_contrast(planes: Array, valid: Mask | None, unit: float) -> list[Array]:
    """At most five planes that are not blank, from the middle outwards; their mean is 0."""

    def contrast(plane: int) -> float:
        if valid is None:
            return float(np.ptp(planes[plane]))
        seen = planes[plane][valid[plane]]
        return float(np.ptp(seen)) if seen.size else 0.0

    usable = [plane for plane in range(len(planes)) if contrast(plane) > 0]
    number = min(LARGEST_SERIES, len(usable))
    images = []
    for k in range(number):
        plane = usable[int((k + 0.5) / number * len(usable))]
        image = planes[plane] * np.float32(1 / unit)
        if valid is None:
            image -= image.mean()
        else:
            known = valid[plane].astype(np.float32)
            image = np.where(valid[plane], image - np.mean(image, where=valid[plane]), known)
            size = (1, *[FILL_WINDOW] * (image.ndim - 1))
            around = ndimage.uniform_filter(image, size) / (
                ndimage.uniform_filter(known, size) + np.float32(1e-6)
            )
            image = np.where(valid[plane], image, around)
        images.append(image)
    return images
