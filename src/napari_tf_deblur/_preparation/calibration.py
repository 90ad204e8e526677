"""Hold what is estimated once from a whole image and is used for every piece of it."""

from dataclasses import dataclass, field, replace
from typing import Self

from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._noise.background import describe_subtraction
from napari_tf_deblur._preparation.global_values import GlobalValues
from napari_tf_deblur._preparation.statistics import Statistics
from napari_tf_deblur.methods import Method


@dataclass(frozen=True)
class Calibration:
    """Settings that were estimated from a whole image, for it and for its pieces.

    :func:`napari_tf_deblur.calibrate` makes one, and each result holds one. If
    :func:`napari_tf_deblur.deconvolve` is given a calibration in place of a method, it deblurs a
    tile, a plane or another time point as it would deblur the whole image.

    Attributes
    ----------
    method : Method
        The method with all its values filled in: weight, gain, balance, background.
    scale : float
        Intensity units of the image per unit of the solver, above 0.
    reason : str
        Why the method was chosen; empty if the user chose it.
    psf_width : float
        Ratio of the width of the PSF to deblur with to that of the given PSF. It is less than 1
        if trials showed that the given PSF is too wide.
    background_error : float or None
        Error of the background in intensity units, if it was estimated from the image: see
        :class:`.Background`. It changes no result, and comparisons leave it out.
    blur : BlurEstimate or None
        Blur that was estimated from the image, if no PSF was given. It is used for other images
        without a PSF.
    global_values : GlobalValues or None
        Other values that a run takes from all pixels, if the calibration is for pieces of one
        image. With them no seams appear between the pieces. Comparisons leave them out.
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
        """Fill in the values of a method from the measurements of an image.

        Parameters
        ----------
        method : Method
            The method, with its offset filled in.
        image : Statistics
            Measurements of the image after the method's offset was subtracted.
        reason : str, optional
            Why the method was chosen.
        background_error : float, optional
            Error of the method's offset, if it was estimated from the image.
        blur : BlurEstimate, optional
            The estimated blur that the PSF was made from, if no PSF was given.
        """
        fitted, scale = method.with_estimates(image), method.intensity_scale(image)
        return cls(fitted, scale, reason, background_error=background_error, blur=blur)

    def with_smoothing(self, factor: float) -> Self:
        """Return the calibration with a weight that is some times as large."""
        return self if factor == 1 else replace(self, method=self.method.with_smoothing(factor))

    @property
    def about_background(self) -> str:
        """The background that is subtracted and its error, as a sentence; empty if it is 0."""
        return describe_subtraction(self.method.offset, self.background_error)
