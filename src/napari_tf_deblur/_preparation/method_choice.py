"""Which method suits an image.

On 96 held-out problems (photographs and simulated fluorescence in 2D; Gaussians, motion, boxes and
discs), each method with the weight that it finds itself, `PoissonLikelihood` was the best of three
in the median, and 0.5 dB behind at one in ten; only a chessboard of hard edges lost more than 2.1.
What it cannot do is what decides; and where the image is softer than the PSF, and as smooth as
`Hessian` takes it to be, which trials on a part of it tell, that one gains up to 5 dB.

Where most pixels have no photon, slopes of an image's root say little, and what is smooth for them
is no scene: `RichardsonLucy`, which stops in time, was better in 50 of 56 images of
``benchmarks/sparse_counts.py --development``, by 1.8 dB in the median and up to 8.7; discs with
hard edges lost 2.3 at the most. Where some light lies about everything (0.3 photons per pixel and
more), it was worse in 17 of 21, by up to 3.8: such images are not sparse.
"""

from typing import NamedTuple

import numpy as np

from napari_tf_deblur._core.psf_resizing import MAX_USEFUL_POWER
from napari_tf_deblur._noise.detector_artifacts import DEAD_PART
from napari_tf_deblur._noise.slabs import select_valid
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.statistics import Statistics
from napari_tf_deblur.methods import (
    Auto,
    Hessian,
    Method,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
)

MAX_NEGATIVE_SIGMAS = 6.0
"""Standard deviations of the noise below zero that light with noise does not reach. Derived: chance
exceeds six once in a thousand million times."""

SMOOTH_REASON = "in trials on a part of it, a smooth result fitted best"
"""Why another method than the usual was taken."""


class MethodChoice(NamedTuple):
    """A method, and why it was picked.

    Attributes
    ----------
    method : Method
        With values that may be left to the image.
    reason : str
        A sentence; empty for a method that was asked for.
    rival : Choice or None
        What is taken instead if trials show that it predicts the image better.
    """

    method: Method
    reason: str = ""
    rival: "MethodChoice | None" = None


def choose_method(wanted: Method | Calibration | Auto, image: Statistics) -> MethodChoice:
    """The method that is wanted, and why if it was left to the image."""
    if isinstance(wanted, Calibration):
        return MethodChoice(wanted.method, wanted.reason)
    if isinstance(wanted, Method):
        return MethodChoice(wanted)
    return choose_by_image(image)


def choose_by_image(image: Statistics) -> MethodChoice:
    """Pick the method that suits an image, and say why.

    Parameters
    ----------
    image : Statistics
        Of the image as it is.
    """
    kept = select_valid(image.pixels)
    dark = np.count_nonzero(kept < -MAX_NEGATIVE_SIGMAS * image.noise) > DEAD_PART * kept.size
    if dark:
        signed = "The image has values below zero, so that it does not show amounts of light"
        smooth = MethodChoice(Hessian(), f"{signed}; {SMOOTH_REASON}.")
        return MethodChoice(TotalVariation(), f"{signed}.", smooth)
    hessian = Hessian(nonnegative=bool(kept.min() >= 0))
    if image.passed_power > MAX_USEFUL_POWER:
        reason = "The PSF is so narrow that there is more noise to remove than blur."
        return MethodChoice(hessian, reason)
    if image.is_sparse:
        reason = "The image counts photons, and most of its pixels have none."
        return MethodChoice(RichardsonLucy(), reason)
    light = f"The image shows amounts of light: {_describe_picture(image)}"
    return MethodChoice(
        PoissonLikelihood(), f"{light}.", MethodChoice(hessian, f"{light}; {SMOOTH_REASON}.")
    )


def _describe_picture(image: Statistics) -> str:
    """What kind of picture it is, in words."""
    words = "a volume" if image.axes == 3 else "a picture"
    if image.values.shape[1] > 1:
        words += " in colour"
    if image.background.level > 0:
        words += " on a dark ground"
    return words
