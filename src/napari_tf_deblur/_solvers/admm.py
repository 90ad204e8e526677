"""Total variation and Hessian priors by the alternating direction method of multipliers.

Minimises, over scenes x larger than the frame (Almeida & Figueiredo, IEEE TIP 22(8), 2013),

    1/2 sum c (H x - y)^2 + w sum |D x|,        x >= 0 or dark outside where asked,

split as u = H x, z = D x and, where x is constrained, v = x. Each split keeps one array s:
the sum of the split variable and its multiplier. The proximal step takes it apart again,
into p and s - p, so that neither need be stored. An iteration

- finds the image x that fits the 2 p - s of all splits, by a division in Fourier space,
- moves each s on by RELAXATION times what H x, D x or x exceeds p by,

and costs two forward and two inverse transforms. The s of derivatives are kept in units of
THRESHOLD. The image is made from the state when it is asked for. Written so that XLA, which
fuses what lies between the transforms, stores as little as it can: it keeps what does not
change from step to step, and copies what is read after it is replaced.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from napari_tf_deblur._solvers.blur import irfft, rfft
from napari_tf_deblur._solvers.differences import Differences
from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur._solvers.loop import compiled, iterate
from napari_tf_deblur._solvers.problem import Iterate, Problem
from napari_tf_deblur.forward import Grid, transfer_function
from napari_tf_deblur.methods.regularised import LeastSquares

DATA_PENALTY = 0.2
"""Penalty of the split u = H x, where a pixel's data_weight is 1."""

THRESHOLD = 0.05
"""Step of the shrinkage of derivatives, which sets the penalty of z = D x to weight / it."""

CONSTRAINT_PENALTY = 0.02
"""Penalty of the split v = x."""

RELAXATION = 1.8
"""Over-relaxation (Eckstein & Bertsekas, Math. Program. 55, 1992); below 2."""

SAMPLE = 8
"""Of so many columns of the image, one is looked at for its change, and kept for it."""

SMALLEST_WEIGHT = 1e-7
"""A weight of zero leaves unseen frequencies undetermined; this one is as good as none."""


def solve(problem: Problem, method: LeastSquares) -> Iterator[Iterate]:
    """Solve by ADMM; see the module."""
    tf = tensorflow()
    grid = problem.grid
    weight = max(method.weight, SMALLEST_WEIGHT)
    constrained = method.nonnegative or problem.dark_outside
    differences = Differences(method.order, problem.spacing)
    spectrum = transfer_function(problem.psf, grid.scene)
    denominator = differences.squared_spectrum(grid.scene)
    denominator *= weight / (THRESHOLD * DATA_PENALTY)
    denominator += np.square(spectrum.real) + np.square(spectrum.imag)
    denominator += constrained * CONSTRAINT_PENALTY / DATA_PENALTY
    np.maximum(denominator, 1e-11, out=denominator)
    start = tf.constant(problem.extended())
    inside = np.pad(np.ones(grid.frame, dtype=bool), grid.margins)
    uniform = problem.data_weight.size == 1
    constants = [
        tf.constant(spectrum),
        tf.constant(np.reciprocal(denominator, out=denominator)),
        tf.constant(inside),
        tf.constant(problem.data_weight if uniform else problem.data_weight_in_scene()),
        start,
        tf.constant(np.float32(weight)),
    ]
    run, image_of, first_state = _compiled(
        grid, method.order, problem.spacing, method.nonnegative, problem.dark_outside
    )
    state = first_state(start)
    return iterate(run, image_of, constants, state, grid, method.iterations, method.tolerance)


