"""Total variation without a preferred direction.

The vector of a pixel lies in the middle of a cell of neighbouring pixels, 2 along each axis. Per
axis, the mean square of the differences along the edges of a cell is

    D^2 + 1/4 sum M^2 (+ 1/16 T^2 in 3D),

with D the difference along the axis, averaged along the others, M the differences along that axis
and one other, T those along all three. So the length of the vector of all D and M, weighted, is the
root of the mean squared differences at a cell: the same whichever way an image is turned or
mirrored, and 1 for an edge of height 1 along an axis, as it should be. T, of which next to nothing
is in a blurred image, is left to the solver as a quadratic term, which costs no memory.
"""

import math
from dataclasses import dataclass
from itertools import combinations

from napari_tf_deblur._solvers.priors.differences import Component, Spectrum, squared_spectrum
from napari_tf_deblur._solvers.priors.vector_norm import VectorNorm


@dataclass(frozen=True)
class TotalVariationPrior(VectorNorm):
    """Sum of the lengths of the gradients; see the module."""

    reach = 1

    def components(self) -> tuple[Component, ...]:
        """See :class:`VectorNorm`: D and M."""
        steps = [1 / s for s in self.spacing]
        axes = range(len(steps))
        single = [
            Component(tuple("difference" if a == axis else "mean" for a in axes), steps[axis])
            for axis in axes
        ]
        double = [
            Component(
                tuple("difference" if a in pair else "mean" for a in axes),
                0.5 * math.hypot(*(steps[a] for a in pair)),
            )
            for pair in combinations(axes, 2)
        ]
        return (*single, *double)

    def quadratic_spectrum(self, shape: tuple[int, ...]) -> Spectrum | None:
        """See :class:`Prior`: of T, which there is in 3D only."""
        if len(self.spacing) < 3:
            return None
        corner = Component(("difference",) * 3, 0.25 * math.hypot(*(1 / s for s in self.spacing)))
        return squared_spectrum(corner, shape)
