"""Bright spots in a picture: where they lie, how wide they are, which of them are clean beads."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._beads.spot_fit import (
    MAX_BEAD_SIGMA,
    Spot,
    box_around,
    fit_spot,
    spot_gaussian,
)
from napari_tf_deblur._core.psf import GAUSSIAN_REACH
from napari_tf_deblur._core.typing import Float32Array

MIN_BEAD_SNR = 10.0
"""Least peak of a clean bead, in standard deviations of the noise. Set by hand: half or 1.5 times
changes nothing in ``benchmarks/CONSTANTS.md``."""

MIN_DIM_BEAD_SNR = 4.0
"""Least peak of a dim bead, in standard deviations of the noise. Set by hand; its effect is in
``benchmarks/CONSTANTS.md``."""

MIN_DIM_BEADS = 5
"""Least number of dim beads that are averaged. Set by hand: half or 1.5 times changes nothing in
``benchmarks/CONSTANTS.md``."""

MIN_AVERAGE_SNR = 15.0
"""Least peak of the average of dim beads, in standard deviations of its noise. Set by hand: half or
1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

MIN_FRAME_DISTANCE = 3.0
"""Least distance of a bead from the frame, in its sigmas. Derived: a Gaussian has 1 % of its peak
there."""

MIN_BEAD_DISTANCE = 2 * GAUSSIAN_REACH
"""Least distance of a bead from its neighbours, in its sigmas. Derived: neither reaches the
other."""

MIN_BEAD_SIGMA = 0.35
"""Least sigma of a bead in pixels. Guard: against hot pixels and lines;
``tests/beads/test_measured_psf.py``."""

MAX_SIGMA_RATIO = 8.0
"""Largest ratio of a bead's sigmas. Guard: against lines; ``tests/beads/test_measured_psf.py``."""

MAX_SPOTS = 100
"""Most spots that are looked at, the brightest first. Limit: of time."""

CUT_BY_FRAME, SATURATED_SPOT, HOT_PIXEL, NOT_A_SPOT, CROWDED, TOO_FAINT, OTHER_WIDTH = (
    "cut by the frame",
    "saturated",
    "single hot pixels",
    "not shaped as a single spot",
    "too close to a neighbour",
    "too faint",
    "of other width",
)


@dataclass(frozen=True)
class Spots:
    """What was found in a picture."""

    beads: tuple[Spot, ...]
    left_out: tuple[Spot, ...]
    noise: float

    def why_left_out(self) -> str:
        """Say in words how many spots of each kind were left out."""
        return ", ".join(
            f"{count} {why}" for why, count in Counter(s.fault for s in self.left_out).items()
        )


def estimate_picture_noise(picture: Float32Array) -> float:
    """Standard deviation of the noise: from differences along all axes, robust to objects."""
    fine = picture
    for axis, n in enumerate(picture.shape):
        if n > 3:
            fine = np.diff(fine, axis=axis) * np.float32(np.sqrt(0.5))
    fine = np.abs(fine)
    if picture.ndim == 1:  # a bead may fill half of a line: look at its quiet part
        finer = np.abs(np.diff(picture, 2)) * np.float32(np.sqrt(1 / 6)) if len(fine) > 3 else fine
        noise = 3.138 * min(float(np.quantile(f, 0.25)) for f in (fine, finer))
    else:
        noise = 1.4826 * float(np.median(fine))
    if noise == 0:  # photons so rare that most pixels have none
        few = np.minimum(fine, np.quantile(fine, 0.95))
        noise = float(np.sqrt(np.mean(few * few, dtype=np.float64)))
    return noise


