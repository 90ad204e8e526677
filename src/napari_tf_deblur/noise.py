"""What an image says about its noise: how strong it is, and how many photons made it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

SLAB_PIXELS = 2**19
"""About how many pixels are looked at together."""

SAMPLE_PIXELS = 2**21
"""Pixels that are enough to find the noise from."""

BLOCK_PIXELS = 64
"""About how many pixels a block has whose noise is compared with its brightness."""

LEAST_GAIN = 1e-7
"""An image without noise seems to be of endless photons; this part of its peak is one."""

MEDIAN_OF_NORMAL = 0.6745
"""Median absolute value of normal noise of standard deviation 1."""

FLAT_WINDOW = {1: 25, 2: 5, 3: 3}
"""Pixels per axis that have exactly one value only where there is no noise to be seen: in
planes without data, where the camera saturates, where the dark was set to 0."""

FLAT_PART = 0.01
"""Part of the second differences that are 0, up to which nobody need look for flat areas."""

HOT_PART = 0.01
"""Isolated bright pixels are photons, and not faults of the camera, if more than this part
of the pixels are so."""

BLOCK_SPREAD = {1: 0.25, 2: 0.34, 3: 0.48}
"""Relative standard deviation of a block's variance, by axes: neighbouring second differences
are correlated, so that 64 count as 33, 17 or 9."""

WORST_ERROR = 0.35
"""Relative standard error of the slope above which it says nothing."""

SURE = 2.5
"""Standard errors between two slopes that no chance explains."""

ROUNDS = 12
"""Fits of the line, each without the blocks that stand out from the one before."""

LARGEST_ERROR = 0.1
"""Relative standard error of the slope above which the image has too little contrast to find
both the line's slope and its intercept from."""


def photon_gain(planes: Array, valid: Mask | None = None, *, read_noise: float = 0.0) -> float:
    """Estimate how much the intensity grows per photon, from noise and brightness.

    The variance of a camera's noise is a straight line over the mean intensity; its slope is
    the gain (Mortara & Fowler, SPIE 290, 1981; Foi et al., IEEE TIP 17(10), 2008). The
    variance comes from second differences along all axes, one after another, in which a
    blurred image has next to nothing but noise, block by block. Each block counts by how well
    its variance is known, those with more variance than the line allows (edges, texture) do
    not. Where the image has too little contrast to find the line's intercept from, the line
    starts from the read noise at intensity 0.

    Parameters
    ----------
    planes : ndarray of float32
        Shape (planes, channels, *frame). An unknown offset does no harm where the image has
        contrast.
    valid : ndarray of bool, optional
        Pixels to look at, broadcastable to `planes`; all by default.
    read_noise : float
        Standard deviation of the noise without light, in intensity units.

    Returns
    -------
    float
        Intensity units per photon, above 0.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.random.default_rng(0).poisson(50, (1, 1, 128, 128)).astype(np.float32)
    >>> round(photon_gain(3 * counts))
    3
    """
    peak, unit = peak_and_unit(planes, valid)
    if not peak:
        return LEAST_GAIN
    noise = noise_level(planes, valid) / unit
    top = _saturated_at(planes, valid) / unit
    means, variances, counts = [], [], []
    for values, usable in slabs(planes, valid, unit):
        broken = hot_pixels(values, usable, noise) | (values >= top)
        mean, variance, count = _blocks(values, usable & ~broken)
        good = (count >= 0.6 * count.max(initial=1)) & (variance > 0)
        means.append(mean[good])
        variances.append(variance[good])
        counts.append(count[good])
    if not sum(len(part) for part in means):
        return LEAST_GAIN * peak * unit
    dark = (read_noise / unit) ** 2
    slope = _slope(np.concatenate(means), np.concatenate(variances), dark, planes.ndim - 2)
    return float(max(slope, LEAST_GAIN * peak) * unit)


