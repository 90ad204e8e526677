"""Blurs of a known shape, discs and lines, fitted to a power spectrum.

A shape is no linear part of the logarithm of the power: what it passes is computed for many at
once, each with a scene and a noise of its own, as in `fit.SpectrumModel`. A linear guess picks those that
are worth a fit; the best is refined.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import j1

from napari_tf_deblur._blur.gaussian_fit import (
    LOG_NOISE_SD,
    PIXEL_BLUR_VARIANCE,
    REFERENCE_LOG_FREQUENCY,
    SCENE_SLOPE,
    GaussianBlurFit,
    SpectrumModel,
)
from napari_tf_deblur._core.typing import Float64Array

ShapeKind = Literal["disc", "line"]

PIXEL_BLUR_VARIANCE_SD = 0.15
"""Standard deviation of `PIXEL_BLUR_VARIANCE`, in squared pixels: lenses and pixels differ. Set by
hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

ARGUMENT_OFFSET = np.float32(1e-4)
"""Number that is added to arguments. Guard: against a division by zero;
``tests/blur/test_blur_families.py``."""

FREE_VARIANCE_SD = 1.0
"""Standard deviation of the variances of a Gaussian that was fitted beside other scenes, in squared
pixels. Set by hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

MIN_SHAPE_POWER = 1e-9
"""Least part of the power that a shape passes. Guard: against the logarithm of zero;
``tests/blur/test_blur_families.py``."""

TRIAL_RADII = np.geomspace(1.0, 24.0, 80)
"""Radii of discs that are tried, in pixels. Limit: of time; the best are refined."""

TRIAL_LENGTHS = np.geomspace(2.5, 60.0, 54)
"""Lengths of lines that are tried, in pixels. Limit: of time; the best are refined."""

TRIAL_ANGLES = np.linspace(0, 174, 30)
"""Angles of lines that are tried, in degrees. Limit: of time; the best are refined."""

RIDGE_SINE_SQUARED, RIDGE_STRENGTH, RIDGE_SLOPE = 0.02, 1.5, 0.5
"""Buildings and print are upright: their spectra have ridges along the axes, which look like those
of long lines. Squared sine of the angle to an axis below which cells lie on its ridge; and standard
deviations by which its logarithm differs from the rest, in strength and in slope. Set by hand: half
or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

MIN_SHAPE_SIZE = {"disc": 1.2, "line": 2.4}
"""Least radius and length, in pixels, of a shape that is told from a Gaussian. Set by hand: half or
1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

MAX_PART_OF_FRAME = 0.2
"""Largest part of the frame's rows and columns over which a shape may extend. Set by hand: half or
1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

CANDIDATES_TRIED, CANDIDATES_FITTED = 96, 12
"""Shapes that are kept of all by a linear guess, and that are fitted of these. Limit: of time."""

REFINEMENT_GRIDS = {
    "disc": ((0.04,), (0.015,), (0.008,)),
    "line": ((0.04, 4.0), (0.02, 2.0), (0.01, 1.0)),
}
"""Half widths of the grids that refine the best shape: relative of a size, degrees of an angle.
Derived: each reaches more than half way to the next point of the grid before."""

REFINEMENT_POINTS = 5
"""Points of these grids along each parameter. Limit: of time."""


@dataclass(frozen=True)
class ShapeFit:
    """The most probable blur of one shape.

    Attributes
    ----------
    kind : {"disc", "line"}
        The shape.
    badness : float
        As that of `fit.Fit`.
    parameters : ndarray
        Radius in pixels; or length in pixels, and angle in degrees.
    uncertainty : ndarray
        Standard deviations: relative of the size, degrees of the angle.
    slope, oddity : float
        Of the scene: the slope of its amplitudes, and `SpectrumModel.measure_bending`.
    """

    kind: ShapeKind
    negative_log_posterior: float
    parameters: Float64Array
    uncertainty: Float64Array
    slope: float
    spectral_bending: float


