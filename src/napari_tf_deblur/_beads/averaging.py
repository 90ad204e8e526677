"""Clean beads to one PSF: cut out, aligned, averaged, without noise where there is no light."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._beads.finding import Spots
from napari_tf_deblur._beads.spot_fit import Spot, box_around, spot_gaussian
from napari_tf_deblur._core.psf import GAUSSIAN_REACH
from napari_tf_deblur._core.typing import Float32Array, Float64Array

BEAD_WINDOW_SIGMAS = 8.0
"""Half width of the window that is cut out around a bead, in sigmas. Set by hand; its effect is in
``benchmarks/CONSTANTS.md``."""

INTERPOLATION_MARGIN = 5
"""Pixels around the window for the interpolation. Set by hand: half or 1.5 times changes nothing in
``benchmarks/CONSTANTS.md``."""

MAX_BEADS, MAX_WINDOW_VOXELS = 50, 2**23
"""Most beads that are averaged, and most voxels of their windows together. Limit: of time and
memory."""

BACKGROUND_ZONE_SIGMAS = 6.0
"""Distance in sigmas from where on the window shows background and noise only. Set by hand; its
effect is in ``benchmarks/CONSTANTS.md``."""

DEPARTURE_FILTER_SIGMA = 0.7
"""Sigma, in pixels, of the filter before departures from the Gaussian are searched. Set by hand;
its effect is in ``benchmarks/CONSTANTS.md``."""

DEPARTURE_SIGNIFICANCE = 5.0
"""Standard deviations from which on a departure from the Gaussian is kept. Derived: noise alone
exceeds it once in three million pixels."""


def average_beads(picture: Float32Array, spots: Spots) -> tuple[Float64Array, Float64Array]:
    """Average the beads of a picture, and return the PSF and its widths (sigmas in pixels).

    Each bead is moved by a fraction of a pixel and the sum divided by the sum of the peaks:
    bright beads count more, as photon noise asks. From the Gaussian fitted to the average,
    only departures that stand out from the noise are kept: the dark ground gets no light.
    """
    sigma = np.exp(np.mean(np.log([bead.sigma for bead in spots.beads]), axis=0))
    half = np.ceil(BEAD_WINDOW_SIGMAS * sigma).astype(int)
    shape = tuple(2 * half + 1)
    axes = [np.arange(n, dtype=np.float64) for n in shape]
    grid = list(np.meshgrid(*axes, indexing="ij", sparse=True))
    model = spot_gaussian(grid, Spot(half.astype(float), sigma, 1.0, 0.0, 0.0))
    every = (*spots.beads, *spots.left_out)
    most = max(1, min(MAX_BEADS, MAX_WINDOW_VOXELS // model.size))
    beads = [_with_far_background(picture, bead) for bead in spots.beads[:most]]
    stack = []
    for bead in beads:
        light, seen = _align_bead(picture, bead, half)
        seen &= _mask_other_beads(bead, every, sigma, half)
        stack.append(np.where(seen, light / bead.peak - model, np.nan))
    peaks = np.array([bead.peak for bead in beads])
    departure, spread = _mean_without_outliers(np.stack(stack), peaks, spots.noise)
    psf = model + _keep_significant(departure, spread, _smoothed_noise(picture, spots.noise))
    return _crop_dark_margin(np.clip(psf, 0, None)), sigma


def _with_far_background(picture: Float32Array, bead: Spot) -> Spot:
    """Take a bead's background from pixels too far away for its rings, if there are enough."""
    box, grid = box_around(bead.centre, (BEAD_WINDOW_SIGMAS + 2) * bead.sigma, picture.shape)
    square = sum(((a - c) / s) ** 2 for a, c, s in zip(grid, bead.centre, bead.sigma))
    far = picture[box][np.asarray(square) > BACKGROUND_ZONE_SIGMAS**2]
    if far.size < 20:
        return bead
    ground = float(np.median(far))
    return replace(bead, background=ground, peak=bead.peak + bead.background - ground)


def _align_bead(
    picture: Float32Array, bead: Spot, half: NDArray[np.int64]
) -> tuple[Float64Array, NDArray[np.bool_]]:
    """Cut a bead out with its centre at the middle; say which pixels the picture holds."""
    box, grid = box_around(bead.centre, half + INTERPOLATION_MARGIN, picture.shape)
    data = picture[box].astype(np.float64) - bead.background
    offset = [axis.flat[0] for axis in grid]
    start = bead.centre - half - offset
    # What is interpolated is the departure from the Gaussian: exact for the bead itself.
    data -= spot_gaussian(grid, bead)
    moved = ndimage.affine_transform(
        data, np.ones(data.ndim), start, tuple(2 * half + 1), order=3, mode="constant"
    )
    inside = np.ones(moved.shape, dtype=bool)
    for axis, (first, n, size) in enumerate(zip(start, data.shape, moved.shape)):
        at = first + np.arange(size)
        here = (at >= -1e-6) & (at <= n - 1 + 1e-6)
        inside &= here.reshape([-1 if a == axis else 1 for a in range(data.ndim)])
    axes = [np.arange(n, dtype=np.float64) for n in moved.shape]
    middle = Spot(half.astype(float), bead.sigma, bead.peak, 0.0, 0.0)
    return moved + spot_gaussian(
        list(np.meshgrid(*axes, indexing="ij", sparse=True)), middle
    ), inside


