"""What is found once from a whole image, and serves every piece of it."""

from dataclasses import dataclass, field
from typing import Self

from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._noise.background import describe_subtraction
from napari_tf_deblur._preparation.global_values import GlobalValues
from napari_tf_deblur._preparation.statistics import Statistics
from napari_tf_deblur.methods import Method


@dataclass(frozen=True)
class Calibration:
    """What was found from a whole image: how to solve it, or any piece of it, alike.

    Made by :func:`napari_tf_deblur.calibrate`, and part of each result. Given to
    :func:`napari_tf_deblur.deconvolve` in place of a method, a tile, a plane or another time
    point is deblurred as the whole image would be.

    Attributes
    ----------
    method : Method
        The method, with every value filled in: weight, gain, balance, background.
    scale : float
        Intensity units of the image per unit of the solver, above 0.
    reason : str
        Why this method was picked, if it was; else empty.
    psf_width : float
        Width of the PSF to deblur with, as a part of that of the PSF that is given: less than 1
        where trials showed that one to be too wide.
    background_error : float or None
        How sure the method's background is, in intensity units, where it was found from the
        image: see :class:`.Background`. It changes no result and is
        not compared.
    blur : BlurEstimate or None
        The blur that was found in the image, where no PSF was given: used again where none is.
    global_values : GlobalValues or None
        What else a run takes from all pixels, if this is for pieces of one image: they run alike,
        and no seam is seen. Not compared.
    """

    method: Method
    scale: float
    reason: str = ""
    psf_width: float = 1.0
    background_error: float | None = field(default=None, compare=False)
    blur: BlurEstimate | None = field(default=None, repr=False)
    global_values: GlobalValues | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_statistics(
        cls,
        method: Method,
        image: Statistics,
        reason: str = "",
        background_error: float | None = None,
        blur: BlurEstimate | None = None,
    ) -> Self:
        """Look at an image.

        Parameters
        ----------
        method : Method
            What is to be done.
        image : Statistics
            Of the image less the method's offset.
        reason : str, optional
            Why it was picked.
        background_error : float, optional
            How sure the method's offset is, where the image has said it.
        blur : BlurEstimate, optional
            What its PSF was made of, where none was given.
        """
        fitted, scale = method.with_estimates(image), method.intensity_scale(image)
        return cls(fitted, scale, reason, background_error=background_error, blur=blur)

    @property
    def about_background(self) -> str:
        """The background that is subtracted, and how sure it is, in words; empty if it is 0."""
        return describe_subtraction(self.method.offset, self.background_error)
