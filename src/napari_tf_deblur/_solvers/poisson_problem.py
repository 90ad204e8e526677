"""Build the constants of the solver `poisson`: its objective, its penalties and its start image."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._core.threads import fft_workers
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._preparation.global_values import largest_of_planes
from napari_tf_deblur._preparation.problem import Problem, Tensor
from napari_tf_deblur._solvers.registry import find_prior
from napari_tf_deblur._solvers.splitting import MIN_SOLVER_WEIGHT, data_penalty
from napari_tf_deblur._solvers.zero_division import TINY
from napari_tf_deblur.methods import PoissonLikelihood

UNIT_WEIGHT = {1: 2.55, 2: 1.275, 3: 0.0765}
"""Weight that suits an image whose peak is one photon, by number of axes. Its unit is the amplitude
of a photon to the power p (`AMPLITUDE_POWER`). Definition: of the unit of
`PoissonLikelihood.weight`; only the product with the weight matters, which `POISSON_WEIGHT`
suggests."""

PHOTONS_EXPONENT = -0.25
"""Exponent of the dependence of the suitable weight on the number of photons at the peak: brighter
images have finer detail to keep. Chosen by ``benchmarks/constants.py --vary PHOTONS_EXPONENT``:
where the weight is found, half and 1.5 times lose up to 0.3 dB."""

AMPLITUDE_POWER = {1: 1.0, 2: 1.0, 3: 1.4}
"""Power p of the amplitude whose slopes the prior sums, by number of axes. Derived: the penalty of
a given amount of light in a ball of radius r in d dimensions is proportional to r^(d - 1 - d p /
2). In images, p = 1 makes it the same for all r. In volumes p > 4/3 is needed, or else single
voxels have the smallest penalty."""

SLOPE_STEP = 0.42
"""Step of the shrinkage of slopes, relative to the mean steep slope divided by the mean brightness
of bright parts. Points need long steps, photographs short ones. Chosen by
``benchmarks/constants.py --vary SLOPE_STEP``: half loses 0.03 dB, 1.5 times changes 0.02 dB."""

MIN_SLOPE_STEP = 0.05
"""Least step, in standard deviations of the photon noise. Guard: against images without slopes;
``tests/solvers/test_poisson.py``."""

DATA_PENALTY = {1: 0.4, 2: 0.4, 3: 0.17}
"""Ratio of the penalty of the split u = H x to the curvature of the data term, by number of axes.
Chosen by ``benchmarks/iterations.py``: in volumes, 0.4 takes twice the iterations, and 0.1 leaves
thin filaments with few photons 0.2 dB short."""

CONSTRAINT_PENALTY = 0.0075
"""Ratio of the penalty of the split v = x to the curvature of the data term. Points need a small
one. Chosen by ``benchmarks/constants.py --vary CONSTRAINT_PENALTY``: 1.5 times loses 0.09 dB, half
changes less than 0.03 dB."""

LOSS_CHANGE_FACTOR = {1: (50.0, 50.0), 2: (50.0, 50.0), 3: (150.0, 450.0)}
"""Least and largest factor on the relative change of the loss in the measure of convergence, by
number of axes: with little noise, an image that hardly changes may be far from the data. Chosen by
``benchmarks/iterations.py``."""

FEW_PHOTONS = 50.0
"""Number of photons in bright parts up to which the factor is the least one. Chosen by
``benchmarks/iterations.py``."""

START_PRIOR_WEIGHT = 0.01
"""Weight of the squared slopes in the start image, which a linear filter makes: with more the start
is blurred, with less it is noisy. It changes the number of iterations. Chosen by
``benchmarks/constants.py --vary START_PRIOR_WEIGHT``: half loses 0.08 dB, 1.5 times 0.02 dB."""

MIN_DARK_PHOTONS = 0.01
"""Number of photons that is added to image and model. Guard: against a division by zero;
``tests/solvers/test_poisson.py``."""

TRANSFORM_ROUNDING = 1e-6
"""Part of the brightest pixel that is added to image and model. Guard: against rounding errors of
the transforms; ``tests/solvers/test_poisson.py``."""

MAX_READ_VARIANCE = 1e6
"""Largest variance of the read noise, for intensities of range 1, in units of the intensity of a
photon. Guard: against a loss of all digits; ``tests/solvers/test_poisson.py``."""

MIN_NEGATIVE_SIGMAS = 1.0
"""Least number of standard deviations of the read noise that is added to image and model. Negative
values above minus this are kept; without them, dark parts would become too bright. Derived: the
values below it add less than a tenth of a standard deviation."""

PHOTON_LIMITS = (1e-3, 1e7)
"""Least and largest number of photons of intensity 1. Guard: against infinitely many photons, which
an image without noise would have; ``tests/solvers/test_poisson.py``."""


ComplexSpectrum = NDArray[np.complex64]


class Constants(NamedTuple):
    """Values that do not change during a run: over the scene, or one for each plane.

    Attributes
    ----------
    spectrum : complex64
        Optical transfer function, over the half spectrum.
    inverse : float32
        Factor of the division in Fourier space, over the half spectrum.
    observed : float32
        Intensities above the background; 0 outside the frame.
    scaled_data_weight : float32
        Weight of each pixel divided by the penalty of u; 0 outside the frame and at ignored pixels.
    support : float32
        1 where light is allowed, else 0; one value if it is allowed everywhere.
    dark : float32
        Intensity that was added to image and model, for each plane.
    photon : float32
        Intensity of one photon.
    step : float32
        Threshold of slopes where the amplitude is 1.
    ratio, constraint : float32
        Ratios of the penalties of z and v to that of u.
    penalty : float32
        Penalty of u.
    loss_factor : float32
        Factor on the relative change of the loss in the measure of convergence, of shape (planes,).
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
    loss_factor: Tensor


