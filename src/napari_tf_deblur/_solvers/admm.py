"""Solve least squares with a prior by the alternating direction method of multipliers (ADMM).

The solver minimises, over scenes x that are larger than the frame (Almeida & Figueiredo, IEEE TIP
22(8), 2013),

    1/2 sum c (H x - y)^2 + w sum |D x|,        x >= 0 or dark outside if the problem says so,

where y is the image, c the weight of each pixel, H the blur and D the operator of the prior, total
variation or Hessian. The splits are u = H x, z = D x and, if x is constrained, v = x; `splitting`
explains them and their arrays s. An iteration costs two forward and two inverse transforms. The s
of the derivatives are stored in units of `SHRINKAGE_STEP`.

XLA fuses the operations between the transforms. The code is written so that XLA stores little: it
stores values that do not change from step to step, and it copies values that are read after they
are replaced.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._preparation.problem import Iterate, Problem, Tensor
from napari_tf_deblur._solvers.blur import irfft
from napari_tf_deblur._solvers.convergence import measure_largest_change, measure_loss_change
from napari_tf_deblur._solvers.load import Compiled, tensorflow
from napari_tf_deblur._solvers.loop import compile_loop, run_loop
from napari_tf_deblur._solvers.priors import Prior
from napari_tf_deblur._solvers.registry import find_prior
from napari_tf_deblur._solvers.splitting import (
    MIN_SOLVER_WEIGHT,
    RELAXATION,
    assign_where_active,
    data_penalty,
    solve_in_fourier,
    sum_channels,
    sum_planes,
)
from napari_tf_deblur._solvers.zero_division import TINY
from napari_tf_deblur.methods.least_squares import LeastSquares

DATA_PENALTY = {1: 0.1, 2: 0.1, 3: 0.05}
"""Ratio of the penalty of the split u = H x to the curvature of the data term, by number of axes.
Chosen by ``benchmarks/iterations.py``: with 0.4, volumes take three times the iterations."""

SHRINKAGE_STEP = {1: 0.05, 2: 0.05, 3: 0.1}
"""Step of the shrinkage of derivatives, for intensities of range 1, by number of axes. The penalty
of z = D x is the weight divided by this step; the minimum does not depend on it. Chosen by
``benchmarks/iterations.py``."""

CONSTRAINT_PENALTY = 0.02
"""Ratio of the penalty of the split v = x to the curvature of the data term. Limit: of the number
of iterations; the minimum does not depend on it."""

LOSS_CHANGE_FACTOR = {1: 50.0, 2: 50.0, 3: 450.0}
"""Factor on the relative change of the loss in the measure of convergence, by number of axes. With
little noise, images that change little each time still come closer to the data for long. Chosen by
``benchmarks/iterations.py``: without it, a volume with little noise ends 2.3 dB short."""


class Constants(NamedTuple):
    """Values that do not change during a run: tensors over the scene, or scalars.

    Attributes
    ----------
    spectrum : Tensor of complex64
        Optical transfer function, over the half spectrum.
    inverse : Tensor
        Factor of the division in Fourier space, over the half spectrum.
    support : Tensor
        1 where light is allowed, else 0; a scalar if it is allowed everywhere.
    data_weight : Tensor
        Weight of each pixel; 0 outside the frame and at ignored pixels.
    observed : Tensor
        The frame, extended over the scene.
    counted : Tensor
        Sum of the weights of all pixels, for each plane.
    weight, penalty : Tensor
        The regularisation weight and the penalty of u, both scalars.
    """

    spectrum: Tensor
    inverse: Tensor
    support: Tensor
    data_weight: Tensor
    observed: Tensor
    counted: Tensor
    weight: Tensor
    penalty: Tensor


class State(NamedTuple):
    """Values that change from step to step: tensors over the scene, except `change` and `loss`.

    Attributes
    ----------
    image : Tensor
        The last image. The change of the next one is measured against it.
    change, loss : Tensor
        Change of the last image, and its loss; of shape (planes,).
    blurred : Tensor
        The s of H x.
    derivatives : list of Tensor
        The s of D x, in units of `SHRINKAGE_STEP`.
    constrained : list of Tensor
        The s of x; empty if x is not constrained.
    """

    image: Tensor
    change: Tensor
    loss: Tensor
    blurred: Tensor
    derivatives: list[Tensor]
    constrained: list[Tensor]


def solve(problem: Problem, method: LeastSquares) -> Iterator[Iterate]:
    """Solve a problem by ADMM.

    Parameters
    ----------
    problem : Problem
        Planes to deblur together.
    method : LeastSquares
        The method, with all its values filled in.

    Returns
    -------
    iterator of Iterate
        States of the solver, about ten per second; the last one is the result.
    """
    tf = tensorflow()
    grid = problem.grid
    weight = max(float(method.weight), MIN_SOLVER_WEIGHT)
    penalty = data_penalty(problem, DATA_PENALTY[len(grid.scene)])
    constrained = method.nonnegative or problem.dark_outside
    prior = find_prior(method, problem.spacing)
    shrinkage = SHRINKAGE_STEP[len(grid.scene)]
    spectrum = transfer_function(problem.psf, grid.scene)
    denominator = prior.spectrum(grid.scene)
    denominator *= weight / (shrinkage * penalty)
    if (quadratic := prior.quadratic_spectrum(grid.scene)) is not None:
        denominator += quadratic * np.float32(weight / penalty)
    denominator += np.square(spectrum.real) + np.square(spectrum.imag)
    denominator += constrained * CONSTRAINT_PENALTY / penalty
    np.maximum(denominator, 1e-11, out=denominator)
    start = tf.constant(problem.extend_observed())
    support = np.ones((1,) * start.shape.rank, np.float32)
    if problem.dark_outside:
        support = np.pad(np.ones(grid.frame, np.float32), grid.margins)
    weights = np.broadcast_to(problem.data_weight, problem.observed.shape)
    each = tuple(range(1, weights.ndim))
    counted = np.maximum(weights.sum(each, np.float32, keepdims=True), np.float32(TINY))
    constants = Constants(
        spectrum=tf.constant(spectrum),
        inverse=tf.constant(np.reciprocal(denominator, out=denominator)),
        support=tf.constant(support),
        data_weight=tf.constant(problem.extend_data_weight()),
        observed=start,
        counted=tf.constant(counted),
        weight=tf.constant(np.float32(weight)),
        penalty=tf.constant(np.float32(penalty)),
    )
    run, read_image, first_state = _compile_solver(
        prior, method.nonnegative, constrained, problem.are_samples
    )
    state = [tf.zeros_like(start), *first_state(start)]
    stop = problem.stop_rule(method.iterations, method.tolerance)
    return run_loop(run, read_image, constants, state, *stop)


@lru_cache(maxsize=16)
def _compile_solver(
    prior: Prior,
    nonnegative: bool,
    constrained: bool,
    are_samples: bool,
) -> tuple[Any, Any, Any]:
    """Compile the loop; return it with the functions that read the image and make the first state.

    The image of the first state, all zeros, is made outside: compiled code would keep it in memory
    for ever.
    """
    tf = tensorflow()
    axes = len(prior.spacing)
    count = prior.copies
    shrinkage = SHRINKAGE_STEP[axes]

    def first_state(start: Tensor) -> list[Tensor]:
        slopes = [slope / shrinkage for slope in prior.apply(start)]
        # There is no image yet. A small difference of the first one from the start means nothing.
        unknown = tf.fill([start.shape[0]], tf.float32.max)
        return [unknown, unknown, start, *slopes, *([start] if constrained else [])]

    def unpack(state: Any) -> State:
        image, change, loss, blurred, *rest = state
        return State(image, change, loss, blurred, rest[:count], rest[count:])

    def pull(c: Constants, s_blurred: Tensor) -> Tensor:
        """Return p - s of the blurred image: in the frame, a step towards the observed one."""
        part = c.data_weight / (c.data_weight + c.penalty)
        return part * (c.observed - s_blurred)

    def project(values: Tensor, c: Constants) -> Tensor:
        """Project a scene onto the constraints: not negative, dark outside the support."""
        return c.support * (tf.nn.relu(values) if nonnegative else values)

    def solve_image(c: Constants, state: State) -> Tensor:
        """Return the spectrum of the image that fits the 2 p - s of all splits."""
        ratio = c.weight / c.penalty
        right = prior.adjoint(prior.reflect(state.derivatives, ratio, shrinkage, shrinkage))
        for s in state.constrained:
            right += CONSTRAINT_PENALTY / c.penalty * (2 * project(s, c) - s)
        mirrored = state.blurred + 2 * pull(c, state.blurred)
        return solve_in_fourier(c.spectrum, c.inverse, mirrored, right, axes)

    def read_image(constants: Any, variables: Any) -> Tensor:
        return project(unpack(variables).image.read_value(), Constants(*constants))

    def step(constants: Any, variables: Any, active: Tensor) -> tuple[Tensor, Tensor]:
        before = [v.read_value() for v in variables]
        c, state = Constants(*constants), unpack(before)
        scene = c.observed.shape[-axes:]
        transformed = solve_image(c, state)
        image = irfft(transformed, scene)
        reblurred = irfft(c.spectrum * transformed, scene)
        misfit = c.data_weight * tf.square(reblurred - c.observed)
        derivatives = prior.apply(image)
        loss = sum_planes(0.5 * sum_channels(misfit) + c.weight * prior.penalty(derivatives))
        noise = tf.sqrt(tf.reshape(sum_planes(misfit), c.counted.shape) / c.counted)
        counted = tf.cast(c.data_weight > 0, "float32")
        change = measure_largest_change(
            state.image, image, axes, noise, are_samples, by_planes=True, counted=counted
        )
        change = tf.maximum(
            change,
            LOSS_CHANGE_FACTOR[axes] * measure_loss_change(state.loss, loss),
        )
        residual = reblurred - state.blurred - pull(c, state.blurred)  # H x - p
        after = [image, change, loss, state.blurred + RELAXATION * residual]
        after += prior.relax(state.derivatives, derivatives, shrinkage, shrinkage)
        after += [s + RELAXATION * (image - project(s, c)) for s in state.constrained]
        assign_where_active(active, variables, before, after)
        return loss, tf.maximum(change, state.change)

    return compile_loop(step, xla=True), read_image, Compiled(first_state)
