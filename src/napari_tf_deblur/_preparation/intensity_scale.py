"""Estimate the intensity scale of an image: the number that its intensities are divided by."""

from collections.abc import Iterable

import numpy as np
from scipy import ndimage

from napari_tf_deblur._core.pixels import PIXEL_SIGNIFICANCE, Pixels
from napari_tf_deblur._core.typing import BoolArray, Float32Array
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
"""Part of the pixels that are darker than the range of intensities, and part that are brighter.
Guard: against single bad pixels; ``tests/preparation/test_intensity_scale.py``."""

MIN_OBJECT_CONTRAST = 0.1
"""Least difference between an object and the background, as a part of the largest one; the local
means of pixels are compared. Guard: against faint haze that counts as an object;
``tests/preparation/test_intensity_scale.py``."""

MIN_OBJECT_AREA = 0.1
"""Part of the image that objects cover at least. If they cover less, background pixels are left out
until they do. Guard: against images of a few points;
``tests/preparation/test_intensity_scale.py``."""

RANGE_SAMPLE_PIXELS = 2**22
"""Number of pixels from which the range of an image full of structure is found. Objects are
searched in all pixels. Limit: of time."""


def estimate_intensity_scale(pixels: Pixels, noise: float | None = None) -> float:
    """Estimate the range of intensities. Divided by it, all images suit one weight.

    The range excludes the darkest and the brightest thousandth of the pixels. If objects cover
    less than a tenth of the image, background pixels are left out until they cover a tenth. So a
    larger background changes nothing. Single hot or dead pixels do not count.

    Parameters
    ----------
    pixels : Pixels
        Shape (planes, channels, *frame).
    noise : float, optional
        Standard deviation of the noise in intensity units; measured if it is not given.

    Returns
    -------
    float
        Range in intensity units, above 0. An image of one value gives the magnitude of that value,
        and an image of zeros gives 1.

    Examples
    --------
    >>> import numpy as np
    >>> ramp = np.linspace(5, 15, 10_000, dtype=np.float32).reshape(1, 1, 100, 100)
    >>> round(estimate_intensity_scale(Pixels(ramp)), 2)
    9.98
    """
    planes = pixels.values
    peak, unit = find_peak_and_unit(pixels)
    if not peak:
        return 1.0
    noise = (estimate_noise_level(pixels) if noise is None else noise) / unit
    step = max(1, planes.size // RANGE_SAMPLE_PIXELS)
    empty = np.zeros(0, np.float32)
    value_parts, mean_parts, extremes = [empty], [empty], []
    for number, (values, usable) in enumerate(iterate_slabs(pixels, unit)):
        kept_values, local_means = _select_usable(values, usable, noise)
        value_parts.append(kept_values[number % step :: step].copy())
        mean_parts.append(local_means[number % step :: step].copy())
        extremes.append((local_means.min(initial=np.inf), local_means.max(initial=-np.inf)))
    values, local_means = np.concatenate(value_parts), np.concatenate(mean_parts)
    if not values.size or not np.ptp(values) > 0:  # all structure is in single pixels
        low, high = lowest_value(pixels) / unit, highest_value(pixels) / unit
        return (high - low or peak) * unit
    background = median(local_means)
    contrast = max(max(background - low, high - background) for low, high in extremes)
    # A local mean over 3 pixels along each axis has less noise than a pixel.
    significant = PIXEL_SIGNIFICANCE * noise / 3 ** ((planes.ndim - 2) / 2)
    least = max(significant, MIN_OBJECT_CONTRAST * contrast)
    low, high = quantile(values, RANGE_TAIL), quantile(values, 1 - RANGE_TAIL)
    limits = (background - least, background + least)
    slabs = (
        _select_usable(*slab, noise)
        for (lowest, highest), slab in zip(extremes, iterate_slabs(pixels, unit))
        if lowest < limits[0] or highest > limits[1]
    )
    objects = _find_objects([(values, local_means)] if step == 1 else slabs, limits, pixels)
    if objects is not None:
        dark, bright = objects
        tail = RANGE_TAIL * (bright.size + dark.size) / MIN_OBJECT_AREA
        if bright.size > 1:
            high = max(high, quantile(bright, max(0.0, 1 - tail / (bright.size - 1))))
        if dark.size > 1:
            low = min(low, quantile(dark, min(1.0, tail / (dark.size - 1))))
    return (high - low if high > low else float(np.ptp(values))) * unit


def _select_usable(
    values: Float32Array, usable: BoolArray, noise: float
) -> tuple[Float32Array, Float32Array]:
    """Select the pixels that count and are no outliers; return values and local means, flat."""
    outliers, local_means = find_outlier_pixels(values, usable, noise)
    if not usable.all() or outliers.any() or values.ndim == 1:
        usable = usable & (outliers == 0)
        usable_part = ndimage.uniform_filter(usable.astype(np.float32), 3, mode="nearest")
        local_means = ndimage.uniform_filter(values * usable, 3, mode="nearest")
        return values[usable], local_means[usable] / usable_part[usable]
    return values.ravel(), local_means.ravel()


def _find_objects(
    slabs: Iterable[tuple[Float32Array, Float32Array]],
    limits: tuple[float, float],
    pixels: Pixels,
) -> tuple[Float32Array, Float32Array] | None:
    """Select pixels whose local mean is below or above the limits; None if they are many."""
    planes, valid = pixels
    dark, bright = [], []
    most = MIN_OBJECT_AREA * (planes.size if valid is None else np.count_nonzero(valid))
    if valid is not None and valid.size != planes.size:
        most *= planes.size / valid.size
    for values, local_means in slabs:
        dark.append(values[local_means < limits[0]])
        bright.append(values[local_means > limits[1]])
        if sum(len(part) for part in (*dark, *bright)) >= most:
            return None
    empty = np.zeros(0, np.float32)
    return np.concatenate([empty, *dark]), np.concatenate([empty, *bright])
