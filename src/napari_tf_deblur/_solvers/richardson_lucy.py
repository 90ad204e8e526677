"""Deblur by Richardson-Lucy with an exact boundary, acceleration and total variation.

The solver maximises the Poisson likelihood of ``y ~ M H x``, with M the selection of the frame, by
the multiplicative iteration of Richardson (1972) and Lucy (1974). The scene is larger than the
frame (Bertero & Boccacci, A&A 437, 2005). So nothing is assumed beyond the frame, and no ringing
occurs at its edges. Each iteration makes the re-blurred flux in the frame equal to the observed
flux.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from napari_tf_deblur._preparation.global_values import mean_of_planes
from napari_tf_deblur._preparation.problem import Iterate, Problem, Tensor
from napari_tf_deblur._solvers.blur import BlurOperator
from napari_tf_deblur._solvers.load import fused, tensorflow
from napari_tf_deblur._solvers.loop import compile_loop, read_first_variable, run_loop
from napari_tf_deblur._solvers.priors import Prior
from napari_tf_deblur._solvers.registry import find_prior
from napari_tf_deblur._solvers.richardson_lucy_problem import (
    KEPT_MOMENTUM_STEPS,
    MIN_MODEL_BRIGHTNESS,
    MOMENTUM,
    Constants,
    build_constants,
)
from napari_tf_deblur.methods import RichardsonLucy


class Momentum(NamedTuple):
    """State of the acceleration.

    Attributes
    ----------
    extrapolated : Tensor
        The image after extrapolation, where the next iteration starts.
    change : Tensor
        Difference between the last iteration's result and its extrapolated start.
    power : Tensor
        Sum of the squares of `change`, of shape (planes,).
    count : Tensor
        Number of iterations done, a scalar.
    factors : Tensor
        Extrapolation factor of each iteration, of shape (KEPT_MOMENTUM_STEPS, planes).
    """

    extrapolated: Tensor
    change: Tensor
    power: Tensor
    count: Tensor
    factors: Tensor


def solve(problem: Problem, method: RichardsonLucy) -> Iterator[Iterate]:
    """Solve a problem by Richardson-Lucy, with or without acceleration.

    Parameters
    ----------
    problem : Problem
        Planes to deblur together.
    method : RichardsonLucy
        The method, with all its values filled in.

    Returns
    -------
    iterator of Iterate
        States of the solver, about ten per second; the last one is the result.
    """
    tf = tensorflow()
    constants, image = build_constants(problem, method)
    state = [image]
    if method.accelerate:
        planes = image.shape[0]
        state += Momentum(
            extrapolated=image,
            change=tf.zeros_like(image),
            power=tf.zeros(planes),
            count=tf.constant(0),
            factors=tf.zeros([KEPT_MOMENTUM_STEPS, planes]),
        )
    prior = find_prior(method, problem.spacing) if method.prior else None
    run = _compile_solver(prior, method.accelerate)
    iterations, _ = problem.stop_rule(int(method.iterations))

    def read_values(variables: Any) -> dict[str, Any]:
        if not method.accelerate:
            return {}
        # The mean: the factor of a single plane may be at its bound, that of all seldom is.
        return {MOMENTUM: mean_of_planes(variables[-1].numpy().T)}

    return run_loop(run, read_first_variable, constants, state, iterations, read_values=read_values)


@lru_cache(maxsize=16)
def _compile_solver(prior: Prior | None, accelerate: bool) -> Any:
    """Compile the loop of iterations."""
    tf = tensorflow()

    @fused
    def compare(
        blurred: Tensor, data_weight: Tensor, light: Tensor, dark: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the ratio of the observed light to the model, and the deviance."""
        model = tf.maximum(blurred, 0.0) + tf.maximum(dark, MIN_MODEL_BRIGHTNESS)
        ratio = light / model
        # The ratio is zero where no light was observed. The logarithm is multiplied by zero there.
        deviance = light * tf.math.log(tf.maximum(ratio, MIN_MODEL_BRIGHTNESS)) - light
        return ratio, tf.reduce_sum(tf.where(data_weight > 0, model, 0.0) + deviance, axis=2)

    def multiply(
        image: Tensor, correction: Tensor, inverse_visibility: Tensor, tv_weight: Tensor
    ) -> Tensor:
        """Multiply the image by the correction."""
        if prior is not None:
            slopes = prior.apply(image)
            length = tf.sqrt(tf.add_n([tf.square(s) for s in slopes]) + MIN_MODEL_BRIGHTNESS**2)
            curvature = prior.adjoint([s / length for s in slopes])
            # The denominator of Dey et al., 1 + w D'(Dx/|Dx|), at least 0.1.
            correction /= tf.maximum(1 + tv_weight * inverse_visibility * curvature, 0.1)
        return image * inverse_visibility * tf.nn.relu(correction)

    @fused
    def plain(
        state: list[Tensor],
        correction: Tensor,
        inverse_visibility: Tensor,
        tv_weight: Tensor,
        _momentum: Tensor,
    ) -> list[Tensor]:
        """Return the next image."""
        return [multiply(state[0], correction, inverse_visibility, tv_weight)]

    @fused
    def accelerated(
        state: list[Tensor],
        correction: Tensor,
        inverse_visibility: Tensor,
        tv_weight: Tensor,
        momentum: Tensor,
    ) -> list[Tensor]:
        """Return the next image, extrapolated along its last change (Biggs & Andrews, 1997)."""
        image, last = state[0], Momentum(*state[1:])
        fresh = multiply(last.extrapolated, correction, inverse_visibility, tv_weight)
        change = fresh - last.extrapolated
        factor = sum_of_planes(change * last.change) / (last.power + 1e-30)
        index = tf.minimum(last.count, KEPT_MOMENTUM_STEPS - 1)
        known = tf.gather(momentum, index)  # a slice would be compiled again for each index
        factor = tf.where(known < 0, tf.clip_by_value(factor, 0.0, 1.0), known)
        factors = tf.tensor_scatter_nd_update(last.factors, [[index]], [factor])
        factor = tf.reshape(factor, [-1] + [1] * (fresh.shape.rank - 1))
        ahead = tf.nn.relu(fresh + factor * (fresh - image))
        power = sum_of_planes(tf.square(change))
        return [fresh, *Momentum(ahead, change, power, last.count + 1, factors)]

    def sum_of_planes(values: Tensor) -> Tensor:
        """Sum over each plane. One axis is summed first, on all cores."""
        partial = tf.reshape(tf.reduce_sum(values, axis=2), [values.shape[0], -1])
        return tf.linalg.matvec(partial, tf.ones_like(partial[0]))

    update, start = (accelerated, 1) if accelerate else (plain, 0)

    def step(constants: Any, state: Any, active: Any) -> tuple[Tensor, Any]:
        c = Constants(*constants)
        values = [s.read_value() for s in state]
        blur = BlurOperator(tuple(values[0].shape[2:]), c.spectrum)
        ratio, loss = compare(blur.forward(values[start]), c.data_weight, c.light, c.dark)
        fresh = update(values, blur.adjoint(ratio), c.inverse_visibility, c.tv_weight, c.momentum)
        for variable, value in zip(state, fresh):
            variable.assign(value, read_value=False)
        # The number of iterations is fixed: no change is small enough to stop.
        changes = tf.fill(active.shape, np.float32(np.inf))
        return tf.reduce_sum(loss, list(range(1, loss.shape.rank))), changes

    return compile_loop(step)
