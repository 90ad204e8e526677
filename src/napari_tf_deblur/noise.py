"""What an image says about its noise: how strong it is, and how many photons made it."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

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

CORRELATION = {
    "planes": {1: 35 / 18, 2: (35 / 18) ** 2, 3: (35 / 18) ** 3},
    "lines": {1: 2.63, 2: 1.82, 3: 1.54},
}
"""Pixels per pixel of independent noise, by axes, in squares of differences: neighbours share
noise. `planes` differ along all axes at once, `lines` along one, which tells more of the noise
and hides less of the image."""

STRAY = 3.5
"""Standard deviations by which a block's variance is above the line if it shows more than noise."""

FAINT = 3.0
"""Standard errors by which a block is brighter than the dark if its brightness tells anything."""

SURE = 3.0
"""Standard errors between two values that no chance explains."""

LIKELY = 2.0
"""Standard errors between two values that chance may well explain."""

WORST_ERROR = 0.3
"""Relative standard error of the slope above which an offset cannot be told from noise."""

ROUNDS = 10
"""Fits of the line, each weighted by the noise that the one before expects."""


class Line(NamedTuple):
    """The noise's variance over the intensity: its slope, and its value at intensity 0."""

    slope: float
    at_zero: float


def photon_gain(planes: Array, valid: Mask | None = None, *, read_noise: float = 0.0) -> float:
    """Estimate how much the intensity grows per photon, from noise and brightness.

    The variance of a camera's noise is a straight line over the mean intensity; its slope is
    the gain (Mortara & Fowler, SPIE 290, 1981; Foi et al., IEEE TIP 17(10), 2008). The
    variance comes from differences of neighbours, in which a blurred image has next to nothing
    but noise, block by block. Each block counts by how well it tells the slope: the dark ones,
    however many, hardly; those with more variance than noise has (edges, texture) not at all.

    The line starts from the read noise at intensity 0, unless there is less noise than that: an
    offset that was not subtracted is found, and does no harm, where the image has the contrast
    to tell it. More noise in the dark than was told counts as the photons', for a method that
    is told of no other noise must reckon with it.

    Parameters
    ----------
    planes : ndarray of float32
        Shape (planes, channels, *frame), the camera's offset subtracted if it is known.
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
    if not peak_and_unit(planes, valid)[0]:
        return LEAST_GAIN
    return _photon_transfer(planes, valid, noise_level(planes, valid), read_noise).slope


def _photon_transfer(planes: Array, valid: Mask | None, usual: float, read_noise: float) -> Line:
    """The line of a camera's noise, from the `noise_level`, in the image's units."""
    peak, unit = peak_and_unit(planes, valid)
    noise = usual / unit
    top = _saturated_at(planes, valid) / unit
    blocks: list[NDArray[np.float64]] = []
    for values, usable in slabs(planes, valid, unit):
        broken = hot_pixels(values, usable, noise) | (values >= top)
        blocks.append(_blocks(values, usable & ~broken))
    dark = (read_noise / unit) ** 2
    line = Line(0.0, dark)
    if blocks:
        line = _best_line(np.concatenate(blocks, axis=1), dark, planes.ndim - 2)
    slope = max(line.slope, LEAST_GAIN * peak) * unit
    return Line(float(slope), float(line.at_zero) * unit**2)


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


def mean_noise(planes: Array, valid: Mask | None = None) -> float:
    """Standard deviation of the noise, root mean square over all pixels.

    `noise_level` is that of most pixels: on a dark ground, of the dark. The noise of photons
    grows with the brightness, so that on average it is larger there.

    Parameters
    ----------
    planes : ndarray of float32
        Shape (planes, channels, *frame).
    valid : ndarray of bool, optional
        Pixels to look at, broadcastable to `planes`; all by default.

    Returns
    -------
    float
        In intensity units.

    Examples
    --------
    >>> import numpy as np
    >>> light = np.full((1, 1, 128, 128), 2.0)
    >>> light[..., 48:80] = 200  # a quarter: 51.5 photons on average
    >>> counts = np.random.default_rng(0).poisson(light).astype(np.float32)
    >>> 6 < mean_noise(counts) < 8
    True
    """
    usual = noise_level(planes, valid)
    if not usual:
        return 0.0
    pixels = planes if valid is None else planes[np.broadcast_to(valid, planes.shape)]
    line = _photon_transfer(planes, valid, usual, 0.0)
    variance = line.at_zero + line.slope * float(np.mean(pixels, dtype=np.float64))
    return max(usual, math.sqrt(max(variance, 0.0)))


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
    return stray_pixels(values, usable, noise)[0] > 0


def stray_pixels(values: Array, usable: Mask, noise: float) -> tuple[NDArray[np.int8], Array]:
    """Find single pixels that stand out: 1 if hot, -1 if dead, else 0; and local means."""
    size = 3 if values.ndim > 1 else 7
    around = ndimage.uniform_filter(values, size, mode="nearest")
    above = values - around
    stray = np.zeros(values.shape, np.int8)
    padded = None
    for sign in (1, -1):
        least = max(
            6 * noise, 0.01 * max(float((above.max if sign > 0 else above.min)()) * sign, 0)
        )
        places = np.nonzero((above > least if sign > 0 else above < -least) & usable)
        if not len(places[0]):
            continue
        reach = size // 2
        if padded is None:
            padded = np.pad(values, reach, mode="reflect" if min(values.shape) > reach else "edge")
        shifts = np.indices((size,) * values.ndim).reshape(values.ndim, -1)
        middle = shifts.shape[1] // 2
        highest = np.full(len(places[0]), -np.inf, np.float32)
        lowest = -highest
        for k, shift in enumerate(shifts.T):
            if k != middle:
                here = padded[tuple(place + step for place, step in zip(places, shift))]
                highest, lowest = np.maximum(highest, here), np.minimum(lowest, here)
        beyond = values[places] - highest if sign > 0 else lowest - values[places]
        alone = beyond > 5 * (highest - lowest)
        if np.count_nonzero(alone) <= max(1, HOT_PART * np.count_nonzero(usable)):
            stray[tuple(place[alone] for place in places)] = sign
    return stray, around


def _best_line(blocks: NDArray[np.float64], dark: float, axes: int) -> Line:
    """The line of the variance over the mean; of slope 0 if it has none.

    From differences along single axes, unless those along all axes, which show the least of
    the image, say that structure is counted as noise.
    """
    mean, *measured = blocks
    best, error = Line(0.0, dark), np.inf
    for kind, variance, count in zip(CORRELATION, measured[::2], measured[1::2]):
        good = (count >= 0.25 * count.max(initial=1)) & (variance > 0)
        if not good.any():
            continue
        found, its_error = _fitted_line(
            mean[good], variance[good], count[good] / CORRELATION[kind][axes], dark
        )
        if kind == "planes" or 0 < found.slope < best.slope + LIKELY * error:
            best, error = found, its_error
    return best


def _fitted_line(
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
    count: NDArray[np.float64],
    dark: float,
) -> tuple[Line, float]:
    """Fit a line to variances of `count` independent pixels each; standard error of its slope."""
    darkest = float(np.quantile(mean, 0.02))
    base = float(np.median(variance[mean <= max(darkest, float(mean.min()))]))
    rise = np.maximum(mean - darkest, 0)
    line = _weighted_median((variance - base) / np.where(rise > 0, rise, 1), count * rise**2)
    expected = base + max(line, 0.0) * rise
    for _ in range(ROUNDS):
        kept = variance <= (1 + STRAY * np.sqrt(2 / count)) * expected
        certainty = kept * count / np.square(expected)
        if not kept.any():
            return Line(0.0, dark), np.inf
        centre = np.sum(certainty * mean) / np.sum(certainty)
        level = np.sum(certainty * variance) / np.sum(certainty)
        line, line_error = _ratio(mean - centre, variance - level, certainty, expected)
        expected = np.maximum(level + line * (mean - centre), 0.3 * min(base, level))
    # The line from the noise in the dark at 0, whose only unknown is the slope.
    slope, error = _ratio(mean, variance - dark, certainty, expected)
    if not np.isfinite(error):  # fewer photons than blocks
        total = max(float(np.sum(count * mean)), 0.0)
        slope = max(float(np.sum(count * (variance - dark))), 0.0) / total if total else 0.0
        return Line(slope, dark), np.inf
    misfit = np.sum(certainty * np.square(variance - expected)) / 2 / max(kept.sum() - 2, 1)
    line_error *= np.sqrt(max(misfit, 1.0))
    intercept_error = np.hypot(centre * line_error, np.sqrt(2 / np.sum(certainty)))
    at_zero = level - line * centre
    # Less noise at 0 than there can be tells of an offset.
    if dark - at_zero > SURE * intercept_error and line_error < WORST_ERROR * line:
        return Line(line, at_zero), line_error
    return Line(max(slope, 0.0), dark), error


def _ratio(
    rise: NDArray[np.float64],
    excess: NDArray[np.float64],
    certainty: NDArray[np.float64],
    expected: NDArray[np.float64],
) -> tuple[float, float]:
    """Excess variance per rise in brightness, and its standard error.

    A rise that the noise of a block's mean explains does not count: many of them would pull
    the slope down.
    """
    squared = np.square(rise) * certainty * expected
    told = np.where(squared > FAINT**2, rise * (1 - FAINT**2 / np.maximum(squared, FAINT**2)), 0)
    lever = np.sum(certainty * told * rise)
    if not lever > 0:
        return 0.0, np.inf
    error = np.sqrt(2 * np.sum(certainty * np.square(told))) / lever
    return float(np.sum(certainty * told * excess) / lever), float(error)


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


def _differences(values: Array, usable: Mask, axes: list[int]) -> tuple[Array, Mask]:
    """Second differences along axes, scaled to keep the noise's variance; where known."""
    for axis in axes:
        before, here, after = _neighbours(values, axis)
        values = (before - 2 * here + after) * np.float32(1 / np.sqrt(6))
        first, middle, last = _neighbours(usable, axis)
        usable = first & middle & last
    return values, usable


