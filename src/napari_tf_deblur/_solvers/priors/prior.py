"""The interface of a prior: a linear operator, a penalty, and the penalty's proximal operator."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._preparation.problem import Tensor
from napari_tf_deblur._solvers.splitting import RELAXATION

Symmetry = Literal["shift", "flip", "transpose"]
Spectrum = NDArray[np.float32]


@dataclass(frozen=True)
class Prior(ABC):
    """A penalty phi(D x) on an image x.

    D maps an image to a list of tensors of the image's shape, its components; the image is taken
    for one period of a periodic one. In this class D is the identity. A prior of which only the
    proximal operator is known, such as a denoiser, defines `prox` and its facts and nothing else.

    A prior is an immutable value: code that was compiled for it serves all priors that are equal.

    Parameters
    ----------
    spacing : tuple of float
        Voxel size per deblurred axis, relative to the finest.
    """

    symmetries: ClassVar[frozenset[Symmetry]]
    """What an image may go through before ``D' prox(D x)`` or after it, with the same result: a
    periodic shift, a flip of any axis, an exchange of axes together with their spacing."""

    reach: ClassVar[int]
    """Pixels to each side of a pixel that ``D' prox(D x)`` depends on there."""

    spacing: tuple[float, ...]

    @property
    def copies(self) -> int:
        """Number of components: arrays of the image's size that a splitting solver stores."""
        return 1

    def apply(self, image: Tensor) -> list[Tensor]:
        """D x.

        Parameters
        ----------
        image : Tensor
            Shape (planes, channels, *scene).

        Returns
        -------
        list of Tensor
            The components, each of the image's shape.
        """
        return [image]

    def adjoint(self, components: Sequence[Tensor]) -> Tensor:
        """D' z, of the image's shape."""
        (only,) = components
        return only

    def spectrum(self, shape: tuple[int, ...]) -> Spectrum:
        """What D' D multiplies the half spectrum of a scene of some shape by."""
        return np.ones((*shape[:-1], shape[-1] // 2 + 1), np.float32)

    def quadratic_spectrum(self, shape: tuple[int, ...]) -> Spectrum | None:
        """The same of Q' Q, where the penalty has a term |Q x|^2 / 2 besides; None if not."""
        return None

    def penalty(self, components: Sequence[Tensor]) -> Tensor:
        """Return phi by pixel, of shape (planes, 1, *scene); 0 where only `prox` is known."""
        return 0.0

    @abstractmethod
    def prox(self, components: Sequence[Tensor], threshold: float | Tensor) -> list[Tensor]:
        """Return the z that minimises ``threshold * phi(z) + |z - components|^2 / 2``.

        Parameters
        ----------
        components : sequence of Tensor
            As of `apply`.
        threshold : float or Tensor
            One for all components and channels of a pixel.
        """

    def reflect(
        self,
        split: Sequence[Tensor],
        factor: float | Tensor,
        threshold: float | Tensor,
        unit: float = 1.0,
    ) -> list[Tensor]:
        """Return ``factor * (2 p - s)`` of the split z = D x; see :mod:`.splitting`.

        Parameters
        ----------
        split : sequence of Tensor
            s, divided by `unit`.
        factor : float or Tensor
            What the result is multiplied by.
        threshold : float or Tensor
            Of the proximal operator that makes p of s.
        unit : float
            The result is divided by it, too.
        """
        nearest = self.prox([unit * s for s in split], threshold)
        return [factor * ((2 / unit) * p - s) for s, p in zip(split, nearest, strict=True)]

    def relax(
        self,
        split: Sequence[Tensor],
        applied: Sequence[Tensor],
        threshold: float | Tensor,
        unit: float = 1.0,
    ) -> list[Tensor]:
        """Return the next s, ``s + RELAXATION * (D x - p)``; see `reflect`.

        Parameters
        ----------
        split : sequence of Tensor
            s, divided by `unit`.
        applied : sequence of Tensor
            D x of the new image.
        threshold : float or Tensor
            Of the proximal operator that makes p of s.
        unit : float
            The result is divided by it, too.
        """
        nearest = self.prox([unit * s for s in split], threshold)
        return [
            s + (RELAXATION / unit) * (a - p)
            for s, a, p in zip(split, applied, nearest, strict=True)
        ]
