"""Define priors that sum the lengths of vectors of differences, one vector per pixel."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from napari_tf_deblur._preparation.problem import Tensor
from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur._solvers.priors.differences import Component, Differences, Spectrum
from napari_tf_deblur._solvers.priors.prior import Prior
from napari_tf_deblur._solvers.splitting import RELAXATION, sum_channels
from napari_tf_deblur._solvers.zero_division import TINY


@dataclass(frozen=True)
class VectorNorm(Prior):
    """phi(z) = sum |z|, where |z| is the length of the vector of all components and channels.

    Its proximal operator shortens each vector by the threshold; shorter vectors become zero. So all
    components of a pixel are multiplied by one number. `reflect` and `relax` use only that number,
    so that no proximal point is stored.
    """

    symmetries = frozenset({"shift", "flip", "transpose"})

    @abstractmethod
    def components(self) -> tuple[Component, ...]:
        """Return the components of the vectors."""

    @cached_property
    def _differences(self) -> Differences:
        return Differences(self.components(), len(self.spacing))

    @property
    def copies(self) -> int:
        """See :class:`Prior`."""
        return len(self._differences.components)

    def apply(self, image: Tensor) -> list[Tensor]:
        """See :class:`Prior`."""
        return self._differences.apply(image)

    def adjoint(self, components: Sequence[Tensor]) -> Tensor:
        """See :class:`Prior`."""
        return self._differences.adjoint(components)

    def spectrum(self, shape: tuple[int, ...]) -> Spectrum:
        """See :class:`Prior`."""
        return self._differences.squared_spectrum(shape)

    def penalty(self, components: Sequence[Tensor]) -> Tensor:
        """See :class:`Prior`."""
        return tensorflow().sqrt(self.squared_length(components))

    def squared_length(self, components: Sequence[Tensor]) -> Tensor:
        """Return the sum of the squares of all components and channels of each pixel."""
        squares: Any = sum(tensorflow().square(c) for c in components)
        return sum_channels(squares)

    def removed_part(self, components: Sequence[Tensor], threshold: float | Tensor) -> Tensor:
        """Return the part of each vector that `prox` removes, from 0 to 1."""
        tf = tensorflow()
        least = tf.maximum(tf.square(threshold), TINY)
        return threshold * tf.math.rsqrt(tf.maximum(self.squared_length(components), least))

    def kept_part(self, components: Sequence[Tensor], threshold: float | Tensor) -> Tensor:
        """Return the part of each vector that `prox` keeps, from 0 to 1."""
        return 1 - self.removed_part(components, threshold)

    def prox(self, components: Sequence[Tensor], threshold: float | Tensor) -> list[Tensor]:
        """See :class:`Prior`."""
        kept = self.kept_part(components, threshold)
        return [kept * c for c in components]

    def reflect(
        self,
        split: Sequence[Tensor],
        factor: float | Tensor,
        threshold: float | Tensor,
        unit: float = 1.0,
    ) -> list[Tensor]:
        """See :class:`Prior`."""
        reflection = factor - 2 * factor * self.removed_part(split, threshold / unit)
        return [reflection * s for s in split]

    def relax(
        self,
        split: Sequence[Tensor],
        applied: Sequence[Tensor],
        threshold: float | Tensor,
        unit: float = 1.0,
    ) -> list[Tensor]:
        """See :class:`Prior`."""
        kept = 1 - RELAXATION + RELAXATION * self.removed_part(split, threshold / unit)
        return [kept * s + (RELAXATION / unit) * a for s, a in zip(split, applied, strict=True)]