def noise_level(planes: Array, valid: Mask | None = None) -> float:
    """Estimate the standard deviation of noise that is the same everywhere.

    From the median absolute second difference, as Donoho & Johnstone (Biometrika 81,
    1994) do with wavelets, of at most two million pixels. Areas of exactly one value (planes
    without data, saturation, a dark field set to 0) do not count.

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
    peak, unit = peak_and_unit(planes, valid)
    if not peak:
        return 0.0
    seen = []
    for values, usable in slabs(planes, valid, unit, SAMPLE_PIXELS):
        differences, known = _second_differences(values, usable)
        if np.count_nonzero(differences == 0) > FLAT_PART * differences.size:
            differences, known = _second_differences(values, usable & ~_flat(values))
        seen.append(np.abs(differences[known]))
    found = np.concatenate(seen) if seen else np.zeros(0, np.float32)
    if not found.size:
        return 0.0
    # Rounded intensities give few different values. Spread each over its own step.
    axes = sum(n > 2 for n in planes.shape[2:])
    step = _rounding_step(planes, valid) / unit / 6 ** (axes / 2)
    if step:
        found += np.random.default_rng(0).uniform(-step / 2, step / 2, found.size)
    return float(np.median(np.abs(found)) / MEDIAN_OF_NORMAL * unit)


def peak_and_unit(planes: Array, valid: Mask | None) -> tuple[float, float]:
    """Largest absolute valid intensity, 0.5 to 1 times a power of two; that power.

    Divided by the power, intensities of any size can be squared in float32.
    """
    kept = True if valid is None else valid
    peak = float(
        max(
            np.max(planes, where=kept, initial=-np.inf),
            -np.min(planes, where=kept, initial=np.inf),
        )
    )
    if not np.isfinite(peak) or peak <= 0:
        return 0.0, 1.0
    part, exponent = np.frexp(peak)
    return float(part), float(2.0 ** int(exponent))


def slabs(
    planes: Array, valid: Mask | None, unit: float, enough: float = np.inf
) -> Iterator[tuple[Array, Mask]]:
    """Pieces of the frames that hold more than one value, divided by `unit`; what is valid.

    A slab is a number of whole rows of one frame; at most about `enough` pixels come, from
    slabs that are evenly spread. Invalid pixels are 0.
    """
    frame = planes.shape[2:]
    rows = max(16, SLAB_PIXELS // max(1, int(np.prod(frame[1:]))))
    every = [
        (plane, channel, slice(start, start + rows))
        for plane in range(planes.shape[0])
        for channel in range(planes.shape[1])
        for start in range(0, frame[0], rows)
    ]
    mask = None if valid is None else np.broadcast_to(valid, planes.shape)
    kept = [
        place
        for place in every
        if (
            np.ptp(planes[place]) > 0
            if mask is None
            else mask[place].any() and np.ptp(planes[place][mask[place]]) > 0
        )
    ]
    most = max(1, int(min(len(kept), enough // max(1, planes[every[0]].size))))
    picked = np.unique(np.round((np.arange(most) + 0.5) / most * len(kept) - 0.5).astype(int))
    for index in picked if kept else ():
        values = planes[kept[index]] * np.float32(1 / unit)
        usable = np.ones(values.shape, bool) if mask is None else mask[kept[index]]
        yield np.where(usable, values, np.float32(0)), usable


def hot_pixels(values: Array, usable: Mask, noise: float) -> Mask:
    """Find single pixels that stand out from all their neighbours as no image does."""
    size = 3 if values.ndim > 1 else 7
    above = values - ndimage.uniform_filter(values, size, mode="nearest")
    hot = np.zeros(values.shape, bool)
    places = np.nonzero((above > max(6 * noise, 0.01 * float(above.max(initial=0)))) & usable)
    if not len(places[0]):
        return hot
    reach = size // 2
    padded = np.pad(values, reach, mode="reflect" if min(values.shape) > reach else "edge")
    shifts = np.indices((size,) * values.ndim).reshape(values.ndim, -1)
    middle = shifts.shape[1] // 2
    highest = np.full(len(places[0]), -np.inf, np.float32)
    lowest = -highest
    for k, shift in enumerate(shifts.T):
        if k != middle:
            here = padded[tuple(place + step for place, step in zip(places, shift))]
            highest, lowest = np.maximum(highest, here), np.minimum(lowest, here)
    alone = values[places] - highest > 5 * (highest - lowest)
    if np.count_nonzero(alone) <= max(1, HOT_PART * np.count_nonzero(usable)):
        hot[tuple(place[alone] for place in places)] = True
    return hot


def _slope(
    mean: NDArray[np.float64], variance: NDArray[np.float64], dark: float, axes: int
) -> float:
    """Fit a line to the variance over the mean, robustly, each block by its own certainty."""
    spread = BLOCK_SPREAD[axes]
    low = float(np.quantile(mean, 0.02))
    base = float(np.median(variance[mean <= max(low, float(mean.min()))]))
    rise = np.maximum(mean - low, 0)
    slope = _weighted_median((variance - base) / np.where(rise > 0, rise, 1), np.square(rise))
    intercept, error = base - slope * low, np.inf
    for _ in range(ROUNDS):
        kept, weight = _weights(intercept + slope * mean, variance, spread)
        total = weight.sum()
        centre, level = np.sum(weight * mean) / total, np.sum(weight * variance) / total
        lever = np.sum(weight * np.square(mean - centre))
        # What noise alone moves the means of blocks by is no contrast.
        by_noise = np.sum(weight * np.maximum(intercept + slope * mean, 0)) / BLOCK_PIXELS
        if not lever > 4 * by_noise:
            error = np.inf
            break
        slope = float(np.sum(weight * (mean - centre) * (variance - level)) / lever)
        intercept = float(level - slope * centre)
        error = spread / np.sqrt(lever) if np.count_nonzero(kept) > 4 else np.inf
    if error < LARGEST_ERROR * slope:
        return slope
    line = slope
    # The line from the noise in the dark at 0, whose only unknown is the slope.
    bright = mean > 0
    if not bright.any():
        return 0.0
    mean, variance = mean[bright], variance[bright]
    slope = _weighted_median((variance - dark) / mean, np.square(mean))
    for _ in range(ROUNDS):
        _, weight = _weights(dark + slope * mean, variance, spread)
        slope = float(np.sum(weight * mean * (variance - dark)) / np.sum(weight * mean**2))
    # An offset that is not declared, or noise in the dark, gives another slope than the line's.
    declared = abs(slope - line) < SURE * error or error > WORST_ERROR * line
    return max(slope, 0.0) if declared else line


def _weights(
    expected: NDArray[np.float64], variance: NDArray[np.float64], spread: float
) -> tuple[Mask, NDArray[np.float64]]:
    """Which blocks have no more variance than noise may have; how certain each variance is."""
    # The many dark blocks give the line its start. With all their weight, the noise of their
    # means would pull the slope down.
    expected = np.maximum(expected, 0.1 * max(float(expected.max()), 1e-12))
    kept = variance <= (1 + 3.5 * spread) * expected
    if not kept.any():
        kept = variance <= np.median(variance)
    return kept, kept / np.square(expected)


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    sums = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(sums, sums[-1] / 2)])


def _flat(values: Array) -> Mask:
    """Find windows in which all values are exactly the same."""
    size = FLAT_WINDOW[values.ndim]
    highest = ndimage.maximum_filter(values, size, mode="nearest")
    lowest = ndimage.minimum_filter(values, size, mode="nearest")
    return np.asarray(ndimage.maximum_filter(highest == lowest, size, mode="constant"))


def _saturated_at(planes: Array, valid: Mask | None) -> float:
    """Lowest intensity that is saturated; infinite if the brightest pixels are no pile."""
    kept = True if valid is None else valid
    top = float(np.max(planes, where=kept, initial=-np.inf))
    at_top = np.count_nonzero((planes == top) & kept)
    if at_top < 5:
        return float("inf")
    second = float(np.max(planes, where=(planes < top) & kept, initial=-np.inf))
    return top if at_top > 3 * np.count_nonzero((planes == second) & kept) else float("inf")


def _rounding_step(planes: Array, valid: Mask | None) -> float:
    """Step to which intensities are rounded; 0 if they are not."""
    sample = np.concatenate(
        [values[usable][: 2**15] for values, usable in slabs(planes, valid, 1.0, SLAB_PIXELS)]
        or [np.zeros(0, np.float32)]
    )
    levels = np.unique(sample)
    if len(levels) < 2 or len(levels) > sample.size / 4:
        return 0.0
    return float(np.median(np.diff(levels)))


def _second_differences(values: Array, usable: Mask) -> tuple[Array, Mask]:
    """Along all axes, scaled to keep the noise's variance; where they are known."""
    for axis in range(values.ndim):
        if values.shape[axis] > 2:
            before, here, after = _neighbours(values, axis)
            values = (before - 2 * here + after) * np.float32(1 / np.sqrt(6))
            first, middle, last = _neighbours(usable, axis)
            usable = first & middle & last
    return values, usable


