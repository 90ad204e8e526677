"""The fixed rule by which each of our methods is set, for every case. It sees no truth."""

from collections.abc import Callable

import numpy as np
from skimage.restoration import estimate_sigma

from napari_tf_deblur import Hessian, RichardsonLucy, TotalVariation, Wiener
from napari_tf_deblur.methods import Method


class Known:
    """What a microscopist knows about an image.

    Attributes
    ----------
    noise : float
        Standard deviation of the noise, estimated, for intensities scaled to a range of 1.
    gain : float
        Intensity per photon; 0 if the noise is the same everywhere or the gain unknown.
    counts : bool
        Whether the intensities are amounts of light on a dark ground.
    """

    def __init__(
        self, blurred: np.ndarray, gain: float | None, counts: bool, channel_axis: int | None
    ) -> None:
        low, high = np.percentile(blurred, [0.1, 99.9])  # as deconvolve scales intensities
        sigma = estimate_sigma(blurred, channel_axis=channel_axis, average_sigmas=True)
        self.noise = float(sigma / (high - low))
        self.gain = gain or 0.0
        self.counts = counts


def total_variation(known: Known) -> Method:
    weight = 0.6 * known.noise**1.5
    return TotalVariation(weight=weight, gain=known.gain, nonnegative=known.counts)


def hessian(known: Known) -> Method:
    weight = 0.36 * known.noise**1.5
    return Hessian(weight=weight, gain=known.gain, nonnegative=known.counts)


def richardson_lucy(known: Known) -> Method:
    return RichardsonLucy()


def wiener(known: Known) -> Method:
    return Wiener()


RULES: dict[str, Callable[[Known], Method]] = {
    "TotalVariation": total_variation,
    "Hessian": hessian,
    "RichardsonLucy": richardson_lucy,
    "Wiener": wiener,
}
"""By method, in the order of the table's columns."""
