"""Fit blurs of a known shape, discs and lines, to a power spectrum.

The logarithm of the power that a shape passes is not linear in its parameters. So it is computed
for many shapes at once, and scene and noise are fitted for each, as in
`spectrum_model.SpectrumModel`. A linear approximation selects the shapes that are worth a fit; the
best one is refined.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._blur.batch_scene_model import BatchSceneModel
from napari_tf_deblur._blur.blur_fit import BlurFit
from napari_tf_deblur._blur.shape_power import log_disc_power, log_line_power
from napari_tf_deblur._blur.spectrum_model import SpectrumModel
from napari_tf_deblur._core.typing import Float64Array

ShapeKind = Literal["disc", "line"]


TRIAL_RADII = np.geomspace(1.0, 24.0, 80)
"""Radii of discs that are tried, in pixels. Limit: of time; the best are refined."""

TRIAL_LENGTHS = np.geomspace(2.5, 60.0, 54)
"""Lengths of lines that are tried, in pixels. Limit: of time; the best are refined."""

TRIAL_ANGLES = np.linspace(0, 174, 30)
"""Angles of lines that are tried, in degrees. Limit: of time; the best are refined."""

MIN_SHAPE_SIZE = {"disc": 1.2, "line": 2.4}
"""Least radius of a disc and length of a line, in pixels, that can be told from a Gaussian. Chosen
by ``benchmarks/blur_constants.py``: 1.5 times misses six shapes of 66."""

MAX_PART_OF_FRAME = 0.2
"""Largest part of the rows and columns of the frame over which a shape may extend. Chosen by
``benchmarks/blur_constants.py``: half misses a line."""

CANDIDATES_TRIED, CANDIDATES_FITTED = 96, 12
"""Number of shapes that the linear approximation selects, and number of these that are fitted with
more steps. Limit: of time."""

REFINEMENT_GRIDS = {
    "disc": ((0.04,), (0.015,), (0.008,)),
    "line": ((0.04, 4.0), (0.02, 2.0), (0.01, 1.0)),
}
"""Half widths of the grids that refine the best shape: relative for a size, in degrees for an
angle. Derived: each reaches more than half way to the next point of the grid before."""

REFINEMENT_POINTS = 5
"""Number of points of these grids along each parameter. Limit: of time."""


@dataclass(frozen=True)
class ShapeFit:
    """The most probable blur of one shape.

    Attributes
    ----------
    kind : {"disc", "line"}
        The shape.
    negative_log_posterior : float
        Minus the logarithm of the posterior probability, as that of `BlurFit`.
    parameters : ndarray
        Radius of a disc in pixels; or length of a line in pixels, and angle in degrees.
    uncertainty : ndarray
        Standard deviations: relative for the size, in degrees for the angle.
    slope : float
        Slope of the amplitudes of the scene.
    spectral_bending : float
        How far the scene departs from a power law, see `SpectrumModel.measure_bending`.
    """

    kind: ShapeKind
    negative_log_posterior: float
    parameters: Float64Array
    uncertainty: Float64Array
    slope: float
    spectral_bending: float


def fit_disc(scenes: BatchSceneModel) -> ShapeFit:
    """Find the disc that fits a spectrum best."""
    model = scenes.model

    def log_power(parameters: Float64Array) -> Float64Array:
        return log_disc_power(model, parameters[0])

    is_small = is_small_in_frame(model, 2 * TRIAL_RADII, 2 * TRIAL_RADII)
    return _fit_shape(scenes, "disc", TRIAL_RADII[None, is_small], log_power)


def fit_line(scenes: BatchSceneModel) -> ShapeFit:
    """Find the line that fits a spectrum best."""
    model = scenes.model

    def log_power(parameters: Float64Array) -> Float64Array:
        return log_line_power(model, parameters[0], parameters[1])

    grid = np.stack([g.ravel() for g in np.meshgrid(TRIAL_LENGTHS, TRIAL_ANGLES, indexing="ij")])
    radians = np.radians(grid[1])
    is_small = is_small_in_frame(
        model, grid[0] * np.abs(np.sin(radians)), grid[0] * np.abs(np.cos(radians))
    )
    return _fit_shape(scenes, "line", grid[:, is_small], log_power)


def is_small_in_frame(
    model: SpectrumModel, rows: Float64Array | np.float64, columns: Float64Array | np.float64
) -> NDArray[np.bool_]:
    """Whether shapes of these numbers of rows and columns are small compared with the frame."""
    height, width = model.spectrum.frame
    return np.asarray((rows <= MAX_PART_OF_FRAME * height) & (columns <= MAX_PART_OF_FRAME * width))


def gaussian_negative_log_posterior(model: SpectrumModel, fits: Sequence[BlurFit]) -> float:
    """Fit Gaussians again with the scene model of the shapes, to compare them with shapes.

    Returns
    -------
    float
        The least negative log posterior of all `fits`.
    """
    scenes = BatchSceneModel(model, fits[0].slope, gaussian=True)
    blurs, starts = [], []
    for fit in fits:
        covariance = (
            model.isotropic_covariance(float(fit.blur[0])) if fit.blur.size == 1 else fit.blur
        )
        blurs.append(-4 * np.pi**2 * (model.spectrum.frequency_products @ covariance))
        zeros = np.zeros(scenes.coefficient_count - len(fit.scene_coefficients) - 1)
        starts.append(np.concatenate([fit.scene_coefficients, zeros, [fit.log_noise]]))
    scores, _ = scenes.fit(np.stack(blurs), np.stack(starts), steps=8)
    return float(scores.min())


def _fit_shape(
    scenes: BatchSceneModel,
    kind: ShapeKind,
    candidates: Float64Array,
    log_power: Callable[[Float64Array], Float64Array],
) -> ShapeFit:
    """Fit the best of all candidates, and refine it."""
    number, _, start = fit_best_candidate(scenes, log_power(candidates))
    parameters = candidates[:, number]
    for half_widths in REFINEMENT_GRIDS[kind]:
        grid = np.meshgrid(
            *(np.linspace(-half, half, REFINEMENT_POINTS) for half in half_widths), indexing="ij"
        )
        offsets = np.stack([g.ravel() for g in grid])
        near = _offset_parameters(parameters, offsets)
        scores, values = scenes.fit(log_power(near), np.tile(start, (near.shape[1], 1)), steps=4)
        first = int(np.argmin(scores))
        parameters, start = near[:, first], values[first]
    shift, uncertainty = _parabola_minimum(offsets, scores)
    lowest = _offset_parameters(near[:, near.shape[1] // 2], shift[:, None])[:, 0]
    bending = scenes.model.measure_bending(start)
    return ShapeFit(kind, float(scores.min()), lowest, uncertainty, float(start[1]), bending)


def fit_best_candidate(
    scenes: BatchSceneModel, blurs: Float64Array
) -> tuple[int, float, Float64Array]:
    """Rank all blurs by a linear fit, fit the best of them, and return the very best.

    Parameters
    ----------
    scenes : BatchSceneModel
        The model of scene and noise.
    blurs : ndarray
        Shape (blurs, cells): logarithm of the part of the power that each blur passes.

    Returns
    -------
    number : int
        Number of the best blur.
    score : float
        Its negative log posterior.
    values : ndarray
        Shape (coefficients,): its coefficients of scene and noise.
    """
    scores, values = scenes.fit_linear(blurs)
    best = np.argsort(scores)[:CANDIDATES_TRIED]
    scores, values = scenes.fit(blurs[best], values[best], steps=2)
    better = np.argsort(scores)[:CANDIDATES_FITTED]
    best = best[better]
    scores, values = scenes.fit(blurs[best], values[better], steps=4)
    first = int(np.argmin(scores))
    return int(best[first]), float(scores[first]), values[first]


def _offset_parameters(parameters: Float64Array, offsets: Float64Array) -> Float64Array:
    """Move parameters by offsets: relative for a size, in degrees for an angle."""
    moved = np.repeat(parameters[:, None], offsets.shape[1], axis=1)
    moved[0] *= np.exp(offsets[0])
    moved[1:] += offsets[1:]
    return moved


def _parabola_minimum(
    offsets: Float64Array, negative_log_posterior: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Return the minimum of a parabola through a grid, within the grid; its standard deviations."""
    half_widths = np.abs(offsets).max(axis=1)
    unit = offsets / half_widths[:, None]
    number = len(unit)
    pairs = [(i, j) for i in range(number) for j in range(i, number)]
    columns = [np.ones(unit.shape[1]), *unit, *(unit[i] * unit[j] for i, j in pairs)]
    coefficients = np.linalg.lstsq(
        np.stack(columns, axis=1), negative_log_posterior - negative_log_posterior.min(), rcond=None
    )[0]
    curvature = np.zeros((number, number))
    for value, (i, j) in zip(coefficients[1 + number :], pairs):
        curvature[i, j] += value
        curvature[j, i] += value
    sizes, axes = np.linalg.eigh(curvature)
    sizes = np.maximum(sizes, 1e-3)
    lowest = -axes @ ((axes.T @ coefficients[1 : 1 + number]) / sizes)
    variances = np.square(axes) @ (1 / sizes)
    return np.clip(lowest, -1, 1) * half_widths, np.sqrt(variances) * half_widths