def find_beads(picture: Float32Array) -> Spots:
    """Find the clean beads of a picture, and what else stands out as a spot.

    Spots are local maxima of the picture smoothed by 1 pixel, six times above the noise. A
    Gaussian is fitted to each, the brightest first, and judged: a bead is a single spot of
    no other shape, whole, on a dark ground, not saturated, and as wide as the other beads.
    """
    fine_noise = estimate_picture_noise(picture)
    # Noise that neighbours share shows in differences too little; a bead in a small frame
    # shows in the whole picture's spread too much.
    spread = 1.4826 * float(np.median(np.abs(picture - np.median(picture))))
    most = 1.9 if picture.ndim > 1 else 1.0
    noise = float(np.clip(spread, fine_noise, most * fine_noise))
    smooth = ndimage.gaussian_filter(picture, 1.0)
    ground = min(float(np.median(picture)), float(np.median(picture[mask_rim(picture.shape)])))
    top = float(picture.max())
    threshold = ground + max(6 * noise * 0.53**picture.ndim, 3e-3 * (float(smooth.max()) - ground))
    peaks = smooth > threshold
    peaks &= smooth == ndimage.maximum_filter(smooth, 5)
    places = np.argwhere(peaks)
    brightness = smooth[tuple(places.T)]
    places = places[np.argsort(-brightness, kind="stable")]

    def found(at_least: float) -> tuple[list[Spot], list[Spot]]:
        spots: list[Spot] = []
        for place in places:
            if len(spots) == MAX_SPOTS:
                break
            if any(
                _distance(place, spot) < (4 if spot.fault != HOT_PIXEL else 2) for spot in spots
            ):
                continue
            spots.append(_measure_spot(picture, smooth, place, ground, noise, top, at_least))
        spots = _mark_crowded(spots)
        beads = [spot for spot in spots if not spot.fault]
        return beads, [spot for spot in spots if spot.fault]

    least = MIN_BEAD_SNR
    beads, left_out = found(least)
    if (
        len(beads) < MIN_DIM_BEADS
        and sum(spot.fault == TOO_FAINT for spot in left_out) >= MIN_DIM_BEADS
    ):
        dim, others = found(MIN_DIM_BEAD_SNR)
        together = np.sqrt(sum((spot.peak / noise) ** 2 for spot in dim))
        if len(dim) >= len(beads) + MIN_DIM_BEADS and together > MIN_AVERAGE_SNR:
            least, beads, left_out = MIN_DIM_BEAD_SNR, dim, others
    if beads:
        least = max(0.1 * beads[0].peak, least * noise)
        left_out = [spot for spot in left_out if spot.peak > least]
        beads, others = _split_by_width(beads)
        left_out += others
    return Spots(tuple(beads), tuple(left_out), fine_noise)