def log_disc_power(model: SpectrumModel, radii: Float64Array) -> Float64Array:
    """Logarithm of the power that discs pass, shape (discs, cells)."""
    frequency = 2 * np.pi * np.hypot(*model.spectrum.nodes)

    def transfer(radius: float) -> NDArray[np.floating]:
        x = radius * frequency + ARGUMENT_OFFSET
        return np.asarray(2 * j1(x) / x)

    return np.stack([_log_mean_power(transfer(radius)) for radius in radii])


def log_line_power(
    model: SpectrumModel, lengths: Float64Array, angles: Float64Array
) -> Float64Array:
    """Logarithm of the power that lines pass, shape (lines, cells)."""
    rows, columns = np.pi * model.spectrum.nodes

    def transfer(length: float, turn: float) -> NDArray[np.floating]:
        across, along = np.float32(length * np.sin(turn)), np.float32(length * np.cos(turn))
        x = along * columns - across * rows + ARGUMENT_OFFSET
        return np.asarray(np.sin(x) / x)

    turns = np.radians(angles)
    return np.stack([_log_mean_power(transfer(*line)) for line in zip(lengths, turns)])


def _log_mean_power(transfer: NDArray[np.floating]) -> Float64Array:
    mean = np.einsum("cn,cn->c", transfer, transfer) / transfer.shape[-1]
    return np.asarray(np.log(mean + MIN_SHAPE_POWER), np.float64)


def fit_disc(scenes: "BatchSceneModel") -> ShapeFit:
    """Find the disc through which an image was seen, if it was one."""
    model = scenes.model

    def passed(parameters: Float64Array) -> Float64Array:
        return log_disc_power(model, parameters[0])

    kept = _is_small_in_frame(model, 2 * TRIAL_RADII, 2 * TRIAL_RADII)
    return _fit_shape(scenes, "disc", TRIAL_RADII[None, kept], passed)


def fit_line(scenes: "BatchSceneModel") -> ShapeFit:
    """Find the line through which an image was seen, if it was one."""
    model = scenes.model

    def passed(parameters: Float64Array) -> Float64Array:
        return log_line_power(model, parameters[0], parameters[1])

    tried = np.stack([g.ravel() for g in np.meshgrid(TRIAL_LENGTHS, TRIAL_ANGLES, indexing="ij")])
    turns = np.radians(tried[1])
    kept = _is_small_in_frame(
        model, tried[0] * np.abs(np.sin(turns)), tried[0] * np.abs(np.cos(turns))
    )
    return _fit_shape(scenes, "line", tried[:, kept], passed)


def _is_small_in_frame(
    model: SpectrumModel, rows: Float64Array, columns: Float64Array
) -> NDArray[np.bool_]:
    """Whether shapes that extend over so many rows and columns are small beside the frame."""
    height, width = model.spectrum.frame
    return np.asarray((rows <= MAX_PART_OF_FRAME * height) & (columns <= MAX_PART_OF_FRAME * width))


def gaussian_negative_log_posterior(model: SpectrumModel, fits: Sequence[GaussianBlurFit]) -> float:
    """The badness of the best of some Gaussians, fitted once more beside the scenes of shapes."""
    scenes = BatchSceneModel(model, fits[0].slope, gaussian=True)
    blurs, starts = [], []
    for fit in fits:
        covariance = (
            model.isotropic_covariance(float(fit.blur[0])) if fit.blur.size == 1 else fit.blur
        )
        blurs.append(-4 * np.pi**2 * (model.spectrum.frequency_products @ covariance))
        others = np.zeros(scenes.coefficient_count - len(fit.scene_coefficients) - 1)
        starts.append(np.concatenate([fit.scene_coefficients, others, [fit.log_noise]]))
    badness, _ = scenes.fit(np.stack(blurs), np.stack(starts), steps=8)
    return float(badness.min())


