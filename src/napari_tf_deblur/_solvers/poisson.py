"""Penalised Poisson likelihood, in the square root of the image, by L-BFGS.

Minimises, over amplitudes a of a scene a^2 that is larger than the frame,

    sum c (m - y log m) + w sum sqrt(N b + e^2),    m = H a^2 + v,    b = |a|^p,

where N b is half the sum of the squared differences to all neighbours along the axes: per
axis, the squared central difference and a quarter of the squared second difference, so
that slopes become smooth and not flat, and no direction is preferred. The square root makes
the noise of photons the same everywhere (Anscombe, Biometrika 35, 1948), so that one weight
suits dim and bright parts, and it keeps the scene from going negative. In images p = 1; volumes
need more (see `POWER`). Read noise of a variance of v photons is taken for v photons of
background in image and model (Snyder et al., JOSA A 10, 1993).

What is compiled depends on the shape of the scene, the planes and channels, the spacing, and
whether it is dark outside the frame. All else is data over the scene.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from napari_tf_deblur._solvers import lbfgs
from napari_tf_deblur._solvers.blur import Blur, irfft, rfft
from napari_tf_deblur._solvers.change import largest_changes
from napari_tf_deblur._solvers.differences import Differences
from napari_tf_deblur._solvers.load import fused, tensorflow
from napari_tf_deblur._solvers.loop import iterate
from napari_tf_deblur._solvers.problem import Array, Iterate, Problem, Tensor
from napari_tf_deblur.forward import transfer_function
from napari_tf_deblur.methods import PoissonLikelihood

WEIGHT = {1: 3.0, 2: 1.5, 3: 0.09}
"""Weight that suits a peak of one photon, in units of the power p of a photon's
amplitude, by dimensions."""

PHOTONS_EXPONENT = -0.25
"""How the weight that suits changes with the photons at the peak. Found by experiment:
brighter images have finer detail to keep."""

POWER = {1: 1.0, 2: 1.0, 3: 1.4}
"""Power p of the amplitude whose slopes the prior sums, by dimensions. Squeezed into a ball of
radius r, a given light in d dimensions costs as much as r^(d - 1 - d p / 2): for p = 1 that is
the same for all r in images, but in volumes it is least for single voxels, and a run to the
minimum makes points of everything. In volumes it takes p > 4/3 to prevent that."""

CORNER = 0.1
"""Slope of b, in powers of one photon's amplitude, below which the prior is quadratic."""

USUAL_SLOPE = 0.3
"""Slope of a, in amplitudes of one photon, at which the preconditioner takes the prior to be."""

LEAST_CURVATURE = 0.02
"""Curvature that the preconditioner takes directions to have which nothing determines."""

START_MEAN = 0.1
"""Part of the mean in the start, so that no pixel starts at zero, where it would stay."""

LEAST_DARK = 0.01
"""Photons added to image and model, so that nothing divides by zero."""

ROUNDING = 1e-6
"""As `LEAST_DARK`, relative to the brightest pixel: what the transforms round off."""

MOST_DARK = 1e6
"""Largest variance of the read noise, for intensities scaled to 1, in units of a photon."""

NEGATIVE = 4.0
"""Values below zero are taken for read noise down to so many standard deviations."""

GAIN_PER_CHANGE = 30.0
"""What an iteration takes off the objective, as a part of all so far, counts so many times as
much as a change of the image. A long way in small steps is seen by the first, a faint or small
object by the second."""

PHOTONS = (1e-3, 1e7)
"""Least and most photons that intensity 1 is taken for. An image without noise would be
one of endless photons; beyond the upper limit nothing but rounding would change."""


class Constants(NamedTuple):
    """What stays the same during a run; tensors over the scene unless they are scalars.

    Attributes
    ----------
    spectrum : Tensor of complex64
        The optical transfer function.
    inverse : Tensor
        The preconditioner: an approximate inverse Hessian over the half spectrum.
    observed : Tensor
        Intensities above the background plus `dark`; 0 outside the frame.
    data_weight : Tensor
        0 outside the frame and at pixels to ignore.
    allowed : Tensor
        1 where there may be light, else 0.
    dark : Tensor
        Shape (planes, 1, ...): what was added to each plane.
    weight, corner : Tensor
        Scalars, for intensities scaled to 1.
    """

    spectrum: Tensor
    inverse: Tensor
    observed: Tensor
    data_weight: Tensor
    allowed: Tensor
    dark: Tensor
    weight: Tensor
    corner: Tensor


def solve(problem: Problem, method: PoissonLikelihood) -> Iterator[Iterate]:
    """Solve by L-BFGS; see the module."""
    constants, start = posed(problem, method)
    run, first_state = _compiled(problem.spacing)
    state = first_state(constants, start)
    return iterate(run, _image_of, constants, state, method.iterations, method.tolerance)