def mask_rim(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Mark the outermost pixels; of one axis, an eighth at both ends."""
    long = [n for n in shape if n > 2]
    wide = max(1, long[0] // 8) if len(long) == 1 else 1
    rim = np.ones(shape, dtype=bool)
    rim[tuple(slice(wide, -wide) if n > 2 else slice(None) for n in shape)] = False
    return rim if rim.any() else np.ones(shape, dtype=bool)


def _distance(place: NDArray[Any], spot: Spot) -> float:
    return float(np.sqrt(np.sum(((place - spot.centre) / np.maximum(spot.sigma, 0.7)) ** 2)))


def _measure_spot(
    picture: Float32Array,
    smooth: Float32Array,
    place: NDArray[np.int64],
    ground: float,
    noise: float,
    top: float,
    min_snr: float,
) -> Spot:
    start = np.asarray(_half_widths(smooth, place, ground))
    near, _ = box_around(place.astype(float), np.ones(place.size), picture.shape)
    height = float(picture[near].max()) - ground
    spot = Spot(place.astype(float), start, height, ground, 1.0)
    if height < min_snr * noise:
        return replace(spot, fault=TOO_FAINT)
    if _is_hot_pixel(picture[near], ground):
        return replace(spot, fault=HOT_PIXEL)
    if np.all(start < MAX_BEAD_SIGMA):
        spot = fit_spot(picture, spot) or spot
        if np.any(spot.sigma > 1.5 * start) or np.any(spot.sigma < start / 1.5):
            spot = fit_spot(picture, spot) or spot
        if np.any(np.abs(spot.centre - place) > 1.5 + start):  # the fit ran to something else
            spot = Spot(place.astype(float), start, height, ground, 1.0)
    return replace(spot, fault=_find_fault(picture, spot, noise, top))


def _half_widths(smooth: Float32Array, place: NDArray[np.int64], ground: float) -> list[float]:
    """Sigma of each axis from where the smoothed picture falls to half, the nearer side."""
    widths = []
    half = (float(smooth[tuple(place)]) + ground) / 2
    for axis, at in enumerate(place):
        line = smooth[tuple(slice(None) if a == axis else p for a, p in enumerate(place))]
        below = np.flatnonzero(line < half)
        steps = np.abs(below - at)
        distance = float(steps.min()) - 0.5 if steps.size else float(line.size)
        widths.append(float(np.sqrt(max((distance / 1.18) ** 2 - 1, 0.36))))
    return widths


def _is_hot_pixel(near: Float32Array, ground: float) -> bool:
    """Whether a single pixel stands out and its neighbours do not."""
    second, first = np.sort(near, axis=None)[-2:] - ground
    return bool(second < 0.05 * first)


def _find_fault(picture: Float32Array, spot: Spot, noise: float, top: float) -> str:
    """Say why a spot is no clean bead; nothing if it is one."""
    if np.any(spot.sigma > MAX_BEAD_SIGMA) or spot.misfit > 2 * _max_misfit(spot, noise):
        return NOT_A_SPOT
    room = np.minimum(spot.centre, np.subtract(picture.shape, 1) - spot.centre)
    if np.any(room < MIN_FRAME_DISTANCE * spot.sigma):
        return CUT_BY_FRAME
    if np.any(spot.sigma < MIN_BEAD_SIGMA):
        return NOT_A_SPOT
    box, _ = box_around(spot.centre, 2 * spot.sigma + 1, picture.shape)
    saturated = np.count_nonzero(picture[box] == top) > 2**picture.ndim
    shape_fault = _find_shape_fault(picture, spot, noise, 2.0 if saturated else 1.0)
    return SATURATED_SPOT if saturated and not shape_fault else shape_fault


def _find_shape_fault(picture: Float32Array, spot: Spot, noise: float, tolerance: float) -> str:
    """Say whether a spot departs from a Gaussian, or is not alone."""
    if spot.sigma.max() > MAX_SIGMA_RATIO * spot.sigma.min():
        return NOT_A_SPOT
    if spot.misfit > tolerance * _max_misfit(spot, noise):
        return NOT_A_SPOT
    box, grid = box_around(spot.centre, 6 * spot.sigma, picture.shape)
    left = picture[box] - spot.background - spot_gaussian(grid, spot)
    left = np.abs(ndimage.gaussian_filter(left, np.minimum(spot.sigma, 1.0)))
    lit = left > max(0.12 * tolerance * spot.peak, 4 * noise)
    square = np.asarray(sum(((a - c) / s) ** 2 for a, c, s in zip(grid, spot.centre, spot.sigma)))
    if np.any(lit & (square > 2.5**2) & (square < 4**2)):
        return NOT_A_SPOT
    return CROWDED if np.any(lit & (square >= 4**2) & (square < 6**2)) else ""


def _max_misfit(spot: Spot, noise: float) -> float:
    return float(np.hypot(0.1, 2.0 * noise / spot.peak))


def _mark_crowded(spots: list[Spot]) -> list[Spot]:
    """Mark beads that have a neighbour, of a fifth of their light or more, too close."""
    judged = []
    for spot in spots:
        near = any(
            _distance(other.centre, spot) < MIN_BEAD_DISTANCE
            for other in spots
            if other is not spot
            and other.fault not in (HOT_PIXEL, TOO_FAINT)
            and other.peak > 0.2 * spot.peak
        )
        fault = CROWDED if near and not spot.fault else spot.fault
        judged.append(replace(spot, fault=fault))
    return judged


def _split_by_width(beads: list[Spot]) -> tuple[list[Spot], list[Spot]]:
    """Part the beads that are as wide as most from the others."""
    logs = np.log([bead.sigma for bead in beads])
    middle = np.median(logs, axis=0)
    alike = np.all(np.abs(logs - middle) < np.log(1.3), axis=1)
    if not alike.any():  # two or more, all different
        return [], [replace(bead, fault=OTHER_WIDTH) for bead in beads]
    others = [replace(bead, fault=OTHER_WIDTH) for bead, same in zip(beads, alike) if not same]
    return [bead for bead, same in zip(beads, alike) if same], others
