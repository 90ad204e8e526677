"""Limited-memory BFGS inside a compiled loop.

Two-loop recursion and bookkeeping after Nocedal & Wright, Numerical Optimization, 2nd ed.
(2006), algorithms 7.4 and 7.5, with a backtracking line search that interpolates.
"""

from collections.abc import Callable
from typing import Any

from napari_tf_deblur._solvers.loop import compiled, inner_product
from napari_tf_deblur._tensorflow import tensorflow

MEMORY = 4
"""Pairs of steps and gradient changes that are remembered; with more, an iteration spends
more time on them than on the blur, and saves next to no iterations."""

ENOUGH_DECREASE = 1e-4
"""Armijo's constant."""

TRIALS = 20
"""Most evaluations in one line search."""

ValueAndGradient = Callable[[Any, Any], tuple[Any, Any]]


def loop(
    value_and_gradient: ValueAndGradient,
    image_of: Callable[[Any], Any] | None = None,
    xla: bool = True,
) -> tuple[Any, Callable[[Any, Any], list[Any]]]:
    """Make the compiled loop of iterations, and the function that makes its first state.

    Parameters
    ----------
    value_and_gradient : callable
        ``(constants, x)`` -> ``(loss, gradient)``.
    image_of : callable, optional
        Turns the unknowns x, the first variable of the state, into intensities.
    xla : bool, optional
        Whether XLA can compile them.
    """
    tf = tensorflow()
    evaluate = tf.function(value_and_gradient, autograph=False)

    def first_state(constants: Any, unknowns: Any) -> list[Any]:
        loss, gradient = evaluate(constants, unknowns)
        pairs = [tf.zeros_like(unknowns)] * (2 * MEMORY)
        return [unknowns, gradient, loss, tf.zeros(MEMORY), *pairs]

    def step(constants: Any, state: Any) -> Any:
        unknowns, gradient, loss, curvatures, *pairs = [s.read_value() for s in state]
        direction = -_times_inverse_hessian(gradient, curvatures, pairs)
        slope = inner_product(direction, gradient)
        # The first direction is the bare gradient, of no particular length.
        first = 1 / (tf.norm(gradient) + 1e-30) * tf.maximum(1.0, tf.norm(unknowns))
        length = tf.where(tf.reduce_all(tf.equal(curvatures, 0.0)), first, 1.0)

        def evaluated(length: Any) -> tuple[Any, Any, Any]:
            there = unknowns + length * direction
            return (there, *value_and_gradient(constants, there))

        found = _line_search(evaluated, length, loss, slope)
        better = found[1] < loss
        fresh, loss, fresh_gradient = [
            tf.cond(better, lambda new=new: new, lambda old=old: old)
            for new, old in zip(found, [unknowns, loss, gradient])
        ]
        moved, change = fresh - unknowns, fresh_gradient - gradient
        product = inner_product(moved, change)
        usable = product > 1e-10 * tf.norm(moved) * tf.norm(change)
        kept = [curvatures, *pairs]
        steps, changes = pairs[:MEMORY], pairs[MEMORY:]
        renewed = [tf.concat([curvatures[1:], [1 / product]], 0)]
        renewed += [*steps[1:], moved, *changes[1:], change]
        memory = tf.cond(usable, lambda: renewed, lambda: kept)
        if image_of is not None:
            moved = image_of(fresh) - image_of(unknowns)
        change = tf.sqrt(2 * tf.nn.l2_loss(moved) / tf.cast(tf.size(moved), tf.float32))
        for variable, value in zip(state, [fresh, fresh_gradient, loss, *memory]):
            variable.assign(value, read_value=False)
        return loss, change

    return compiled(step, xla), first_state


def _line_search(
    evaluated: Callable[[Any], tuple[Any, Any, Any]], length: Any, loss: Any, slope: Any
) -> tuple[Any, Any, Any]:
    """Shorten a step until the loss decreases enough; give what was found there."""
    tf = tensorflow()

    def too_long(trial: Any, length: Any, _there: Any, value: Any, _gradient: Any) -> Any:
        enough = value <= loss + ENOUGH_DECREASE * length * slope
        return tf.logical_and(trial < TRIALS, tf.logical_not(enough))

    def shorter(trial: Any, length: Any, _there: Any, value: Any, _gradient: Any) -> Any:
        # The minimum of the parabola through what is known, kept within bounds.
        best = -0.5 * slope * length / ((value - loss) / length - slope)
        length = tf.clip_by_value(best, 0.1 * length, 0.5 * length)
        return (trial + 1, length, *evaluated(length))

    start = (1, length, *evaluated(length))
    found: tuple[Any, ...] = tf.while_loop(too_long, shorter, start, parallel_iterations=1)
    return found[2], found[3], found[4]


def _times_inverse_hessian(gradient: Any, curvatures: Any, pairs: list[Any]) -> Any:
    """Two-loop recursion; the newest pair is the last, unused pairs have curvature 0."""
    tf = tensorflow()
    steps, changes = pairs[:MEMORY], pairs[MEMORY:]
    result = gradient
    shares: list[Any] = []
    for k in reversed(range(MEMORY)):
        share = curvatures[k] * inner_product(steps[k], result)
        shares.insert(0, share)
        result = result - share * changes[k]
    newest = curvatures[-1] * inner_product(changes[-1], changes[-1])
    result *= tf.where(newest > 0, tf.math.reciprocal_no_nan(newest), 1.0)
    for k in range(MEMORY):
        result = result + steps[k] * (shares[k] - curvatures[k] * inner_product(changes[k], result))
    return result
