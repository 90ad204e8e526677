"""The loop that all iterative solvers share, inside one compiled graph.

A solver gives one step, which brings its state from one iterate to the next, and a function
that makes an image of a state. The loop runs steps in TensorFlow, comes up for air about
ten times a second, and stops when the image does.
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
"""(constants, state, active) -> (losses, changes)."""

MAX_STEPS_PER_CALL = 256
"""Most steps between two reports. Limit: of time, until a run can be stopped."""

MIN_STEPS_PER_CALL, MAX_SECONDS_PER_CALL = 3, 0.5
"""Steps that are done together, at the least, unless these take more than so many seconds: each
report costs a little time. Limit: of time."""

FIRST_CALL_PIXELS = 2**22
"""Pixels times steps that are done before the first report. Limit: of time; they take less than a
tenth of a second."""


def assign_and_measure(variable: Any, fresh: Any) -> Any:
    """Put a fresh image into its variable; give the planes' root mean square differences."""
    tf = tensorflow()
    square = tf.square(fresh - variable)
    change = tf.sqrt(tf.reduce_mean(square, axis=list(range(1, square.shape.rank))))
    with tf.control_dependencies([change]):
        done = variable.assign(fresh)
    with tf.control_dependencies([done]):
        return tf.identity(change)


def read_first_variable(_constants: Any, state: Any) -> Any:
    """The image of solvers that keep it in the first variable of their state."""
    return state[0].read_value()


def compile_loop(step: Step, xla: bool = False) -> Any:
    """Compile a step into a loop of steps.

    Parameters
    ----------
    step : callable
        Takes the constants, a list of tensors, the state, a list of variables, and which
        planes are active. Brings the state to the next iterate, in place, so that there is
        one copy of it; returns the loss and the change of each plane. Methods that stop by
        themselves leave planes alone that are not active, so that the result of a plane does
        not depend on the others.
    xla : bool, optional
        Whether XLA compiles all of it, transforms too; see `fused`.

    Returns
    -------
    Compiled
        ``(constants, state, count, tolerance, active)`` -> ``(losses, done, active)``: `count`
        steps, at most LONGEST, or fewer if no plane is active any more. A plane is until its
        change falls below the tolerance.
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
    """What the state of a solver says of the scene.

    Attributes
    ----------
    image_of : callable
        Makes an image of constants and state.
    constants : sequence of tensor
        What the solver computed before its loop.
    variables : sequence of variable
        Its state, which goes on.
    found_in : callable or None
        Takes from the state what was computed on the way from all pixels.
    """

    image_of: Callable[[Any, Any], Any]
    constants: Sequence[Any]
    variables: Sequence[Any]
    found_in: Callable[[Any], dict[str, Any]] | None

    def scene(self) -> Any:
        """Return the image as an array."""
        return self.image_of(self.constants, self.variables).numpy()

    def found(self) -> dict[str, Any]:
        """Return what was found from all pixels, by name."""
        return self.found_in(self.variables) if self.found_in else {}


def run_loop(
    run: Any,
    image_of: Callable[[Any, Any], Any],
    constants: Sequence[Any],
    state: Sequence[Any],
    iterations: int,
    tolerance: float = 0.0,
    found_in: Callable[[Any], dict[str, Any]] | None = None,
) -> Iterator[Iterate]:
    """Drive a compiled loop to its end, a tenth of a second at a time.

    `found_in` takes from the state what was computed on the way from all pixels.
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

    estimate = StateEstimate(image_of, constants, variables, found_in)
    losses = np.zeros((0, planes), np.float32)
    converged = False
    count = FIRST_CALL_PIXELS // int(np.prod(variables[0].shape))
    if count == 0:
        advance(0)  # compiles, which leaves memory behind
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
