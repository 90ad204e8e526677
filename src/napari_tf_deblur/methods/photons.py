"""Methods for images made of photons: never negative, with a background."""

from dataclasses import dataclass, replace
from typing import Annotated, Self

from napari_tf_deblur.methods.base import (
    Array,
    Background,
    Intensity,
    Iterations,
    Mask,
    Method,
    Tolerance,
)
from napari_tf_deblur.noise import photon_gain
from napari_tf_deblur.psf import PSF


class Photons(Method):
    """What these methods share: intensities above the background are amounts of light."""

    counts_photons = True
    reach = 1
    keeps_freed_memory = True

    background: float

    @property
    def offset(self) -> float:
        """See :class:`Method`."""
        return self.background


@dataclass(frozen=True)
class PoissonLikelihood(Photons):
    """Penalised Poisson likelihood: for photon counts, dim or bright; never negative.

    Finds the most likely image for photon counts, with a prior on the slopes and
    curvatures of its square root, in which the noise of photons is the same everywhere,
    so that dim and bright structures are smoothed alike (after Good & Gaskins,
    Biometrika 58, 1971; Verveer & Jovin, JOSA A 14, 1997). By L-BFGS.

    Parameters
    ----------
    weight : float
        Regularisation weight, relative to what suits the number of photons and of
        dimensions: 1 for most images. More removes more noise, less keeps more detail.
    iterations : int
        Largest number of iterations; fewer are done where the image stops changing.
    tolerance : float
        The image has stopped changing when three iterations in a row change the square
        root of no pixel by more than this part of the root of the image's range, so that
        faint and small objects count as much as bright and large ones.
    gain : float
        Intensity units per photon; 0 to estimate it from the image.
    read_noise : float
        Standard deviation of the camera's noise in the dark, in intensity units.
    background : float
        Intensity that the camera shows without light, in intensity units; part of the
        model and not of the result.

    Examples
    --------
    >>> PoissonLikelihood(gain=2.5).gain
    2.5
    """

    solver = "poisson"

    weight: Annotated[float, {"min": 0.0, "max": 1000.0, "step": 0.1}] = 1.0
    iterations: Iterations = 200
    tolerance: Tolerance = 1e-3
    gain: Intensity = 0.0
    read_noise: Intensity = 0.0
    background: Background = 0.0

    def working_copies(self, axes: int) -> int:
        """See :class:`Method`."""
        return 38

    def weight_from_noise(self, noise: float, axes: int) -> float:
        """See :class:`Method`: its weight is relative to the photons already."""
        return self.weight

    def fitted(self, values: Array, valid: Mask | None, psf: PSF, periodic: bool) -> Self:
        """See :class:`Method`: the gain."""
        return (
            self
            if self.gain
            else replace(self, gain=photon_gain(values, valid, read_noise=self.read_noise))
        )


@dataclass(frozen=True)
class RichardsonLucy(Photons):
    """Richardson-Lucy: for images made of few photons; never negative, keeps the flux.

    Maximises the Poisson likelihood (Richardson 1972; Lucy 1974), optionally accelerated
    (Biggs & Andrews, Appl. Opt. 36, 1997) and with total variation (Dey et al., Microsc.
    Res. Tech. 69, 2006). It sharpens noise too if it runs for too long.

    Parameters
    ----------
    iterations : int
        Number of iterations; more are sharper and noisier.
    background : float
        Intensity that the camera shows without light, in intensity units; part of the
        model and not of the result.
    tv_weight : float
        Weight of the total variation, relative to the Poisson likelihood of intensities
        scaled to a range of 1; 0 for none.
    accelerate : bool
        Reach the same likelihood in several times fewer iterations.

    Examples
    --------
    >>> RichardsonLucy(iterations=20)
    RichardsonLucy(iterations=20, background=0.0, tv_weight=0.0, accelerate=True)
    """

    solver = "richardson_lucy"

    iterations: Iterations = 15
    background: Background = 0.0
    tv_weight: Annotated[float, {"min": 0.0, "max": 1.0, "step": 1e-5, "label": "TV weight"}] = 0.0
    accelerate: bool = True

    def working_copies(self, axes: int) -> int:
        """See :class:`Method`."""
        return 18 if self.tv_weight else 14

    def weight_from_noise(self, noise: float, axes: int) -> None:
        """See :class:`Method`: it has none, for its iterations regularise."""
