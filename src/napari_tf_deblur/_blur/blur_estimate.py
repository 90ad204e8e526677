"""The blur of an image, from the image alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from napari_tf_deblur._blur.families import (
    MIN_BLUR_SIGMA,
    MIN_SHAPE_ODDS,
    Family,
    ProbableBlur,
    find_blur,
)
from napari_tf_deblur._blur.gaussian_fit import TRIAL_SIGMAS, SpectrumModel
from napari_tf_deblur._blur.jpeg import estimate_jpeg_error, to_luminance
from napari_tf_deblur._blur.spectrum import extract_patches, measure_spectrum
from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.planes import PlaneLayout, real_array, relative_spacing
from napari_tf_deblur._core.psf import gaussian_psf
from napari_tf_deblur._core.psf_shapes import disc_psf, motion_psf
from napari_tf_deblur._core.typing import PSF, Float64Array
from napari_tf_deblur._noise.bad_pixels import find_bad_pixels
from napari_tf_deblur._noise.detector_artifacts import find_saturation_level
from napari_tf_deblur._noise.slabs import find_peak_and_unit

DEFAULT_PSF_SIGMA = 0.8
"""Sigma, in pixels, of the PSF by which broken pixels are found before the blur is known. Set by
hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

JPEG_NOISE_FACTOR = 12.0
"""Power of white noise that is added to a compressed image, over that of the compression error at
low frequencies. At high ones steps are up to three times as large, and coefficients below half a
step are lost, which looks like more blur; beside this noise it does not count. Chosen by
``benchmarks/blur_choices.py --jpeg``."""

USED_SIGMA_FRACTION = 0.8
"""Part of the way from the least to the most likely sigma at which the sigma lies that is used,
where the image tells it. Chosen by ``benchmarks/blur_choices.py --used``: the error is smallest."""


