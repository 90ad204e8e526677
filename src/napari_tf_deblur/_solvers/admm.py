"""Total variation and Hessian priors by the alternating direction method of multipliers.

Minimises, over scenes x larger than the frame (Almeida & Figueiredo, IEEE TIP 22(8), 2013),

    1/2 sum c (H x - y)^2 + w sum |D x|,        x >= 0 or dark outside where asked,

split as u = H x, z = D x and, where x is constrained, v = x; see `splitting`. An iteration
costs two forward and two inverse transforms. The s of derivatives are kept in units of
THRESHOLD. Written so that XLA, which fuses what lies between the transforms, stores as little
as it can: it keeps what does not change from step to step, and copies what is read after it
is replaced.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._preparation.problem import Iterate, Problem, Tensor
from napari_tf_deblur._solvers.blur import irfft
from napari_tf_deblur._solvers.convergence import measure_largest_change
from napari_tf_deblur._solvers.load import Compiled, tensorflow
from napari_tf_deblur._solvers.loop import compile_loop, run_loop
from napari_tf_deblur._solvers.priors import Prior
from napari_tf_deblur._solvers.priors.vector_norm import TINY
from napari_tf_deblur._solvers.registry import prior_of
from napari_tf_deblur._solvers.splitting import (
    MIN_SOLVER_WEIGHT,
    RELAXATION,
    assign_where_active,
    data_penalty,
    solve_in_fourier,
    sum_channels,
    sum_planes,
)
from napari_tf_deblur.methods.least_squares import LeastSquares

SHRINKAGE_STEP = 0.1
"""Step of the shrinkage of derivatives, for intensities of range 1; the penalty of z = D x is
weight / it. It changes the number of iterations. Set by hand; its effect is in
``benchmarks/CONSTANTS.md``."""

CONSTRAINT_PENALTY = 0.02
"""Penalty of the split v = x, over the curvature of the data term. It changes the number of
iterations. Set by hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

SPLIT_CHANGE_FACTOR = 10.0
"""Weight of the difference of the re-blurred image from its split variable, as a part of the
misfit, in the measure of convergence. With little noise, and so a small weight, the first images
hardly change and are far from the data. Set by hand: half or 1.5 times changes nothing in
``benchmarks/CONSTANTS.md``."""


class Constants(NamedTuple):
    """What stays the same during a run; tensors over the scene unless they are scalars.

    Attributes
    ----------
    spectrum : Tensor of complex64
        The optical transfer function.
    inverse : Tensor
        Over the half spectrum: what the division in Fourier space multiplies by.
    allowed : Tensor
        1 where there may be light, else 0; a scalar where there is no constraint.
    data_weight : Tensor
        0 outside the frame and at pixels to ignore.
    observed : Tensor
        The frame, continued over the scene.
    weight, penalty : Tensor
        Scalars, the regularisation weight and the penalty of u.
    """

    spectrum: Tensor
    inverse: Tensor
    support: Tensor
    data_weight: Tensor
    observed: Tensor
    weight: Tensor
    penalty: Tensor


class State(NamedTuple):
    """What changes from step to step, all over the scene.

    Attributes
    ----------
    image : Tensor
        The last image, to see how much the next one differs.
    change : Tensor
        Shape (planes,): how much it differed itself.
    blurred : Tensor
        The s of H x.
    derivatives : list of Tensor
        The s of D x, in units of THRESHOLD.
    constrained : list of Tensor
        The s of x, or nothing where x is free.
    """

    image: Tensor
    change: Tensor
    blurred: Tensor
    derivatives: list[Tensor]
    constrained: list[Tensor]


