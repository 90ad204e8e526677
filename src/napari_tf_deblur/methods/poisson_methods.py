"""Declare the methods for photon counts: Poisson likelihood and Richardson-Lucy."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Self

from napari_tf_deblur._noise.background import Background
from napari_tf_deblur.methods.base import (
    LARGEST_INTENSITY,
    PASSED_POWER_EXPONENT,
    Auto,
    FromImage,
    Iterations,
    Method,
    ReadNoise,
    Tolerance,
)
from napari_tf_deblur.methods.image_statistics import ImageStatistics

BackgroundValue = Annotated[
    float | Auto,
    {"min": -LARGEST_INTENSITY, "max": LARGEST_INTENSITY, "step": 0.01, "number": 0.0},
]
Gain = Annotated[
    float | Auto,
    {
        "min": 1e-38,
        "max": LARGEST_INTENSITY,
        "step": 0.01,
        "number": 1.0,
        "label": "Gain, intensity per photon",
    },
]

POISSON_WEIGHT = {1: 0.14, 2: 0.14, 3: 0.47}
"""Weight that suits images of mean slope 1 without blur, by number of axes. Chosen by
``benchmarks/constants.py --vary POISSON_WEIGHT``: over its runs, half loses 0.4 dB in sum, 1.5
times 0.1 dB."""

MAX_POISSON_WEIGHT = 1000.0
"""Largest weight. Guard: against an infinite weight for images without slopes."""

MIN_PHOTON_NOISE_RATIO = 3.0
"""Least ratio of the variance of the photon noise in the brightest parts to that of the read noise.
With a smaller ratio, slopes of the square root of the image do not match the noise, and no weight
suits both dark and bright parts. Guard: against noise that is not of photons;
``tests/run/test_weight_search.py``."""

TRIAL_TOLERANCE_FACTOR = 1.5
"""Ratio of the tolerance of trials to that of a run. The error from ending a trial early is smaller
than the differences between weights, and a trial takes two thirds of the time. Chosen by
``benchmarks/constants.py --vary TRIAL_TOLERANCE_FACTOR``: over its runs, half loses 0.1 dB in sum,
1.5 times 0.2 dB."""


class PoissonMethod(Method):
    """Base of these methods: intensities above the background are amounts of light."""

    counts_photons = True
    reach = 1

    background: float | Auto

    @property
    def offset(self) -> float:
        """See :class:`Method`."""
        return 0.0 if isinstance(self.background, str) else self.background

    def with_offset(self, image: ImageStatistics) -> Self:
        """See :class:`Method`: it estimates the background."""
        return self.with_background(image.background) if self.background == "auto" else self

    def with_background(self, background: Background) -> Self:
        """Return the method with an estimated background."""
        level: dict[str, Any] = {"background": background.level}
        return replace(self, **level)


@dataclass(frozen=True)
class PoissonLikelihood(PoissonMethod):
    """Penalised Poisson likelihood: for photon counts, dim or bright; never negative.

    Finds the most likely image for photon counts, with a prior on the slopes and curvatures
    of its square root. In the square root the noise of photons is the same everywhere, so
    that dim and bright structures are smoothed equally (after Good & Gaskins, Biometrika 58,
    1971; Verveer & Jovin, JOSA A 14, 1997). The solver is ADMM (Figueiredo & Bioucas-Dias,
    IEEE TIP 19(12), 2010).

    Parameters
    ----------
    weight : float, "auto" or "cross-validated"
        Regularisation weight, relative to the weight that suits the number of photons and of
        dimensions: 1 for most images. A larger weight removes more noise, a smaller one keeps
        more detail. "auto" finds it from the noise and the image; "cross-validated" finds it by
        several runs.
    iterations : int
        Largest number of iterations. The run ends earlier if the image stops changing.
    tolerance : float
        The image has stopped changing if two iterations in a row change no line of pixels
        by more than this part of the contrast of the line; in volumes no plane, by more than
        four fifths of this. The contrast is that of amplitudes, so that faint and small objects
        count as much as bright and large ones; it is at least the noise of photons. The
        re-blurred image must not change by more than a twentieth of this either, in standard
        deviations of its noise; nor the loss, by more than 1/50 of this part of it; in volumes,
        1/150.
    gain : float or "auto"
        Intensity units per photon. "auto" estimates it from the image, and uses a larger value
        if the read noise is so large that it hides the noise of photons.
    read_noise : float
        Standard deviation of the camera's noise in the dark, in intensity units. If the
        background is estimated, the noise of the background is used if it is larger.
    background : float or "auto"
        Intensity without the structure, from the camera or from haze, in intensity units. It
        is part of the model and not of the result. "auto" estimates it from the image, rather
        too low than too high.

    Examples
    --------
    >>> PoissonLikelihood(gain=2.5).gain
    2.5
    """

    solver = "poisson"
    prior = "neighbours"
    short_name = "Poisson"
    sample = "Fluorescence"
    keeps_freed_memory = False  # its loop allocates all its memory at once

    weight: Annotated[
        float | FromImage, {"min": 0.0, "max": MAX_POISSON_WEIGHT, "step": 0.1, "number": 1.0}
    ] = "auto"
    iterations: Iterations = 100
    tolerance: Tolerance = 0.15
    gain: Gain = "auto"
    read_noise: ReadNoise = 0.0
    background: BackgroundValue = "auto"

    @property
    def trial_tolerance(self) -> float:
        """Tolerance in trials of a weight."""
        return min(TRIAL_TOLERANCE_FACTOR * self.tolerance, 1.0)

    def working_copies(self, axes: int) -> int:
        """See :class:`Method`."""
        return 42 if axes == 3 else 40

    def suggest_weight(self, image: ImageStatistics) -> float:
        """See :class:`Method`: the noise does not enter, as the weight is relative to photons."""
        weight = (
            POISSON_WEIGHT[image.axes] * image.passed_power**PASSED_POWER_EXPONENT / image.slope
        )
        return float(min(weight, MAX_POISSON_WEIGHT))

    def with_background(self, background: Background) -> Self:
        """See :class:`PoissonMethod`: the noise of the background counts as read noise."""
        read_noise = max(self.read_noise, background.noise)
        return replace(self, background=background.level, read_noise=read_noise)

    def with_estimates(self, image: ImageStatistics) -> Self:
        """See :class:`Method`: it estimates the gain and the weight."""
        gain, weight = self.gain, self.weight
        if gain == "auto":
            least = MIN_PHOTON_NOISE_RATIO * self.read_noise**2 / image.scale
            gain = max(image.gain(self.read_noise), least)
        if isinstance(weight, str):
            weight = self.suggest_weight(image)
        return replace(self, gain=gain, weight=weight)

    def with_smoothing(self, ratio: float) -> Self:
        """See :class:`Method`: the weight is multiplied."""
        return self.scale_parameter("weight", ratio)


@dataclass(frozen=True)
class RichardsonLucy(PoissonMethod):
    """Richardson-Lucy: for images made of few photons; never negative, keeps the flux.

    Maximises the Poisson likelihood (Richardson 1972; Lucy 1974), optionally accelerated
    (Biggs & Andrews, Appl. Opt. 36, 1997) and with total variation (Dey et al., Microsc.
    Res. Tech. 69, 2006). With too many iterations it also sharpens noise.

    Parameters
    ----------
    iterations : int or "auto"
        Number of iterations. More iterations give a sharper and noisier image. "auto" stops
        before noise is sharpened.
    background : float or "auto"
        Intensity without the structure, from the camera or from haze, in intensity units. It
        is part of the model and not of the result. "auto" estimates it from the image, rather
        too low than too high.
    tv_weight : float
        Weight of the total variation, relative to the Poisson likelihood of intensities
        scaled to a range of 1; 0 for none.
    accelerate : bool
        Reach the same likelihood with several times fewer iterations.

    Examples
    --------
    >>> RichardsonLucy(iterations=20)
    RichardsonLucy(iterations=20, background='auto', tv_weight=0.0, accelerate=True)
    """

    solver = "richardson_lucy"
    short_name = "RL"
    keeps_freed_memory = True

    iterations: Annotated[int | Auto, {"min": 1, "max": 100_000, "number": 15}] = "auto"
    background: BackgroundValue = "auto"
    tv_weight: Annotated[float, {"min": 0.0, "max": 1.0, "step": 1e-5, "label": "TV weight"}] = 0.0
    accelerate: bool = True

    @property
    def prior(self) -> str | None:
        """See :class:`Method`: total variation, if `tv_weight` is above 0."""
        return "total_variation" if self.tv_weight else None

    def working_copies(self, axes: int) -> int:
        """See :class:`Method`."""
        return 18 if self.tv_weight else 14

    def with_estimates(self, image: ImageStatistics) -> Self:
        """See :class:`Method`: it estimates the number of iterations."""
        if self.iterations != "auto":
            return self
        iterations = image.richardson_lucy_iterations(self.accelerate)
        return replace(self, iterations=iterations)

    def with_smoothing(self, ratio: float) -> Self:
        """See :class:`Method`: the iterations are divided by the ratio."""
        return self.scale_parameter("iterations", 1 / ratio)

    def suggest_weight(self, image: ImageStatistics) -> None:
        """See :class:`Method`: it has no weight; the number of iterations regularises."""
