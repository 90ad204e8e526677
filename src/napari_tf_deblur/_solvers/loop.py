"""Run the loop that all iterative solvers share, inside one compiled graph.

A solver provides one step, which brings its state to the next iterate, and a function that reads
the image from a state. The loop runs the steps in TensorFlow. It returns to Python about ten times
a second, and stops when the image has stopped changing.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_tf_deblur._preparation import memory
from napari_tf_deblur._preparation.problem import REPORT_INTERVAL, Iterate
from napari_tf_deblur._solvers.load import Compiled, tensorflow

Step = Callable[[Any, Any, Any], tuple[Any, Any]]
"""One step of a solver: (constants, state, active) -> (losses, changes)."""

MAX_STEPS_PER_CALL = 256
"""Largest number of steps between two reports. Limit: of time, until a run can be stopped."""

MIN_STEPS_PER_CALL, MAX_SECONDS_PER_CALL = 3, 0.5
"""Least number of steps in a call of compiled code, and the seconds that these steps may take; if
they take longer, fewer are run. Limit: of time; each call costs a little."""

FIRST_CALL_PIXELS = 2**22
"""Number of pixels times steps before the first report. Limit: of time; they take less than a tenth
of a second."""


def assign_and_measure(variable: Any, fresh: Any) -> Any:
    """Assign an image to its variable; return the root mean square change of each plane."""
    tf = tensorflow()
    square = tf.square(fresh - variable)
    change = tf.sqrt(tf.reduce_mean(square, axis=list(range(1, square.shape.rank))))
    with tf.control_dependencies([change]):
        done = variable.assign(fresh)
    with tf.control_dependencies([done]):
        return tf.identity(change)


def read_first_variable(_constants: Any, state: Any) -> Any:
    """Read the image, for solvers that store it in the first variable of their state."""
    return state[0].read_value()


def compile_loop(step: Step, xla: bool = False) -> Any:
    """Compile a step into a loop of steps.

    Parameters
    ----------
    step : callable
        Function of the constants (a list of tensors), the state (a list of variables) and the mask
        of active planes. It brings the state to the next iterate in place, so that only one copy
        exists, and returns the loss and the change of each plane. Steps of methods that test for
        convergence do not change planes that are not active. So the result of a plane does not
        depend on the other planes.
    xla : bool, optional
        Whether XLA compiles the whole loop, with the transforms; see `fused`.

    Returns
    -------
    Compiled
        ``(constants, state, count, tolerance, active)`` -> ``(losses, done, active)``. It runs
        `count` steps, at most `MAX_STEPS_PER_CALL`, or fewer if no plane is active any more. A
        plane is active until its change falls below the tolerance.
    """
    tf = tensorflow()

    def run(constants: Any, state: Any, count: Any, tolerance: Any, active: Any) -> Any:
        def unfinished(done: Any, active: Any, _losses: Any) -> Any:
            return tf.logical_and(done < count, tf.reduce_any(active))

        def body(done: Any, active: Any, losses: Any) -> Any:
            fresh, changes = step(constants, state, active)
            active = tf.logical_and(active, changes >= tolerance)
            return done + 1, active, tf.tensor_scatter_nd_update(losses, [[done]], [fresh])

        start = (0, active, tf.zeros([MAX_STEPS_PER_CALL, active.shape[0]]))
        done, active, losses = tf.while_loop(unfinished, body, start, parallel_iterations=1)
        return losses, done, active

    return Compiled(run, xla)


@dataclass(frozen=True)
class StateEstimate:
    """The estimate of the scene in the state of a solver.

    Attributes
    ----------
    read_image : callable
        Function that reads the image from constants and state.
    constants : sequence of tensor
        Values that the solver computed before its loop.
    variables : sequence of variable
        State of the solver; later steps change it.
    read_values : callable or None
        Function that reads values that were computed from all pixels from the state.
    """

    read_image: Callable[[Any, Any], Any]
    constants: Sequence[Any]
    variables: Sequence[Any]
    read_values: Callable[[Any], dict[str, Any]] | None

    def scene(self) -> Any:
        """Return the image as an array."""
        return self.read_image(self.constants, self.variables).numpy()

    def computed_values(self) -> dict[str, Any]:
        """Return values that were computed from all pixels, by name."""
        return self.read_values(self.variables) if self.read_values else {}


def run_loop(
    run: Any,
    read_image: Callable[[Any, Any], Any],
    constants: Sequence[Any],
    state: Sequence[Any],
    iterations: int,
    tolerance: float = 0.0,
    read_values: Callable[[Any], dict[str, Any]] | None = None,
) -> Iterator[Iterate]:
    """Run a compiled loop to its end, in calls of a tenth of a second.

    Parameters
    ----------
    run : Compiled
        The loop, from `compile_loop`.
    read_image : callable
        Function that reads the image from constants and state.
    constants, state : sequence of tensor
        Constants and first state of the solver.
    iterations : int
        Largest number of iterations.
    tolerance : float, optional
        Change below which a plane has converged.
    read_values : callable, optional
        Function that reads values that were computed from all pixels from the state.

    Yields
    ------
    Iterate
        State of the solver after each call.
    """
    tf = tensorflow()
    variables = [tf.Variable(s, trainable=False) for s in state]
    del state
    planes = variables[0].shape[0]
    active = tf.ones(planes, tf.bool)
    least = tf.constant(tolerance, tf.float32)

    def advance(count: int) -> tuple[Any, bool]:
        nonlocal active
        losses, done, active = run(constants, variables, tf.constant(count), least, active)
        return losses.numpy()[: int(done)], not active.numpy().any()

    estimate = StateEstimate(read_image, constants, variables, read_values)
    losses = np.zeros((0, planes), np.float32)
    converged = False
    count = FIRST_CALL_PIXELS // int(np.prod(variables[0].shape))
    if count == 0:
        advance(0)  # compile, and free the memory that compiling leaves behind
        memory.release_freed_memory()
    while len(losses) < iterations and not converged:
        count = min(max(1, count), MAX_STEPS_PER_CALL, iterations - len(losses))
        started = time.perf_counter()
        fresh, converged = advance(count)
        elapsed = time.perf_counter() - started
        losses = np.concatenate([losses, fresh])
        fraction = 1.0 if converged else len(losses) / iterations
        yield Iterate(losses, fraction, estimate, converged)
        speed = count / elapsed
        count = min(
            max(
                int(speed * REPORT_INTERVAL),
                min(MIN_STEPS_PER_CALL, int(speed * MAX_SECONDS_PER_CALL)),
            ),
            4 * count,
        )
