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
from napari_tf_deblur._solvers.registry import prior_of
from napari_tf_deblur._solvers.splitting import data_penalty
from napari_tf_deblur.methods import PoissonLikelihood

WEIGHT = {1: 2.55, 2: 1.275, 3: 0.0765}
"""Weight that suits a peak of one photon, in units of the power p of a photon's
amplitude, by dimensions."""

PHOTONS_EXPONENT = -0.25
"""How the weight that suits changes with the photons at the peak. Found by experiment:
brighter images have finer detail to keep."""

SMALLEST_WEIGHT = 1e-7
"""A weight of zero leaves unseen frequencies undetermined; this one is as good as none."""

POWER = {1: 1.0, 2: 1.0, 3: 1.4}
"""Power p of the amplitude whose slopes the prior sums, by dimensions. Squeezed into a ball of
radius r, a given light in d dimensions costs as much as r^(d - 1 - d p / 2): for p = 1 that is
the same for all r in images, but in volumes it is least for single voxels, and a run to the
minimum makes points of everything. In volumes it takes p > 4/3 to prevent that."""

STEP = 0.42
"""Step of the shrinkage of slopes, over their mean square where they are steep, over the image
where it is bright. Found on 18 images: points need long steps, photographs short ones."""

LEAST_STEP = 0.05
"""The same in standard deviations of the photons' noise, for images without slopes."""

CONSTRAINT_PENALTY = 0.0075
"""Penalty of the split v = x, over the curvature of the data term; points want it small."""

START_PRIOR = 0.01
"""Weight of the squared slopes in the start, which is linear. More leaves it blurred, less
leaves noise in it; both take a few iterations to mend."""

LEAST_DARK = 0.01
"""Photons added to image and model, so that nothing divides by zero."""

ROUNDING = 1e-6
"""As `LEAST_DARK`, relative to the brightest pixel: what the transforms round off."""

MOST_DARK = 1e6
"""Largest variance of the read noise, for intensities scaled to 1, in units of a photon."""

NEGATIVE = 1.0
"""Standard deviations of the read noise that are added at the least. Values below zero count so
far, or dark parts would come out too bright; what lies beyond adds less than a tenth of one."""

PHOTONS = (1e-3, 1e7)
"""Least and most photons that intensity 1 is taken for. An image without noise would be
one of endless photons; beyond the upper limit nothing but rounding would change."""

TINY = 1e-12
"""Keeps quotients of nothing finite."""


Spectrum = NDArray[np.complex64]


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
    data_weight: Tensor
    allowed: Tensor
    dark: Tensor
    photon: Tensor
    step: Tensor
    ratio: Tensor
    constraint: Tensor
    penalty: Tensor


def posed(problem: Problem, method: PoissonLikelihood) -> tuple[Constants, Float32Array]:
    """Put a problem in the terms of this module; give its constants, and where it starts."""
    grid = problem.grid
    axes = len(grid.frame)
    power = POWER[axes]
    photons = photons_at_one(problem.scale, float(method.gain))
    weight = max(float(method.weight), SMALLEST_WEIGHT) * WEIGHT[axes]
    weight *= photons ** (PHOTONS_EXPONENT + power / 2 - 1)
    read_noise = min(method.read_noise / problem.scale, np.sqrt(MOST_DARK / photons))
    each = tuple(range(1, problem.observed.ndim))
    brightest = problem.global_value(
        "brightest",
        lambda: problem.observed.max(each, keepdims=True, initial=0),
        largest_of_planes,
    )
    darkest = max(read_noise**2 * photons, NEGATIVE * read_noise) + LEAST_DARK / photons
    dark = np.float32(darkest) + ROUNDING * brightest
    observed = np.maximum(problem.observed, -dark)
    bright = problem.global_value(
        "brightness", lambda: _mean_where_large((observed + dark) * (problem.data_weight > 0))
    )
    bright = np.maximum(bright, np.float32(1 / photons))
    spectrum = transfer_function(problem.psf, grid.scene)
    passed = np.square(spectrum.real) + np.square(spectrum.imag)
    slopes = prior_of(method, problem.spacing).spectrum(grid.scene)
    start = _linear_start(np.maximum(problem.extended(), 0), spectrum, passed, slopes)
    relative = data_penalty(problem)
    penalty = np.float32(relative) / bright
    steepest = problem.global_value("slope", lambda: _steepest(start, problem.spacing))
    step = STEP * steepest / bright
    step = np.maximum(step, np.float32(LEAST_STEP) * np.sqrt(bright / np.float32(photons)))
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
        data_weight=problem.data_weight_in_scene() / penalty,
        allowed=allowed,
        dark=dark,
        photon=np.float32(1 / photons),
        step=step * bright ** np.float32(1 - power / 2),
        ratio=ratio,
        constraint=constraint,
        penalty=penalty,
    )
    return constants, np.maximum(start, 0) * allowed


def photons_at_one(scale: float, gain: float) -> float:
    """Photons of intensity 1, within what arithmetic can tell apart."""
    least, most = PHOTONS
    return most if gain * most <= scale else max(scale / gain, least)


def _linear_start(
    image: Float32Array, spectrum: Spectrum, passed: Float32Array, slopes: Float32Array
) -> Float32Array:
    """A regularised inverse of the blur, which may be negative here and there."""
    frame_axes = tuple(range(-slopes.ndim, 0))
    transformed = fft.rfftn(image, axes=frame_axes, workers=fft_workers())
    transformed *= spectrum.conj() / (passed + np.float32(START_PRIOR) * slopes + TINY)
    shape = image.shape[2:]
    start: Float32Array = fft.irfftn(transformed, s=shape, axes=frame_axes, workers=fft_workers())
    return start


def _steepest(image: Float32Array, spacing: tuple[float, ...]) -> Float32Array:
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


def _mean_where_large(values: Float32Array) -> Float32Array:
    """Mean of each plane, where a value counts as much as it is large."""
    each = tuple(range(1, values.ndim))
    mean = values.mean(each, keepdims=True)
    return np.asarray(np.square(values).mean(each, keepdims=True) / (mean + TINY), np.float32)
