"""Find the faults of spots: why a spot is not a clean bead."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._beads.spot_fit import (
    MAX_BEAD_SIGMA,
    Spot,
    box_around,
    spot_gaussian,
    squared_distance,
)
from napari_tf_deblur._core.gaussian_psf import GAUSSIAN_REACH
from napari_tf_deblur._core.typing import Float32Array

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

CUT_BY_FRAME, SATURATED_SPOT, HOT_PIXEL, NOT_A_SPOT, CROWDED, TOO_FAINT, OTHER_WIDTH = (
    "cut by the frame",
    "saturated",
    "single hot pixels",
    "not shaped as a single spot",
    "too close to a neighbour",
    "too faint",
    "of other width",
)


def is_hot_pixel(near: Float32Array, background: float) -> bool:
    """Whether a single pixel stands out from the background and its neighbours do not."""
    second, first = np.sort(near, axis=None)[-2:] - background
    return bool(second < 0.05 * first)


def find_fault(picture: Float32Array, spot: Spot, noise: float, top: float) -> str:
    """Return the fault of a spot; an empty text if it is a clean bead.

    Parameters
    ----------
    picture : ndarray of float32
        The picture of the spot.
    spot : Spot
        The fitted Gaussian.
    noise : float
        Standard deviation of the noise of the picture.
    top : float
        Highest value of the picture, to detect saturation.
    """
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


def mark_crowded(spots: list[Spot]) -> list[Spot]:
    """Mark beads that are too close to a neighbour of more than a fifth of their brightness."""
    marked = []
    for spot in spots:
        near = any(
            relative_distance(other.centre, spot) < MIN_BEAD_DISTANCE
            for other in spots
            if other is not spot
            and other.fault not in (HOT_PIXEL, TOO_FAINT)
            and other.peak > 0.2 * spot.peak
        )
        fault = CROWDED if near and not spot.fault else spot.fault
        marked.append(replace(spot, fault=fault))
    return marked


def split_by_width(beads: list[Spot]) -> tuple[list[Spot], list[Spot]]:
    """Split beads into those of the common width and the others, which get a fault."""
    logs = np.log([bead.sigma for bead in beads])
    middle = np.median(logs, axis=0)
    alike = np.all(np.abs(logs - middle) < np.log(1.3), axis=1)
    if not alike.any():  # all beads have different widths
        return [], [replace(bead, fault=OTHER_WIDTH) for bead in beads]
    others = [replace(bead, fault=OTHER_WIDTH) for bead, same in zip(beads, alike) if not same]
    return [bead for bead, same in zip(beads, alike) if same], others


def relative_distance(place: NDArray[Any], spot: Spot) -> float:
    """Return the distance of a place from a spot, in sigmas of the spot (at least 0.7 pixels)."""
    return float(np.sqrt(np.sum(((place - spot.centre) / np.maximum(spot.sigma, 0.7)) ** 2)))


def _find_shape_fault(picture: Float32Array, spot: Spot, noise: float, tolerance: float) -> str:
    """Return the fault of a spot that differs from a Gaussian or has a neighbour; else ""."""
    if spot.sigma.max() > MAX_SIGMA_RATIO * spot.sigma.min():
        return NOT_A_SPOT
    if spot.misfit > tolerance * _max_misfit(spot, noise):
        return NOT_A_SPOT
    box, grid = box_around(spot.centre, 6 * spot.sigma, picture.shape)
    residual = picture[box] - spot.background - spot_gaussian(grid, spot)
    residual = np.abs(ndimage.gaussian_filter(residual, np.minimum(spot.sigma, 1.0)))
    lit = residual > max(0.12 * tolerance * spot.peak, 4 * noise)
    square = squared_distance(grid, spot)
    if np.any(lit & (square > 2.5**2) & (square < 4**2)):
        return NOT_A_SPOT
    return CROWDED if np.any(lit & (square >= 4**2) & (square < 6**2)) else ""


def _max_misfit(spot: Spot, noise: float) -> float:
    """Largest misfit of a Gaussian bead with this noise."""
    return float(np.hypot(0.1, 2.0 * noise / spot.peak))
