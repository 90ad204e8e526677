"""A ground that is not the same everywhere: haze that falls off with depth, uneven illumination."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np

from napari_tf_deblur._beads.averaging import BEAD_WINDOW_SIGMAS
from napari_tf_deblur._beads.finding import (
    CROWDED,
    NOT_A_SPOT,
    Spots,
    estimate_picture_noise,
    find_beads,
)
from napari_tf_deblur._beads.spot_fit import Spot, box_around
from napari_tf_deblur._core.typing import Float32Array, Float64Array

BACKGROUND_DEGREES = (1, 4, 7)
"""Degrees of the polynomials that are tried, the simplest first. Set by hand; its effect is in
``benchmarks/CONSTANTS.md``."""

MIN_BACKGROUND_SLOPE = 2.0
"""Difference between the ends of a ground, or between its highest and lowest value, from which on
it is uneven; in standard deviations of a pixel's noise. Set by hand: half or 1.5 times changes
nothing in ``benchmarks/CONSTANTS.md``."""

NOISE_STRIPS = 7
"""Pieces along each axis in which the noise about a bead is measured. Set by hand; its effect is in
``benchmarks/CONSTANTS.md``."""

BACKGROUND_SAMPLE_PIXELS = 2**15
"""Most pixels to which a ground is fitted. Limit: of time."""

MAX_BACKGROUND_FITS = 10
"""Most fits, each without the pixels that the one before found too bright. Limit: of time; it ends
earlier where no pixel changes."""

MAX_ABOVE_BACKGROUND, MAX_BELOW_BACKGROUND = 2.5, 4.0
"""Standard deviations above the ground from which on a pixel is no ground, and below it. Set by
hand; its effect is in ``benchmarks/CONSTANTS.md``."""


def flatten_background(picture: Float32Array, spots: Spots) -> tuple[Float32Array, Spots, bool]:
    """Take the ground away on which most clean beads are found, if it is not the same everywhere.

    Parameters
    ----------
    picture : ndarray of float32
        A picture of beads.
    spots : Spots
        What is found in it as it is.

    Returns
    -------
    picture : ndarray of float32
        Without the ground that changes, or as it was.
    spots : Spots
        What is found in it.
    taken : bool
        Whether a ground was taken away.
    """
    best, found, taken = picture, spots, False
    slopes = _is_sloped(picture, spots.noise)
    if not (slopes or _count_background_faults(spots)):
        return best, found, taken
    for ground in _candidate_backgrounds(picture):
        if np.ptp(ground) < MIN_BACKGROUND_SLOPE * spots.noise:
            continue
        level = picture - ground
        these = find_beads(level)
        better = _score(these) - _score(found)
        if these.beads and (better > 0 or (better == 0 and slopes and not taken)):
            noise = [_noise_near_bead(level, bead) for bead in these.beads]
            best, taken = level, True
            found = replace(these, noise=max(these.noise, float(np.median(noise))))
        if these.beads and not _count_background_faults(these):
            break
    return best, found, taken


def _is_sloped(picture: Float32Array, noise: float) -> bool:
    """Whether a picture is brighter at one end than at the other, by more than noise makes it."""
    for axis, n in enumerate(picture.shape):
        lines = np.moveaxis(picture, axis, 0)
        width = max(1, n // 10)
        first, last = float(np.median(lines[:width])), float(np.median(lines[-width:]))
        if abs(first - last) > MIN_BACKGROUND_SLOPE * noise:
            return True
    return False


def _noise_near_bead(picture: Float32Array, bead: Spot) -> float:
    """Noise about a bead where it is largest: that of photons grows with the ground."""
    box, _ = box_around(bead.centre, BEAD_WINDOW_SIGMAS * bead.sigma, picture.shape)
    near = picture[box]
    pieces = [
        piece
        for axis, n in enumerate(near.shape)
        if n >= 2 * NOISE_STRIPS
        for piece in np.array_split(near, NOISE_STRIPS, axis)
    ]
    return max(map(estimate_picture_noise, pieces or [near]))


def _count_background_faults(spots: Spots) -> int:
    """Spots that a ground which changes can spoil, or make."""
    return sum(spot.fault in (NOT_A_SPOT, CROWDED) for spot in spots.left_out)


def _score(spots: Spots) -> int:
    return (
        len(spots.beads) - _count_background_faults(spots)
        if spots.beads
        else -len(spots.left_out) - 1
    )


def _candidate_backgrounds(picture: Float32Array) -> Iterator[Float32Array]:
    """Polynomials that fit the dark of a picture, less their median."""
    step = [
        max(1, round(n / BACKGROUND_SAMPLE_PIXELS ** (1 / picture.ndim))) for n in picture.shape
    ]
    sample = picture[tuple(slice(None, None, k) for k in step)].astype(np.float64)
    places = [np.linspace(-1, 1, n) for n in picture.shape]
    coarse = [line[::k] for line, k in zip(places, step)]
    for degree in BACKGROUND_DEGREES:
        terms = _polynomial_terms(picture.shape, degree)
        columns = np.stack([_legendre_product(coarse, term).ravel() for term in terms], axis=1)
        factors = _fit_background(columns, sample.ravel())
        ground = np.zeros(picture.shape, np.float32)
        for factor, term in zip(factors, terms):
            ground += np.float32(factor) * _legendre_product(places, term).astype(np.float32)
        yield ground - np.float32(np.median(ground))


def _polynomial_terms(shape: tuple[int, ...], degree: int) -> list[tuple[int, ...]]:
    """Degree of each axis in each term: powers of one axis, and products of two."""
    one = np.eye(len(shape), dtype=int)
    long = [axis for axis, n in enumerate(shape) if n > 2 * degree + 2]
    terms = [np.zeros(len(shape), int)]
    terms += [one[axis] * power for axis in long for power in range(1, degree + 1)]
    if degree > 1:
        both = ((a, b) for a in (1, 2) for b in (1, 2))
        terms += [one[i] * a + one[j] * b for a, b in both for i, j in combinations(long, 2)]
    return [tuple(int(power) for power in term) for term in terms]


def _legendre_product(places: list[Float64Array], term: tuple[int, ...]) -> Float64Array:
    """Legendre polynomials of all axes, multiplied."""
    product = np.ones((1,) * len(places))
    for axis, (line, power) in enumerate(zip(places, term)):
        values = np.polynomial.legendre.legval(line, np.eye(power + 1)[power])
        product = product * values.reshape([-1 if a == axis else 1 for a in range(len(places))])
    return np.broadcast_to(product, [len(line) for line in places])


def _fit_background(columns: Float64Array, values: Float64Array) -> Float64Array:
    """Least squares without the pixels that are not of the ground."""
    kept = np.ones(len(values), bool)
    factors: Float64Array = np.zeros(columns.shape[1])
    for _ in range(MAX_BACKGROUND_FITS):
        seen = columns[kept]
        factors = np.asarray(np.linalg.lstsq(seen.T @ seen, seen.T @ values[kept], rcond=None)[0])
        left = values - columns @ factors
        spread = 1.4826 * float(np.median(np.abs(left[kept] - np.median(left[kept]))))
        fresh = (left < MAX_ABOVE_BACKGROUND * spread) & (left > -MAX_BELOW_BACKGROUND * spread)
        if np.array_equal(fresh, kept) or np.count_nonzero(fresh) < 4 * len(factors):
            break
        kept = fresh
    return factors
