"""Fit a Gaussian to a spot of a picture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.typing import Float32Array, Float64Array

MAX_BEAD_SIGMA = 20.0
"""Largest sigma of a bead in pixels. Guard: against structures;
``tests/beads/test_measured_psf.py``."""


@dataclass(frozen=True)
class Spot:
    """A Gaussian fitted to a spot; lengths in pixels, intensities in units of the picture.

    Attributes
    ----------
    centre : ndarray of float64
        Index of the centre along each axis.
    sigma : ndarray of float64
        Standard deviation along each axis, in pixels.
    peak : float
        Height above the background.
    background : float
        Intensity around the spot.
    misfit : float
        Root mean square residual of the Gaussian within 3 sigma, relative to the peak.
    fault : str
        Why the spot cannot be used; empty for a clean bead.
    """

    centre: Float64Array
    sigma: Float64Array
    peak: float
    background: float
    misfit: float
    fault: str = ""


def spot_gaussian(grid: list[Float64Array], spot: Spot) -> Float64Array:
    """Compute the Gaussian of a spot, without its background, on an open grid of coordinates."""
    shape = np.broadcast_shapes(*(axis.shape for axis in grid))
    exponent = np.zeros(shape)
    for axis, centre, sigma in zip(grid, spot.centre, spot.sigma):
        exponent = exponent + ((axis - centre) / sigma) ** 2
    return np.asarray(spot.peak * np.exp(-exponent / 2))


def box_around(
    centre: Float64Array, reach: NDArray[Any], shape: tuple[int, ...]
) -> tuple[tuple[slice, ...], list[Float64Array]]:
    """Return slices of a box, `reach` pixels to each side, and an open grid of its coordinates."""
    middle = np.clip(np.rint(centre), 0, np.subtract(shape, 1))
    low = np.maximum(middle - np.ceil(reach), 0).astype(int)
    high = np.minimum(middle + np.ceil(reach) + 1, shape).astype(int)
    axes = [np.arange(a, b, dtype=np.float64) for a, b in zip(low, high)]
    grid = list(np.meshgrid(*axes, indexing="ij", sparse=True))
    return tuple(slice(a, b) for a, b in zip(low, high)), grid


def squared_distance(grid: Sequence[NDArray[Any]], spot: Spot) -> Float64Array:
    """Return the squared distance of each pixel from a spot, in sigmas of the spot."""
    return np.asarray(sum(((a - c) / s) ** 2 for a, c, s in zip(grid, spot.centre, spot.sigma)))


def fit_spot(picture: Float32Array, start: Spot) -> Spot | None:
    """Fit a Gaussian, with its axes along those of the picture, and a constant background.

    Parameters
    ----------
    picture : ndarray of float32
        1 to 3 axes.
    start : Spot
        First guess.

    Returns
    -------
    Spot or None
        The fit with its misfit; None if it failed or has too few pixels or too many.
    """
    from scipy import optimize  # slow to import

    box, grid = box_around(
        start.centre, 3 * np.minimum(start.sigma, MAX_BEAD_SIGMA) + 2, picture.shape
    )
    step = [max(1, int(s / 2.5)) for s in start.sigma]  # every step-th pixel of wide spots
    grid = [axis[_stride_slices(k, picture.ndim, a)] for a, (axis, k) in enumerate(zip(grid, step))]
    data = picture[box][tuple(slice(None, None, k) for k in step)].astype(np.float64)
    n = picture.ndim
    if not 2 * n + 2 <= data.size <= 2**17:
        return None

    def make_spot(p: Float64Array) -> Spot:
        return Spot(p[2 : 2 + n], np.exp(np.clip(p[2 + n :], -3, 7)), p[0], p[1], 0.0)

    def residual(p: Float64Array) -> Float64Array:
        return np.asarray((spot_gaussian(grid, make_spot(p)) + p[1] - data).ravel())

    def jacobian(p: Float64Array) -> Float64Array:
        spot = make_spot(p)
        unit = spot_gaussian(grid, Spot(spot.centre, spot.sigma, 1.0, 0.0, 0.0))
        columns = [unit, np.ones_like(unit)]
        steps = [(axis - c) / s for axis, c, s in zip(grid, spot.centre, spot.sigma)]
        columns += [spot.peak * unit * u / s for u, s in zip(steps, spot.sigma)]
        columns += [spot.peak * unit * u**2 for u in steps]
        return np.stack([column.ravel() for column in columns], axis=1)

    first = np.array([start.peak, start.background, *start.centre, *np.log(start.sigma)])
    solution = optimize.least_squares(residual, first, jacobian, method="lm", max_nfev=40)
    spot = make_spot(solution.x)
    beyond = np.maximum(-spot.centre, spot.centre - np.subtract(picture.shape, 1)) / spot.sigma
    if not (np.all(beyond < 2) and spot.peak > 0 and np.all(spot.sigma < picture.shape)):
        return None
    near = squared_distance(grid, spot) <= 9
    errors = residual(solution.x).reshape(data.shape)[near]
    misfit = float(np.sqrt(np.mean(errors**2)) / spot.peak) if errors.size else 1.0
    return replace(spot, misfit=misfit)


def _stride_slices(step: int, ndim: int, axis: int) -> tuple[slice, ...]:
    """Slices that take every step-th element along one axis."""
    return tuple(slice(None, None, step if a == axis else None) for a in range(ndim))
