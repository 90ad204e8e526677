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
from napari_tf_deblur._solvers.registry import find_prior
from napari_tf_deblur.methods import RichardsonLucy

MIN_MODEL_BRIGHTNESS = 1e-6
"""Least brightness of the model, for intensities of range 1. Guard: against a division by zero;
``tests/test_deconvolve.py``."""


MOMENTUM = "momentum"
"""Name of the momentum among the global values."""

KEPT_MOMENTUM_STEPS = 256
"""Number of iterations whose momentum is stored; later iterations of pieces use the last one.
Limit: of memory."""


class Constants(NamedTuple):
    """Values that do not change during a run: tensors over the scene unless said otherwise.

    Attributes
    ----------
    spectrum : Tensor of complex64
        Optical transfer function, over the half spectrum.
    data_weight : Tensor
        Weight of each pixel; 0 outside the frame and at ignored pixels.
    light : Tensor
        The observed intensities plus `dark`, times `data_weight`.
    inverse_visibility : Tensor
        Factor on a correction: 1 over the part of the light of a pixel that reaches the frame; 0
        where that part is too small.
    dark : Tensor
        Intensity that was added to each channel, of shape (planes, channels, 1, ...).
    tv_weight : Tensor
        Weight of the total variation, a scalar.
    momentum : Tensor
        Extrapolation factor along the last change for each iteration, of shape
        (KEPT_MOMENTUM_STEPS,). Below 0: it is computed from the changes.
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
    grid = problem.grid
    spectrum = tf.constant(transfer_function(problem.psf, grid.scene))
    weight = tf.constant(problem.extend_data_weight())
    visibility = BlurOperator(grid.scene, spectrum).adjoint(weight)
    if problem.dark_outside:
        visibility *= np.pad(np.ones(grid.frame, np.float32), grid.margins)
    is_visible = tf.cast(visibility > MIN_VISIBLE_PART, tf.float32)
    dark = problem.global_value("dark", lambda: _noise_below_zero(problem), largest_of_planes)
    light = weight * (np.maximum(problem.extend_observed(), -dark) + dark)
    axes = list(range(2, light.shape.rank))

    def mean_light() -> Float32Array:
        total = tf.reduce_sum(light, axes, keepdims=True)
        return np.asarray(total / tf.reduce_sum(weight * tf.ones_like(light), axes, keepdims=True))

    mean = problem.global_value("light", mean_light)
    image = is_visible * tf.maximum(mean - dark, MIN_MODEL_BRIGHTNESS)
    constants = Constants(
        spectrum=spectrum,
        data_weight=weight,
        light=light,
        inverse_visibility=is_visible / tf.maximum(visibility, MIN_VISIBLE_PART),
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
    prior = find_prior(method, problem.spacing) if method.prior else None
    run = _compile_solver(prior, method.accelerate)
    iterations, _ = problem.stop_rule(int(method.iterations))

    def read_values(variables: Any) -> dict[str, Any]:
        if not method.accelerate:
            return {}
        # The mean: the factor of a single plane may be at its bound, that of all seldom is.
        return {MOMENTUM: mean_of_planes(variables[-1].numpy().T)}

    return run_loop(run, read_first_variable, constants, state, iterations, read_values=read_values)


def _momentum(problem: Problem) -> Float32Array:
    """Return the extrapolation factors of the whole image; -1 where they are not known."""
    known = problem.global_values
    if known is None or MOMENTUM not in known.values:
        return np.full(KEPT_MOMENTUM_STEPS, -1, np.float32)
    return np.asarray(known.values[MOMENTUM][0])


def _noise_below_zero(problem: Problem) -> Float32Array:
    """Return how far the noise of each channel reaches below zero; 0 for photon counts."""
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