def _fit_shape(
    scenes: "BatchSceneModel",
    kind: ShapeKind,
    candidates: Float64Array,
    passed: Callable[[Float64Array], Float64Array],
) -> ShapeFit:
    """Try all, fit those that a linear guess finds best, refine the best of these."""
    blurs = passed(candidates)
    guessed, values = scenes.fit_linear(blurs)
    best = np.argsort(guessed)[:CANDIDATES_TRIED]
    badness, values = scenes.fit(blurs[best], values[best], steps=2)
    better = np.argsort(badness)[:CANDIDATES_FITTED]
    best = best[better]
    badness, values = scenes.fit(blurs[best], values[better], steps=4)
    first = int(np.argmin(badness))
    parameters, start = candidates[:, best[first]], values[first]
    for reach in REFINEMENT_GRIDS[kind]:
        away = np.meshgrid(*(np.linspace(-r, r, REFINEMENT_POINTS) for r in reach), indexing="ij")
        offsets = np.stack([g.ravel() for g in away])
        near = _offset_parameters(parameters, offsets)
        badness, values = scenes.fit(passed(near), np.tile(start, (near.shape[1], 1)), steps=4)
        first = int(np.argmin(badness))
        parameters, start = near[:, first], values[first]
    shift, uncertainty = _parabola_minimum(offsets, badness)
    middle = _offset_parameters(near[:, near.shape[1] // 2], shift[:, None])[:, 0]
    odd = scenes.model.measure_bending(start)
    return ShapeFit(kind, float(badness.min()), middle, uncertainty, float(start[1]), odd)


def _offset_parameters(parameters: Float64Array, offsets: Float64Array) -> Float64Array:
    """Parameters moved by offsets: relative ones of a size, degrees of an angle."""
    moved = np.repeat(parameters[:, None], offsets.shape[1], axis=1)
    moved[0] *= np.exp(offsets[0])
    moved[1:] += offsets[1:]
    return moved


def _parabola_minimum(
    offsets: Float64Array, negative_log_posterior: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Where the parabola through a grid is lowest, within the grid; its standard deviations."""
    reach = np.abs(offsets).max(axis=1)
    unit = offsets / reach[:, None]
    number = len(unit)
    pairs = [(i, j) for i in range(number) for j in range(i, number)]
    columns = [np.ones(unit.shape[1]), *unit, *(unit[i] * unit[j] for i, j in pairs)]
    found = np.linalg.lstsq(
        np.stack(columns, axis=1), negative_log_posterior - negative_log_posterior.min(), rcond=None
    )[0]
    curvature = np.zeros((number, number))
    for value, (i, j) in zip(found[1 + number :], pairs):
        curvature[i, j] += value
        curvature[j, i] += value
    sizes, axes = np.linalg.eigh(curvature)
    sizes = np.maximum(sizes, 1e-3)
    lowest = -axes @ ((axes.T @ found[1 : 1 + number]) / sizes)
    variances = np.square(axes) @ (1 / sizes)
    return np.clip(lowest, -1, 1) * reach, np.sqrt(variances) * reach


class BatchSceneModel:
    """Scenes and noises for many blurs that are known, each fitted to the same spectrum.

    Parameters
    ----------
    model : Model
        Of scene and noise.
    slope : float
        The mean of the slopes that are thought likely.
    gaussian : bool
        Whether the blurs are Gaussians, to be changed as suits; else there is `OWN` beside them.
    """

    def __init__(
        self, model: SpectrumModel, slope: float = SCENE_SLOPE, gaussian: bool = False
    ) -> None:
        self.model = model
        matrix, mean, precision = model.scene_prior
        mean = np.array([mean[0], slope, *mean[2:]])
        falls = -4 * np.pi**2 * model.spectrum.frequency_products
        own, spread = (
            (falls, FREE_VARIANCE_SD)
            if gaussian
            else (falls @ model.isotropic_covariance(1.0)[:, None], PIXEL_BLUR_VARIANCE_SD)
        )
        squares = model.spectrum.frequency_products[:, [0, 2]]
        along = (squares / squares.sum(axis=1, keepdims=True))[:, ::-1] < RIDGE_SINE_SQUARED
        slopes = along * (model.spectrum.log_frequency - REFERENCE_LOG_FREQUENCY)[:, None]
        ridges = np.concatenate([RIDGE_STRENGTH * along, RIDGE_SLOPE * slopes], axis=1)
        number, others = ridges.shape[1], own.shape[1]
        usual = np.full(others, 0.0 if gaussian else PIXEL_BLUR_VARIANCE)
        self._matrix = np.concatenate([matrix, ridges, own], axis=1)
        self._mean = np.concatenate([mean, np.zeros(number), usual, [model.log_noise]])
        sure = np.full(others, spread**-2)
        self._precision = np.concatenate([precision, np.ones(number), sure, [LOG_NOISE_SD**-2]])

    @property
    def coefficient_count(self) -> int:
        """Of coefficients: of the scene, of what is not blurred, and of the noise."""
        return len(self._mean)

    def fit_linear(self, blurs: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Fit the logarithm of the power above the noise, which is a linear problem.

        Parameters
        ----------
        blurs : ndarray
            Shape (blurs, cells): logarithm of the power that is passed.

        Returns
        -------
        badness : ndarray
            Shape (blurs,): comparable with one another only.
        values : ndarray
            Shape (blurs, coefficients): of the scene, of what is not blurred, and of the noise.
        """
        model, mean, precision = self.model, self._mean[:-1], self._precision[:-1]
        seen = np.maximum(model.power - 0.8 * np.exp(model.log_noise), 0.05 * model.power)
        weight = model.samples * np.square(seen / model.power)
        weighted = self._matrix.T * weight
        rest = np.log(seen) - blurs
        normal = weighted @ self._matrix + np.diag(precision)
        found = np.linalg.solve(normal, weighted @ rest.T + (precision * mean)[:, None]).T
        misfit = np.square(rest - found @ self._matrix.T) @ weight
        badness = (misfit + np.square(found - mean) @ precision) / 2
        noise = np.full((len(blurs), 1), model.log_noise)
        return badness, np.concatenate([found, noise], axis=1)

    def fit(
        self, blurs: Float64Array, values: Float64Array, steps: int
    ) -> tuple[Float64Array, Float64Array]:
        """Fit as `SpectrumModel.fit` does, by steps of Levenberg and Marquardt from some values.

        Returns
        -------
        badness, values : ndarray
            As those of `fit_linear`; the badness as that of `fit.Fit`.
        """
        power, samples = self.model.power, self.model.samples

        def badness(values: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array]:
            image = np.exp(np.clip(values[:, :-1] @ self._matrix.T + blurs, -80, 80))
            total = image + np.exp(np.clip(values[:, -1:], -80, 80))
            misfit = (power / total + np.log(total)) @ samples
            prior = np.square(values - self._mean) @ self._precision / 2
            return np.asarray(misfit + prior), image / total, total

        score, part, total = badness(values)
        damping = np.full(len(blurs), 1e-2)
        for _ in range(steps):
            # Of a coefficient: how the logarithm of the whole changes with it.
            slopes = np.concatenate([part[:, :, None] * self._matrix, 1 - part[:, :, None]], axis=2)
            weighted = np.swapaxes(slopes * samples[:, None], 1, 2)
            gradient = (weighted @ (1 - power / total)[:, :, None])[:, :, 0]
            gradient += self._precision * (values - self._mean)
            curvature = weighted @ slopes + np.diag(self._precision)
            open_ = np.ones(len(blurs), np.bool_)
            for _ in range(4):
                damped = curvature + damping[:, None, None] * (
                    curvature * np.eye(curvature.shape[-1])
                )
                step = -np.linalg.solve(damped, gradient[:, :, None])[:, :, 0]
                step *= np.minimum(1, 2 / np.maximum(np.abs(step[:, -1:]), 1e-9))
                tried = values + step
                new = badness(tried)
                better = open_ & (new[0] < score)
                values = np.where(better[:, None], tried, values)
                score = np.where(better, new[0], score)
                part = np.where(better[:, None], new[1], part)
                total = np.where(better[:, None], new[2], total)
                damping = np.where(
                    better, damping / 5, np.where(open_, np.maximum(damping, 1e-3) * 6, damping)
                )
                open_ &= ~better
                if not open_.any():
                    break
        return score, values