def _mean_without_outliers(
    stack: Float64Array, peaks: Float64Array, noise: float
) -> tuple[Float64Array, Float64Array]:
    """Average departures, weighted by the beads' peaks; NaN and outliers count nothing.

    From three beads on, an outlier is a pixel further from the median over the beads than
    five times the noise and a twentieth of the peak. Also returns the noise of the average at
    each pixel, for a picture of noise 1: infinite where there was no value.
    """
    weight = np.isfinite(stack) * peaks.reshape(-1, *[1] * (stack.ndim - 1))
    stack = np.nan_to_num(stack)
    if len(stack) > 2:
        middle = _masked_median(stack, weight)
        limit = 5 * noise / peaks + 0.05
        weight *= np.abs(stack - middle) < limit.reshape(-1, *[1] * (stack.ndim - 1))
    total = weight.sum(axis=0)
    some = np.where(total > 0, total, 1.0)
    spread = np.where(total > 0, np.sqrt(np.count_nonzero(weight, axis=0)) / some, np.inf)
    return (stack * weight).sum(axis=0) / some, spread


def _masked_median(stack: Float64Array, weight: Float64Array) -> Float64Array:
    """Return the median over the first axis of what has weight; 0 where nothing has."""
    ordered = np.sort(np.where(weight > 0, stack, np.inf), axis=0)
    count = np.count_nonzero(weight, axis=0)
    pair = [np.maximum(at, 0)[None] for at in ((count - 1) // 2, count // 2)]
    pair[1] = np.minimum(pair[1], len(stack) - 1)
    low, high = (np.take_along_axis(ordered, at, axis=0)[0] for at in pair)
    return np.where(count > 0, (low + np.where(np.isfinite(high), high, low)) / 2, 0.0)


def _mask_other_beads(
    bead: Spot, every: tuple[Spot, ...], sigma: Float64Array, half: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Mark the pixels of a bead's window that no other spot lights."""
    clear = np.ones(tuple(2 * half + 1), dtype=bool)
    for other in every:
        place = other.centre - bead.centre + half
        reach = GAUSSIAN_REACH * np.maximum(sigma, other.sigma)
        if (
            other.centre is bead.centre
            or np.any(place < -reach)
            or np.any(place > 2 * half + reach)
        ):
            continue
        axes = [np.arange(n, dtype=np.float64) for n in clear.shape]
        grid = np.meshgrid(*axes, indexing="ij", sparse=True)
        clear &= sum(((a - p) / r) ** 2 for a, p, r in zip(grid, place, reach)) > 1
    axes = [np.arange(n, dtype=np.float64) - n // 2 for n in clear.shape]
    own = sum((a / s) ** 2 for a, s in zip(np.meshgrid(*axes, indexing="ij", sparse=True), sigma))
    return clear | (np.asarray(own) < 3**2)


def _smoothed_noise(picture: Float32Array, noise: float) -> float:
    """Noise of the picture after smoothing, also if neighbours share it.

    No less than independent noise would leave, and no more than three times that: what is
    more is light, as in a picture that a bead fills.
    """
    smooth = ndimage.gaussian_filter(picture, DEPARTURE_FILTER_SIGMA)
    found = 1.4826 * float(np.median(np.abs(smooth - np.median(smooth))))
    least = noise * 0.63**picture.ndim
    return float(np.clip(found, least, 3 * least))


def _keep_significant(departure: Float64Array, spread: Float64Array, noise: float) -> Float64Array:
    """Keep of a departure what stands out from the noise, which is `noise` times `spread`."""
    smooth = ndimage.gaussian_filter(departure / spread, DEPARTURE_FILTER_SIGMA)
    sure = np.abs(smooth) > DEPARTURE_SIGNIFICANCE * noise
    gain = np.zeros(departure.shape)
    gain[sure] = 1 - (DEPARTURE_SIGNIFICANCE * noise / smooth[sure]) ** 2
    return np.asarray(gain * np.where(np.isfinite(spread), departure, 0.0))


def _crop_dark_margin(psf: Float64Array) -> Float64Array:
    """Cut off what is dark all around, the same on both sides."""
    light = psf > 1e-4 * psf.max()
    cut = []
    for axis, n in enumerate(psf.shape):
        lit = np.flatnonzero(light.any(axis=tuple(a for a in range(psf.ndim) if a != axis)))
        reach = max(n // 2 - lit[0], lit[-1] - n // 2)
        cut.append(slice(n // 2 - reach, n // 2 + reach + 1))
    return psf[tuple(cut)]
