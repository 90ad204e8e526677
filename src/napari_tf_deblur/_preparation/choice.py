"""Which method suits an image.

On held-out photographs and simulated fluorescence, in 2D and 3D, with the weight chosen by the
truth, `PoissonLikelihood` is 0.01 dB behind the best of all methods in the median, and at one in
ten 0.3: it is not worth much to guess better. What it cannot do is what decides.
"""

import numpy as np

from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.statistics import Statistics
from napari_tf_deblur.methods import Auto, Hessian, Method, PoissonLikelihood, TotalVariation

NOT_LIGHT = 6.0
"""Standard deviations of the noise below zero that light with noise does not reach."""

FAR_BELOW = 0.001
"""Part of the pixels that may lie lower: dead pixels, and chance."""

HARDLY_BLURRED = 0.35
"""Part of the power of white light from which on a PSF leaves so little to be sharpened that the
noise decides, which the Hessian takes away better: Gaussians of up to half a pixel."""


def of(wanted: Method | Calibration | Auto, image: Statistics) -> tuple[Method, str]:
    """The method that is wanted, and why if it was left to the image."""
    if isinstance(wanted, Calibration):
        return wanted.method, wanted.reason
    if isinstance(wanted, Method):
        return wanted, ""
    return chosen(image)


def chosen(image: Statistics) -> tuple[Method, str]:
    """Pick the method that suits an image, and say why.

    Parameters
    ----------
    image : Statistics
        Of the image as it is.

    Returns
    -------
    Method
        With values that are found from the image.
    str
        A sentence.
    """
    kept = image.values
    if image.valid is not None:
        kept = kept[np.broadcast_to(image.valid, kept.shape)]
    dark = np.count_nonzero(kept < -NOT_LIGHT * image.noise) > FAR_BELOW * kept.size
    if dark:
        return (
            TotalVariation(),
            "The image has values below zero, so that it does not show amounts of light.",
        )
    if image.passed > HARDLY_BLURRED:
        return (
            Hessian(nonnegative=bool(kept.min() >= 0)),
            "The PSF is so narrow that there is more noise to remove than blur.",
        )
    return (
        PoissonLikelihood(),
        f"The image shows amounts of light: {_what(image)}.",
    )


def _what(image: Statistics) -> str:
    """What kind of picture it is, in words."""
    words = "a volume" if image.axes == 3 else "a picture"
    if image.values.shape[1] > 1:
        words += " in colour"
    if image.background.level > 0:
        words += " on a dark ground"
    return words
