"""Penalised Poisson likelihood, in the square root of the image, by L-BFGS.

Minimises, over amplitudes a of a scene a^2 that is larger than the frame,

    sum c (m - y log m) + w sum sqrt(N b + e^2),    m = H a^2 + v,    b = |a|^p,

where N b is half the sum of the squared differences to all neighbours along the axes: per
axis, the squared central difference and a quarter of the squared second difference, so
that slopes become smooth and not flat, and no direction is preferred. The square root makes
the noise of photons the same everywhere (Anscombe, Biometrika 35, 1948), so that one weight
suits dim and bright parts, and it keeps the scene from going negative. In images p = 1; volumes
need more (see `poisson_problem.POWER`). Read noise of a variance of v photons is taken for v
photons of background in image and model (Snyder et al., JOSA A 10, 1993).

What is compiled depends on the shape of the scene, the planes and channels, the spacing, and
whether it is dark outside the frame. All else is data over the scene.
"""

from collections.abc import Generator, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from napari_tf_deblur._solvers import coarse, lbfgs
from napari_tf_deblur._solvers.blur import Blur, irfft, rfft
from napari_tf_deblur._solvers.change import largest_changes
from napari_tf_deblur._solvers.differences import Differences
from napari_tf_deblur._solvers.load import fused, tensorflow
from napari_tf_deblur._solvers.loop import iterate
from napari_tf_deblur._solvers.poisson_problem import (
    LEAST_START,
    POWER,
    Constants,
    Posed,
    lifted,
    posed,
)
from napari_tf_deblur._solvers.problem import Array, Iterate, Problem, Tensor
from napari_tf_deblur.methods import PoissonLikelihood
from napari_tf_deblur.steps import mapped

NEAR = 0.05
"""Relative excess of the data below which their deviance is a sum of powers: the difference of
logarithms would be lost in rounding where there is much light, or much read noise."""

MOST_IN_LARGER = 80
"""Iterations in larger pixels: what more of them find, fewer at full size find sooner. Chosen on
seven pictures and five blurs each."""

GAIN_PER_CHANGE = 30.0
"""What an iteration takes off the objective, as a part of it or of all so far, counts so many times
as much as a change of the image. A long way in small steps is seen by the first, a faint or small
object by the second."""


def solve(problem: Problem, method: PoissonLikelihood) -> Iterator[Iterate]:
    """Solve by L-BFGS; see the module."""
    fine = posed(problem, method)
    start = yield from _start_of(fine, method)
    iterates = _iterates(fine, start, method)
    del fine, start  # the constants hold what is needed
    yield from iterates


def _iterates(problem: Posed, start: Array, method: PoissonLikelihood) -> Iterator[Iterate]:
    run, first_state = _compiled(problem.spacing)
    constants = problem.constants()
    state = first_state(constants, tensorflow().constant(start))
    return iterate(run, _image_of, constants, state, method.iterations, method.tolerance)


def _start_of(problem: Posed, method: PoissonLikelihood) -> Generator[Iterate, None, Array]:
    """The amplitude to start from: the result in larger pixels, where they do."""
    axes = coarse.axes_of(problem.spectrum, problem.scene)
    if not axes:
        return problem.start

    def drawn_out(scene: Array) -> Array:
        return coarse.drawn_out(scene, axes, len(problem.scene))

    def shown(iterate: Iterate) -> Iterate:
        """Without losses, as those of other pixels are others."""
        return Iterate(iterate.losses[:0], 0.0, lambda: drawn_out(iterate.scene()), False)

    larger = problem.in_larger_pixels(axes)
    start = yield from mapped(_start_of(larger, method), shown)
    shorter = replace(method, iterations=min(method.iterations, MOST_IN_LARGER))
    for iterate_ in _iterates(larger, start, shorter):
        yield shown(iterate_)
    light = np.square(drawn_out(np.sqrt(iterate_.scene())))
    return lifted(light, LEAST_START) * problem.allowed


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
        light = tf.nn.relu(blurred)
        model = light + dark
        excess = (observed - light) / model  # without the dark, whose digits would be lost
        near = excess * excess * (0.5 - excess * (1 / 6 - excess * (1 / 12 - excess * 0.05)))
        far = tf.math.xlogy(1 + excess, tf.abs(1 + excess)) - excess
        deviance = model * tf.where(tf.abs(excess) < NEAR, near, far)
        return tf.reduce_sum(data_weight * deviance, 2), -data_weight * excess

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
