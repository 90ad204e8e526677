"""Estimate how bright each plane of a volume was taken, relative to the others: flicker, bleaching.

Each plane of a volume is the blurred scene times a factor. The blur couples planes: the light of
each point spreads over several of them. So the brightness of planes cannot jump from one to the
next. A jump is flicker.

A slow change is something else. The specimen may be brighter on one side, and no image tells this
from bleaching. So flicker is found in the image, and bleaching is fitted only if the user says that
there is some.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.typing import PSF, BoolArray, Float64Array

KERNEL_WIDTH = 0.7
"""Width of the axial profile with which brightness is fitted, relative to that of the PSF. Guard:
against a PSF that is too wide; ``benchmarks/plane_factors.py``."""

MIN_KERNEL_SIGMA = 0.8
"""Least standard deviation of this profile, in planes. Guard: against planes that the blur hardly
couples, which say nothing of flicker; ``benchmarks/plane_factors.py``."""

MIN_PLANES = 8
"""Least number of planes that are bright enough. Guard: against factors from a handful of planes;
``tests/noise/test_plane_factors.py``."""

TILES = 4
"""Tiles along each axis of a plane. Flicker is the same in all of them; structure that moves is
not. Chosen by ``benchmarks/plane_factors.py``."""

MIN_TILES = 6
"""Least number of tiles with light. Guard: against a single object that moves or blinks;
``tests/noise/test_plane_factors.py``."""

MIN_LIGHT = 0.1
"""Least brightness of a plane, or of a tile, relative to the brightest one. For darker planes no
factor is found. Chosen by ``benchmarks/plane_factors.py``."""

MIN_JUMPS = 0.015
"""Least jumps that count as flicker: root mean square of the part of the brightness that the PSF
does not allow. Chosen by ``benchmarks/plane_factors.py``: images without flicker have less, and so
have those from a stage whose steps differ by a tenth."""

MIN_AGREEMENT = 0.9
"""Least part of the jumps that tiles have in common. Chosen by ``benchmarks/plane_factors.py``."""

BLOCK_SIZE = 8
"""Size of the blocks, in pixels along each axis, whose differences are the contrast of a plane.
Guard: against noise; ``benchmarks/plane_factors.py``."""

MAX_LEVELS = 400
"""Number of levels that are compared. Limit: of time."""

MAX_LEVEL_DEPTH = 10.0
"""Largest difference of background and level, in units of the brightness of the brightest plane.
Limit: of time, with `MAX_LEVELS`; with more haze, the factors are too close to 1."""

_STRUCTURE_LENGTHS = np.array([1.4, 2.0, 3.0, 4.5, 6.5, 9.0, 13.0])
"""Lengths over which the brightness of a specimen changes, in standard deviations of the profile.
Definition: a ladder from the sharpest that the PSF allows."""

_STRUCTURE_SIZES = (0.03, 0.1, 0.3, 1.0, 3.0)
"""Standard deviations of the logarithm of the brightness of a specimen. Definition: a ladder."""

_FLICKER_SIZES = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16)
"""Standard deviations of the logarithms of the factors. Definition: a ladder."""

_MEAN_VARIANCE = 25.0
"""Variance of the mean logarithm, which is not known. Definition: much more than the others."""


class Jumps(NamedTuple):
    """Jumps in the brightness of the planes of a volume.

    Attributes
    ----------
    seen : ndarray of bool
        Planes that are bright enough.
    sigma : float
        Standard deviation of the axial profile, in planes.
    size : float
        Root mean square of the jumps, relative to the brightness.
    agreement : float
        Part of the squared jumps that the tiles of the planes have in common, at most 1.
    """

    seen: BoolArray
    sigma: float
    size: float
    agreement: float

    @property
    def are_flicker(self) -> bool:
        """Whether they are flicker beyond doubt."""
        return self.size >= MIN_JUMPS and self.agreement >= MIN_AGREEMENT


class Factors(NamedTuple):
    """Brightness of the planes of a volume.

    Attributes
    ----------
    values : ndarray of float64
        Brightness of each plane, relative to the others; their geometric mean is 1.
    level : float
        Intensity that the factors do not change, such as the offset of the camera.
    """

    values: Float64Array
    level: float


def find_flicker(pixels: Pixels, psf: PSF, background: float) -> Factors | None:
    """Find the flicker of a volume; None if it is not sure that there is any.

    The logarithm of the brightness of the planes is the sum of a smooth curve, the specimen, and of
    white noise, the flicker. How large both are, and how smooth the curve is, follows from the
    brightness itself: the most probable values are used (the evidence of a Gaussian process). The
    factors are the expected flicker. So a slow part of it remains.

    The factors act on haze, but not on the offset of the camera. The level between the two is the
    one for which the brightness of the planes flickers as their contrast does, because the contrast
    has no level.

    Parameters
    ----------
    pixels : Pixels
        One volume, of shape (channels, z, y, x).
    psf : ndarray of float32
        Point spread function with three axes.
    background : float
        Intensity of pixels without structure: offset and haze, rather too low than too high.
    """
    jumps = measure_jumps(pixels, psf, background)
    if jumps is None or not jumps.are_flicker:
        return None
    mean = _mean_of_planes(pixels)
    planes = np.flatnonzero(jumps.seen & (mean > background))
    if len(planes) < MIN_PLANES:
        return None
    mean = mean[planes]
    contrast = _contrast_of_planes(pixels)[planes]
    flicker_of = _flicker_part(np.log(mean - background), planes, jumps.sigma)
    level = background
    if contrast.min() > 0:
        wanted = flicker_of @ np.log(contrast)
        depth = MAX_LEVEL_DEPTH * (mean.max() - background)
        levels = background - depth * np.linspace(0, 1, MAX_LEVELS)
        found = np.log(mean - levels[:, None]) @ flicker_of.T
        level = float(levels[np.argmin(np.sum((found - wanted) ** 2, axis=1))])
    logarithms = np.zeros(len(jumps.seen))
    logarithms[planes] = flicker_of @ np.log(mean - level)
    logarithms[planes] -= logarithms[planes].mean()
    return Factors(np.exp(logarithms), level)


def measure_jumps(pixels: Pixels, psf: PSF, background: float) -> Jumps | None:
    """Measure how much the brightness of planes jumps, beyond what the PSF allows.

    The brightness is fitted by the axial profile of the PSF around any amounts of light that are
    not negative. What remains are jumps.

    Parameters
    ----------
    pixels : Pixels
        One volume, of shape (channels, z, y, x).
    psf : ndarray of float32
        Point spread function with three axes.
    background : float
        Intensity of pixels without structure.

    Returns
    -------
    Jumps or None
        None if the volume or the PSF cannot tell.
    """
    sigma = KERNEL_WIDTH * _axial_sigma(psf)
    if pixels.values.shape[1] < MIN_PLANES or sigma < MIN_KERNEL_SIGMA:
        return None
    tiles = _brightness_of_tiles(pixels) - background
    light = np.maximum(tiles.max(axis=1), 0)
    tiles = tiles[light > MIN_LIGHT * light.max()]
    if len(tiles) < MIN_TILES:
        return None
    total = tiles.mean(axis=0)
    if not total.max() > 0:
        return None
    model = _fit_profile(total, sigma)
    seen = np.minimum(model, total) > MIN_LIGHT * total.max()
    if np.count_nonzero(seen) < MIN_PLANES:
        return None
    size = float(np.std(np.log(total[seen] / model[seen])))
    return Jumps(seen, sigma, size, _agreement(tiles, seen, sigma))


def fit_bleaching(pixels: Pixels, background: float) -> Factors:
    """Fit an exponential curve to the brightness of the planes of a volume.

    Parameters
    ----------
    pixels : Pixels
        One volume, of shape (channels, z, y, x).
    background : float
        Intensity of pixels without structure.
    """
    brightness = _mean_of_planes(pixels) - background
    planes = np.arange(len(brightness)) - (len(brightness) - 1) / 2
    seen = brightness > MIN_LIGHT * max(float(brightness.max()), 0.0)
    if np.count_nonzero(seen) < 2:
        return Factors(np.ones(len(planes)), background)
    rate = np.polyfit(planes[seen], np.log(brightness[seen]), 1)[0]
    return Factors(np.exp(rate * planes), background)


def _axial_sigma(psf: PSF) -> float:
    """Return the standard deviation, in planes, of a Gaussian as wide as a PSF along z.

    Its full width at half maximum is measured on the line through the brightest pixel. Beside this
    line, the light spreads over more planes.
    """
    peak = np.unravel_index(int(psf.argmax()), psf.shape)
    line = np.asarray(psf[:, peak[1], peak[2]], np.float64) / float(psf[peak])
    width = 0.0
    for side in (line[peak[0] :], line[peak[0] :: -1]):
        dim = np.flatnonzero(side < 0.5)
        if dim.size:
            first = int(dim[0])
            width += first - (0.5 - side[first]) / (side[first - 1] - side[first])
        else:
            width += len(side)
    return float(width / np.sqrt(8 * np.log(2)))


def _columns(pixels: Pixels) -> BoolArray:
    """Return which columns along z count in all planes and channels, of shape (y, x)."""
    values, valid = pixels
    if valid is None:
        return np.ones(values.shape[2:], np.bool_)
    return np.asarray(np.broadcast_to(valid, values.shape).all(axis=(0, 1)))


def _mean_of_planes(pixels: Pixels) -> Float64Array:
    """Return the mean intensity of each plane."""
    return np.asarray(_brightness_of_tiles(pixels, 1)[0])


def _brightness_of_tiles(pixels: Pixels, tiles: int = TILES) -> Float64Array:
    """Return the mean intensity of each plane in each tile, of shape (tiles, planes)."""
    values, columns = pixels.values, _columns(pixels)
    means = []
    for rows in np.array_split(np.arange(values.shape[2]), tiles):
        for across in np.array_split(np.arange(values.shape[3]), tiles):
            tile = np.ix_(rows, across)
            counted = columns[tile]
            if counted.any():
                part = values[:, :, rows[0] : rows[-1] + 1, across[0] : across[-1] + 1]
                means.append(part[:, :, counted].mean(axis=(0, 2), dtype=np.float64))
    return np.stack(means) if means else np.zeros((1, values.shape[1]))


def _contrast_of_planes(pixels: Pixels) -> Float64Array:
    """Return the standard deviation of the blocks of each plane, without that of the noise.

    Each block is halved like a chessboard. The noise of the halves is independent, so their
    covariance has none.
    """
    values, columns = pixels.values.mean(axis=0), _columns(pixels)
    rows, across = (n // BLOCK_SIZE for n in columns.shape)
    shape = (rows, BLOCK_SIZE, across, BLOCK_SIZE)
    top, left = (n % BLOCK_SIZE // 2 for n in columns.shape)
    inside = np.s_[..., top : top + rows * BLOCK_SIZE, left : left + across * BLOCK_SIZE]
    counted = columns[inside].reshape(shape).all(axis=(1, 3))
    if np.count_nonzero(counted) < MIN_TILES:
        return np.zeros(len(values))
    blocks = values[inside].reshape(-1, *shape).swapaxes(2, 3)[:, counted]
    is_white = np.add.outer(*[np.arange(BLOCK_SIZE)] * 2) % 2 == 0
    halves = [blocks[..., half].mean(axis=-1, dtype=np.float64) for half in (is_white, ~is_white)]
    white, black = (half - half.mean(axis=1, keepdims=True) for half in halves)
    return np.asarray(np.sqrt(np.maximum(np.mean(white * black, axis=1), 0)))


def _fit_profile(brightness: Float64Array, sigma: float) -> Float64Array:
    """Fit brightness by Gaussians of light that is not negative; relative errors count."""
    from scipy import optimize  # slow to import

    planes, reach = len(brightness), int(np.ceil(4 * sigma))
    places = np.arange(-reach, planes + reach)
    profiles = np.exp(-(((np.arange(planes)[:, None] - places) / sigma) ** 2) / 2)
    weight = 1 / np.maximum(brightness, MIN_LIGHT * brightness.max())
    light, _ = optimize.nnls(profiles * weight[:, None], brightness * weight, maxiter=100 * planes)
    return np.asarray(profiles @ light)


def _agreement(tiles: Float64Array, seen: BoolArray, sigma: float) -> float:
    """Return the part of the squared mean jump that the scatter of the tiles does not explain."""
    jumps = []
    for tile in tiles:
        model = _fit_profile(tile, sigma)
        bright = seen & (np.minimum(model, tile) > MIN_LIGHT * tile.max())
        ratio = np.divide(tile, model, out=np.full(len(tile), np.nan), where=bright)
        jumps.append(np.log(ratio)[seen])
    count = np.isfinite(jumps).sum(axis=0)
    common = np.stack(jumps)[:, count >= MIN_TILES]
    if common.shape[1] < MIN_PLANES:
        return 0.0
    power = float(np.mean(np.nanmean(common, axis=0) ** 2))
    scatter = np.nanvar(common, axis=0, ddof=1) / count[count >= MIN_TILES]
    return float(1 - scatter.mean() / power) if power else 0.0


def _flicker_part(logarithms: Float64Array, planes: NDArray[np.intp], sigma: float) -> Float64Array:
    """Return the matrix that takes the flicker out of the logarithms of the brightness."""
    distance = planes[:, None] - planes
    logarithms = logarithms - logarithms.mean()
    most, best = -np.inf, np.zeros(distance.shape)
    for length in sigma * _STRUCTURE_LENGTHS:
        smooth = np.exp(-((distance / length) ** 2) / 2)
        for structure, flicker in product(_STRUCTURE_SIZES, _FLICKER_SIZES):
            noise = flicker**2 * np.eye(len(planes))
            covariance = structure**2 * smooth + noise + _MEAN_VARIANCE
            inverse = np.linalg.inv(covariance)
            misfit = logarithms @ inverse @ logarithms
            evidence = -(np.linalg.slogdet(covariance)[1] + misfit) / 2
            if evidence > most:
                most, best = evidence, flicker**2 * inverse
    # The logarithm of a unit is the same in all planes, and must change nothing.
    return np.asarray(best - best.mean(axis=1, keepdims=True))