def posed(problem: Problem, method: PoissonLikelihood) -> tuple[Constants, Tensor]:
    """The constants of a run, and the amplitude it starts from."""
    tf = tensorflow()
    grid = problem.grid
    dimensions = len(grid.frame)
    photons = photons_at_one(problem.scale, float(method.gain))
    amplitude = 1 / np.sqrt(photons)  # of a photon
    power = POWER[dimensions]
    weight = float(method.weight) * WEIGHT[dimensions] * photons**PHOTONS_EXPONENT
    weight *= amplitude ** (2 - power)
    corner = CORNER * amplitude**power
    light = problem.observed.copy()
    read_noise = min(method.read_noise / problem.scale, np.sqrt(MOST_DARK / photons))
    brightest = np.max(light, axis=tuple(range(1, light.ndim)), keepdims=True, initial=0)
    dark = np.float32(read_noise**2 * photons + LEAST_DARK / photons) + ROUNDING * brightest
    np.maximum(light, np.float32(-NEGATIVE * read_noise), out=light)
    seen = problem.data_weight_in_scene()
    margins = ((0, 0), (0, 0), *grid.margins)
    allowed = np.ones((1,) * light.ndim, np.float32)
    if problem.dark_outside:
        allowed = np.pad(np.ones((1, 1, *grid.frame), np.float32), margins)

    spectrum = transfer_function(problem.psf, grid.scene)
    curvature = Differences(1, problem.spacing).squared_spectrum(grid.scene)
    steepness = power * np.sqrt(max(light.mean(), amplitude**2)) ** (power - 1)
    curvature *= weight * steepness**2 / np.hypot(corner, USUAL_SLOPE * amplitude * steepness)
    curvature += 4 * (np.square(spectrum.real) + np.square(spectrum.imag)) + LEAST_CURVATURE
    constants = Constants(
        tf.constant(spectrum),
        tf.constant(np.reciprocal(curvature, out=curvature)),
        tf.constant(np.pad(light + dark, margins)),
        tf.constant(np.ascontiguousarray(seen, np.float32)),
        tf.constant(allowed),
        tf.constant(dark),
        tf.constant(np.float32(weight)),
        tf.constant(np.float32(corner)),
    )
    start = _start(light)
    if problem.dark_outside:
        start = np.pad(start, margins)
    else:
        start = np.pad(start, margins, mode="symmetric")
    return constants, tf.constant(start)


def photons_at_one(scale: float, gain: float) -> float:
    """Photons of intensity 1, within what arithmetic can tell apart."""
    least, most = PHOTONS
    return most if gain * most <= scale else max(scale / gain, least)


def _start(light: Array) -> Array:
    light = np.maximum(light, 0)
    mean = light.mean(axis=tuple(range(2, light.ndim)), keepdims=True)
    return np.asarray(np.sqrt((1 - START_MEAN) * light + START_MEAN * mean), np.float32)


def _image_of(_constants: Any, state: Any) -> Tensor:
    return tensorflow().square(state[0])


@lru_cache(maxsize=16)
def _compiled(spacing: tuple[float, ...]) -> tuple[Any, Any]:
    """The compiled loop of L-BFGS, and the function that makes its first state."""
    scaled = fused(lambda spectrum, inverse: spectrum * tensorflow().cast(inverse, "complex64"))

    def precondition(constants: Constants, gradient: Tensor) -> Tensor:
        spectrum = scaled(rfft(gradient, len(spacing)), constants.inverse)
        result = irfft(spectrum, tuple(gradient.shape[2:]))
        somewhere_dark = constants.allowed.shape.num_elements() > 1
        return result * constants.allowed if somewhere_dark else result

    def change(before: Tensor, after: Tensor, gained: Tensor) -> Tensor:
        tf = tensorflow()
        moved = largest_changes(tf.square(before), tf.square(after), len(spacing))
        return tf.maximum(moved, GAIN_PER_CHANGE * gained)

    return lbfgs.loop(value_and_gradient(spacing), precondition, change)


def value_and_gradient(spacing: tuple[float, ...]) -> lbfgs.ValueAndGradient:
    """The objective of each plane as a function of constants and amplitude, and its gradient."""
    tf = tensorflow()
    differences = Differences(1, spacing)
    power = POWER[len(spacing)]

    @fused
    def compared(
        blurred: Tensor, observed: Tensor, data_weight: Tensor, dark: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The deviance, along one axis, and what it says of the re-blurred image."""
        model = tf.nn.relu(blurred) + dark
        reciprocal = 1 / model
        deviance = model - observed + tf.math.xlogy(observed, tf.abs(observed) * reciprocal)
        return tf.reduce_sum(data_weight * deviance, 2), data_weight * (1 - observed * reciprocal)

    @fused
    def with_prior(
        amplitude: Tensor, pull: Tensor, allowed: Tensor, weight: Tensor, corner: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The prior, along one axis, and the whole gradient."""
        root = tf.pow(tf.abs(amplitude), power - 1)
        slopes = differences.apply(amplitude if power == 1 else tf.abs(amplitude) * root)
        squares: Any = 0.0
        for axis, slope in enumerate(slopes):
            squares += 0.5 * sum(tf.square(s) for s in differences.with_previous(slope, axis))
        if amplitude.shape[1] != 1:  # channels share their edges
            squares = tf.reduce_sum(squares, axis=1, keepdims=True)
        length = tf.sqrt(squares + tf.square(corner))
        shares = [sum(differences.with_next(0.5 / length, axis)) for axis in range(len(slopes))]
        gradient = 2 * amplitude * pull
        push = differences.adjoint([s * share for s, share in zip(slopes, shares)])
        gradient += weight * (push if power == 1 else push * (power * root * tf.sign(amplitude)))
        above = squares / (length + corner)  # the length less the corner, without cancellation
        return tf.reduce_sum(above, 2), gradient * allowed

    def evaluate(constants: Constants, amplitude: Tensor) -> tuple[Tensor, Tensor]:
        c = constants
        blur = Blur(tuple(amplitude.shape[2:]), c.spectrum)
        blurred = blur.forward(tf.square(amplitude))
        deviance, residual = compared(blurred, c.observed, c.data_weight, c.dark)
        pull = blur.adjoint(residual)
        penalty, gradient = with_prior(amplitude, pull, c.allowed, c.weight, c.corner)
        return _total(deviance) + tf.cast(c.weight, tf.float64) * _total(penalty), gradient

    return evaluate


def _total(partial: Tensor) -> Tensor:
    """Sum of each plane, of sums along an axis, with digits to spare."""
    tf = tensorflow()
    return tf.reduce_sum(tf.cast(partial, tf.float64), axis=list(range(1, partial.shape.rank)))
