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
from napari_tf_deblur._differences import Differences, root_of_channels
from napari_tf_deblur._solvers.loop import compiled, iterate, replaced
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
    constrained = method.nonnegative or problem.dark_outside
    order = 2 if isinstance(method, Hessian) else 1
    differences = Differences(order, problem.spacing)
    spectrum = transfer_function(problem.psf, grid.scene)
    denominator = differences.squared_spectrum(grid.scene)
    denominator *= weight / THRESHOLD
    denominator += DATA_PENALTY * (np.square(spectrum.real) + np.square(spectrum.imag))
    denominator += CONSTRAINT_PENALTY * constrained
    np.maximum(denominator, 1e-12, out=denominator)
    allowed = None
    if problem.dark_outside:
        allowed = tf.constant(np.pad(np.ones(grid.frame, dtype=bool), grid.margins))
    constants = [
        tf.constant(spectrum),
        tf.constant(np.reciprocal(denominator, out=denominator).astype(np.complex64)),
        tf.constant(problem.certainty),
        tf.constant(problem.observed),
        tf.constant(np.float32(weight)),
        allowed,
    ]
    start = tf.constant(problem.extended())
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
    components = range(len(differences.axes))
    window = (..., *grid.window)
    after = tf.control_dependencies  # one thing after another needs far less memory

    def pulled(values: Any, certainty: Any, observed: Any) -> Any:
        """How far the data term's proximal step moves what lies in the frame."""
        return certainty / (certainty + DATA_PENALTY) * (observed - values[window])

    def in_scene(values: Any) -> Any:
        return tf.pad(values, ((0, 0), (0, 0), *grid.margins))

    def step(constants: Any, state: Any, image: Any) -> Any:
        spectrum, inverse, certainty, observed, weight, allowed = constants
        s_blurred, *s_derivatives = state[: 1 + len(components)]
        s_scene = state[-1] if constrained else None

        # Each split variable is p = prox(s), its multiplier s - p. The image that fits all
        # the 2 p - s is found by one division in Fourier space. For derivatives, prox
        # scales each vector by a factor; "mirror" is what 2 p - s scales it by.
        mirror = 1 - 2 * THRESHOLD / tf.maximum(_norm(s_derivatives), THRESHOLD)
        right: Any = tf.zeros(())
        for k in components:
            with after([right, mirror]):
                right += differences.adjoint_component(mirror * s_derivatives[k], k)
        right *= weight / THRESHOLD
        if s_scene is not None:
            with after([right]):
                projected = _projected(s_scene, allowed, nonnegative)
                right += CONSTRAINT_PENALTY * (2 * projected - s_scene)
        smooth = rfft(right, axes)
        with after([smooth]):
            pull = pulled(s_blurred, certainty, observed)
            sharp = DATA_PENALTY * rfft(s_blurred + 2 * in_scene(pull), axes)
        with after([sharp]):
            sharp *= tf.math.conj(spectrum)
        with after([sharp]):
            transformed = (smooth + sharp) * inverse
        fresh = irfft(transformed, grid.scene)
        with after([fresh]):
            change = replaced(image, _projected(fresh, allowed, nonnegative))
        with after([change]):
            reblurred = irfft(spectrum * transformed, grid.scene)

        # Each s moves by what its p falls short of, over-relaxed.
        with after([reblurred]):
            misfit = tf.square(reblurred[window] - observed)
            loss = 0.5 * tf.reduce_sum(certainty * misfit)
            pull = RELAXATION * pulled(s_blurred, certainty, observed)
        with after([loss, pull]):
            done = s_blurred.assign_add(RELAXATION * (reblurred - s_blurred))
        with after([done]):
            done = s_blurred.assign_sub(in_scene(pull))
        squares: Any = tf.zeros(())
        for k in components:
            with after([done]):
                kept = mirror * s_derivatives[k] + s_derivatives[k]
                done = s_derivatives[k].assign_sub(0.5 * RELAXATION * kept)
            with after([done]):
                slope = differences.component(fresh, k)
                squares += tf.square(slope)
            with after([squares]):
                done = s_derivatives[k].assign_add(RELAXATION * slope)
        if s_scene is not None:
            with after([done]):
                short = fresh - _projected(s_scene, allowed, nonnegative)
                done = s_scene.assign_add(RELAXATION * short)
        with after([done]):
            return loss + weight * tf.reduce_sum(root_of_channels(squares)), change

    return compiled(step)


def _norm(components: Any) -> Any:
    """Length of the vector of components, colour channels included."""
    return root_of_channels(sum(tensorflow().square(c) for c in components))


def _projected(values: Any, allowed: Any, nonnegative: bool) -> Any:
    """Project a scene onto what is allowed: nothing negative, nothing outside the frame."""
    tf = tensorflow()
    if nonnegative:
        values = tf.nn.relu(values)
    return tf.identity(values) if allowed is None else tf.where(allowed, values, 0.0)
