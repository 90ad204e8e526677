"""Choose the method that suits an image.

`PoissonLikelihood` is chosen unless the image rules it out. On 96 held-out problems (photographs
and simulated fluorescence in 2D; Gaussian, motion, box and disc PSFs), with the weight that each
method finds, it was the best of three methods in the median. In one of ten problems it was 0.5 dB
worse than the best; only a chessboard of hard edges lost more than 2.1 dB. `TotalVariation` is
chosen for images with negative values, and `Hessian` for very narrow PSFs. If the image is softer
than the PSF, trials on a part of it may replace the method by `Hessian`; this gains up to 5 dB in
smooth images.

`RichardsonLucy` is chosen for sparse photon counts. If most pixels have no photon, the slopes of
the square root of the image say little, and the prior of `PoissonLikelihood` does not suit the
scene. `RichardsonLucy`, which stops before noise is sharpened, was better in 50 of 56 images of
``benchmarks/sparse_counts.py --development``: by 1.8 dB in the median and by up to 8.7 dB. Discs
with hard edges lost at most 2.3 dB. With a background of 0.3 photons per pixel or more it was worse
in 17 of 21 images, by up to 3.8 dB: such images are not sparse.
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
"""Standard deviations of the noise below zero beyond which noise does not explain a value. Derived:
normal noise exceeds six once in a thousand million times."""

SMOOTH_REASON = "in trials on a part of it, a smooth result fitted best"
"""Reason that is given if trials chose the rival."""


class MethodChoice(NamedTuple):
    """A method, and why it was chosen.

    Attributes
    ----------
    method : Method
        The method; some of its values may still have to be found from the image.
    reason : str
        Sentence that says why; empty if the user chose the method.
    rival : MethodChoice or None
        Method that is used instead if trials show that it predicts the image better.
    """

    method: Method
    reason: str = ""
    rival: "MethodChoice | None" = None


def choose_method(request: Method | Calibration | Auto, image: Statistics) -> MethodChoice:
    """Return the method that was requested, or the one that suits the image for "auto"."""
    if isinstance(request, Calibration):
        return MethodChoice(request.method, request.reason)
    if isinstance(request, Method):
        return MethodChoice(request)
    return choose_by_image(image)


def choose_by_image(image: Statistics) -> MethodChoice:
    """Choose the method that suits an image, and say why.

    Parameters
    ----------
    image : Statistics
        Measurements of the image before any offset is subtracted.
    """
    values = select_valid(image.pixels)
    negative = np.count_nonzero(values < -MAX_NEGATIVE_SIGMAS * image.noise)
    if negative > DEAD_PART * values.size:
        signed = "The image has values below zero, so it does not show amounts of light"
        smooth = MethodChoice(Hessian(), f"{signed}; {SMOOTH_REASON}.")
        return MethodChoice(TotalVariation(), f"{signed}.", smooth)
    hessian = Hessian(nonnegative=bool(values.min() >= 0))
    if image.passed_power > MAX_USEFUL_POWER:
        reason = "The PSF is so narrow that noise matters more than blur."
        return MethodChoice(hessian, reason)
    if image.is_sparse:
        reason = "The image counts photons, and most of its pixels have none."
        return MethodChoice(RichardsonLucy(), reason)
    light = f"The image shows amounts of light: {_describe_picture(image)}"
    return MethodChoice(
        PoissonLikelihood(), f"{light}.", MethodChoice(hessian, f"{light}; {SMOOTH_REASON}.")
    )


def _describe_picture(image: Statistics) -> str:
    """Describe an image in a few words, such as "a picture in colour"."""
    words = "a volume" if image.axes == 3 else "a picture"
    if image.values.shape[1] > 1:
        words += " in colour"
    if image.background.level > 0:
        words += " on a dark ground"
    return words
