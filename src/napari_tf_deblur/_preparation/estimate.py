"""What an image says about how to treat it: its scale, how much filtering it needs."""

from collections.abc import Iterable

import numpy as np
from scipy import fft, ndimage

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
from napari_tf_deblur._core.typing import PSF, BoolArray, Float32Array
from napari_tf_deblur._noise.detector_artifacts import find_outlier_pixels
from napari_tf_deblur._noise.noise_level import estimate_noise_level
from napari_tf_deblur._noise.quantiles import median, quantile
from napari_tf_deblur._noise.slabs import (
    find_peak_and_unit,
    highest_value,
    iterate_slabs,
    lowest_value,
)

RANGE_TAIL = 1e-3
"""Part of the pixels that are darker, or brighter, than the range of intensities. Guard: against
single broken pixels; ``tests/preparation/test_estimate.py``."""

OBJECT_SIGNIFICANCE = 5.0
"""Standard deviations between the background and a pixel's surroundings in an object, at the least.
Set by hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

MIN_OBJECT_CONTRAST = 0.1
"""Part of the largest contrast between the background and a pixel's surroundings in an object, at
the least. Set by hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

MIN_OBJECT_AREA = 0.1
"""Part of the image that counts as objects, at the least, with as much background as is needed.
Guard: against images of a few points; ``tests/preparation/test_estimate.py``."""

RANGE_SAMPLE_PIXELS = 2**22
"""Pixels from which the range of a full image is found; objects are searched in all. Limit: of
time."""

TRIAL_BALANCES = np.logspace(-6, 2, 49)
"""Balances of the Wiener filter from which the best is chosen. Limit: of time; there are six per
decade."""

MIN_BALANCE = 2e-3
"""Least balance: below, what is beyond the frame harms more than noise, which alone is counted. Set
by hand; its effect is in ``benchmarks/CONSTANTS.md``."""


