"""Define the interface of a prior: a linear operator, a penalty and its proximal operator."""

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

    D maps an image to its components, a list of tensors of the shape of the image. The image is
    treated as one period of a periodic image. In this class D is the identity. A prior of which
    only the proximal operator is known, such as a denoiser, defines only `prox`, `symmetries` and
    `reach`.

    A prior is an immutable value. Code that was compiled for a prior is used for all equal priors.

    Parameters
    ----------
    spacing : tuple of float
        Voxel size per deblurred axis, relative to the finest.
    """

    symmetries: ClassVar[frozenset[Symmetry]]
    """Operations that commute with ``D' prox(D x)``: a periodic shift, a flip of any axis, an
    exchange of axes together with their spacing."""

    reach: ClassVar[int]
    """Number of pixels on each side of a pixel that ``D' prox(D x)`` at the pixel depends on."""

    spacing: tuple[float, ...]

    @property
    def copies(self) -> int:
        """Number of components: arrays of the image's size that a splitting solver stores."""
        return 1

    def apply(self, image: Tensor) -> list[Tensor]:
        """Return D x.

        Parameters
        ----------
        image : Tensor
            Shape (planes, channels, *scene).

        Returns
        -------
        list of Tensor
            The components, each of the shape of the image.
        """
        return [image]

    def adjoint(self, components: Sequence[Tensor]) -> Tensor:
        """Return D' z, of the shape of the image."""
        (component,) = components
        return component

    def spectrum(self, shape: tuple[int, ...]) -> Spectrum:
        """Return the half spectrum of D' D for a scene of some shape."""
        return np.ones((*shape[:-1], shape[-1] // 2 + 1), np.float32)

    def quadratic_spectrum(self, shape: tuple[int, ...]) -> Spectrum | None:
        """Return that of Q' Q, if the penalty has another term |Q x|^2 / 2; None if it has none."""
        return None

    def penalty(self, components: Sequence[Tensor]) -> Tensor:
        """Return phi of each pixel, of shape (planes, 1, *scene); 0 if only `prox` is known."""
        return 0.0

    @abstractmethod
    def prox(self, components: Sequence[Tensor], threshold: float | Tensor) -> list[Tensor]:
        """Return the z that minimises ``threshold * phi(z) + |z - components|^2 / 2``.

        Parameters
        ----------
        components : sequence of Tensor
            The components, as `apply` returns them.
        threshold : float or Tensor
            Threshold, the same for all components and channels of a pixel.
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
            The array s of the split, divided by `unit`.
        factor : float or Tensor
            Factor on the result.
        threshold : float or Tensor
            Threshold of the proximal operator that computes p from s.
        unit : float
            Unit of the split; the result is divided by it, too.
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
            The array s of the split, divided by `unit`.
        applied : sequence of Tensor
            D x of the new image.
        threshold : float or Tensor
            Threshold of the proximal operator that computes p from s.
        unit : float
            Unit of the split; the result is divided by it, too.
        """
        nearest = self.prox([unit * s for s in split], threshold)
        return [
            s + (RELAXATION / unit) * (a - p)
            for s, a, p in zip(split, applied, nearest, strict=True)
        ]
