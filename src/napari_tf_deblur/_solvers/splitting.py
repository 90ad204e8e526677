"""Share the steps of solvers by the alternating direction method of multipliers (ADMM).

A split u = H x stores one array s, the sum of the split variable and its multiplier. The proximal
step divides s into the split variable p and the multiplier s - p, so that neither is stored. An
iteration finds the image x that fits the 2 p - s of all splits, by a division in Fourier space.
Then it adds RELAXATION * (H x - p) to each s.
"""

from napari_tf_deblur._preparation.problem import Problem, Tensor
from napari_tf_deblur._solvers.blur import rfft
from napari_tf_deblur._solvers.load import tensorflow

MAX_AREA_PENALTY = 0.04
"""Largest ratio of the penalty of the split u = H x to the curvature of the data term if areas are
ignored. There is no data term in them, and the penalty alone holds the image back from fitting its
surroundings. A smaller penalty suits areas of ten pixels across. Limit: of time; a smaller one
takes more iterations."""

RELAXATION = 1.8
"""Over-relaxation factor; it must be below 2. Source: Eckstein & Bertsekas, Math. Program. 55,
1992; Boyd et al., Found. Trends Mach. Learn. 3, 2011, advise 1.5 to 1.8."""

MIN_SOLVER_WEIGHT = 1e-7
"""Least regularisation weight. Without regularisation, frequencies that the PSF does not pass are
not determined. Guard: against a weight of 0; ``tests/solvers/test_poisson.py``."""


def data_penalty(problem: Problem, penalty: float) -> float:
    """Return the penalty of the split u = H x for a problem, from that of complete images."""
    return min(penalty, MAX_AREA_PENALTY) if problem.hides_areas else penalty


def solve_in_fourier(
    spectrum: Tensor, inverse: Tensor, blurred: Tensor, right: Tensor, axes: int
) -> Tensor:
    """Return the spectrum of the image that fits the 2 p - s of all splits.

    Parameters
    ----------
    spectrum : Tensor of complex64
        The optical transfer function.
    inverse : Tensor
        One over the sum of the squared operators of all splits, over the half spectrum.
    blurred : Tensor
        The 2 p - s of the blurred image.
    right : Tensor
        Sum of the 2 p - s of the other splits, mapped to the image, each multiplied by the ratio
        of its penalty to that of H x.
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
    """Assign the next state to the variables; planes that have stopped keep theirs.

    Parameters
    ----------
    active : Tensor of bool
        Shape (planes,).
    variables : list of Variable
        The state; the planes are the first axis.
    old, fresh : list of Tensor
        The values that were read from the variables, and the next values.
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
    """Sum over the channels, which share their edges; the axis is kept."""
    return values if values.shape[1] == 1 else tensorflow().reduce_sum(values, 1, keepdims=True)


def sum_planes(values: Tensor) -> Tensor:
    """Sum over each plane, along one axis first, which rounds less."""
    tf = tensorflow()
    return tf.reduce_sum(tf.reduce_sum(values, 2), list(range(1, values.shape.rank - 1)))