def build_constants(problem: Problem, method: PoissonLikelihood) -> tuple[Constants, Float32Array]:
    """Compute the constants of a problem and its start image.

    Parameters
    ----------
    problem : Problem
        Planes to deblur together.
    method : PoissonLikelihood
        The method, with all its values filled in.

    Returns
    -------
    constants : Constants
        NumPy arrays.
    start : ndarray of float32
        First image, of shape (planes, channels, *scene), never negative.
    """
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
    brightness = problem.global_value(
        "brightness", lambda: _self_weighted_mean((observed + dark) * (problem.data_weight > 0))
    )
    brightness = np.maximum(brightness, np.float32(1 / photons))
    spectrum = transfer_function(problem.psf, grid.scene)
    power_spectrum = np.square(spectrum.real) + np.square(spectrum.imag)
    prior_spectrum = find_prior(method, problem.spacing).spectrum(grid.scene)
    start = _linear_start(
        np.maximum(problem.extend_observed(), 0), spectrum, power_spectrum, prior_spectrum
    )
    relative_penalty = data_penalty(problem, DATA_PENALTY[axes])
    penalty = np.float32(relative_penalty) / brightness
    steepest = problem.global_value("slope", lambda: _mean_steep_slope(start, problem.spacing))
    step = SLOPE_STEP * steepest / brightness
    step = np.maximum(step, np.float32(MIN_SLOPE_STEP) * np.sqrt(brightness / np.float32(photons)))
    weight *= power / 2
    ratio = np.float32(weight) * brightness ** np.float32(power / 2 - 1) / (step * penalty)
    constraint = np.float32(CONSTRAINT_PENALTY / relative_penalty)
    margins = ((0, 0), (0, 0), *grid.margins)
    support = np.ones((1,) * observed.ndim, np.float32)
    if problem.dark_outside:
        support = np.pad(np.ones((1, 1, *grid.frame), np.float32), margins)
    constants = Constants(
        spectrum=spectrum,
        inverse=1 / (ratio * prior_spectrum + power_spectrum + constraint),
        observed=np.pad(observed, margins),
        scaled_data_weight=problem.extend_data_weight() / penalty,
        support=support,
        dark=dark,
        photon=np.float32(1 / photons),
        step=step * brightness ** np.float32(1 - power / 2),
        ratio=ratio,
        constraint=constraint,
        penalty=penalty,
        loss_factor=_loss_change_factor(brightness, dark, photons, axes),
    )
    return constants, np.maximum(start, 0) * support


def _loss_change_factor(
    brightness: Float32Array, dark: Float32Array, photons: float, axes: int
) -> Float32Array:
    """Return the factor on the change of the loss of each plane, which grows with its photons.

    The number is that of the photons with whose noise alone bright parts would be as noisy.
    """
    equivalent = photons * np.square(brightness) / (brightness + dark)
    least, most = LOSS_CHANGE_FACTOR[axes]
    factor = np.clip(least / FEW_PHOTONS * equivalent, least, most)
    return np.asarray(factor.reshape(-1), np.float32)


def photons_per_unit(scale: float, gain: float) -> float:
    """Number of photons of intensity 1, within `PHOTON_LIMITS`."""
    least, most = PHOTON_LIMITS
    return most if gain * most <= scale else max(scale / gain, least)


def _linear_start(
    image: Float32Array,
    spectrum: ComplexSpectrum,
    power_spectrum: Float32Array,
    prior_spectrum: Float32Array,
) -> Float32Array:
    """Deblur the image with a linear filter; the result may have negative values."""
    frame_axes = tuple(range(-prior_spectrum.ndim, 0))
    transformed = fft.rfftn(image, axes=frame_axes, workers=fft_workers())
    transformed *= spectrum.conj() / (
        power_spectrum + np.float32(START_PRIOR_WEIGHT) * prior_spectrum + TINY
    )
    shape = image.shape[2:]
    start: Float32Array = fft.irfftn(transformed, s=shape, axes=frame_axes, workers=fft_workers())
    return start


def _mean_steep_slope(image: Float32Array, spacing: tuple[float, ...]) -> Float32Array:
    """Mean squared slope of each plane, in which each pixel counts by its squared slope.

    The slope of a pixel is that to one neighbour along each axis, before it or after it. The mean
    is over all these choices of neighbours. The scene wraps round.
    """
    each = tuple(range(1, image.ndim))
    mean = np.zeros((len(image), *(1,) * len(each)), np.float32)
    mean_square, squares = mean.copy(), np.zeros_like(image)
    for axis, distance in enumerate(spacing, image.ndim - len(spacing)):
        before = np.square((np.roll(image, 1, axis) - image) / np.float32(distance))
        both = (before + np.roll(before, -1, axis)) / 2
        mean += before.mean(each, keepdims=True)
        mean_square += np.square(before).mean(each, keepdims=True)
        mean_square -= np.square(both).mean(each, keepdims=True)
        squares += both
    mean_square += np.square(squares).mean(each, keepdims=True)
    return np.asarray(mean_square / (mean + TINY), np.float32)


def _self_weighted_mean(values: Float32Array) -> Float32Array:
    """Mean of each plane, in which each value counts by its size."""
    each = tuple(range(1, values.ndim))
    mean = values.mean(each, keepdims=True)
    return np.asarray(np.square(values).mean(each, keepdims=True) / (mean + TINY), np.float32)
