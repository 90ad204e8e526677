"""Minimise an objective by gradient descent with automatic differentiation.

The settings include the reference recipe, from which the project started.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._preparation.problem import Iterate, Problem, Tensor
from napari_tf_deblur._solvers import lbfgs
from napari_tf_deblur._solvers.blur import BlurOperator
from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur._solvers.loop import assign_and_measure, compile_loop, run_loop
from napari_tf_deblur._solvers.objective import DATA_TERMS, PENALTIES
from napari_tf_deblur.methods import GradientDescent

START_NOISE = 0.1
"""Standard deviation of the random start. Source: the reference recipe."""

LBFGS_TOLERANCE = 1e-5
"""Change of an image of range 1 in a step of L-BFGS below which the run ends. Limit: of time."""

BETA_1, BETA_2 = 0.9, 0.999
"""Decay rates of the moments in Adam. Source: Keras, and Kingma & Ba, ICLR 2015."""

ADAGRAD_START = 0.1
"""Sum of squares that Adagrad starts with. Source: Keras."""

EPSILON = 1e-7
"""Number that is added to denominators. Source: Keras."""


class Constants(NamedTuple):
    """Values that do not change during a run.

    Attributes
    ----------
    spectrum : Tensor of complex64
        Optical transfer function, over the half spectrum of the scene.
    observed, data_weight : Tensor
        The image and the weight of each pixel, over the scene; 0 outside the frame.
    mu, learning_rate : Tensor
        The regularisation weight and the step size, both scalars.
    """

    spectrum: Tensor
    observed: Tensor
    data_weight: Tensor
    mu: Tensor
    learning_rate: Tensor


def solve(problem: Problem, method: GradientDescent) -> Iterator[Iterate]:
    """Minimise the objective of a method from a random start.

    Parameters
    ----------
    problem : Problem
        Planes to deblur together.
    method : GradientDescent
        The method: its optimizer, data term and prior.

    Returns
    -------
    iterator of Iterate
        States of the solver, about ten per second; the last one is the result.
    """
    tf = tensorflow()
    grid = problem.grid
    lead = problem.observed.shape[:2]
    shape = (*lead, *(grid.frame if problem.dark_outside else grid.scene))
    random = np.random.default_rng(method.random_state)
    noise = random.normal(0, START_NOISE, (1, *shape[1:])).astype(np.float32)
    start = tf.constant(np.broadcast_to(noise, shape))  # the same for every plane of a stack
    margins: tuple[tuple[int, int], ...] = grid.margins
    if problem.dark_outside:  # the scene is periodic, so it may begin at the frame
        margins = tuple((0, s - n) for s, n in zip(grid.scene, grid.frame))
    margins = ((0, 0), (0, 0), *margins)
    weight = np.broadcast_to(problem.data_weight, (*problem.data_weight.shape[:2], *grid.frame))
    constants = Constants(
        spectrum=tf.constant(transfer_function(problem.psf, grid.scene)),
        observed=tf.constant(np.pad(problem.observed, margins)),
        data_weight=tf.constant(np.pad(weight, margins)),
        mu=tf.constant(np.float32(method.mu)),
        learning_rate=tf.constant(np.float32(method.learning_rate)),
    )
    objective = (problem.spacing, method.data_term, method.prior)
    if method.optimizer == "lbfgs":
        run, first_state = _quasi_newton(*objective)
        state = first_state(constants, start)
        tolerance = LBFGS_TOLERANCE
    else:
        run = _first_order(*objective, method.optimizer)
        state = [start, *FIRST_STATES[method.optimizer](start)]
        tolerance = 0.0

    def read_image(_constants: Any, state: Any) -> Tensor:
        image = state[0].read_value()
        return tf.pad(image, ((0, 0), (0, 0), *grid.margins)) if problem.dark_outside else image

    stop = problem.stop_rule(method.iterations, tolerance)
    return run_loop(run, read_image, constants, state, *stop)


def _adam_state(start: Tensor) -> list[Tensor]:
    tf = tensorflow()
    return [tf.zeros_like(start), tf.zeros_like(start), tf.constant(0.0)]


def _adagrad_state(start: Tensor) -> list[Tensor]:
    return [tensorflow().fill(start.shape, ADAGRAD_START)]


FIRST_STATES: dict[str, Callable[[Tensor], list[Tensor]]] = {
    "sgd": lambda start: [],
    "adam": _adam_state,
    "adagrad": _adagrad_state,
}
"""State of each optimizer before the first step."""


def _sgd(gradient: Tensor, memory: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    return gradient, []


def _adam(gradient: Tensor, memory: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Return the direction of Adam and its state (Kingma & Ba, 2015)."""
    tf = tensorflow()
    first, second, count = memory
    count += 1.0
    first = BETA_1 * first + (1 - BETA_1) * gradient
    second = BETA_2 * second + (1 - BETA_2) * tf.square(gradient)
    unbiased = tf.sqrt(1 - BETA_2**count) / (1 - BETA_1**count)
    return unbiased * first / (tf.sqrt(second) + EPSILON), [first, second, count]


