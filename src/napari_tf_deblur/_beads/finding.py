"""Find the bright spots of a picture, and fit a Gaussian to each."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._beads.spot_faults import (
    HOT_PIXEL,
    TOO_FAINT,
    find_fault,
    is_hot_pixel,
    mark_crowded,
    relative_distance,
    split_by_width,
)
from napari_tf_deblur._beads.spot_fit import MAX_BEAD_SIGMA, Spot, box_around, fit_spot
from napari_tf_deblur._core.typing import Float32Array

MIN_BEAD_SNR = 10.0
"""Least peak of a clean bead, and of the average of dim beads, in standard deviations of its noise.
Guard: against PSFs with more noise than light; ``tests/beads/test_measured_psf.py``."""

MIN_DIM_BEADS = 5
"""Least number of dim beads for an average. Guard: against a few faint spots beside a clean bead;
``tests/beads/test_measured_psf.py``."""

MAX_SPOTS = 100
"""Largest number of spots that are fitted, the brightest first. Limit: of time."""


@dataclass(frozen=True)
class Spots:
    """The spots of a picture.

    Attributes
    ----------
    beads : tuple of Spot
        Clean beads, the brightest first.
    left_out : tuple of Spot
        Other spots, each with its fault.
    noise : float
        Standard deviation of the noise of the picture.
    """

    beads: tuple[Spot, ...]
    left_out: tuple[Spot, ...]
    noise: float

    def why_left_out(self) -> str:
        """Describe in words how many spots were left out, and why."""
        return ", ".join(
            f"{count} {why}" for why, count in Counter(s.fault for s in self.left_out).items()
        )


def estimate_picture_noise(picture: Float32Array) -> float:
    """Return the standard deviation of the noise, from differences along all axes.

    Medians or quantiles make it robust to objects.
    """
    fine = picture
    for axis, n in enumerate(picture.shape):
        if n > 3:
            fine = np.diff(fine, axis=axis) * np.float32(np.sqrt(0.5))
    fine = np.abs(fine)
    if picture.ndim == 1:  # a bead may fill half of a line: use its quiet part
        finer = np.abs(np.diff(picture, 2)) * np.float32(np.sqrt(1 / 6)) if len(fine) > 3 else fine
        noise = 3.138 * min(float(np.quantile(f, 0.25)) for f in (fine, finer))
    else:
        noise = 1.4826 * float(np.median(fine))
    if noise == 0:  # photons so rare that most pixels have none
        clipped = np.minimum(fine, np.quantile(fine, 0.95))
        noise = float(np.sqrt(np.mean(clipped * clipped, dtype=np.float64)))
    return noise


def find_beads(picture: Float32Array) -> Spots:
    """Find the clean beads and the other spots of a picture.

    Spots are local maxima of the picture smoothed by 1 pixel that exceed six times the noise. A
    Gaussian is fitted to each, the brightest first. A spot is a clean bead if it is a single
    Gaussian spot, whole, on a dark background, not saturated, and as wide as the other beads.

    Parameters
    ----------
    picture : ndarray of float32
        1 to 3 axes, with a median of about 0 and a peak of about 1.
    """
    fine_noise = estimate_picture_noise(picture)
    # Differences underestimate noise that neighbouring pixels share; the spread of the whole
    # picture overestimates the noise if a bead fills a small frame.
    spread = 1.4826 * float(np.median(np.abs(picture - np.median(picture))))
    most = 1.9 if picture.ndim > 1 else 1.0
    noise = float(np.clip(spread, fine_noise, most * fine_noise))
    smooth = ndimage.gaussian_filter(picture, 1.0)
    background = min(float(np.median(picture)), float(np.median(picture[mask_rim(picture.shape)])))
    top = float(picture.max())
    contrast = float(smooth.max()) - background
    threshold = background + max(6 * noise * 0.53**picture.ndim, 3e-3 * contrast)
    peaks = smooth > threshold
    peaks &= smooth == ndimage.maximum_filter(smooth, 5)
    places = np.argwhere(peaks)
    brightness = smooth[tuple(places.T)]
    places = places[np.argsort(-brightness, kind="stable")]

    def find_spots(min_snr: float) -> tuple[list[Spot], list[Spot]]:
        """Return the beads and the other spots, if beads need this peak over the noise."""
        spots: list[Spot] = []
        for place in places:
            if len(spots) == MAX_SPOTS:
                break
            if any(
                relative_distance(place, spot) < (4 if spot.fault != HOT_PIXEL else 2)
                for spot in spots
            ):
                continue
            spots.append(_measure_spot(picture, smooth, place, background, noise, top, min_snr))
        spots = mark_crowded(spots)
        beads = [spot for spot in spots if not spot.fault]
        return beads, [spot for spot in spots if spot.fault]

    least = MIN_BEAD_SNR
    beads, left_out = find_spots(least)
    if (
        len(beads) < MIN_DIM_BEADS
        and sum(spot.fault == TOO_FAINT for spot in left_out) >= MIN_DIM_BEADS
    ):
        dim, others = find_spots(0.0)
        average_snr = np.sqrt(sum((spot.peak / noise) ** 2 for spot in dim))
        if len(dim) >= len(beads) + MIN_DIM_BEADS and average_snr > MIN_BEAD_SNR:
            least, beads, left_out = 0.0, dim, others
    if beads:
        least = max(0.1 * beads[0].peak, least * noise)
        left_out = [spot for spot in left_out if spot.peak > least]
        beads, others = split_by_width(beads)
        left_out += others
    return Spots(tuple(beads), tuple(left_out), fine_noise)


def mask_rim(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Mark the outermost pixels; in a picture of one axis, an eighth at each end."""
    long = [n for n in shape if n > 2]
    wide = max(1, long[0] // 8) if len(long) == 1 else 1
    rim = np.ones(shape, dtype=bool)
    rim[tuple(slice(wide, -wide) if n > 2 else slice(None) for n in shape)] = False
    return rim if rim.any() else np.ones(shape, dtype=bool)


def _measure_spot(
    picture: Float32Array,
    smooth: Float32Array,
    place: NDArray[np.int64],
    background: float,
    noise: float,
    top: float,
    min_snr: float,
) -> Spot:
    """Fit a Gaussian to the spot at a local maximum, and find the fault of the spot, if any."""
    start = np.asarray(_half_widths(smooth, place, background))
    near, _ = box_around(place.astype(float), np.ones(place.size), picture.shape)
    height = float(picture[near].max()) - background
    spot = Spot(place.astype(float), start, height, background, 1.0)
    if height < min_snr * noise:
        return replace(spot, fault=TOO_FAINT)
    if is_hot_pixel(picture[near], background):
        return replace(spot, fault=HOT_PIXEL)
    if np.all(start < MAX_BEAD_SIGMA):
        spot = fit_spot(picture, spot) or spot
        if np.any(spot.sigma > 1.5 * start) or np.any(spot.sigma < start / 1.5):
            spot = fit_spot(picture, spot) or spot
        if np.any(np.abs(spot.centre - place) > 1.5 + start):  # the fit moved to another spot
            spot = Spot(place.astype(float), start, height, background, 1.0)
    return replace(spot, fault=find_fault(picture, spot, noise, top))


def _half_widths(smooth: Float32Array, place: NDArray[np.int64], background: float) -> list[float]:
    """Sigma along each axis, from the nearer point where the smoothed picture falls to half."""
    widths = []
    half = (float(smooth[tuple(place)]) + background) / 2
    for axis, at in enumerate(place):
        line = smooth[tuple(slice(None) if a == axis else p for a, p in enumerate(place))]
        below = np.flatnonzero(line < half)
        steps = np.abs(below - at)
        distance = float(steps.min()) - 0.5 if steps.size else float(line.size)
        widths.append(float(np.sqrt(max((distance / 1.18) ** 2 - 1, 0.36))))
    return widths
