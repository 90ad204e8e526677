"""Clean beads to one PSF: cut out, aligned, averaged, without noise where there is no light."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._bead_finding import Array, Floats, Spot, Spots, box_about, gaussian

REACH = 6.0
"""Half width of the window that is cut out, in sigmas."""

DARK = 4.0
"""Where a Gaussian bead ends, in sigmas."""

MARGIN = 5
"""Pixels around the window, so that interpolation has something to work with."""

SURE = 4.0
"""A departure from the Gaussian is kept from so many standard deviations on."""


def averaged(picture: Array, spots: Spots) -> tuple[Floats, Floats]:
    """Average the beads of a picture, and return the PSF and its widths (sigmas in pixels).

    Each bead is moved by a fraction of a pixel and the sum divided by the sum of the peaks:
    bright beads count more, as photon noise asks. From the Gaussian fitted to the average,
    only departures that stand out from the noise are kept: the dark ground gets no light.
    """
    sigma = np.exp(np.mean(np.log([bead.sigma for bead in spots.beads]), axis=0))
    half = np.ceil(REACH * sigma).astype(int)
    shape = tuple(2 * half + 1)
    total, weight = np.zeros(shape), np.zeros(shape)
    every = (*spots.beads, *spots.left_out)
    for bead in spots.beads:
        light, seen = _aligned(picture, bead, half)
        seen &= _clear_of_others(bead, every, sigma, half)
        total += np.where(seen, light, 0.0)
        weight += np.where(seen, bead.peak, 0.0)
    axes = [np.arange(n, dtype=np.float64) for n in shape]
    grid = list(np.meshgrid(*axes, indexing="ij", sparse=True))
    model = gaussian(grid, Spot(half.astype(float), sigma, 1.0, 0.0, 0.0))
    seen = weight > 0
    departure = np.where(seen, total / np.where(seen, weight, 1.0) - model, 0.0)
    outside = sum(((a - h) / s) ** 2 for a, h, s in zip(grid, half, sigma)) > DARK**2
    psf = model + _beyond_noise(departure, seen, np.asarray(outside))
    return _cropped(np.clip(psf, 0, None)), sigma


def _aligned(
    picture: Array, bead: Spot, half: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Cut a bead out with its centre at the middle; say which pixels the picture holds."""
    box, grid = box_about(bead.centre, half + MARGIN, picture.shape)
    data = picture[box].astype(np.float64) - bead.background
    offset = [axis.flat[0] for axis in grid]
    start = bead.centre - half - offset
    # What is interpolated is the departure from the Gaussian: exact for the bead itself.
    data -= gaussian(grid, bead)
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
    return moved + gaussian(list(np.meshgrid(*axes, indexing="ij", sparse=True)), middle), inside


def _clear_of_others(
    bead: Spot, every: tuple[Spot, ...], sigma: Floats, half: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Mark the pixels of a bead's window that no other spot lights."""
    clear = np.ones(tuple(2 * half + 1), dtype=bool)
    for other in every:
        place = other.centre - bead.centre + half
        reach = DARK * np.maximum(sigma, other.sigma)
        if other is bead or np.any(place < -reach) or np.any(place > 2 * half + reach):
            continue
        axes = [np.arange(n, dtype=np.float64) for n in clear.shape]
        grid = np.meshgrid(*axes, indexing="ij", sparse=True)
        clear &= sum(((a - p) / r) ** 2 for a, p, r in zip(grid, place, reach)) > 1
    return clear


def _beyond_noise(departure: Floats, seen: NDArray[np.bool_], outside: NDArray[np.bool_]) -> Floats:
    """Keep of a departure what stands out from the noise of the dark part of the window."""
    dark = seen & outside
    if np.count_nonzero(dark) >= 8:
        departure = np.where(seen, departure - np.median(departure[dark]), 0.0)
    smooth = ndimage.gaussian_filter(departure, 0.7)
    where = dark if np.count_nonzero(dark) >= 8 else seen
    noise = 1.4826 * float(np.median(np.abs(smooth[where])))
    sure = np.abs(smooth) > SURE * noise
    gain = np.zeros(departure.shape)
    gain[sure] = 1 - (SURE * noise / smooth[sure]) ** 2
    return np.asarray(gain * departure)


def _cropped(psf: Floats) -> Floats:
    """Cut off what is dark all around, the same on both sides."""
    light = psf > 1e-4 * psf.max()
    cut = []
    for axis, n in enumerate(psf.shape):
        lit = np.flatnonzero(light.any(axis=tuple(a for a in range(psf.ndim) if a != axis)))
        reach = max(n // 2 - lit[0], lit[-1] - n // 2)
        cut.append(slice(n // 2 - reach, n // 2 + reach + 1))
    return psf[tuple(cut)]
