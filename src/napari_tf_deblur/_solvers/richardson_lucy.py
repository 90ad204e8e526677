"""Richardson-Lucy with an exact boundary, acceleration and total variation.

Maximises the Poisson likelihood of ``y ~ M H x`` by the multiplicative iteration of
Richardson (1972) and Lucy (1974). The scene is larger than the frame (Bertero & Boccacci,
A&A 437, 2005), so that nothing is assumed beyond the frame and nothing rings at it. Each
iteration makes the re-blurred flux in the frame the observed one.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from napari_tf_deblur._solvers.blur import Blur
from napari_tf_deblur._solvers.differences import Differences
from napari_tf_deblur._solvers.load import fused, tensorflow
from napari_tf_deblur._solvers.loop import compiled, first_of_state, iterate
from napari_tf_deblur._solvers.problem import Iterate, Problem
from napari_tf_deblur.forward import Grid, transfer_function
from napari_tf_deblur.methods import RichardsonLucy

SMALLEST = 1e-6
"""Least brightness of the model, for intensities scaled to 1: nothing divides by zero."""

LEAST_SEEN = 1e-3
"""Scene pixels of whose light less than this part falls into the frame are left dark."""

SAMPLE = 2
"""Of so many lines of the image, one is looked at to see how far it may be extrapolated."""


def solve(problem: Problem, method: RichardsonLucy) -> Iterator[Iterate]:
    """Solve by (accelerated) Richardson-Lucy; see the module."""
    tf = tensorflow()
    grid = problem.grid
    spectrum = transfer_function(problem.psf, grid.scene)
    counts = tf.constant(problem.data_weight_in_scene())  # 1 in the frame, 0 elsewhere or masked
    seen = Blur(grid.scene, tf.constant(spectrum)).adjoint(counts)
    if problem.dark_outside:
        seen *= np.pad(np.ones(grid.frame, np.float32), grid.margins)
    visible = tf.cast(seen > LEAST_SEEN, tf.float32)
    light = counts * np.maximum(problem.extended(), 0)

    axes = list(range(2, light.shape.rank))
    mean = tf.reduce_sum(light, axes, keepdims=True)
    mean /= tf.reduce_sum(counts * tf.ones_like(light), axes, keepdims=True)
    image = visible * tf.maximum(mean, SMALLEST)
    constants = [
        tf.constant(spectrum),
        counts > 0,
        light,
        visible / tf.maximum(seen, LEAST_SEEN),
        tf.constant(np.float32(method.tv_weight)),
    ]
    state = [image]
    if method.accelerate:
        state += [image, tf.zeros_like(_sampled(image)), 0.0]
    run = _compiled(grid, problem.spacing, method.tv_weight > 0, method.accelerate)
    return iterate(run, first_of_state, constants, state, grid, method.iterations)


@lru_cache(maxsize=8)
def _compiled(grid: Grid, spacing: tuple[float, ...], smooth: bool, accelerate: bool) -> Any:
    tf = tensorflow()
    differences = Differences(1, spacing)

    @fused
    def compared(blurred: Any, constants: Any) -> tuple[Any, Any]:
        """What the model lacks, as a factor, and its deviance."""
        counts, light, *_ = constants
        model = tf.maximum(blurred, SMALLEST)
        ratio = light / model
        # A ratio of zero is one of no light observed, which does not count in the logarithm.
        deviance = light * tf.math.log(tf.maximum(ratio, SMALLEST)) - light
        return ratio, tf.reduce_sum(tf.where(counts, model, 0.0) + deviance, axis=2)

    def multiplied(image: Any, correction: Any, constants: Any) -> Any:
        *_, share, tv_weight = constants
        if smooth:
            slopes = differences.apply(image)
            length = tf.sqrt(tf.add_n([tf.square(s) for s in slopes]) + SMALLEST**2)
            curvature = differences.adjoint([s / length for s in slopes])
            # Dey's denominator 1 + w D'(Dx/|Dx|), kept away from zero.
            correction /= tf.maximum(1 + tv_weight * share * curvature, 0.1)
        return image * share * tf.nn.relu(correction)

    @fused
    def plain(state: list[Any], correction: Any, constants: Any) -> list[Any]:
        return [multiplied(state[0], correction, constants)]

    @fused
    def accelerated(state: list[Any], correction: Any, constants: Any) -> list[Any]:
        """Go on along the last change, measured on some lines (Biggs & Andrews, 1997)."""
        image, ahead, before, power = state
        fresh = multiplied(ahead, correction, constants)
        change = _sampled(fresh) - _sampled(ahead)
        momentum = tf.reduce_sum(change * before) / (power + 1e-30)
        momentum = tf.clip_by_value(momentum, 0.0, 1.0)
        ahead = tf.nn.relu(fresh + momentum * (fresh - image))
        return [fresh, ahead, change, tf.reduce_sum(tf.square(change))]

    moved, start = (accelerated, 1) if accelerate else (plain, 0)

    def step(constants: Any, state: Any) -> Any:
        spectrum, *others = constants
        blur = Blur(grid.scene, spectrum)
        values = [s.read_value() for s in state]
        ratio, loss = compared(blur.forward(values[start]), others)
        for variable, value in zip(state, moved(values, blur.adjoint(ratio), others)):
            variable.assign(value, read_value=False)
        # It runs for a set number of iterations, whatever the change.
        return tf.reduce_sum(loss), np.float32(np.inf)

    return compiled(step)


def _sampled(image: Any) -> Any:
    """Some lines of an image."""
    return image[:, :, ::SAMPLE]
