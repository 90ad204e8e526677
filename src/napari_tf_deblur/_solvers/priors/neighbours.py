"""Differences to all neighbours, along the axes: the prior of the photon method.

Its components are the central and half the second difference along each axis. The sum of their
squares is half that of the differences to all neighbours, so that slopes become smooth and not
flat, and no direction is preferred. `poisson` gives it a threshold for each pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from napari_tf_deblur._preparation.problem import Tensor
from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur._solvers.priors.differences import Component, Filter
from napari_tf_deblur._solvers.priors.vector_norm import TINY, VectorNorm
from napari_tf_deblur._solvers.splitting import RELAXATION


@dataclass(frozen=True)
class NeighbourPrior(VectorNorm):
    """Sum of the lengths of the vectors of differences to the neighbours."""

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

    # The same as in VectorNorm, of the part that is kept: so rounded, results stay those of
    # earlier versions, bit by bit.
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
        mirror = factor * (2 * self.kept_part(split, threshold / unit) - 1)
        return [mirror * s for s in split]

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
