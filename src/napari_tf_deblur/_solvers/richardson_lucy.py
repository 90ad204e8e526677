"""Richardson-Lucy with an exact boundary, acceleration and total variation.

Maximises the Poisson likelihood of ``y ~ M H x`` by the multiplicative iteration of
Richardson (1972) and Lucy (1974). The scene is larger than the frame (Bertero & Boccacci,
A&A 437, 2005), so that nothing is assumed beyond the frame and nothing rings at it. Each
iteration makes the re-blurred flux in the frame the observed one.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._core.typing import Float32Array
from napari_tf_deblur._noise.detector_artifacts import DEAD_PART
from napari_tf_deblur._preparation.global_values import largest_of_planes, mean_of_planes
from napari_tf_deblur._preparation.iterations import MIN_VISIBLE_PART
from napari_tf_deblur._preparation.problem import Iterate, Problem, Tensor
from napari_tf_deblur._solvers.blur import BlurOperator
from napari_tf_deblur._solvers.load import fused, tensorflow
from napari_tf_deblur._solvers.loop import compile_loop, read_first_variable, run_loop
from napari_tf_deblur._solvers.priors import Prior
from napari_tf_deblur._solvers.registry import prior_of
from napari_tf_deblur.methods import RichardsonLucy

MIN_MODEL_BRIGHTNESS = 1e-6
"""Least brightness of the model, for intensities of range 1. Guard: against a division by zero;
``tests/test_deconvolve.py``."""


MOMENTUM = "momentum"
"""Name among the global values."""

KEPT_MOMENTUM_STEPS = 256
"""Iterations whose momentum is kept; pieces use the last one from there on. Limit: of memory."""


class Constants(NamedTuple):
    """What stays the same during a run; tensors over the scene unless they are scalars.

    Attributes
    ----------
    spectrum : Tensor of complex64
        The optical transfer function.
    seen : Tensor
        Data weight: 0 outside the frame and at pixels to ignore.
    light : Tensor
        The observed intensities plus `dark`, times `data_weight`.
    share : Tensor
        What a correction is multiplied by: 1 over the part of a pixel's light that is seen.
    dark : Tensor
        Shape (planes, channels, 1, ...): what was added to each channel.
    tv_weight : Tensor
        Scalar.
    momentum : Tensor
        Shape (REMEMBERED,): how far to go on along the last change at each iteration; below 0
        where the change itself shall say it.
    """

    spectrum: Tensor
    data_weight: Tensor
    light: Tensor
    inverse_visibility: Tensor
    dark: Tensor
    tv_weight: Tensor
    momentum: Tensor


class Momentum(NamedTuple):
    """State of the acceleration.

    Attributes
    ----------
    ahead : Tensor
        The image, extrapolated.
    change : Tensor
        How the last iteration changed what it began with.
    power : Tensor
        Shape (planes,): sum of the squares of `change`.
    count : Tensor
        Scalar, iterations done.
    factors : Tensor
        Shape (REMEMBERED, planes): how far each iteration went on along the last change.
    """

    extrapolated: Tensor
    change: Tensor
    power: Tensor
    count: Tensor
    factors: Tensor


def solve(problem: Problem, method: RichardsonLucy) -> Iterator[Iterate]:
    """Solve by (accelerated) Richardson-Lucy; see the module."""
    tf = tensorflow()
    grid = problem.grid
    spectrum = tf.constant(transfer_function(problem.psf, grid.scene))
    weight = tf.constant(problem.extend_data_weight())
    seen = BlurOperator(grid.scene, spectrum).adjoint(weight)
    if problem.dark_outside:
        seen *= np.pad(np.ones(grid.frame, np.float32), grid.margins)
    visible = tf.cast(seen > MIN_VISIBLE_PART, tf.float32)
    dark = problem.global_value("dark", lambda: _noise_below_zero(problem), largest_of_planes)
    light = weight * (np.maximum(problem.extend_observed(), -dark) + dark)
    axes = list(range(2, light.shape.rank))

    def mean_light() -> Float32Array:
        total = tf.reduce_sum(light, axes, keepdims=True)
        return np.asarray(total / tf.reduce_sum(weight * tf.ones_like(light), axes, keepdims=True))

    mean = problem.global_value("light", mean_light)
    image = visible * tf.maximum(mean - dark, MIN_MODEL_BRIGHTNESS)
    constants = Constants(
        spectrum=spectrum,
        data_weight=weight,
        light=light,
        inverse_visibility=visible / tf.maximum(seen, MIN_VISIBLE_PART),
        dark=tf.constant(dark),
        tv_weight=tf.constant(np.float32(method.tv_weight)),
        momentum=tf.constant(_momentum(problem)),
    )
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
    prior = prior_of(method, problem.spacing) if method.prior else None
    run = _compile_solver(prior, method.accelerate)
    iterations, _ = problem.stop_rule(int(method.iterations))

    def found_in(variables: Any) -> dict[str, Any]:
        if not method.accelerate:
            return {}
        # A factor of one plane may be at its bound; all of them together seldom are.
        return {MOMENTUM: mean_of_planes(variables[-1].numpy().T)}

    return run_loop(run, read_first_variable, constants, state, iterations, found_in=found_in)


def _momentum(problem: Problem) -> Float32Array:
    """How far each iteration shall go on along the last change, where that is known."""
    known = problem.global_values
    if known is None or MOMENTUM not in known.values:
        return np.full(KEPT_MOMENTUM_STEPS, -1, np.float32)
    return np.asarray(known.values[MOMENTUM][0])


def _noise_below_zero(problem: Problem) -> Float32Array:
    """How far the noise of each channel reaches below zero; 0 for counts of photons."""
    lead = problem.observed.shape[:2]
    dark = np.zeros((*lead, *(1,) * len(problem.grid.frame)), np.float32)
    for plane in np.ndindex(lead):
        values = problem.observed[plane]
        below = values[values < 0]
        dead = int(DEAD_PART * values.size)
        if below.size > dead:
            dark[plane] = -np.partition(below, dead)[dead]
    return dark


@lru_cache(maxsize=16)
def _compile_solver(prior: Prior | None, accelerate: bool) -> Any:
    tf = tensorflow()

    @fused
    def compared(
        blurred: Tensor, seen: Tensor, light: Tensor, dark: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What the model lacks, as a factor, and its deviance."""
        model = tf.maximum(blurred, 0.0) + tf.maximum(dark, MIN_MODEL_BRIGHTNESS)
        ratio = light / model
        # A ratio of zero is one of no light observed, which does not count in the logarithm.
        deviance = light * tf.math.log(tf.maximum(ratio, MIN_MODEL_BRIGHTNESS)) - light
        return ratio, tf.reduce_sum(tf.where(seen > 0, model, 0.0) + deviance, axis=2)

    def multiplied(image: Tensor, correction: Tensor, share: Tensor, tv_weight: Tensor) -> Tensor:
        if prior is not None:
            slopes = prior.apply(image)
            length = tf.sqrt(tf.add_n([tf.square(s) for s in slopes]) + MIN_MODEL_BRIGHTNESS**2)
            curvature = prior.adjoint([s / length for s in slopes])
            # Dey's denominator 1 + w D'(Dx/|Dx|), kept away from zero.
            correction /= tf.maximum(1 + tv_weight * share * curvature, 0.1)
        return image * share * tf.nn.relu(correction)

    @fused
    def plain(
        state: list[Tensor],
        correction: Tensor,
        share: Tensor,
        tv_weight: Tensor,
        _momentum: Tensor,
    ) -> list[Tensor]:
        return [multiplied(state[0], correction, share, tv_weight)]

    @fused
    def accelerated(
        state: list[Tensor],
        correction: Tensor,
        share: Tensor,
        tv_weight: Tensor,
        momentum: Tensor,
    ) -> list[Tensor]:
        """Go on along the last change of each plane (Biggs & Andrews, 1997)."""
        image, last = state[0], Momentum(*state[1:])
        fresh = multiplied(last.extrapolated, correction, share, tv_weight)
        change = fresh - last.extrapolated
        factor = of_planes(change * last.change) / (last.power + 1e-30)
        place = tf.minimum(last.count, KEPT_MOMENTUM_STEPS - 1)
        known = tf.gather(momentum, place)  # a slice is compiled anew for each place
        factor = tf.where(known < 0, tf.clip_by_value(factor, 0.0, 1.0), known)
        factors = tf.tensor_scatter_nd_update(last.factors, [[place]], [factor])
        factor = tf.reshape(factor, [-1] + [1] * (fresh.shape.rank - 1))
        ahead = tf.nn.relu(fresh + factor * (fresh - image))
        power = of_planes(tf.square(change))
        return [fresh, *Momentum(ahead, change, power, last.count + 1, factors)]

    def of_planes(values: Tensor) -> Tensor:
        """Sum of each plane: along one axis first, on all cores."""
        partial = tf.reshape(tf.reduce_sum(values, axis=2), [values.shape[0], -1])
        return tf.linalg.matvec(partial, tf.ones_like(partial[0]))

    moved, start = (accelerated, 1) if accelerate else (plain, 0)

    def step(constants: Any, state: Any, active: Any) -> tuple[Tensor, Any]:
        c = Constants(*constants)
        values = [s.read_value() for s in state]
        blur = BlurOperator(tuple(values[0].shape[2:]), c.spectrum)
        ratio, loss = compared(blur.forward(values[start]), c.data_weight, c.light, c.dark)
        fresh = moved(values, blur.adjoint(ratio), c.inverse_visibility, c.tv_weight, c.momentum)
        for variable, value in zip(state, fresh):
            variable.assign(value, read_value=False)
        # It runs for a set number of iterations, whatever the change.
        changes = tf.fill(active.shape, np.float32(np.inf))
        return tf.reduce_sum(loss, list(range(1, loss.shape.rank))), changes

    return compile_loop(step)
