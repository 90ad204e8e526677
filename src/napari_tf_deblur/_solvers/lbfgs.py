"""Minimise by limited-memory BFGS (L-BFGS) inside a compiled loop.

The two-loop recursion follows Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), algorithms
7.4 and 7.5. The line search backtracks with interpolation. Each plane of a batch is a separate
problem, with its own scalars, step length and history.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from napari_tf_deblur._preparation.problem import Tensor
from napari_tf_deblur._solvers.load import Compiled, fused, tensorflow
from napari_tf_deblur._solvers.loop import compile_loop

HISTORY_PAIRS = 6
"""Number of stored pairs of steps and gradient changes. Limit: of time and memory."""

ENOUGH_DECREASE = 1e-4
"""Constant of Armijo's condition of sufficient decrease. Source: Nocedal & Wright, Numerical
Optimization, chapter 3."""

LOSS_ROUNDING = 1e-7
"""Relative rounding error of a loss. If losses differ by less, the slopes decide whether a step is
accepted. Source: Hager & Zhang, SIAM J. Optim. 16, 2005; float32 has 6e-8."""

MAX_LINE_SEARCH_TRIALS = 12
"""Largest number of evaluations in one line search. Limit: of time."""

ValueAndGradient: TypeAlias = Callable[[Any, Tensor], tuple[Tensor, Tensor]]


class State(NamedTuple):
    """State of the loop. P is the number of planes.

    Attributes
    ----------
    unknowns, gradient : Tensor
        The image and the gradient, of shape (P, channels, *scene).
    loss : Tensor of float64
        Value of the objective, of shape (P,).
    curvatures : Tensor
        1 / (step * change) of each pair, of shape (HISTORY_PAIRS, P), the newest last; 0 where
        there is no pair.
    steps, changes : list of Tensor
        HISTORY_PAIRS steps and gradient changes, the newest last.
    """

    unknowns: Tensor
    gradient: Tensor
    loss: Tensor
    curvatures: Tensor
    steps: Sequence[Tensor]
    changes: Sequence[Tensor]

    @classmethod
    def unpack(cls, flat: Sequence[Tensor]) -> "State":
        """Restore the state from the list that the loop keeps."""
        unknowns, gradient, loss, curvatures, *pairs = flat
        return cls(
            unknowns, gradient, loss, curvatures, pairs[:HISTORY_PAIRS], pairs[HISTORY_PAIRS:]
        )

    def pack(self) -> list[Tensor]:
        """List the tensors that the loop keeps as variables."""
        return [*self[:4], *self.steps, *self.changes]


class _Point(NamedTuple):
    """A point of a line search: step lengths, and the values there."""

    lengths: Tensor
    unknowns: Tensor
    loss: Tensor
    gradient: Tensor
    is_sufficient: Tensor


def compile_lbfgs(
    value_and_gradient: ValueAndGradient, xla: bool = False
) -> tuple[Any, Callable[[Any, Tensor], list[Tensor]]]:
    """Compile the loop of iterations.

    Parameters
    ----------
    value_and_gradient : callable
        ``(constants, x)`` -> ``(losses, gradient)``, one loss for each plane.
    xla : bool, optional
        Whether XLA compiles the whole loop, which suits small images.

    Returns
    -------
    run : Compiled
        The loop: see :func:`.compile_loop`.
    first_state : callable
        ``(constants, x)`` -> the tensors of the first state.
    """
    tf = tensorflow()

    def evaluate(constants: Any, unknowns: Tensor) -> tuple[Tensor, Tensor]:
        loss, gradient = value_and_gradient(constants, unknowns)
        return tf.cast(loss, tf.float64), gradient

    def product(a: Tensor, b: Tensor) -> Tensor:
        """Inner products of the planes, of shape (P,). One axis is summed first, on all cores."""
        partial = tf.reshape(tf.reduce_sum(a * b, axis=2), [a.shape[0], -1])
        return tf.linalg.matvec(partial, tf.ones_like(partial[0]))

    def spread(scalars: Tensor, like: Tensor) -> Tensor:
        """Reshape one scalar per plane so that it multiplies images."""
        return tf.reshape(scalars, [-1] + [1] * (like.shape.rank - 1))

    def first_state(constants: Any, unknowns: Tensor) -> list[Tensor]:
        loss, gradient = evaluate(constants, unknowns)
        planes = loss.shape[0]
        zeros = [tf.zeros_like(unknowns)] * HISTORY_PAIRS
        curvatures = tf.zeros([HISTORY_PAIRS, planes])
        return State(unknowns, gradient, loss, curvatures, zeros, zeros).pack()

    @fused
    def first_half(state: State) -> tuple[Tensor, list[Tensor]]:
        """Run the first loop of the recursion, from the newest pair to the oldest."""
        result = state.gradient
        shares: list[Tensor] = []
        for k in reversed(range(HISTORY_PAIRS)):
            share = state.curvatures[k] * product(state.steps[k], result)
            shares.insert(0, share)
            result -= spread(share, result) * state.changes[k]
        return result, shares

    @fused
    def second_half(
        state: State, result: Tensor, shares: list[Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run the second loop; return the search direction, its slope and the first step length."""
        newest = state.curvatures[-1]
        scale = newest * product(state.changes[-1], state.changes[-1])
        result *= spread(tf.where(newest > 0, tf.math.reciprocal_no_nan(scale), 1.0), result)
        # Without pairs the direction is the gradient, whose length means nothing.
        bare = tf.maximum(1.0, tf.sqrt(product(state.unknowns, state.unknowns)))
        bare /= tf.sqrt(product(state.gradient, state.gradient)) + 1e-30
        lengths = tf.where(newest > 0, 1.0, bare)
        for k in range(HISTORY_PAIRS):
            more = shares[k] - state.curvatures[k] * product(state.changes[k], result)
            result += state.steps[k] * spread(more, result)
        return -result, -product(result, state.gradient), lengths

    @fused
    def along(unknowns: Tensor, lengths: Tensor, direction: Tensor) -> Tensor:
        return unknowns + spread(lengths, direction) * direction

    slope_of = fused(product)

    def line_search(
        constants: Any,
        state: State,
        direction: Tensor,
        slope: Tensor,
        lengths: Tensor,
        active: Tensor,
    ) -> _Point:
        """Shorten the steps until every active plane's loss decreases enough."""

        def at(lengths: Tensor) -> _Point:
            there = along(state.unknowns, lengths, direction)
            loss, gradient = evaluate(constants, there)
            bound = ENOUGH_DECREASE * tf.cast(lengths * slope, tf.float64)
            enough = loss <= state.loss + bound
            level = loss <= state.loss + LOSS_ROUNDING * tf.abs(state.loss)
            flat = slope_of(direction, gradient) <= (2 * ENOUGH_DECREASE - 1) * slope
            enough = tf.logical_or(enough, tf.logical_and(level, flat))
            return _Point(lengths, there, loss, gradient, enough)

        def unfinished(trial: Tensor, point: _Point) -> Tensor:
            short = tf.logical_and(active, tf.logical_not(point.is_sufficient))
            return tf.logical_and(trial < MAX_LINE_SEARCH_TRIALS, tf.reduce_any(short))

        def shorter(trial: Tensor, point: _Point) -> tuple[Tensor, _Point]:
            # Minimum of the parabola through the known values and slope, within bounds.
            lengths = point.lengths
            rise = tf.cast(point.loss - state.loss, tf.float32)
            best = -0.5 * slope * lengths / (rise / lengths - slope)
            best = tf.where(tf.math.is_finite(best), best, 0.0)
            best = tf.clip_by_value(best, 0.1 * lengths, 0.5 * lengths)
            return trial + 1, at(tf.where(point.is_sufficient, lengths, best))

        start = (1, at(lengths))
        end: _Point = tf.while_loop(unfinished, shorter, start, parallel_iterations=1)[1]
        return end

    @fused
    def update(state: State, point: _Point, active: Tensor) -> tuple[State, Tensor]:
        """Return the next state and its change; a failed search keeps the image, not the pairs."""
        moves = tf.logical_and(active, point.is_sufficient)
        where = spread(moves, point.unknowns)
        unknowns = tf.where(where, point.unknowns, state.unknowns)
        gradient = tf.where(where, point.gradient, state.gradient)
        moved, turned = unknowns - state.unknowns, gradient - state.gradient
        curvature = product(moved, turned)
        sizes = tf.sqrt(product(moved, moved)) * tf.sqrt(product(turned, turned))
        usable = curvature > 1e-6 * sizes
        newest = tf.where(usable, 1 / tf.where(usable, curvature, 1.0), 0.0)
        loss = tf.where(moves, point.loss, state.loss)
        count = tf.cast(tf.size(moved) // point.loss.shape[0], tf.float32)
        change = tf.sqrt(product(moved, moved) / count)
        # A search that fails without pairs is at the limit of rounding: the plane has converged.
        had_pairs = tf.reduce_any(state.curvatures > 0, axis=0)
        again = tf.logical_and(tf.logical_not(point.is_sufficient), had_pairs)
        change = tf.where(again, tf.float32.max, change)
        curvatures = tf.concat([state.curvatures[1:], newest[None]], 0)
        fresh = State(
            unknowns,
            gradient,
            loss,
            tf.where(point.is_sufficient, curvatures, 0.0),
            [*state.steps[1:], moved],
            [*state.changes[1:], turned],
        )
        return fresh, change

    def step(constants: Any, variables: Any, active: Tensor) -> tuple[Tensor, Tensor]:
        state = State.unpack([v.read_value() for v in variables])
        result, shares = first_half(state)
        direction, slope, lengths = second_half(state, result, shares)
        point = line_search(constants, state, direction, slope, lengths, active)
        fresh, changes = update(state, point, active)
        for variable, value in zip(variables, fresh.pack()):
            variable.assign(value, read_value=False)
        return tf.cast(fresh.loss, tf.float32), changes

    return compile_loop(step, xla), Compiled(first_state)
