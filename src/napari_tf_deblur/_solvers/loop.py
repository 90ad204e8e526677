"""The loop that all iterative solvers share, inside one compiled graph.

A solver gives one step: a function from its state to the next. The loop runs steps in
TensorFlow, comes up for air about ten times a second, and stops when the image does.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from napari_tf_deblur._solvers.problem import AIR, Iterate
from napari_tf_deblur._tensorflow import tensorflow
from napari_tf_deblur.forward import Grid

Step = Callable[[Any, Any, Any], tuple[Any, Any]]
"""(constants, state, image) -> (loss, change)."""


def replaced(image: Any, fresh: Any) -> Any:
    """Put a fresh image into the image variable; give their root mean square difference."""
    tf = tensorflow()
    size = tf.cast(tf.size(fresh), tf.float32)
    change = tf.sqrt(2 * tf.nn.l2_loss(fresh - image) / size)
    with tf.control_dependencies([change]):
        done = image.assign(fresh)
    with tf.control_dependencies([done]):
        return tf.identity(change)


def inner_product(a: Any, b: Any) -> Any:
    """Sum of the products of two arrays of one shape, without an array of products."""
    tf = tensorflow()
    return tf.squeeze(tf.linalg.matmul(tf.reshape(a, [1, -1]), tf.reshape(b, [-1, 1])))


def compiled(step: Step) -> Any:
    """Compile a step into a loop of steps.

    Parameters
    ----------
    step : callable
        Takes the constants, a list of tensors, the state, a list of variables, and the
        image on the scene's grid, a variable. Brings state and image to the next iterate,
        in place, so that there is one copy of them; returns a loss and the change of the
        image, see :func:`replaced`.

    Returns
    -------
    tf.Function
        ``(constants, state, image, count, tolerance)`` -> ``(losses, change)``: `count`
        steps, or fewer where the change falls below the tolerance.
    """
    tf = tensorflow()

    def run(constants: Any, state: Any, image: Any, count: Any, tolerance: Any) -> Any:
        def unfinished(done: Any, change: Any, _losses: Any) -> Any:
            return tf.logical_and(done < count, change >= tolerance)

        def body(done: Any, _change: Any, losses: Any) -> Any:
            loss, change = step(constants, state, image)
            return done + 1, change, losses.write(done, loss)

        losses = tf.TensorArray(tf.float32, size=count, element_shape=())
        start = (0, tf.constant(np.inf, tf.float32), losses)
        done, change, losses = tf.while_loop(unfinished, body, start, parallel_iterations=1)
        return losses.stack()[:done], change

    return tf.function(run, autograph=False)


def iterate(
    run: Any,
    constants: Sequence[Any],
    state: Sequence[Any],
    image: Any,
    grid: Grid,
    iterations: int,
    tolerance: float = 0.0,
) -> Iterator[Iterate]:
    """Drive a compiled loop to its end, a tenth of a second at a time."""
    tf = tensorflow()
    state = [tf.Variable(s, trainable=False) for s in state]
    image = tf.Variable(image, trainable=False)
    losses: list[Any] = []
    done, count, converged = 0, 1, False
    while done < iterations and not converged:
        started = time.perf_counter()
        fresh_losses, change = run(
            constants, state, image, tf.constant(count), tf.constant(tolerance, tf.float32)
        )
        losses.append(fresh_losses.numpy())
        elapsed = time.perf_counter() - started
        done += len(losses[-1])
        converged = bool(change < tolerance)
        yield Iterate(
            losses=np.concatenate(losses),
            fraction=1.0 if converged else done / iterations,
            image=_cut(image, grid),
            converged=converged,
        )
        # The first step also traces the graph, and says nothing about the speed.
        fitting = 2 * count if done == 1 else count * AIR / elapsed
        count = min(max(1, int(fitting)), 4 * count, iterations - done)


def _cut(image: Any, grid: Grid) -> Callable[[], Any]:
    return lambda: np.ascontiguousarray(image[(..., *grid.window)].numpy())