@dataclass(frozen=True)
class BlurEstimate:
    """How blurred an image is; made by :func:`estimate_blur`.

    Attributes
    ----------
    family : {"Gaussian", "disc", "line", "none"}
        What blurred it: a Gaussian, as most optics do; a disc, which is out of focus; a line,
        which is motion; or nothing that can be seen.
    sigma : tuple of float
        Standard deviation of the blur along each deblurred axis, in pixels; turned by `angle`
        in 2D.
    angle : float
        Degrees, as in :func:`napari_tf_deblur.gaussian_psf`; of a line, its direction; 0 where
        the blur is round or upright.
    radius, length : float
        Of a disc or a line, in pixels; 0 for other families.
    interval : tuple of (float, float)
        Least and largest sigma per axis that the image allows, about 19 times in 20.
    odds : float
        How much less likely the next family is: the natural logarithm of the odds. Below 3 the
        image does not tell them apart. Infinite where no other was tried: discs and lines are for
        two axes with pixels as large along both.
    confident : bool
        Whether the image tells its blur: not where it is flat, small, not blurred or too noisy,
        and not where the scene's own softness, or the shape of its objects, may pass for blur.
    curve : tuple of ndarray
        Widths in pixels, and how badly each fits the image's spectrum if the blur is a Gaussian
        of that sigma: minus the logarithm of its probability, least 0. Read-only.
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
        """The sigmas to deconvolve with: the most likely ones or, of a guess, the least.

        Those of a Gaussian are taken a little narrower: scenes that are soft make it too wide
        oftener than too narrow. A PSF that is much too wide rings, and costs several times as
        much as one that is as much too narrow, so that of a guess the least is taken.
        """
        part = 1.0 if self.family in ("disc", "line") else USED_SIGMA_FRACTION
        part = part if self.confident else 0.0
        pairs = zip(self.sigma, self.interval, strict=True)
        return tuple(max(least + part * (s - least), MIN_BLUR_SIGMA) for s, (least, _) in pairs)

    def psf(self) -> PSF:
        """Make the PSF of the `narrow` sigmas.

        Returns
        -------
        ndarray of float32
            Of the family that was found: see :func:`napari_tf_deblur.gaussian_psf`,
            :func:`napari_tf_deblur.disc_psf` and :func:`napari_tf_deblur.motion_psf`.
        """
        narrow = self.narrow
        if self.family == "disc":
            return disc_psf(self.radius * narrow[0] / self.sigma[0])
        if self.family == "line":
            return motion_psf(self.length * narrow[1] / self.sigma[1], self.angle)
        return gaussian_psf(narrow, angle=self.angle if len(self.sigma) == 2 else 0.0)

    def __str__(self) -> str:
        """Say it in a sentence."""
        if not self.confident:
            used = self._describe(self.narrow)
            why = (
                "It may be out of focus, but round objects of one size look the same"
                if self.family == "disc" and self.odds >= MIN_SHAPE_ODDS
                else "The image does not tell well how blurred it is"
            )
            return f"{why}; {used} is a guess. Measure the PSF, or give its width."
        ranges = dict.fromkeys(self.interval)
        if self.family == "disc":
            low, high = (2 * sigma for sigma in self.interval[0])
            allowed = f"{low:.2f} to {high:.2f}"
        elif self.family == "line":
            low, high = (sigma * self.length / self.sigma[1] for sigma in self.interval[1])
            allowed = f"{low:.1f} to {high:.1f}"
        else:
            allowed = " x ".join(f"{low:.2f} to {high:.2f}" for low, high in ranges)
        return f"The image is blurred by {self._describe(self.sigma)} ({allowed})."

    def _describe(self, sigma: tuple[float, ...]) -> str:
        """A blur of this family and these sigmas."""
        times = sigma[-1] / self.sigma[-1]
        if self.family == "disc":
            return f"a disc, out of focus, of radius {times * self.radius:.2f} pixels"
        if self.family == "line":
            return f"motion of {times * self.length:.1f} pixels at {self.angle:.0f} degrees"
        sigmas = " x ".join(f"{s:.2f}" for s in dict.fromkeys(sigma))
        turned = f", turned by {self.angle:.0f} degrees" if self.angle else ""
        return f"a Gaussian of sigma {sigmas} pixels{turned}"


def estimate_blur(
    image: ArrayLike,
    *,
    isotropic: bool | None = None,
    ndim: int | None = None,
    channel_axis: int | None = None,
    alpha: bool = False,
    spacing: Sequence[float] | None = None,
    mask: ArrayLike | None = None,
) -> BlurEstimate:
    """Find what blurred an image, and how much, from its power spectrum.

    The spectra of scenes fall with a power of frequency, give or take; a Gaussian blur makes
    them fall with its square instead, down to the floor of the noise, and discs (out of focus)
    and lines (motion) put dark rings or stripes into them. Scene, blur and noise are fitted
    together, for each family of blurs; how much scenes differ says how well the blur is known.
    Scenes that are soft themselves, such as cells, look blurred: where the spectrum is
    unlike that of a sharp scene, the estimate is no more than a guess and says so. Of JPEG images
    only what stands well above the error of their compression counts.

    Parameters
    ----------
    image : array_like
        Any real dtype. Its last axes are looked at together, leading ones (time, planes of a
        stack) are pooled. NaN, infinite, masked and saturated pixels do not count. Of large
        images a part is looked at.
    isotropic : bool, optional
        Whether the blur is the same along all axes, so that it is no motion; by default the
        image says it.
    ndim : int, optional
        How many axes are blurred, 1 to 3; by default two, or as many as `spacing` has.
    channel_axis : int, optional
        Axis of colour channels, which are pooled.
    alpha : bool, optional
        Whether the last channel is transparency, which is left out.
    spacing : sequence of float, optional
        Voxel size along each blurred axis, in any unit: scenes are alike in these, and the
        sigmas are in pixels all the same.
    mask : array_like, optional
        True, or any number but 0, for pixels to ignore; broadcast to the image without its
        channel axis.

    Returns
    -------
    BlurEstimate
        The family, its sizes in pixels, how well they are known, and whether to believe them.

    Raises
    ------
    TypeError
        If the image does not hold real numbers.
    ValueError
        If it has no pixels that count, fewer axes than asked for, or the spacing does not fit.

    Notes
    -----
    After Whittle, Arkiv för Matematik 2 (1953), for the likelihood of a spectrum; that of
    natural pictures: Ruderman, Network 5 (1994).

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import ndimage
    >>> scene = np.zeros((128, 128))
    >>> scene[tuple(np.random.default_rng(0).integers(0, 128, (2, 200)))] = 1
    >>> found = estimate_blur(ndimage.gaussian_filter(scene, 2))
    >>> 1.6 < found.sigma[0] < 2.4
    True
    """
    axes = _number_of_axes(image, ndim, channel_axis, spacing)
    planes, values = PlaneLayout.split_image(
        image, np.ones((1,) * axes, np.float32), channel_axis, alpha
    )
    relative = relative_spacing(spacing, axes)
    ignored = planes.ignored_pixels(image, mask)
    valid = np.isfinite(values) if ignored is None else np.isfinite(values) & ~ignored
    if not valid.any():
        raise InvalidValueError(
            "The image has no pixel to tell the blur from: all are masked, NaN or infinite."
        )
    np.copyto(values, 0, where=~valid)
    if np.isfinite(top := find_saturation_level(Pixels(values, valid))):
        valid &= values < top
    broken = find_bad_pixels(
        Pixels(values, valid), list(range(len(values))), gaussian_psf((DEFAULT_PSF_SIGMA,) * axes)
    )
    if broken is not None:
        valid &= ~broken
    compressed = estimate_jpeg_error(Pixels(values, valid))
    if compressed:  # colours are rounded more coarsely than brightness, and at half the size
        values, valid = to_luminance(values), np.all(valid, axis=1, keepdims=True)
    mask_of_pieces = None if valid.all() else valid
    pieces = extract_patches(Pixels(values, mask_of_pieces))
    if not pieces:
        return _unknown_estimate(axes)
    spectrum = measure_spectrum(pieces, relative)
    if compressed:
        error = compressed / find_peak_and_unit(Pixels(values, mask_of_pieces))[1]
        spectrum = replace(spectrum, power=spectrum.power + JPEG_NOISE_FACTOR * error**2)
    model = SpectrumModel(spectrum)
    equal, curve = model.fit_isotropic()
    return _to_estimate(find_blur(model, equal, isotropic), curve)


def _number_of_axes(
    image: ArrayLike, ndim: int | None, channel_axis: int | None, spacing: Sequence[float] | None
) -> int:
    there = real_array(image).ndim - (channel_axis is not None)
    wanted = min(2, there) if spacing is None else int(np.size(spacing))
    wanted = wanted if ndim is None else ndim
    if not 1 <= wanted <= 3:
        raise InvalidValueError(f"'ndim' is {wanted!r}; the blur can have 1 to 3 axes.")
    if wanted > there:
        raise InvalidValueError(
            f"The image has {there} axes to be blurred along, and {wanted} are asked for; ask for "
            "fewer ('ndim')."
        )
    return wanted


def _to_estimate(found: ProbableBlur, curve: Float64Array) -> BlurEstimate:
    curve = curve - curve.min()
    curve.flags.writeable = False
    return BlurEstimate(
        family=found.family,
        sigma=tuple(map(float, found.sigma)),
        angle=found.angle,
        radius=found.size if found.family == "disc" else 0.0,
        length=found.size if found.family == "line" else 0.0,
        interval=tuple(zip(map(float, found.sigma_lower), map(float, found.sigma_upper))),
        odds=float(found.odds),
        confident=found.confident,
        curve=(_read_only_sigmas(), curve),
    )


def _unknown_estimate(axes: int) -> BlurEstimate:
    curve = np.zeros(len(TRIAL_SIGMAS))
    curve.flags.writeable = False
    return BlurEstimate(
        family="none",
        sigma=(MIN_BLUR_SIGMA,) * axes,
        angle=0.0,
        radius=0.0,
        length=0.0,
        interval=((0.0, float(TRIAL_SIGMAS[-1])),) * axes,
        odds=0.0,
        confident=False,
        curve=(_read_only_sigmas(), curve),
    )


def _read_only_sigmas() -> Float64Array:
    widths = TRIAL_SIGMAS.copy()
    widths.flags.writeable = False
    return widths
