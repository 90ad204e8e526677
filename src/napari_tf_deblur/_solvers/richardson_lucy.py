"""Richardson-Lucy with an exact boundary, a background, acceleration and total variation.

Maximises the Poisson likelihood of ``y ~ M H x + b`` by the multiplicative iteration of
Richardson (1972) and Lucy (1974). The scene is larger than the frame (Bertero & Boccacci,
A&A 437, 2005), so that nothing is assumed beyond the frame and nothing rings at it. With
no background, each iteration makes the re-blurred flux in the frame the observed one.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from napari_tf_deblur._blur import Blur
from napari_tf_deblur._differences import Differences
from napari_tf_deblur._solvers.loop import compiled, first_of_state, inner_product, iterate
from napari_tf_deblur._solvers.problem import Iterate, Problem
from napari_tf_deblur._tensorflow import tensorflow
from napari_tf_deblur.forward import Grid, transfer_function
from napari_tf_deblur.methods import RichardsonLucy

SMALLEST = 1e-6
"""Least brightness of the model, for intensities scaled to 1: nothing divides by zero."""

LEAST_SEEN = 1e-3
"""Scene pixels of whose light less than this part falls into the frame are left dark."""


def solve(problem: Problem, method: RichardsonLucy) -> Iterator[Iterate]:
    """Solve by (accelerated) Richardson-Lucy; see the module."""
    tf = tensorflow()
    grid = problem.grid
    spectrum = transfer_function(problem.psf, grid.scene)
    certainty = tf.constant(problem.certainty_in_scene())
    seen = Blur(grid.scene, tf.constant(spectrum)).adjoint(certainty)
    if problem.dark_outside:
        seen *= np.pad(np.ones(grid.frame, np.float32), grid.margins)
    visible = tf.cast(seen > LEAST_SEEN, tf.float32)
    background = method.background / problem.scale
    observed = tf.constant(np.maximum(problem.extended(), 0))

    axes = list(range(2, observed.shape.rank))
    light = tf.reduce_sum(certainty * observed, axes, keepdims=True)
    light /= tf.reduce_sum(certainty * tf.ones_like(observed), axes, keepdims=True)
    image = visible * tf.maximum(light - background, SMALLEST)
    constants = [
        tf.constant(spectrum),
        certainty,
        observed,
        certainty * observed,
        visible / tf.maximum(seen, LEAST_SEEN),
        tf.constant(np.float32(background)),
        tf.constant(np.float32(method.tv_weight)),
    ]
    state = [image, image, tf.zeros_like(image), 0.0] if method.accelerate else [image]
    run = _compiled(grid, problem.spacing, method.tv_weight > 0, method.accelerate)
    return iterate(run, first_of_state, constants, state, grid, method.iterations)


@lru_cache(maxsize=8)
def _compiled(grid: Grid, spacing: tuple[float, ...], smooth: bool, accelerate: bool) -> Any:
    tf = tensorflow()
    differences = Differences(1, spacing)

    def multiplied(constants: Any, image: Any) -> tuple[Any, Any]:
        """One plain iteration, and the deviance of the image it starts from."""
        spectrum, certainty, observed, seen_light, share, background, tv_weight = constants
        blur = Blur(grid.scene, spectrum)
        model = tf.maximum(blur.forward(image) + background, SMALLEST)
        ratio = observed / model
        correction = blur.adjoint(certainty * ratio)
        if smooth:
            slopes = differences.apply(image)
            length = tf.sqrt(tf.add_n([tf.square(s) for s in slopes]) + SMALLEST**2)
            curvature = differences.adjoint([s / length for s in slopes])
            # Dey's denominator 1 + w D'(Dx/|Dx|), kept away from zero.
            correction /= tf.maximum(1 + tv_weight * share * curvature, 0.1)
        # A ratio of zero is one of no light observed, which does not count in the logarithm.
        deviance = certainty * (model - observed)
        deviance += seen_light * tf.math.log(tf.maximum(ratio, SMALLEST))
        return image * share * tf.nn.relu(correction), tf.reduce_sum(deviance)

    def plain(constants: Any, state: Any) -> Any:
        fresh, loss = multiplied(constants, state[0].read_value())
        state[0].assign(fresh, read_value=False)
        return loss, np.float32(np.inf)  # it runs for a set number of iterations

    def accelerated(constants: Any, state: Any) -> Any:
        """Step from a point extrapolated along the last change (Biggs & Andrews, 1997)."""
        image, ahead, change_before, power_before = [s.read_value() for s in state]
        fresh, loss = multiplied(constants, ahead)
        change = fresh - ahead
        momentum = inner_product(change, change_before) / (power_before + 1e-30)
        momentum = tf.clip_by_value(momentum, 0.0, 1.0)
        next_ahead = tf.nn.relu(fresh + momentum * (fresh - image))
        power = inner_product(change, change)
        for variable, value in zip(state, [fresh, next_ahead, change, power]):
            variable.assign(value, read_value=False)
        return loss, np.float32(np.inf)

    return compiled(accelerated if accelerate else plain, xla=True)