def estimate_intensity_scale(pixels: Pixels, noise: float | None = None) -> float:
    """Find what to divide intensities by, so that one weight fits every image.

    The range from the darkest to the brightest thousandth. Where objects cover less than a tenth
    of the image, only so much of the background counts as if they covered a tenth, so that more
    background changes nothing. Single hot or dead pixels do not count.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame).
    noise : float, optional
        The `noise_level`, if it was measured before.

    Returns
    -------
    float
        In intensity units, above 0; an image of one value has that, without its sign, and an
        image of zeros 1.

    Examples
    --------
    >>> import numpy as np
    >>> ramp = np.linspace(5, 15, 10_000, dtype=np.float32).reshape(1, 1, 100, 100)
    >>> round(intensity_scale(Pixels(ramp)), 2)
    9.98
    """
    planes = pixels.values
    peak, unit = find_peak_and_unit(pixels)
    if not peak:
        return 1.0
    noise = (estimate_noise_level(pixels) if noise is None else noise) / unit
    step = max(1, planes.size // RANGE_SAMPLE_PIXELS)
    nothing = np.zeros(0, np.float32)
    sample, near, extremes = [nothing], [nothing], []
    for number, (values, usable) in enumerate(iterate_slabs(pixels, unit)):
        seen, around = _values_and_surroundings(values, usable, noise)
        sample.append(seen[number % step :: step].copy())
        near.append(around[number % step :: step].copy())
        extremes.append((around.min(initial=np.inf), around.max(initial=-np.inf)))
    values, around = np.concatenate(sample), np.concatenate(near)
    if not values.size or not np.ptp(values) > 0:  # nothing but single pixels
        low, high = lowest_value(pixels) / unit, highest_value(pixels) / unit
        return (high - low or peak) * unit
    middle = median(around)
    contrast = max(max(middle - low, high - middle) for low, high in extremes)
    least = max(
        OBJECT_SIGNIFICANCE * noise / 3 ** ((planes.ndim - 2) / 2), MIN_OBJECT_CONTRAST * contrast
    )
    low, high = quantile(values, RANGE_TAIL), quantile(values, 1 - RANGE_TAIL)
    limits = (middle - least, middle + least)
    pieces = (
        _values_and_surroundings(*piece, noise)
        for (lowest, highest), piece in zip(extremes, iterate_slabs(pixels, unit))
        if lowest < limits[0] or highest > limits[1]
    )
    objects = _find_objects([(values, around)] if step == 1 else pieces, limits, pixels)
    if objects is not None:
        dark, bright = objects
        tail = RANGE_TAIL * (bright.size + dark.size) / MIN_OBJECT_AREA
        if bright.size > 1:
            high = max(high, quantile(bright, max(0.0, 1 - tail / (bright.size - 1))))
        if dark.size > 1:
            low = min(low, quantile(dark, min(1.0, tail / (dark.size - 1))))
    return (high - low if high > low else float(np.ptp(values))) * unit


def estimate_wiener_balance(pixels: Pixels, psf: PSF, periodic: bool = False) -> float:
    """Find the balance of a Wiener filter by generalised cross-validation.

    It predicts each pixel best from all others (Golub, Heath & Wahba, Technometrics 21,
    1979); neither the noise nor anything else need be known.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame); of five planes at most the middle is looked at, or
        where there is much more to be seen. Planes without any contrast are passed over.
    psf : ndarray of float32
        Of sum 1.
    periodic : bool
        Whether the image wraps round; it is faded out towards its frame otherwise.

    Returns
    -------
    float
        For :class:`napari_tf_deblur.Wiener`; the least that is used if there is no contrast.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur import gaussian_psf
    >>> noise = np.random.default_rng(0).normal(0, 2, (1, 1, 64, 64)).astype(np.float32)
    >>> wiener_balance(Pixels(noise), gaussian_psf(1)) > 1  # nothing but noise: filter hard
    True
    """
    frame = pixels.values.shape[2:]
    look = tuple(symmetric_size(n, LARGEST_LOOK[len(frame)]) for n in frame)
    peak, unit = find_peak_and_unit(pixels)
    found = find_patches(pixels, unit, look, LARGEST_SERIES) if peak else []
    if not found:
        return MIN_BALANCE
    power = np.zeros((*look[:-1], look[-1] // 2 + 1))
    for plane, place in found:
        image = subtract_mean(read_patch(pixels, plane, place), unit)
        if not periodic or look != frame:
            image *= fade_window(look)
        spectra = fft.rfftn(image, axes=tuple(range(1, image.ndim)), workers=fft_workers())
        power += np.sum(np.square(np.abs(spectra)), axis=0, dtype=np.float64)
    passed = np.square(np.abs(transfer_function(psf, look)))
    smoothness = np.square(laplacian_spectrum(look))
    twice = np.full(look[-1] // 2 + 1, 2.0)  # what the half spectrum leaves out
    twice[0] = 1.0
    scores = []
    for balance in TRIAL_BALANCES:
        damped = balance * smoothness
        rest = damped / (passed + damped + 1e-20)  # part of the image that is filtered away
        count = np.sum(twice * rest)
        scores.append(np.sum(twice * np.square(rest) * power) / (count**2 + 1e-30))
    best = float(TRIAL_BALANCES[int(np.argmin(scores))])
    return best if periodic else max(best, MIN_BALANCE)


def _values_and_surroundings(
    values: Float32Array, usable: BoolArray, noise: float
) -> tuple[Float32Array, Float32Array]:
    """Pixels that count, and the mean of each with its neighbours; one axis."""
    stray, around = find_outlier_pixels(values, usable, noise)
    if not usable.all() or stray.any() or values.ndim == 1:
        usable = usable & (stray == 0)
        known = ndimage.uniform_filter(usable.astype(np.float32), 3, mode="nearest")
        around = ndimage.uniform_filter(values * usable, 3, mode="nearest")
        return values[usable], around[usable] / known[usable]
    return values.ravel(), around.ravel()


def _find_objects(
    pieces: Iterable[tuple[Float32Array, Float32Array]],
    limits: tuple[float, float],
    pixels: Pixels,
) -> tuple[Float32Array, Float32Array] | None:
    """Pixels whose surroundings are below and above the limits; None if they are many."""
    planes, valid = pixels
    dark, bright = [], []
    most = MIN_OBJECT_AREA * (planes.size if valid is None else np.count_nonzero(valid))
    if valid is not None and valid.size != planes.size:
        most *= planes.size / valid.size
    for values, around in pieces:
        dark.append(values[around < limits[0]])
        bright.append(values[around > limits[1]])
        if sum(len(part) for part in (*dark, *bright)) >= most:
            return None
    nothing = np.zeros(0, np.float32)
    return np.concatenate([nothing, *dark]), np.concatenate([nothing, *bright])