def _second_differences(values: Array, usable: Mask) -> tuple[Array, Mask]:
    """Along all axes, scaled to keep the noise's variance; where they are known."""
    return _differences(values, usable, [a for a, n in enumerate(values.shape) if n > 2])


def _neighbours(values: NDArray[Any], axis: int) -> list[NDArray[Any]]:
    """Along an axis, what lies before each value, the value and what lies after it."""
    lead = (slice(None),) * axis
    return [values[(*lead, slice(k, k + values.shape[axis] - 2))] for k in range(3)]


def _blocks(values: Array, usable: Mask) -> NDArray[np.float64]:
    """Of each block: mean, then variance and number of pixels from planes, then from lines."""
    axes = [axis for axis, n in enumerate(values.shape) if n > 2]
    noise, known = _differences(values, usable, axes)
    rows = [*_block_means(noise, known)]
    mean = values
    for axis in axes:
        before, here, after = _neighbours(mean, axis)
        mean = (before + 4 * here + after) * np.float32(1 / 6)
    light, _ = _block_means(mean, known, square=False)
    total, number = np.zeros_like(light), np.zeros_like(light)
    for axis in axes if len(axes) > 1 else ():
        if values.shape[axis] < 5:
            continue
        noise, seen = _differences(values, usable, [axis, axis])
        noise *= np.float32(6 / np.sqrt(70))
        # Cut or filled to where the differences along all axes are.
        full = [(1, 1) if a == axis else (0, 0) for a in range(values.ndim)]
        inner = tuple(
            slice(1, -1) if a in axes and a != axis else slice(None) for a in range(values.ndim)
        )
        noise, seen = np.pad(noise[inner], full), np.pad(seen[inner], full)
        variance, count = _block_means(noise, seen & known)
        total += variance * count
        number += count
    rows += [total / np.maximum(number, 1), number / max(len(axes), 1)]
    return np.stack([light, *rows])


def _block_means(
    values: Array, known: Mask, square: bool = True
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean, of the squares, of what is known in each block, and its number."""
    shape = values.shape
    side = round(BLOCK_PIXELS ** (1 / len(shape)))
    blocks = [min(side, n) for n in shape]
    whole = tuple(slice(n // b * b) for n, b in zip(shape, blocks))
    split = [part for n, b in zip(shape, blocks) for part in (n // b, b)]
    axes = tuple(range(1, 2 * len(shape), 2))

    def apart(array: NDArray[Any]) -> NDArray[Any]:
        return array[whole].reshape(split)

    count = np.sum(apart(known), axis=axes, dtype=np.float64).ravel()
    kept = np.where(known, np.square(values) if square else values, np.float32(0))
    total = np.sum(apart(kept), axis=axes, dtype=np.float64).ravel()
    return total / np.maximum(count, 1), count
