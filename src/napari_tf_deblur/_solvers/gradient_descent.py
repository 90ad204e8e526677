"""Gradient descent by automatic differentiation: the reference recipe and its relatives."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from napari_tf_deblur._solvers import lbfgs
from napari_tf_deblur._solvers.blur import Blur
from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur._solvers.loop import compiled, iterate, replaced
from napari_tf_deblur._solvers.objective import DATA_TERMS, PRIORS
from napari_tf_deblur._solvers.problem import Iterate, Problem
from napari_tf_deblur.forward import Grid, transfer_function
from napari_tf_deblur.methods import GradientDescent

START_NOISE = 0.1
"""Standard deviation of the random start."""

LBFGS_TOLERANCE = 1e-5
"""L-BFGS is done when a step changes the image, of range 1, by less than this."""

KERAS_OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adagrad": "Adagrad"}


def solve(problem: Problem, method: GradientDescent) -> Iterator[Iterate]:
    """Minimise the method's objective from a random start."""
    tf = tensorflow()
    grid = problem.grid
    lead = problem.observed.shape[:2]
    shape = (*lead, *(grid.frame if problem.dark_outside else grid.scene))
    random = np.random.default_rng(method.random_state)
    start = tf.constant(random.normal(0, START_NOISE, shape).astype(np.float32))
    constants = [
        tf.constant(transfer_function(problem.psf, grid.scene)),
        tf.constant(problem.observed),
        tf.constant(problem.data_weight),
        tf.constant(np.float32(method.mu)),
    ]
    objective = (grid, problem.dark_outside, problem.spacing, method.data_term, method.prior)
    if method.optimizer == "lbfgs":
        run, first_state = _quasi_newton(*objective)
        state = first_state(constants, start)
        tolerance = LBFGS_TOLERANCE
    else:
        optimizer = getattr(tf.keras.optimizers, KERAS_OPTIMIZERS[method.optimizer])
        run = _keras(*objective, optimizer(method.learning_rate), start)
        state = [start]
        tolerance = 0.0

    def image_of(_constants: Any, state: Any) -> Any:
        return _in_scene(state[0].read_value(), grid, problem.dark_outside)

    return iterate(run, image_of, constants, state, grid, method.iterations, tolerance)


def _value_and_gradient(
    grid: Grid,
    dark_outside: bool,
    spacing: tuple[float, ...],
    data_term: str,
    prior: str | Callable[[Any], Any],
) -> lbfgs.ValueAndGradient:
    """The objective as a function of constants and image, with its gradient."""
    tf = tensorflow()
    misfit = DATA_TERMS[data_term]

    def evaluate(constants: Any, image: Any) -> tuple[Any, Any]:
        spectrum, observed, data_weight, mu = constants
        with tf.GradientTape() as tape:
            tape.watch(image)
            scene = _in_scene(image, grid, dark_outside)
            blurred = Blur(grid.scene, spectrum).forward(scene)[(..., *grid.window)]
            penalty = prior(image) if callable(prior) else PRIORS[prior](image, spacing)
            loss = misfit(blurred, observed, data_weight) + mu * penalty
        return loss, tape.gradient(loss, image)

    return evaluate


@lru_cache(maxsize=4)
def _quasi_newton(grid: Grid, dark_outside: bool, *objective: Any) -> tuple[Any, Any]:
    """The compiled loop of L-BFGS, and the function that makes its first state."""
    evaluate = _value_and_gradient(grid, dark_outside, *objective)
    prior_of_ours = not callable(objective[-1])  # what users write need not suit XLA
    return lbfgs.loop(evaluate, xla=prior_of_ours)


def _keras(grid: Grid, dark_outside: bool, *rest: Any) -> Any:
    """The compiled loop of one of Keras's optimizers, which keeps its state to itself."""
    tf = tensorflow()
    *objective, optimizer, start = rest
    evaluate = _value_and_gradient(grid, dark_outside, *objective)
    variable = tf.keras.Variable(start)
    optimizer.build([variable])

    def step(constants: Any, state: Any) -> Any:
        loss, gradient = evaluate(constants, tf.convert_to_tensor(variable.value))
        optimizer.apply([gradient], [variable])
        return loss, replaced(state[0], tf.convert_to_tensor(variable.value))

    return compiled(step)


def _in_scene(image: Any, grid: Grid, dark_outside: bool) -> Any:
    return tensorflow().pad(image, ((0, 0), (0, 0), *grid.margins)) if dark_outside else image
