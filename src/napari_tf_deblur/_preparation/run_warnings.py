"""Collect what a user should know before a run, as notices."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.typing import PSF
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.image_check import image_warnings
from napari_tf_deblur._preparation.method_choice import MAX_NEGATIVE_SIGMAS
from napari_tf_deblur._preparation.statistics import Statistics
from napari_tf_deblur._preparation.usable_pixels import UsablePixels

MAX_NEGATIVE_PART = 0.05
"""Part of the range below the background that does no harm. Guard: against warnings of images with
hardly any noise; ``tests/preparation/test_prepared_run.py``."""


def warn_of_pixels(image: ArrayLike, pixels: UsablePixels, offset: float) -> tuple[Notice, ...]:
    """Warn of saturation, of a blank image, and of a background that is too high.

    Parameters
    ----------
    image : array_like
        The image as it was given.
    pixels : UsablePixels
        Its planes, and the pixels that count.
    offset : float
        Background that the method subtracts, in intensity units.
    """
    layout = pixels.layout
    valid = None if pixels.ignored is None else layout.join_mask(~pixels.ignored)
    values = layout.drop_transparency(np.asarray(image))
    return image_warnings(values, background=offset, valid=valid)


def warn_of_planes(pixels: UsablePixels, psf: PSF) -> Iterator[Notice]:
    """Warn of blank planes, of a PSF that is larger than the image, and of bad pixels."""
    layout = pixels.layout
    if pixels.blank:
        names = ", ".join(layout.plane_name(plane) for plane in sorted(pixels.blank))
        yield Notice(
            "blank planes",
            f"Plane{'s' * (len(pixels.blank) > 1)} {names} of the image: every pixel is masked, "
            "NaN or infinite, so there is nothing to deblur; left unchanged.",
        )
    if any(p > n for p, n in zip(psf.shape, layout.frame)):
        yield Notice(
            "PSF larger than the image",
            f"The PSF of {' x '.join(map(str, psf.shape))} pixels is larger than the image of "
            f"{' x '.join(map(str, layout.frame))} pixels: much of the light comes from beyond the "
            "frame, and the image says little about it.",
        )
    if pixels.bad is not None:
        yield Notice(
            "bad pixels",
            f"{np.count_nonzero(pixels.bad)} single pixel(s) differ more from their neighbours "
            "than light through this PSF can (hot or dead pixels, cosmic rays). They were ignored.",
        )


def warn_of_calibration(
    calibration: Calibration, image: Statistics, blur: BlurEstimate | None
) -> Iterator[Notice]:
    """Tell of an estimated or narrowed PSF, and warn of negative values."""
    if blur:
        yield Notice("PSF found", str(blur))
    if calibration.psf_width != 1:
        yield Notice(
            "PSF narrowed",
            f"Deblurred with a PSF {calibration.psf_width:.2g} times as wide as "
            f"{'the one found' if blur else 'the one given'}, because trials predicted the image "
            "better with it. To use a PSF as it is, give the weight as a number (in the dock: "
            "'Advanced', 'Weight').",
        )
    method = calibration.method
    if method.counts_photons and is_negative(image, calibration.scale):
        yield Notice(
            "negative values",
            f"The image has values below {'its background' if method.offset else 'zero'}. This "
            "method treats them as noise, because light is never negative. Set the background to "
            "what the camera shows without light.",
        )


def is_negative(image: Statistics, scale: float) -> bool:
    """Whether some values are so far below zero that noise does not explain them."""
    lowest = -float(image.values.min())
    return lowest > MAX_NEGATIVE_PART * scale and lowest > MAX_NEGATIVE_SIGMAS * image.noise_level
