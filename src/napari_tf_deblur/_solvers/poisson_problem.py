"""What a run of `poisson` solves: the terms of its objective, its penalties, and its start."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._core.threads import fft_workers
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._preparation.global_values import largest_of_planes
from napari_tf_deblur._preparation.problem import Problem, Tensor
from napari_tf_deblur._solvers.convergence import TINY
from napari_tf_deblur._solvers.registry import prior_of
from napari_tf_deblur._solvers.splitting import MIN_SOLVER_WEIGHT, data_penalty
from napari_tf_deblur.methods import PoissonLikelihood

UNIT_WEIGHT = {1: 2.55, 2: 1.275, 3: 0.0765}
"""Weight that suits a peak of one photon, in units of the power p of a photon's amplitude, by
number of axes. Set by hand; its effect is in ``benchmarks/CONSTANTS.md``."""

PHOTONS_EXPONENT = -0.25
"""Power of the photons at the peak by which the weight that suits changes: brighter images have
finer detail to keep. Set by hand; its effect is in ``benchmarks/CONSTANTS.md``."""

AMPLITUDE_POWER = {1: 1.0, 2: 1.0, 3: 1.4}
"""Power p of the amplitude whose slopes the prior sums, by number of axes. Derived: squeezed into a
ball of radius r, a given light in d dimensions costs as much as r^(d - 1 - d p / 2). In images p =
1 makes that the same for all r; in volumes p > 4/3 is needed, or single voxels are cheapest."""

SLOPE_STEP = 0.42
"""Step of the shrinkage of slopes, over their mean square where they are steep, over the image
where it is bright. Points need long steps, photographs short ones. Set by hand; its effect is in
``benchmarks/CONSTANTS.md``."""

MIN_SLOPE_STEP = 0.05
"""Least step, in standard deviations of the photons' noise. Guard: against images without slopes;
``tests/solvers/test_poisson.py``."""

CONSTRAINT_PENALTY = 0.0075
"""Penalty of the split v = x, over the curvature of the data term; points need a small one. Set by
hand; its effect is in ``benchmarks/CONSTANTS.md``."""

START_PRIOR_WEIGHT = 0.01
"""Weight of the squared slopes in the start, which is linear: with more it is blurred, with less it
is noisy. It changes the number of iterations. Set by hand; its effect is in
``benchmarks/CONSTANTS.md``."""

MIN_DARK_PHOTONS = 0.01
"""Photons that are added to image and model. Guard: against a division by zero;
``tests/solvers/test_poisson.py``."""

TRANSFORM_ROUNDING = 1e-6
"""As `MIN_DARK_PHOTONS`, relative to the brightest pixel. Guard: against rounding errors of the
transforms; ``tests/solvers/test_poisson.py``."""

MAX_READ_VARIANCE = 1e6
"""Largest variance of the read noise, for intensities of range 1, in units of a photon. Guard:
against a loss of all digits; ``tests/solvers/test_poisson.py``."""

MIN_NEGATIVE_SIGMAS = 1.0
"""Least number of standard deviations of the read noise that are added to image and model. Values
below zero count so far, or dark parts would come out too bright. Derived: what lies beyond adds
less than a tenth of one."""

PHOTON_LIMITS = (1e-3, 1e7)
"""Least and most photons that intensity 1 stands for. Guard: an image without noise would be one of
endless photons; ``tests/solvers/test_poisson.py``."""

ComplexSpectrum = NDArray[np.complex64]


class Constants(NamedTuple):
    """What stays the same during a run: over the scene, or one value for each plane.

    Attributes
    ----------
    spectrum : complex64
        The optical transfer function.
    inverse : float32
        Over the half spectrum: what the division in Fourier space multiplies by.
    observed : float32
        Intensities above the background; 0 outside the frame.
    data_weight : float32
        Over the penalty of u; 0 outside the frame and at pixels to ignore.
    allowed : float32
        1 where there may be light, else 0; one value where that is everywhere.
    dark : float32
        What was added to each plane.
    photon : float32
        Intensity of a photon.
    step : float32
        Threshold of slopes where the amplitude is 1.
    ratio, constraint : float32
        The penalties of z and v over that of u.
    penalty : float32
        That of u.
    """

    spectrum: Tensor
    inverse: Tensor
    observed: Tensor
    scaled_data_weight: Tensor
    support: Tensor
    dark: Tensor
    photon: Tensor
    step: Tensor
    ratio: Tensor
    constraint: Tensor
    penalty: Tensor


def build_constants(problem: Problem, method: PoissonLikelihood) -> tuple[Constants, Float32Array]:
    """Put a problem in the terms of this module; give its constants, and where it starts."""
    grid = problem.grid
    axes = len(grid.frame)
    power = AMPLITUDE_POWER[axes]
    photons = photons_per_unit(problem.scale, float(method.gain))
    weight = max(float(method.weight), MIN_SOLVER_WEIGHT) * UNIT_WEIGHT[axes]
    weight *= photons ** (PHOTONS_EXPONENT + power / 2 - 1)
    read_noise = min(method.read_noise / problem.scale, np.sqrt(MAX_READ_VARIANCE / photons))
    each = tuple(range(1, problem.observed.ndim))
    brightest = problem.global_value(
        "brightest",
        lambda: problem.observed.max(each, keepdims=True, initial=0),
        largest_of_planes,
    )
    darkest = (
        max(read_noise**2 * photons, MIN_NEGATIVE_SIGMAS * read_noise) + MIN_DARK_PHOTONS / photons
    )
    dark = np.float32(darkest) + TRANSFORM_ROUNDING * brightest
    observed = np.maximum(problem.observed, -dark)
    bright = problem.global_value(
        "brightness", lambda: _self_weighted_mean((observed + dark) * (problem.data_weight > 0))
    )
    bright = np.maximum(bright, np.float32(1 / photons))
    spectrum = transfer_function(problem.psf, grid.scene)
    passed = np.square(spectrum.real) + np.square(spectrum.imag)
    slopes = prior_of(method, problem.spacing).spectrum(grid.scene)
    start = _linear_start(np.maximum(problem.extend_observed(), 0), spectrum, passed, slopes)
    relative = data_penalty(problem)
    penalty = np.float32(relative) / bright
    steepest = problem.global_value("slope", lambda: _mean_steep_slope(start, problem.spacing))
    step = SLOPE_STEP * steepest / bright
    step = np.maximum(step, np.float32(MIN_SLOPE_STEP) * np.sqrt(bright / np.float32(photons)))
    weight *= power / 2
    ratio = np.float32(weight) * bright ** np.float32(power / 2 - 1) / (step * penalty)
    constraint = np.float32(CONSTRAINT_PENALTY / relative)
    margins = ((0, 0), (0, 0), *grid.margins)
    allowed = np.ones((1,) * observed.ndim, np.float32)
    if problem.dark_outside:
        allowed = np.pad(np.ones((1, 1, *grid.frame), np.float32), margins)
    constants = Constants(
        spectrum=spectrum,
        inverse=1 / (ratio * slopes + passed + constraint),
        observed=np.pad(observed, margins),
        scaled_data_weight=problem.extend_data_weight() / penalty,
        support=allowed,
        dark=dark,
        photon=np.float32(1 / photons),
        step=step * bright ** np.float32(1 - power / 2),
        ratio=ratio,
        constraint=constraint,
        penalty=penalty,
    )
    return constants, np.maximum(start, 0) * allowed


def photons_per_unit(scale: float, gain: float) -> float:
    """Photons of intensity 1, within what arithmetic can tell apart."""
    least, most = PHOTON_LIMITS
    return most if gain * most <= scale else max(scale / gain, least)


def _linear_start(
    image: Float32Array, spectrum: ComplexSpectrum, passed: Float32Array, slopes: Float32Array
) -> Float32Array:
    """A regularised inverse of the blur, which may be negative here and there."""
    frame_axes = tuple(range(-slopes.ndim, 0))
    transformed = fft.rfftn(image, axes=frame_axes, workers=fft_workers())
    transformed *= spectrum.conj() / (passed + np.float32(START_PRIOR_WEIGHT) * slopes + TINY)
    shape = image.shape[2:]
    start: Float32Array = fft.irfftn(transformed, s=shape, axes=frame_axes, workers=fft_workers())
    return start


def _mean_steep_slope(image: Float32Array, spacing: tuple[float, ...]) -> Float32Array:
    """Mean squared slope of each plane, where a pixel counts as much as it is steep.

    Its slopes are those to a neighbour along each axis, which may be before it or after it: the
    mean is over all of these choices. The scene wraps round.
    """
    each = tuple(range(1, image.ndim))
    mean = np.zeros((len(image), *(1,) * len(each)), np.float32)
    of_squares, squares = mean.copy(), np.zeros_like(image)
    for axis, distance in enumerate(spacing, image.ndim - len(spacing)):
        before = np.square((np.roll(image, 1, axis) - image) / np.float32(distance))
        both = (before + np.roll(before, -1, axis)) / 2
        mean += before.mean(each, keepdims=True)
        of_squares += np.square(before).mean(each, keepdims=True)
        of_squares -= np.square(both).mean(each, keepdims=True)
        squares += both
    of_squares += np.square(squares).mean(each, keepdims=True)
    return np.asarray(of_squares / (mean + TINY), np.float32)


def _self_weighted_mean(values: Float32Array) -> Float32Array:
    """Mean of each plane, where a value counts as much as it is large."""
    each = tuple(range(1, values.ndim))
    mean = values.mean(each, keepdims=True)
    return np.asarray(np.square(values).mean(each, keepdims=True) / (mean + TINY), np.float32)
