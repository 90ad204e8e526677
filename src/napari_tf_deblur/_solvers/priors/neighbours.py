"""Define the prior of the Poisson method: differences to all neighbours along the axes.

The components are the central difference and half the second difference along each axis. The sum
of their squares is half the sum of the squared differences to all neighbours. So the prior makes
slopes smooth and not flat, and prefers no direction. The solver `poisson` uses one threshold for
each pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from napari_tf_deblur._preparation.problem import Tensor
from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur._solvers.priors.differences import Component, Filter
from napari_tf_deblur._solvers.priors.vector_norm import VectorNorm
from napari_tf_deblur._solvers.splitting import RELAXATION
from napari_tf_deblur._solvers.zero_division import TINY


@dataclass(frozen=True)
class NeighbourPrior(VectorNorm):
    """Sum over the pixels of the length of the vector of differences to the neighbours."""

    reach = 2

    def components(self) -> tuple[Component, ...]:
        """See :class:`VectorNorm`."""
        axes = range(len(self.spacing))
        parts: tuple[tuple[Filter, float], ...] = (("central", 1.0), ("second", 0.5))
        return tuple(
            Component(
                tuple(name if a == axis else "same" for a in axes), factor / self.spacing[axis]
            )
            for axis in axes
            for name, factor in parts
        )

    # These three methods compute what those of VectorNorm do, in an order of operations whose
    # rounding keeps results bit-identical to those of earlier versions.
    def kept_part(self, components: Sequence[Tensor], threshold: float | Tensor) -> Tensor:
        """See :class:`VectorNorm`."""
        tf = tensorflow()
        inverse = tf.math.rsqrt(self.squared_length(components) + TINY)
        return tf.nn.relu(1 - threshold * inverse)

    def reflect(
        self,
        split: Sequence[Tensor],
        factor: float | Tensor,
        threshold: float | Tensor,
        unit: float = 1.0,
    ) -> list[Tensor]:
        """See :class:`Prior`."""
        reflection = factor * (2 * self.kept_part(split, threshold / unit) - 1)
        return [reflection * s for s in split]

    def relax(
        self,
        split: Sequence[Tensor],
        applied: Sequence[Tensor],
        threshold: float | Tensor,
        unit: float = 1.0,
    ) -> list[Tensor]:
        """See :class:`Prior`."""
        rest = 1 - RELAXATION * self.kept_part(split, threshold / unit)
        return [rest * s + (RELAXATION / unit) * a for s, a in zip(split, applied, strict=True)]
