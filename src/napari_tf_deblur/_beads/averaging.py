"""Average clean beads to one PSF without noise in its dark parts."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._beads.finding import Spots
from napari_tf_deblur._beads.ready_psf import SPLINE_MARGIN
from napari_tf_deblur._beads.spot_fit import Spot, box_around, spot_gaussian, squared_distance
from napari_tf_deblur._core.gaussian_psf import DIFFRACTION_REACH, GAUSSIAN_REACH
from napari_tf_deblur._core.pixels import PIXEL_SIGNIFICANCE
from napari_tf_deblur._core.typing import Float32Array, Float64Array

MAX_BEADS, MAX_WINDOW_VOXELS = 50, 2**23
"""Most beads that are averaged, and most voxels of their windows together. Limit: of time and
memory."""

BACKGROUND_ZONE_SIGMAS = 6.0
"""Distance in sigmas beyond which the window shows only background and noise. Derived: it lies
beyond the second dark ring of an Airy pattern, at 5.3 sigmas; the next ring has 0.4 % of the
peak."""

DEPARTURE_FILTER_SIGMA = 0.7
"""Sigma, in pixels, of the filter before deviations from the Gaussian are tested. Guard: against
noise that counts as light; ``tests/beads/test_measured_psf.py``."""


def average_beads(picture: Float32Array, spots: Spots) -> tuple[Float64Array, Float64Array]:
    """Average the beads of a picture to one PSF.

    Each bead is shifted to the middle of a window by interpolation. The sum is divided by the sum
    of the peaks, so that bright beads count more, as photon noise requires. The result is a
    Gaussian of the mean width plus those deviations from it that stand out from the noise; so the
    dark background gets no light from noise.

    Parameters
    ----------
    picture : ndarray of float32
        1 to 3 axes.
    spots : Spots
        Its beads and its other spots.

    Returns
    -------
    psf : ndarray of float64
        Not negative, with the peak at the middle pixel; not normalised.
    sigma : ndarray of float64
        Sigmas of the mean Gaussian along each axis, in pixels.
    """
    sigma = np.exp(np.mean(np.log([bead.sigma for bead in spots.beads]), axis=0))
    half = np.ceil(DIFFRACTION_REACH * sigma).astype(int)
    shape = tuple(2 * half + 1)
    axes = [np.arange(n, dtype=np.float64) for n in shape]
    grid = list(np.meshgrid(*axes, indexing="ij", sparse=True))
    model = spot_gaussian(grid, Spot(half.astype(float), sigma, 1.0, 0.0, 0.0))
    all_spots = (*spots.beads, *spots.left_out)
    most = max(1, min(MAX_BEADS, MAX_WINDOW_VOXELS // model.size))
    beads = [_with_far_background(picture, bead) for bead in spots.beads[:most]]
    stack = []
    for bead in beads:
        light, usable = _align_bead(picture, bead, half)
        usable &= _mask_other_beads(bead, all_spots, sigma, half)
        stack.append(np.where(usable, light / bead.peak - model, np.nan))
    peaks = np.array([bead.peak for bead in beads])
    deviation, spread = mean_without_outliers(np.stack(stack), peaks, spots.noise)
    psf = model + _keep_significant(deviation, spread, smoothed_noise(picture, spots.noise))
    return crop_dark_margin(np.clip(psf, 0, None)), sigma


def _with_far_background(picture: Float32Array, bead: Spot) -> Spot:
    """Measure the background of a bead in pixels beyond its rings, if there are enough."""
    box, grid = box_around(bead.centre, (DIFFRACTION_REACH + 2) * bead.sigma, picture.shape)
    square = squared_distance(grid, bead)
    far = picture[box][square > BACKGROUND_ZONE_SIGMAS**2]
    if far.size < 20:
        return bead
    background = float(np.median(far))
    return replace(bead, background=background, peak=bead.peak + bead.background - background)


def _align_bead(
    picture: Float32Array, bead: Spot, half: NDArray[np.int64]
) -> tuple[Float64Array, NDArray[np.bool_]]:
    """Cut out a bead with its centre at the middle pixel; also return which pixels are inside."""
    box, grid = box_around(bead.centre, half + SPLINE_MARGIN, picture.shape)
    data = picture[box].astype(np.float64) - bead.background
    offset = [axis.flat[0] for axis in grid]
    start = bead.centre - half - offset
    # Only the deviation from the Gaussian is interpolated; a Gaussian bead stays exact.
    data -= spot_gaussian(grid, bead)
    moved = ndimage.affine_transform(
        data, np.ones(data.ndim), start, tuple(2 * half + 1), order=3, mode="constant"
    )
    inside = np.ones(moved.shape, dtype=bool)
    for axis, (first, n, size) in enumerate(zip(start, data.shape, moved.shape)):
        places = first + np.arange(size)
        in_line = (places >= -1e-6) & (places <= n - 1 + 1e-6)
        inside &= in_line.reshape([-1 if a == axis else 1 for a in range(data.ndim)])
    axes = [np.arange(n, dtype=np.float64) for n in moved.shape]
    middle = Spot(half.astype(float), bead.sigma, bead.peak, 0.0, 0.0)
    return moved + spot_gaussian(
        list(np.meshgrid(*axes, indexing="ij", sparse=True)), middle
    ), inside


def mean_without_outliers(
    stack: Float64Array, peaks: Float64Array, noise: float
) -> tuple[Float64Array, Float64Array]:
    """Average deviations, weighted by the peaks of the beads, without NaN and outliers.

    With three beads or more, an outlier is a pixel whose distance from the median over the beads
    is more than five times the noise plus a twentieth of the peak. Also returns the noise of the
    average at each pixel for a picture of noise 1; it is infinite where there is no value.
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
    """Return the median over the first axis of values with weight; 0 where there is none."""
    ordered = np.sort(np.where(weight > 0, stack, np.inf), axis=0)
    count = np.count_nonzero(weight, axis=0)
    pair = [np.maximum(at, 0)[None] for at in ((count - 1) // 2, count // 2)]
    pair[1] = np.minimum(pair[1], len(stack) - 1)
    low, high = (np.take_along_axis(ordered, at, axis=0)[0] for at in pair)
    return np.where(count > 0, (low + np.where(np.isfinite(high), high, low)) / 2, 0.0)


def _mask_other_beads(
    bead: Spot, spots: tuple[Spot, ...], sigma: Float64Array, half: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Mark the pixels of the window of a bead that contain no light of other spots."""
    clear = np.ones(tuple(2 * half + 1), dtype=bool)
    for other in spots:
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


def smoothed_noise(picture: Float32Array, noise: float) -> float:
    """Noise of the picture after smoothing, also if neighbouring pixels share noise.

    It is not less than independent noise leaves, and not more than three times that: more is
    light, as in a picture that a bead fills.
    """
    smooth = ndimage.gaussian_filter(picture, DEPARTURE_FILTER_SIGMA)
    measured = 1.4826 * float(np.median(np.abs(smooth - np.median(smooth))))
    least = noise * 0.63**picture.ndim
    return float(np.clip(measured, least, 3 * least))


def _keep_significant(deviation: Float64Array, spread: Float64Array, noise: float) -> Float64Array:
    """Keep the part of a deviation that stands out from the noise, `noise` times `spread`."""
    smooth = ndimage.gaussian_filter(deviation / spread, DEPARTURE_FILTER_SIGMA)
    significant = np.abs(smooth) > PIXEL_SIGNIFICANCE * noise
    gain = np.zeros(deviation.shape)
    gain[significant] = 1 - (PIXEL_SIGNIFICANCE * noise / smooth[significant]) ** 2
    return np.asarray(gain * np.where(np.isfinite(spread), deviation, 0.0))


def crop_dark_margin(psf: Float64Array) -> Float64Array:
    """Crop the dark margin of a PSF, equally on both sides of each axis."""
    light = psf > 1e-4 * psf.max()
    cut = []
    for axis, n in enumerate(psf.shape):
        lit = np.flatnonzero(light.any(axis=tuple(a for a in range(psf.ndim) if a != axis)))
        reach = max(n // 2 - lit[0], lit[-1] - n // 2)
        cut.append(slice(n // 2 - reach, n // 2 + reach + 1))
    return psf[tuple(cut)]
