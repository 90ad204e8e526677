"""Declare the least-squares methods with a prior on differences: total variation and Hessian."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

from napari_tf_deblur._core.typing import PSF, Float32Array
from napari_tf_deblur._noise.noise_weights import compute_noise_weights
from napari_tf_deblur.methods.base import (
    LARGEST_INTENSITY,
    PASSED_POWER_EXPONENT,
    FromImage,
    Iterations,
    Method,
    Nonnegative,
    ReadNoise,
    Tolerance,
    Weight,
)
from napari_tf_deblur.methods.image_statistics import ImageStatistics

GainOrNone = Annotated[
    float,
    {"min": 0.0, "max": LARGEST_INTENSITY, "step": 0.01, "label": "Gain, intensity per photon"},
]

NOISE_FREE_WEIGHT = 1e-6
"""Weight for an image without noise. Guard: against a weight of 0;
``tests/run/test_weight_search.py``."""


class LeastSquares(Method):
    """Base of the methods that ADMM solves, with a weight and with pixels weighted by their noise.

    Attributes
    ----------
    prior : str
        Name of the prior.
    weight_factor : float
        Factor f of the suitable weight, f n**1.5 q**e / s: n is the noise relative to the scale, q
        the part of the power of white noise that the PSF passes, e `PASSED_POWER_EXPONENT`, and s
        the mean slope of the image. Found by experiment.
    """

    solver = "admm"
    counts_photons = False
    reach = 1
    keeps_freed_memory = False  # its loop allocates all its memory at once

    prior: ClassVar[str]
    weight_factor: ClassVar[float]
    weight: float | FromImage
    iterations: int
    tolerance: float
    nonnegative: bool
    gain: float
    read_noise: float

    @property
    def trial_tolerance(self) -> float:
        """Tolerance in trials of a weight: a larger one would end some trials too early."""
        return self.tolerance

    def suggest_weight(self, image: ImageStatistics) -> float:
        """See :class:`Method`."""
        noise = image.noise / image.scale
        weight = self.weight_factor * noise**1.5 * image.passed_power**PASSED_POWER_EXPONENT
        weight /= image.slope
        return float(min(max(weight, NOISE_FREE_WEIGHT), 1.0))

    def with_estimates(self, image: ImageStatistics) -> Self:
        """See :class:`Method`: it estimates the weight."""
        weight: dict[str, Any] = {"weight": self.suggest_weight(image)}
        return replace(self, **weight) if isinstance(self.weight, str) else self

    def with_smoothing(self, ratio: float) -> Self:
        """See :class:`Method`: the weight is multiplied."""
        return self.scale_parameter("weight", ratio)

    def noise_weights(self, observed: Float32Array, psf: PSF, scale: float) -> Float32Array | None:
        """See :class:`Method`: the inverse of the variance of the noise, if a gain is given."""
        if not self.gain:
            return None
        return compute_noise_weights(observed, psf, self.gain / scale, self.read_noise / scale)


@dataclass(frozen=True)
class TotalVariation(LeastSquares):
    """Total variation: keeps edges sharp and flat regions flat; the fast default.

    Minimises half the squared misfit plus ``weight`` times the total variation, by ADMM
    (Almeida & Figueiredo, IEEE TIP 22(8), 2013). All colour channels share one variation, so
    that their edges stay together (Bresson & Chan, 2008).

    Parameters
    ----------
    weight : float, "auto" or "cross-validated"
        Regularisation weight, for intensities scaled to a range of 1. A larger weight removes
        more noise, a smaller one keeps more detail. "auto" finds it from the noise and the
        image; "cross-validated" finds it by several runs.
    iterations : int
        Largest number of iterations. The run ends earlier if the image stops changing.
    tolerance : float
        The image has stopped changing if two iterations in a row change no line of pixels
        by more than this part of the contrast of the line; in volumes, no plane. The loss must
        not change either, by more than 1/50 of this part of it; in volumes, 1/450.
    nonnegative : bool
        Allow no negative intensities, because light is never negative.
    gain : float
        Intensity units per photon, for images whose noise grows with brightness; 0 if the
        noise is the same everywhere.
    read_noise : float
        Standard deviation of the camera's noise in the dark, in intensity units. It is used
        only together with the gain.

    Examples
    --------
    >>> TotalVariation(weight=0.001)
    TotalVariation(weight=0.001, iterations=100, tolerance=0.2, nonnegative=False, \
gain=0.0, read_noise=0.0)
    """

    prior = "total_variation"
    weight_factor = 0.13
    short_name = "TV"
    sample = "Photograph"
    for_photographs = True

    weight: Weight = "auto"
    iterations: Iterations = 100
    tolerance: Tolerance = 0.2
    nonnegative: Nonnegative = False
    gain: GainOrNone = 0.0
    read_noise: ReadNoise = 0.0

    def working_copies(self, axes: int) -> int:
        """See :class:`Method`."""
        return {1: 20, 2: 23, 3: 40}[axes]


@dataclass(frozen=True)
class Hessian(LeastSquares):
    """Second-order prior: keeps smooth shading smooth; for fluorescence.

    Like total variation, but with second derivatives instead of first ones, so that round
    cells do not become stairs (Lefkimmiatis et al., IEEE TIP 22(5), 2013; Frobenius norm).

    Parameters
    ----------
    weight : float, "auto" or "cross-validated"
        Regularisation weight, for intensities scaled to a range of 1. A larger weight removes
        more noise, a smaller one keeps more detail. "auto" finds it from the noise and the
        image; "cross-validated" finds it by several runs.
    iterations : int
        Largest number of iterations. The run ends earlier if the image stops changing.
    tolerance : float
        The image has stopped changing if two iterations in a row change no line of pixels
        by more than this part of the contrast of the line; in volumes, no plane. The loss must
        not change either, by more than 1/50 of this part of it; in volumes, 1/450.
    nonnegative : bool
        Allow no negative intensities, because light is never negative.
    gain : float
        Intensity units per photon, for images whose noise grows with brightness; 0 if the
        noise is the same everywhere.
    read_noise : float
        Standard deviation of the camera's noise in the dark, in intensity units. It is used
        only together with the gain.

    Examples
    --------
    >>> Hessian(nonnegative=True).nonnegative
    True
    """

    prior = "hessian"
    weight_factor = 0.075

    short_name = "Hessian"
    softens_edges = True

    weight: Weight = "auto"
    iterations: Iterations = 100
    tolerance: Tolerance = 0.15
    nonnegative: Nonnegative = False
    gain: GainOrNone = 0.0
    read_noise: ReadNoise = 0.0

    def working_copies(self, axes: int) -> int:
        """See :class:`Method`."""
        return {1: 20, 2: 30, 3: 42}[axes]
