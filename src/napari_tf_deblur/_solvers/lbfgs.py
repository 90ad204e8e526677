"""Limited-memory BFGS, as one TensorFlow graph per step.

Two-loop recursion and bookkeeping after Nocedal & Wright, Numerical Optimization, 2nd ed.
(2006), algorithms 7.4 and 7.5, with a backtracking line search that interpolates.
"""

from collections.abc import Callable
from typing import Any

from napari_tf_deblur._tensorflow import tensorflow

MEMORY = 8
"""Pairs of steps and gradient changes that are remembered."""

ENOUGH_DECREASE = 1e-4
"""Armijo's constant."""

TRIALS = 20
"""Most evaluations in one line search."""

ValueAndGradient = Callable[[Any, Any], tuple[Any, Any]]


def start(value_and_gradient: ValueAndGradient) -> Callable[[Any, Any], list[Any]]:
    """Make the function that prepares the first state at an image."""
    tf = tensorflow()
    evaluate = tf.function(value_and_gradient, autograph=False)

    def prepare(constants: Any, image: Any) -> list[Any]:
        loss, gradient = evaluate(constants, image)
        memory = tf.zeros((MEMORY, *image.shape))
        return [image, gradient, loss, memory, memory, tf.zeros(MEMORY)]

    return prepare


def step(value_and_gradient: ValueAndGradient) -> Callable[[Any, Any], tuple[Any, Any]]:
    """Make one iteration: direction, line search, update of the memory."""
    tf = tensorflow()

    def iteration(constants: Any, state: Any) -> tuple[Any, Any]:
        image, gradient, loss, steps, changes, curvatures = state
        direction = -_times_inverse_hessian(gradient, steps, changes, curvatures)
        slope = _dot(direction, gradient)
        # The first direction is the bare gradient, of no particular length.
        first = tf.reduce_all(tf.equal(curvatures, 0.0))
        length = tf.where(first, 1.0 / (tf.norm(gradient) + 1e-30), 1.0)
        length = tf.where(first, length * tf.maximum(1.0, tf.norm(image)), length)

        def too_long(trial: Any, length: Any, _image: Any, value: Any, _gradient: Any) -> Any:
            enough = value <= loss + ENOUGH_DECREASE * length * slope
            return tf.logical_and(trial < TRIALS, tf.logical_not(enough))

        def shorter(trial: Any, length: Any, _image: Any, value: Any, _gradient: Any) -> Any:
            # The minimum of the parabola through what is known, kept within bounds.
            best = -0.5 * slope * length / ((value - loss) / length - slope)
            length = tf.clip_by_value(best, 0.1 * length, 0.5 * length)
            return (trial + 1, length, *evaluated(length))

        def evaluated(length: Any) -> tuple[Any, Any, Any]:
            there = image + length * direction
            return (there, *value_and_gradient(constants, there))

        found = tf.while_loop(
            too_long, shorter, (1, length, *evaluated(length)), parallel_iterations=1
        )
        fresh, value, fresh_gradient = found[2:]
        better = value < loss
        fresh = tf.where(better, fresh, image)
        value = tf.where(better, value, loss)
        fresh_gradient = tf.where(better, fresh_gradient, gradient)

        moved, change = fresh - image, fresh_gradient - gradient
        product = _dot(moved, change)
        usable = product > 1e-10 * tf.norm(moved) * tf.norm(change)
        steps, changes, curvatures = tf.cond(
            tf.logical_and(better, usable),
            lambda: (
                tf.concat([steps[1:], moved[None]], 0),
                tf.concat([changes[1:], change[None]], 0),
                tf.concat([curvatures[1:], [1 / product]], 0),
            ),
            lambda: (steps, changes, curvatures),
        )
        return [fresh, fresh_gradient, value, steps, changes, curvatures], value

    return iteration


def _times_inverse_hessian(gradient: Any, steps: Any, changes: Any, curvatures: Any) -> Any:
    """Two-loop recursion; the newest pair is the last, unused pairs have curvature 0."""
    tf = tensorflow()
    result = gradient
    shares: list[Any] = []
    for k in reversed(range(MEMORY)):
        share = curvatures[k] * _dot(steps[k], result)
        shares.insert(0, share)
        result = result - share * changes[k]
    newest = curvatures[-1] * _dot(changes[-1], changes[-1])
    result = tf.where(newest > 0, result / (newest + 1e-30), result)
    for k in range(MEMORY):
        result = result + steps[k] * (shares[k] - curvatures[k] * _dot(changes[k], result))
    return result


def _dot(a: Any, b: Any) -> Any:
    return tensorflow().reduce_sum(a * b)
