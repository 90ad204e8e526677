"""Total variation and Hessian priors by the alternating direction method of multipliers.

Minimises, over scenes x larger than the frame (Almeida & Figueiredo, IEEE TIP 22(8), 2013),

    1/2 sum c (H x - y)^2 + w sum |D x|,        x >= 0 or dark outside where asked,

split as u = H x, z = D x and, where x is constrained, v = x. Each split keeps one array:
the sum s of the split variable and its multiplier. Its proximal step takes s apart, so
that neither need be stored. An iteration costs two forward and two inverse transforms.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from napari_tf_deblur._blur import irfft, rfft
from napari_tf_deblur._differences import Differences
from napari_tf_deblur._solvers.loop import compiled, iterate
from napari_tf_deblur._solvers.problem import Iterate, Problem
from napari_tf_deblur._tensorflow import tensorflow
from napari_tf_deblur.forward import Grid, transfer_function
from napari_tf_deblur.methods import Hessian, TotalVariation

DATA_PENALTY = 0.1
"""Penalty of the split u = H x, where a pixel's certainty is 1."""

THRESHOLD = 0.03
"""Step of the shrinkage of derivatives, which sets the penalty of z = D x to weight / it."""

CONSTRAINT_PENALTY = 0.02
"""Penalty of the split v = x."""

RELAXATION = 1.8
"""Over-relaxation (Eckstein & Bertsekas, Math. Program. 55, 1992); below 2."""

SMALLEST_WEIGHT = 1e-7
"""A weight of zero leaves unseen frequencies undetermined; this one is as good as none."""


def solve(problem: Problem, method: TotalVariation | Hessian) -> Iterator[Iterate]:
    """Solve by ADMM; see the module."""
    tf = tensorflow()
    grid = problem.grid
    weight = max(method.weight, SMALLEST_WEIGHT)
    gradient_penalty = weight / THRESHOLD
    constrained = method.nonnegative or problem.dark_outside
    order = 2 if isinstance(method, Hessian) else 1
    differences = Differences(order, problem.spacing)
    spectrum = transfer_function(problem.psf, grid.scene)

    certainty = problem.certainty_in_scene()
    start = tf.constant(problem.extended())
    denominator = (
        DATA_PENALTY * np.abs(spectrum) ** 2
        + gradient_penalty * differences.squared_spectrum(grid.scene)
        + CONSTRAINT_PENALTY * constrained
    )
    allowed = None
    if problem.dark_outside:
        allowed = tf.constant(np.pad(np.ones(grid.frame, dtype=bool), grid.margins))
    constants = [
        tf.constant(spectrum),
        tf.constant(1 / np.maximum(denominator, 1e-12).astype(np.float32)),
        tf.constant(certainty),
        start,
        tf.constant(np.float32(weight)),
        allowed,
    ]
    state = [start, *differences.apply(start), *([start] if constrained else [])]
    run = _compiled(grid, order, problem.spacing, constrained, method.nonnegative)
    return iterate(run, constants, state, start, grid, method.iterations, method.tolerance)


@lru_cache(maxsize=8)
def _compiled(
    grid: Grid, order: int, spacing: tuple[float, ...], constrained: bool, nonnegative: bool
) -> Any:
    tf = tensorflow()
    axes = len(grid.frame)
    differences = Differences(order, spacing)

    def step(constants: Any, state: Any) -> Any:
        spectrum, inverse, certainty, observed, weight, allowed = constants
        count = len(differences.axes)
        s_blurred, s_derivatives, s_scene = state[0], state[1 : 1 + count], state[1 + count :]

        # Proximal steps. Each split variable p = prox(s); its multiplier is s - p.
        share = certainty / (certainty + DATA_PENALTY)
        blurred = s_blurred + share * (observed - s_blurred)
        clipped = _clipped(s_derivatives, THRESHOLD)
        derivatives = [s - m for s, m in zip(s_derivatives, clipped)]
        scene = [_projected(s, allowed, nonnegative) for s in s_scene]

        # The x that fits all splits: one division in Fourier space.
        right = (weight / THRESHOLD) * differences.adjoint(
            [z - m for z, m in zip(derivatives, clipped)]
        )
        if constrained:
            right += CONSTRAINT_PENALTY * (2 * scene[0] - s_scene[0])
        transformed = (
            DATA_PENALTY * tf.math.conj(spectrum) * rfft(2 * blurred - s_blurred, axes)
            + rfft(right, axes)
        ) * tf.cast(inverse, tf.complex64)
        image = irfft(transformed, grid.scene)
        reblurred = irfft(spectrum * transformed, grid.scene)
        slopes = differences.apply(image)

        misfit = tf.reduce_sum(certainty * tf.square(reblurred - observed))
        loss = 0.5 * misfit + weight * tf.reduce_sum(_norm(slopes))
        state = [
            s + RELAXATION * (fresh - p)
            for s, p, fresh in zip(
                state,
                [blurred, *derivatives, *scene],
                [reblurred, *slopes, *([image] if constrained else [])],
            )
        ]
        return state, _projected(image, allowed, nonnegative), loss

    return compiled(step, grid)


def _norm(components: Any) -> Any:
    """Length of the vector of components, colour channels included."""
    tf = tensorflow()
    squared = tf.add_n([tf.square(c) for c in components])
    if squared.shape[1] != 1:
        squared = tf.reduce_sum(squared, axis=1, keepdims=True)
    return tf.sqrt(squared)


def _clipped(components: Any, length: float) -> Any:
    """Vectors cut to a length: what the shrinkage by that length takes away."""
    factor = tensorflow().minimum(1.0, length / (_norm(components) + 1e-20))
    return [factor * c for c in components]


def _projected(values: Any, allowed: Any, nonnegative: bool) -> Any:
    tf = tensorflow()
    if nonnegative:
        values = tf.nn.relu(values)
    return values if allowed is None else tf.where(allowed, values, 0.0)