def _local_mean(values: Array) -> Array:
    """Mean where the second differences are."""
    for axis in range(values.ndim):
        if values.shape[axis] > 2:
            before, here, after = _neighbours(values, axis)
            values = (before + 4 * here + after) * np.float32(1 / 6)
    return values


def _neighbours(values: NDArray[Any], axis: int) -> list[NDArray[Any]]:
    """Along an axis, what lies before each value, the value and what lies after it."""
    lead = (slice(None),) * axis
    return [values[(*lead, slice(k, k + values.shape[axis] - 2))] for k in range(3)]


def _blocks(values: Array, usable: Mask) -> tuple[NDArray[np.float64], ...]:
    """Mean, variance of the noise and number of pixels of each block."""
    noise, known = _second_differences(values, usable)
    mean = _local_mean(values)
    shape = noise.shape
    side = round(BLOCK_PIXELS ** (1 / len(shape)))
    blocks = [min(side, n) for n in shape]
    whole = tuple(slice(n // b * b) for n, b in zip(shape, blocks))
    split = [part for n, b in zip(shape, blocks) for part in (n // b, b)]
    axes = tuple(range(1, 2 * len(shape), 2))

    def apart(array: NDArray[Any]) -> NDArray[Any]:
        return array[whole].reshape(split)

    count = np.sum(apart(known), axis=axes, dtype=np.float64).ravel()
    many = np.maximum(count, 1)
    means = np.sum(apart(mean * known), axis=axes, dtype=np.float64).ravel() / many
    squares = np.sum(apart(np.square(noise) * known), axis=axes, dtype=np.float64).ravel() / many
    return means, squares, count
