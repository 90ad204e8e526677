"""The norm of the Hessian: the second derivatives, each centred on its pixel."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from napari_tf_deblur._solvers.priors.differences import Component, Filter
from napari_tf_deblur._solvers.priors.vector_norm import VectorNorm

MIXED_DERIVATIVES: dict[int, tuple[tuple[Filter, Filter], ...]] = {
    2: (
        ("difference", "difference"),
        ("difference", "backward"),
        ("backward", "difference"),
        ("backward", "backward"),
    ),
    3: (("central", "central"),),
}
"""How a mixed second derivative is made, by number of axes: in 2D the mean square of those at
the four corners of a pixel, which keeps 0.1 dB more of photographs than the central one; in
volumes both were alike, and the central one takes a fourth of the memory."""


@dataclass(frozen=True)
class HessianPrior(VectorNorm):
    """Sum of the Frobenius norms of the Hessian.

    Mixed derivatives are weighted by the square root of two, so that the sum of the components'
    squares is the squared norm.
    """

    reach = 2

    def components(self) -> tuple[Component, ...]:
        """See :class:`VectorNorm`."""
        spacing = self.spacing
        axes = range(len(spacing))
        pure = [
            Component(tuple("second" if a == axis else "same" for a in axes), spacing[axis] ** -2)
            for axis in axes
        ]
        mixed = []
        for pair in combinations(axes, 2):
            factor = math.sqrt(2) / (spacing[pair[0]] * spacing[pair[1]])
            ways: Sequence[tuple[Filter, Filter]] = MIXED_DERIVATIVES[len(spacing)]
            for way in ways:
                filters: list[Filter] = ["same"] * len(spacing)
                filters[pair[0]], filters[pair[1]] = way
                mixed.append(Component(tuple(filters), factor / math.sqrt(len(ways))))
        return (*pure, *mixed)
