"""Declare the Wiener filter."""

from dataclasses import dataclass, replace
from typing import Annotated, Self

from napari_tf_deblur.methods.base import Auto, Method
from napari_tf_deblur.methods.image_statistics import ImageStatistics


@dataclass(frozen=True)
class Wiener(Method):
    """Wiener filter: instant, for a first look.

    Divides by the optical transfer function where it is large, and damps other frequencies
    with a Laplacian (Hunt, IEEE Trans. Comput. C-22(9), 1973).

    Parameters
    ----------
    balance : float or "auto"
        Damping, relative to the optical transfer function. A larger balance removes more
        noise, a smaller one keeps more detail. "auto" finds it from the image by generalised
        cross-validation.

    Examples
    --------
    >>> Wiener()
    Wiener(balance='auto')
    """

    solver = "wiener"
    prior = None  # its damping is a part of the filter
    short_name = "Wiener"
    sample = "Fast look"
    counts_photons = False
    reach = 3  # an inverse filter reaches several times as far as its PSF
    keeps_freed_memory = True

    balance: Annotated[float | Auto, {"min": 1e-9, "max": 100.0, "step": 1e-4, "number": 0.01}] = (
        "auto"
    )

    def working_copies(self, axes: int) -> int:
        """See :class:`Method`."""
        return 14

    def suggest_weight(self, image: ImageStatistics) -> None:
        """See :class:`Method`: it has a balance instead of a weight."""

    def with_estimates(self, image: ImageStatistics) -> Self:
        """See :class:`Method`: it estimates the balance."""
        return replace(self, balance=image.balance) if self.balance == "auto" else self

    def with_smoothing(self, ratio: float) -> Self:
        """See :class:`Method`: the balance is multiplied."""
        return self.scale_parameter("balance", ratio)
