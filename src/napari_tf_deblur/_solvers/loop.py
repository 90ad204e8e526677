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

Step = Callable[[Any, Any], tuple[Any, Any, Any]]
"""(constants, state) -> (next state, image on the scene's grid, loss)."""


def compiled(step: Step, grid: Grid) -> Any:
    """Compile a step into a loop of steps.

    Parameters
    ----------
    step : callable
        Takes the constants and the state, both nested lists of tensors; returns the next
        state, the image it stands for and the loss of that image.
    grid : Grid
        The scene's grid; change is looked for in its frame.

    Returns
    -------
    tf.Function
        ``(constants, state, image, count, tolerance)`` ->
        ``(state, image, losses, change)``, after `count` steps, or fewer where the root
        mean square change of the image falls below the tolerance.
    """
    tf = tensorflow()
    window = (..., *grid.window)

    def run(constants: Any, state: Any, image: Any, count: Any, tolerance: Any) -> Any:
        def unfinished(done: Any, change: Any, *_: Any) -> Any:
            return tf.logical_and(done < count, change >= tolerance)

        def body(done: Any, _: Any, losses: Any, before: Any, state: Any) -> Any:
            state, image, loss = step(constants, state)
            change = tf.sqrt(tf.reduce_mean(tf.square((image - before)[window])))
            return done + 1, change, losses.write(done, loss), image, state

        losses = tf.TensorArray(tf.float32, size=count, element_shape=())
        start = (0, tf.constant(np.inf, tf.float32), losses, image, state)
        done, change, losses, image, state = tf.while_loop(
            unfinished, body, start, parallel_iterations=1
        )
        return state, image, losses.stack()[:done], change

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
    losses: list[Any] = []
    done, count, converged = 0, 1, False
    while done < iterations and not converged:
        started = time.perf_counter()
        state, image, fresh_losses, change = run(
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
