"""The Wiener filter."""

from dataclasses import dataclass, replace
from typing import Annotated, Self

from napari_tf_deblur.estimate import wiener_balance
from napari_tf_deblur.methods.base import Array, Mask, Method
from napari_tf_deblur.psf import PSF


@dataclass(frozen=True)
class Wiener(Method):
    """Wiener filter: instant, for a first look.

    Divides by the optical transfer function where it is strong and damps the rest by a
    Laplacian (Hunt, IEEE Trans. Comput. C-22(9), 1973).

    Parameters
    ----------
    balance : float
        Damping, relative to the optical transfer function. More removes more noise, less
        keeps more detail; 0 to find it from the image, by generalised cross-validation.

    Examples
    --------
    >>> Wiener()
    Wiener(balance=0.0)
    """

    solver = "wiener"
    counts_photons = False
    reach = 3  # a filter reaches several times as far as the PSF that it undoes
    keeps_freed_memory = True

    balance: Annotated[float, {"min": 0.0, "max": 100.0, "step": 1e-4}] = 0.0

    def working_copies(self, axes: int) -> int:
        """See :class:`Method`."""
        return 14

    def weight_from_noise(self, noise: float, axes: int) -> None:
        """See :class:`Method`: it has a balance instead."""

    def fitted(self, values: Array, valid: Mask | None, psf: PSF, periodic: bool) -> Self:
        """See :class:`Method`: the balance."""
        if self.balance:
            return self
        return replace(self, balance=wiener_balance(values, psf, periodic, valid))
