"""Define total variation without a preferred direction.

The vector of a pixel lies in the middle of a cell of neighbouring pixels, 2 along each axis. For
each axis, the mean square of the differences along the edges of a cell is

    D^2 + 1/4 sum M^2 (+ 1/16 T^2 in 3D),

where D is the difference along the axis, averaged along the other axes, M the differences along
that axis and one other axis, and T the difference along all three axes. So the length of the
weighted vector of all D and M is the root of the mean squared differences at a cell. It does not
change if the image is turned or mirrored, and it is 1 for an edge of height 1 along an axis. T is
almost zero in a blurred image. The solver adds it as a quadratic term, which needs no memory.
"""

import math
from dataclasses import dataclass
from itertools import combinations

from napari_tf_deblur._solvers.priors.differences import Component, Spectrum, squared_spectrum
from napari_tf_deblur._solvers.priors.vector_norm import VectorNorm


@dataclass(frozen=True)
class TotalVariationPrior(VectorNorm):
    """Sum over the pixels of the length of the gradient; see the module."""

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
        """See :class:`Prior`: the spectrum of T, which exists in 3D only."""
        if len(self.spacing) < 3:
            return None
        corner = Component(("difference",) * 3, 0.25 * math.hypot(*(1 / s for s in self.spacing)))
        return squared_spectrum(corner, shape)