def _adagrad(gradient: Tensor, memory: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Return the direction of Adagrad and its state (Duchi, Hazan & Singer, 2011)."""
    tf = tensorflow()
    total = memory[0] + tf.square(gradient)
    return gradient * tf.math.rsqrt(total + EPSILON), [total]


DIRECTIONS = {"sgd": _sgd, "adam": _adam, "adagrad": _adagrad}
"""For each optimizer, a function from a gradient and a state to a direction and the next state."""


def _value_and_gradient(
    spacing: tuple[float, ...], data_term: str, prior: str | Callable[[Any], Any]
) -> lbfgs.ValueAndGradient:
    """Return a function that computes the objective and its gradient from constants and an image.

    The image has the shape of the scene, or of the frame if the scene is dark outside.
    """
    tf = tensorflow()
    misfit = DATA_TERMS[data_term]

    def penalties(image: Any) -> Any:
        """Return the penalty of each plane; a prior of the user is called plane by plane."""
        if callable(prior):
            return tf.map_fn(lambda plane: tf.reshape(prior(plane[None]), []), image)
        return PENALTIES[prior](image, spacing)

    def evaluate(constants: Any, image: Any) -> tuple[Any, Any]:
        c = Constants(*constants)
        with tf.GradientTape() as tape:
            tape.watch(image)
            shape = tuple(c.observed.shape[2:])
            missing = [s - n for s, n in zip(shape, image.shape[2:])]
            scene = tf.pad(image, ((0, 0), (0, 0), *((0, n) for n in missing)))
            blurred = BlurOperator(shape, c.spectrum).forward(scene)
            loss = misfit(blurred, c.observed, c.data_weight) + c.mu * penalties(image)
        return loss, tape.gradient(loss, image)

    return evaluate


@lru_cache(maxsize=16)
def _quasi_newton(*objective: Any) -> tuple[Any, Any]:
    """Compile the loop of L-BFGS; return it with the function that makes its first state."""
    evaluate = _value_and_gradient(*objective)
    built_in_prior = not callable(objective[-1])  # a prior of the user may not suit XLA
    return lbfgs.compile_lbfgs(evaluate, xla=built_in_prior)


@lru_cache(maxsize=16)
def _first_order(*objective_and_optimizer: Any) -> Any:
    """Compile the loop of an optimizer that follows the gradient."""
    *objective, optimizer = objective_and_optimizer
    evaluate = _value_and_gradient(*objective)

    def step(constants: Any, state: Any, _active: Any) -> tuple[Tensor, Tensor]:
        image, *memory = [s.read_value() for s in state]
        loss, gradient = evaluate(constants, image)
        direction, fresh = DIRECTIONS[optimizer](gradient, memory)
        for variable, value in zip(state[1:], fresh):
            variable.assign(value, read_value=False)
        moved = image - Constants(*constants).learning_rate * direction
        return loss, assign_and_measure(state[0], moved)

    return compile_loop(step)
