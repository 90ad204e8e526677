"""Subtract an uneven background from a picture of beads: haze, or uneven illumination."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np

from napari_tf_deblur._beads.finding import Spots, estimate_picture_noise, find_beads
from napari_tf_deblur._beads.spot_faults import CROWDED, NOT_A_SPOT
from napari_tf_deblur._beads.spot_fit import Spot, box_around, squared_distance
from napari_tf_deblur._core.gaussian_psf import DIFFRACTION_REACH, GAUSSIAN_REACH
from napari_tf_deblur._core.pixels import PIXEL_SIGNIFICANCE
from napari_tf_deblur._core.typing import Float32Array, Float64Array

BACKGROUND_DEGREES = (1, 4, 7)
"""Degrees of the background polynomials that are tried, the lowest first. Guard: against
backgrounds that bend; ``tests/beads/test_measured_psf.py`` needs more than the second degree."""

BACKGROUND_SAMPLE_PIXELS = 2**15
"""Largest number of pixels to which a background is fitted, about. Limit: of time."""

MAX_BACKGROUND_FITS = 10
"""Largest number of fits, each without the pixels that the one before found too bright or too dark.
Limit: of time; the fits end earlier if no pixel changes."""

MAX_FROM_BACKGROUND = 2.5
"""Largest distance of background pixels from the fit, in standard deviations. Guard: against fits
that follow noise or light out of focus; ``tests/beads/test_measured_psf.py``."""


def flatten_background(picture: Float32Array, spots: Spots) -> tuple[Float32Array, Spots, bool]:
    """Subtract an uneven background from a picture of beads, if there is one.

    Polynomials of several degrees are tried. The one that leaves most clean beads is subtracted.

    Parameters
    ----------
    picture : ndarray of float32
        A picture of beads.
    spots : Spots
        Its spots before anything is subtracted.

    Returns
    -------
    picture : ndarray of float32
        The picture without the uneven background, or unchanged.
    spots : Spots
        Its spots.
    subtracted : bool
        Whether a background was subtracted.
    """
    best, best_spots, subtracted = picture, spots, False
    is_sloped = _is_sloped(picture, spots)
    if not (is_sloped or _count_background_faults(spots)):
        return best, best_spots, subtracted
    for background in _candidate_backgrounds(picture):
        if np.ptp(background) < PIXEL_SIGNIFICANCE * spots.noise:
            continue
        flat = picture - background
        flat_spots = find_beads(flat)
        gain = _score(flat_spots) - _score(best_spots)
        if flat_spots.beads and (gain > 0 or (gain == 0 and is_sloped and not subtracted)):
            noise = [_noise_near_bead(flat, bead) for bead in flat_spots.beads]
            best, subtracted = flat, True
            best_spots = replace(flat_spots, noise=max(flat_spots.noise, float(np.median(noise))))
        if flat_spots.beads and not _count_background_faults(flat_spots):
            break
    return best, best_spots, subtracted


def _is_sloped(picture: Float32Array, spots: Spots) -> bool:
    """Whether the two ends of a picture, without its beads, differ by more than the noise."""
    dark = np.ones(picture.shape, bool)
    for bead in spots.beads:
        box, grid = box_around(bead.centre, GAUSSIAN_REACH * bead.sigma, picture.shape)
        dark[box] &= squared_distance(grid, bead) > GAUSSIAN_REACH**2
    for axis, n in enumerate(picture.shape):
        width = max(1, n // 10)
        lines, is_dark = np.moveaxis(picture, axis, 0), np.moveaxis(dark, axis, 0)
        first, last = lines[:width][is_dark[:width]], lines[-width:][is_dark[-width:]]
        if not (first.size and last.size):
            continue  # light of beads only
        if abs(float(np.median(first)) - float(np.median(last))) > PIXEL_SIGNIFICANCE * spots.noise:
            return True
    return False


def _noise_near_bead(picture: Float32Array, bead: Spot) -> float:
    """Noise around a bead: photon noise grows with the background."""
    box, _ = box_around(bead.centre, DIFFRACTION_REACH * bead.sigma, picture.shape)
    return estimate_picture_noise(picture[box])


def _count_background_faults(spots: Spots) -> int:
    """Number of spots with a fault that an uneven background can cause."""
    return sum(spot.fault in (NOT_A_SPOT, CROWDED) for spot in spots.left_out)


def _score(spots: Spots) -> int:
    """Number of clean beads less the number of faults by the background."""
    return (
        len(spots.beads) - _count_background_faults(spots)
        if spots.beads
        else -len(spots.left_out) - 1
    )


def _candidate_backgrounds(picture: Float32Array) -> Iterator[Float32Array]:
    """Yield polynomials fitted to the dark parts of a picture, minus their medians."""
    step = [
        max(1, round(n / BACKGROUND_SAMPLE_PIXELS ** (1 / picture.ndim))) for n in picture.shape
    ]
    sample = picture[tuple(slice(None, None, k) for k in step)].astype(np.float64)
    places = [np.linspace(-1, 1, n) for n in picture.shape]
    coarse = [line[::k] for line, k in zip(places, step)]
    for degree in BACKGROUND_DEGREES:
        terms = _polynomial_terms(picture.shape, degree)
        columns = np.stack([_legendre_product(coarse, term).ravel() for term in terms], axis=1)
        factors = fit_background(columns, sample.ravel())
        background = np.zeros(picture.shape, np.float32)
        for factor, term in zip(factors, terms):
            background += np.float32(factor) * _legendre_product(places, term).astype(np.float32)
        yield background - np.float32(np.median(background))


def _polynomial_terms(shape: tuple[int, ...], degree: int) -> list[tuple[int, ...]]:
    """Degree along each axis of each term: powers of one axis, and products of two axes."""
    one = np.eye(len(shape), dtype=int)
    long = [axis for axis, n in enumerate(shape) if n > 2 * degree + 2]
    terms = [np.zeros(len(shape), int)]
    terms += [one[axis] * power for axis in long for power in range(1, degree + 1)]
    if degree > 1:
        both = ((a, b) for a in (1, 2) for b in (1, 2))
        terms += [one[i] * a + one[j] * b for a, b in both for i, j in combinations(long, 2)]
    return [tuple(int(power) for power in term) for term in terms]


def _legendre_product(places: list[Float64Array], term: tuple[int, ...]) -> Float64Array:
    """Product of the Legendre polynomials of all axes."""
    product = np.ones((1,) * len(places))
    for axis, (line, power) in enumerate(zip(places, term)):
        values = np.polynomial.legendre.legval(line, np.eye(power + 1)[power])
        product = product * values.reshape([-1 if a == axis else 1 for a in range(len(places))])
    return np.broadcast_to(product, [len(line) for line in places])


def fit_background(columns: Float64Array, values: Float64Array) -> Float64Array:
    """Least squares fit to background pixels; others are excluded step by step."""
    used = np.ones(len(values), bool)
    factors: Float64Array = np.zeros(columns.shape[1])
    for _ in range(MAX_BACKGROUND_FITS):
        part = columns[used]
        factors = np.asarray(np.linalg.lstsq(part.T @ part, part.T @ values[used], rcond=None)[0])
        residual = values - columns @ factors
        spread = 1.4826 * float(np.median(np.abs(residual[used] - np.median(residual[used]))))
        near = np.abs(residual) < MAX_FROM_BACKGROUND * spread
        if np.array_equal(near, used) or np.count_nonzero(near) < 4 * len(factors):
            break
        used = near
    return factors