def solve(problem: Problem, method: LeastSquares) -> Iterator[Iterate]:
    """Solve by ADMM; see the module."""
    tf = tensorflow()
    grid = problem.grid
    weight = max(float(method.weight), MIN_SOLVER_WEIGHT)
    penalty = data_penalty(problem)
    constrained = method.nonnegative or problem.dark_outside
    prior = prior_of(method, problem.spacing)
    spectrum = transfer_function(problem.psf, grid.scene)
    denominator = prior.spectrum(grid.scene)
    denominator *= weight / (SHRINKAGE_STEP * penalty)
    if (rest := prior.quadratic_spectrum(grid.scene)) is not None:
        denominator += rest * np.float32(weight / penalty)
    denominator += np.square(spectrum.real) + np.square(spectrum.imag)
    denominator += constrained * CONSTRAINT_PENALTY / penalty
    np.maximum(denominator, 1e-11, out=denominator)
    start = tf.constant(problem.extend_observed())
    allowed = np.ones((1,) * start.shape.rank, np.float32)
    if problem.dark_outside:
        allowed = np.pad(np.ones(grid.frame, np.float32), grid.margins)
    constants = Constants(
        spectrum=tf.constant(spectrum),
        inverse=tf.constant(np.reciprocal(denominator, out=denominator)),
        support=tf.constant(allowed),
        data_weight=tf.constant(problem.extend_data_weight()),
        observed=start,
        weight=tf.constant(np.float32(weight)),
        penalty=tf.constant(np.float32(penalty)),
    )
    run, image_of, first_state = _compile_solver(
        prior, method.nonnegative, constrained, problem.are_samples
    )
    state = [tf.zeros_like(start), *first_state(start)]
    stop = problem.stop_rule(method.iterations, method.tolerance)
    return run_loop(run, image_of, constants, state, *stop)


@lru_cache(maxsize=16)
def _compile_solver(
    prior: Prior,
    nonnegative: bool,
    constrained: bool,
    are_samples: bool,
) -> tuple[Any, Any, Any]:
    """The compiled loop, and the functions that make an image of a state, and the first state.

    The first state's image, of zeros, is made outside: compiled code would hold it for ever.
    """
    tf = tensorflow()
    axes = len(prior.spacing)
    count = prior.copies

    def first_state(start: Tensor) -> list[Tensor]:
        slopes = [slope / SHRINKAGE_STEP for slope in prior.apply(start)]
        # No image yet: how little the first differs from the start says nothing.
        never = tf.fill([start.shape[0]], tf.float32.max)
        return [never, start, *slopes, *([start] if constrained else [])]

    def named(state: Any) -> State:
        image, change, blurred, *rest = state
        return State(image, change, blurred, rest[:count], rest[count:])

    def pull(c: Constants, s_blurred: Tensor) -> Tensor:
        """From s to p of the blurred image: in the frame, nearer to what was observed."""
        nearness = c.data_weight / (c.data_weight + c.penalty)
        return nearness * (c.observed - s_blurred)

    def projected(values: Tensor, c: Constants) -> Tensor:
        """Project a scene onto what is allowed: nothing negative, nothing outside the frame."""
        return c.support * (tf.nn.relu(values) if nonnegative else values)

    def solved(c: Constants, state: State) -> Tensor:
        """The spectrum of the image that fits all the 2 p - s."""
        ratio = c.weight / c.penalty
        right = prior.adjoint(
            prior.reflect(state.derivatives, ratio, SHRINKAGE_STEP, SHRINKAGE_STEP)
        )
        for s in state.constrained:
            right += CONSTRAINT_PENALTY / c.penalty * (2 * projected(s, c) - s)
        mirrored = state.blurred + 2 * pull(c, state.blurred)
        return solve_in_fourier(c.spectrum, c.inverse, mirrored, right, axes)

    def image_of(constants: Any, variables: Any) -> Tensor:
        return projected(named(variables).image.read_value(), Constants(*constants))

    def step(constants: Any, variables: Any, active: Tensor) -> tuple[Tensor, Tensor]:
        before = [v.read_value() for v in variables]
        c, state = Constants(*constants), named(before)
        scene = c.observed.shape[-axes:]
        transformed = solved(c, state)
        image = irfft(transformed, scene)
        reblurred = irfft(c.spectrum * transformed, scene)
        misfit = c.data_weight * tf.square(reblurred - c.observed)
        short = reblurred - state.blurred - pull(c, state.blurred)
        squares_apart = sum_planes(c.data_weight * tf.square(short))
        apart = tf.sqrt(squares_apart / (sum_planes(misfit) + TINY))
        change = measure_largest_change(state.image, image, axes, are_samples=are_samples)
        change = tf.maximum(change, SPLIT_CHANGE_FACTOR * apart)
        moved = [image, change, state.blurred + RELAXATION * short]
        derivatives = prior.apply(image)
        moved += prior.relax(state.derivatives, derivatives, SHRINKAGE_STEP, SHRINKAGE_STEP)
        moved += [s + RELAXATION * (image - projected(s, c)) for s in state.constrained]
        assign_where_active(active, variables, before, moved)
        loss = 0.5 * sum_channels(misfit) + c.weight * prior.penalty(derivatives)
        return tf.reduce_sum(loss, list(range(1, loss.shape.rank))), tf.maximum(
            change, state.change
        )

    return compile_loop(step, xla=True), image_of, Compiled(first_state)
