"""Limited-memory BFGS inside a compiled loop.

Two-loop recursion and bookkeeping after Nocedal & Wright, Numerical Optimization, 2nd ed.
(2006), algorithms 7.4 and 7.5, with a backtracking line search that interpolates.
"""

from collections.abc import Callable
from typing import Any

from napari_tf_deblur._solvers.load import fused, tensorflow
from napari_tf_deblur._solvers.loop import compiled, inner_product

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
    xla: bool = False,
) -> tuple[Any, Callable[[Any, Any], list[Any]]]:
    """Make the compiled loop of iterations, and the function that makes its first state.

    Parameters
    ----------
    value_and_gradient : callable
        ``(constants, x)`` -> ``(loss, gradient)``.
    image_of : callable, optional
        TaskQueue the unknowns x, the first variable of the state, into intensities.
    xla : bool, optional
        Whether XLA compiles all of it in one piece, which suits small images.
    """
    tf = tensorflow()
    evaluate = tf.function(value_and_gradient, autograph=False)

    def first_state(constants: Any, unknowns: Any) -> list[Any]:
        loss, gradient = evaluate(constants, unknowns)
        pairs = [tf.zeros_like(unknowns)] * (2 * MEMORY)
        return [unknowns, gradient, loss, tf.zeros(MEMORY), *pairs]

    @fused
    def downhill(gradient: Any, curvatures: Any, pairs: list[Any]) -> tuple[Any, Any]:
        """The direction to look in, and how steep it is."""
        direction = -_times_inverse_hessian(gradient, curvatures, pairs)
        return direction, inner_product(direction, gradient)

    @fused
    def along(unknowns: Any, length: Any, direction: Any) -> Any:
        return unknowns + length * direction

    @fused
    def compared(old: Any, new: Any, old_gradient: Any, new_gradient: Any) -> tuple[Any, ...]:
        """The newest pair, its products, and the squared change of the image."""
        moved, change = new - old, new_gradient - old_gradient
        products = [inner_product(a, b) for a, b in ((moved, change), (moved, moved))]
        products.append(inner_product(change, change))
        if image_of is not None:
            seen = tf.reduce_sum(tf.square(image_of(new) - image_of(old)), 2)
        else:
            seen = products[1]
        return moved, change, products, seen

    def step(constants: Any, state: Any) -> Any:
        unknowns, gradient, loss, curvatures, *pairs = [s.read_value() for s in state]
        direction, slope = downhill(gradient, curvatures, pairs)

        def first_length() -> Any:
            """The first direction is the bare gradient, of no particular length."""
            return tf.maximum(1.0, tf.norm(unknowns)) / (tf.norm(gradient) + 1e-30)

        length = tf.cond(tf.reduce_any(curvatures != 0.0), lambda: 1.0, first_length)

        def evaluated(length: Any) -> tuple[Any, Any, Any]:
            there = along(unknowns, length, direction)
            return (there, *value_and_gradient(constants, there))

        found = _line_search(evaluated, length, loss, slope)
        better = found[1] < loss
        fresh, loss, fresh_gradient = [
            tf.cond(better, lambda new=new: new, lambda old=old: old)
            for new, old in zip(found, [unknowns, loss, gradient])
        ]
        moved, change, products, seen = compared(unknowns, fresh, gradient, fresh_gradient)
        product, of_moved, of_change = products
        usable = product > 1e-10 * tf.sqrt(of_moved) * tf.sqrt(of_change)
        kept = [curvatures, *pairs]
        steps, changes = pairs[:MEMORY], pairs[MEMORY:]
        renewed = [tf.concat([curvatures[1:], [1 / product]], 0)]
        renewed += [*steps[1:], moved, *changes[1:], change]
        memory = tf.cond(usable, lambda: renewed, lambda: kept)
        for variable, value in zip(state, [fresh, fresh_gradient, loss, *memory]):
            variable.assign(value, read_value=False)
        size = tf.cast(tf.size(moved), tf.float32)
        return loss, tf.sqrt(tf.reduce_sum(seen) / size)

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