@lru_cache(maxsize=8)
def _compiled(
    grid: Grid, order: int, spacing: tuple[float, ...], nonnegative: bool, dark_outside: bool
) -> tuple[Any, Any, Any]:
    """The compiled loop, and the functions that make a state's image and the first state."""
    tf = tensorflow()
    differences = Differences(order, spacing)
    constrained = nonnegative or dark_outside
    derivatives = slice(2, 2 + len(differences.axes))
    window = (..., *grid.window)

    def first_state(start: Any) -> list[Any]:
        slopes = [slope / THRESHOLD for slope in differences.apply(start)]
        sample = start[window][..., ::SAMPLE]
        return [start, sample, *slopes, *([start] if constrained else [])]

    def pull(inside: Any, data_weight: Any, observed: Any, s_blurred: Any) -> Any:
        """From s to p of the blurred image: in the frame, nearer to what was observed."""
        nearness = data_weight / (data_weight + DATA_PENALTY)
        return tf.where(inside, nearness * (observed - s_blurred), 0.0)

    def projected(values: Any, inside: Any) -> Any:
        """Project a scene onto what is allowed: nothing negative, nothing outside the frame."""
        if nonnegative:
            values = tf.nn.relu(values)
        return tf.where(inside, values, 0.0) if dark_outside else values

    def multiplier(s_derivatives: Any) -> Any:
        """What s - p of the derivatives is, as a part of s."""
        squares = sum(tf.square(s) for s in s_derivatives)
        return tf.math.rsqrt(tf.maximum(_summed_channels(squares), 1.0))

    def solved(constants: Any, state: Any) -> Any:
        """The spectrum of the image that fits all the 2 p - s."""
        spectrum, inverse, inside, data_weight, observed, weight = constants
        s_blurred, s_derivatives = state[0], state[derivatives]
        ratio = weight / DATA_PENALTY
        mirror = ratio - 2 * ratio * multiplier(s_derivatives)
        right = differences.adjoint([mirror * s for s in s_derivatives])
        if constrained:
            mirrored = 2 * projected(state[-1], inside) - state[-1]
            right += CONSTRAINT_PENALTY / DATA_PENALTY * mirrored
        mirrored = s_blurred + 2 * pull(inside, data_weight, observed, s_blurred)
        sharp = rfft(mirrored, len(grid.frame))
        # The conjugate of a constant would be kept, that of what it is multiplied by is not.
        total = rfft(right, len(grid.frame)) + tf.math.conj(spectrum * tf.math.conj(sharp))
        return tf.complex(inverse * tf.math.real(total), inverse * tf.math.imag(total))

    def image_of(constants: Any, state: Any) -> Any:
        image = irfft(solved(constants, state), grid.scene)
        return projected(image, constants[2])

    def step(constants: Any, variables: Any) -> Any:
        state = [v.read_value() for v in variables]
        s_blurred, sample, s_derivatives = state[0], state[1], state[derivatives]
        spectrum, _, inside, data_weight, observed, weight = constants
        transformed = solved(constants, state)
        image = irfft(transformed, grid.scene)
        reblurred = irfft(spectrum * transformed, grid.scene)
        misfit = tf.where(inside, data_weight * tf.square(reblurred - observed), 0.0)
        short = reblurred - s_blurred - pull(inside, data_weight, observed, s_blurred)
        fresh = image[window][..., ::SAMPLE]
        moved = [s_blurred + RELAXATION * short, fresh]
        kept = 1 - RELAXATION + RELAXATION * multiplier(s_derivatives)
        squares: Any = 0
        for k, s in enumerate(s_derivatives):
            slope = differences.component(image, k)
            squares += tf.square(slope)
            moved.append(kept * s + (RELAXATION / THRESHOLD) * slope)
        if constrained:
            short = image - projected(state[-1], inside)
            moved.append(state[-1] + RELAXATION * short)
        for variable, value in zip(variables, moved):
            variable.assign(value, read_value=False)
        loss = 0.5 * _summed_channels(misfit) + weight * tf.sqrt(_summed_channels(squares))
        change = tf.sqrt(tf.reduce_mean(tf.square(fresh - sample)))
        return tf.reduce_sum(loss), change

    return (
        compiled(step, xla=True),
        tf.function(image_of, autograph=False, jit_compile=True),
        tf.function(first_state, autograph=False),
    )


def _summed_channels(values: Any) -> Any:
    return values if values.shape[1] == 1 else tensorflow().reduce_sum(values, 1, keepdims=True)
