"""What solvers by the alternating direction method of multipliers share.

A split u = H x keeps one array s: the sum of the split variable and its multiplier. The
proximal step takes it apart again, into p and s - p, so that neither need be stored. An
iteration finds the image x that fits the 2 p - s of all splits, by a division in Fourier space,
and moves each s on by RELAXATION times what H x exceeds p by.
"""

from napari_tf_deblur._preparation.problem import Problem, Tensor
from napari_tf_deblur._solvers.blur import rfft
from napari_tf_deblur._solvers.load import tensorflow

MIN_SOLVER_WEIGHT = 1e-7
"""Least weight of a prior: with none, frequencies that the PSF does not pass are not determined.
Guard: against a weight of 0; ``tests/solvers/test_poisson.py``."""

DATA_PENALTY = 0.4
"""Penalty of the split u = H x, over the curvature of the data term. It changes the number of
iterations. Set by hand; its effect is in ``benchmarks/CONSTANTS.md``."""

AREA_PENALTY_FACTOR = 0.1
"""Part of that penalty where areas are ignored: there is no data term there, and the penalty alone
keeps the image from what its surroundings ask for. Less suits areas of ten pixels across, and is
slower. Set by hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

RELAXATION = 1.8
"""Over-relaxation; it must be below 2. Source: Eckstein & Bertsekas, Math. Program. 55, 1992; Boyd
et al., Found. Trends Mach. Learn. 3, 2011, advise 1.5 to 1.8."""


def data_penalty(problem: Problem) -> float:
    """The penalty of the split u = H x for a problem."""
    return DATA_PENALTY * AREA_PENALTY_FACTOR if problem.hides_areas else DATA_PENALTY


def solve_in_fourier(
    spectrum: Tensor, inverse: Tensor, blurred: Tensor, right: Tensor, axes: int
) -> Tensor:
    """The spectrum of the image that fits the 2 p - s of all splits.

    Parameters
    ----------
    spectrum : Tensor of complex64
        The optical transfer function.
    inverse : Tensor
        Over the half spectrum: one over the sum of the splits' squared operators.
    blurred : Tensor
        The 2 p - s of the blurred image.
    right : Tensor
        Those of the other splits, in the image, times their penalty over that of H x.
    axes : int
        Number of axes of the scene.
    """
    math = tensorflow().math
    # The conjugate of a constant would be kept, that of what it is multiplied by is not.
    total = rfft(right, axes) + math.conj(spectrum * math.conj(rfft(blurred, axes)))
    return tensorflow().complex(inverse * math.real(total), inverse * math.imag(total))


def assign_where_active(
    active: Tensor, variables: list[Tensor], old: list[Tensor], fresh: list[Tensor]
) -> None:
    """Bring the state to the next iterate; planes that have stopped wait for the others.

    Parameters
    ----------
    active : Tensor of bool
        Shape (planes,).
    variables : list of Variable
        The state, planes first.
    old, fresh : list of Tensor
        What was read of it, and what comes next.
    """
    tf = tensorflow()
    if active.shape[0] > 1:
        fresh = [
            tf.where(tf.reshape(active, [-1] + [1] * (new.shape.rank - 1)), new, before)
            for new, before in zip(fresh, old, strict=True)
        ]
    for variable, value in zip(variables, fresh, strict=True):
        variable.assign(value, read_value=False)


def sum_channels(values: Tensor) -> Tensor:
    """Sum over the channels, which share their edges; the axis stays."""
    return values if values.shape[1] == 1 else tensorflow().reduce_sum(values, 1, keepdims=True)


def sum_planes(values: Tensor) -> Tensor:
    """The sum over each plane, along one axis first, for digits."""
    tf = tensorflow()
    return tf.reduce_sum(tf.reduce_sum(values, 2), list(range(1, values.shape.rank - 1)))
