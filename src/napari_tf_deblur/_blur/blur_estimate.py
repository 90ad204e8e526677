"""The estimated blur of an image: its family, its size, and how certain these are."""

from dataclasses import dataclass, field

from napari_tf_deblur._blur.probable_blur import MIN_BLUR_SIGMA, MIN_SHAPE_ODDS, Family
from napari_tf_deblur._core.gaussian_psf import gaussian_psf
from napari_tf_deblur._core.psf_shapes import disc_psf, motion_psf
from napari_tf_deblur._core.typing import PSF, Float64Array

USED_SIGMA_FRACTION = 0.8
"""Position of the sigma that is used, on the way from the lower bound (0) to the most likely sigma
(1), for a confident estimate. Chosen by ``benchmarks/blur_choices.py --used``: the error is
smallest."""


@dataclass(frozen=True)
class BlurEstimate:
    """The estimated blur of an image, as :func:`estimate_blur` returns it.

    Attributes
    ----------
    family : {"Gaussian", "disc", "line", "none"}
        The kind of blur: a Gaussian, as of most optics; a disc (out of focus); a line (motion); or
        no visible blur.
    sigma : tuple of float
        Standard deviation of the blur along each deblurred axis, in pixels; in 2D, of axes rotated
        by `angle`.
    angle : float
        Angle in degrees, as in :func:`napari_tf_deblur.gaussian_psf`; of a line, its direction. It
        is 0 if the blur is round or not rotated.
    radius, length : float
        Radius of a disc, length of a line, in pixels; 0 for other families.
    interval : tuple of (float, float)
        For each axis, lower and upper bound of sigma, in pixels. The true sigma lies between them
        for about 95 % of images.
    odds : float
        Natural logarithm of the odds over the second most probable family. Below 3 the image does
        not tell them apart. It is negative if neither a lens nor motion explains the image, but a
        filter does (a box, a Gaussian that is cut off), or blocks of one size. It is infinite if
        no other family was tried: discs and lines need two axes with pixels of equal size.
    confident : bool
        Whether the image shows its blur clearly. It does not if it is flat, small, not blurred or
        too noisy, or if a soft scene, or the shape of its objects, may look like blur.
    curve : tuple of ndarray
        Sigmas in pixels; and for each, minus the logarithm of the probability of a Gaussian blur of
        that sigma, with minimum 0. Read-only.
    """

    family: Family
    sigma: tuple[float, ...]
    angle: float
    radius: float
    length: float
    interval: tuple[tuple[float, float], ...]
    odds: float
    confident: bool
    curve: tuple[Float64Array, Float64Array] = field(compare=False)

    @property
    def narrow(self) -> tuple[float, ...]:
        """The sigmas, in pixels, that are used to deconvolve.

        They are the most likely ones for a confident disc or line. Those of a confident Gaussian
        are slightly smaller, because soft scenes make an estimate too wide more often than too
        narrow. If the estimate is only a guess, the lower bounds are used: a PSF that is much too
        wide makes edges ring, and its error is several times that of one that is too narrow by as
        much.
        """
        part = 1.0 if self.family in ("disc", "line") else USED_SIGMA_FRACTION
        part = part if self.confident else 0.0
        pairs = zip(self.sigma, self.interval, strict=True)
        return tuple(max(lower + part * (s - lower), MIN_BLUR_SIGMA) for s, (lower, _) in pairs)

    def psf(self) -> PSF:
        """Make the PSF of the `narrow` sigmas.

        Returns
        -------
        ndarray of float32
            The PSF of this family, of sum 1: see :func:`napari_tf_deblur.gaussian_psf`,
            :func:`napari_tf_deblur.disc_psf` and :func:`napari_tf_deblur.motion_psf`.
        """
        narrow = self.narrow
        if self.family == "disc":
            return disc_psf(self.radius * narrow[0] / self.sigma[0])
        if self.family == "line":
            return motion_psf(self.length * narrow[1] / self.sigma[1], self.angle)
        return gaussian_psf(narrow, angle=self.angle if len(self.sigma) == 2 else 0.0)

    def __str__(self) -> str:
        """Return the estimate in a sentence."""
        if not self.confident:
            blur = self._describe(self.narrow)
            if self.odds < 0:
                reason = (
                    "Neither a lens nor motion explains the image: it may be filtered, by a box or "
                    "a Gaussian that is cut off, or show blocks of one size"
                )
            elif self.family == "disc" and self.odds >= MIN_SHAPE_ODDS:
                reason = "It may be out of focus, but round objects of one size look the same"
            else:
                reason = "The image does not show clearly how blurred it is"
            return f"{reason}; {blur} is a guess. Measure the PSF, or give its width."
        intervals = dict.fromkeys(self.interval)
        if self.family == "disc":
            low, high = (2 * sigma for sigma in self.interval[0])
            interval = f"{low:.2f} to {high:.2f}"
        elif self.family == "line":
            low, high = (sigma * self.length / self.sigma[1] for sigma in self.interval[1])
            interval = f"{low:.1f} to {high:.1f}"
        else:
            interval = " x ".join(f"{low:.2f} to {high:.2f}" for low, high in intervals)
        return f"The image is blurred by {self._describe(self.sigma)} ({interval})."

    def _describe(self, sigma: tuple[float, ...]) -> str:
        """Describe a blur of this family with other sigmas."""
        times = sigma[-1] / self.sigma[-1]
        if self.family == "disc":
            return f"a disc, out of focus, of radius {times * self.radius:.2f} pixels"
        if self.family == "line":
            return f"motion of {times * self.length:.1f} pixels at {round(self.angle)} degrees"
        sigmas = " x ".join(f"{s:.2f}" for s in dict.fromkeys(sigma))
        rotation = f", turned by {round(self.angle)} degrees" if self.angle else ""
        return f"a Gaussian of sigma {sigmas} pixels{rotation}"
