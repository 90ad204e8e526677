"""Estimate the blur of an image from the image alone."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from napari_tf_deblur._blur.blur_estimate import BlurEstimate
from napari_tf_deblur._blur.families import find_blur
from napari_tf_deblur._blur.gaussian_fit import TRIAL_SIGMAS, fit_isotropic
from napari_tf_deblur._blur.jpeg import estimate_jpeg_error, to_luminance
from napari_tf_deblur._blur.probable_blur import MIN_BLUR_SIGMA, ProbableBlur
from napari_tf_deblur._blur.spectrum import measure_spectrum
from napari_tf_deblur._blur.spectrum_model import SpectrumModel
from napari_tf_deblur._blur.spectrum_patches import extract_patches
from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.gaussian_psf import gaussian_psf
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.planes import PlaneLayout, real_array
from napari_tf_deblur._core.spacing import relative_spacing
from napari_tf_deblur._core.typing import Float64Array
from napari_tf_deblur._noise.bad_pixels import find_bad_pixels
from napari_tf_deblur._noise.detector_artifacts import find_saturation_level
from napari_tf_deblur._noise.slabs import find_peak_and_unit

DEFAULT_PSF_SIGMA = 0.85
"""Sigma, in pixels, of the Gaussian PSF that is used to find bad pixels before the blur is known.
Derived: its full width at half maximum is two pixels, as most microscopes and telescopes sample."""

JPEG_NOISE_FACTOR = 12.0
"""White noise of this many times the power of the compression error is added to the spectrum of a
compressed image; the error is measured at low frequencies. The noise hides the high frequencies,
where the quantisation steps are up to three times as large, and lost coefficients look like more
blur. Chosen by ``benchmarks/blur_choices.py --jpeg``."""


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
    """Estimate the blur of an image from its power spectrum.

    The power of a scene falls roughly with a power of frequency. A Gaussian blur makes its
    logarithm fall with the square of frequency, down to the level of the noise. Discs (out of
    focus) and lines (motion) make dark rings or stripes in the spectrum. Scene, blur and noise are
    fitted together, for each family of blurs. The uncertainty of the blur includes how much scenes
    differ.

    Soft scenes, such as cells, look blurred themselves. If the spectrum is unlike that of a sharp
    scene, the estimate is only a guess, and `confident` is False. Of JPEG images, only frequencies
    well above the error of compression are used.

    Parameters
    ----------
    image : array_like
        The image, of any real dtype. The last axes are blurred. Leading axes (time, planes of a
        stack) are pooled. NaN, infinite, masked and saturated pixels do not count. Of a large
        image, patches are used.
    isotropic : bool, optional
        Whether the blur is the same along all axes, which excludes motion. By default the image
        decides.
    ndim : int, optional
        Number of blurred axes, 1 to 3; by default two, or the length of `spacing`.
    channel_axis : int, optional
        Axis of colour channels, which are pooled.
    alpha : bool, optional
        Whether the last channel is transparency, which is not used.
    spacing : sequence of float, optional
        Size of a voxel along each blurred axis, in any unit. Scenes are assumed to be alike along
        all axes in this unit. The result is in pixels all the same.
    mask : array_like, optional
        True, or any number but 0, for pixels to ignore; broadcast to the image without its
        channel axis.

    Returns
    -------
    BlurEstimate
        The family, its sizes in pixels, their uncertainty, and whether they can be believed.

    Raises
    ------
    TypeError
        If the image does not hold real numbers.
    ValueError
        If the image has no pixels that count or fewer axes than requested, or if the spacing does
        not fit.

    Notes
    -----
    The likelihood of a spectrum is that of Whittle, Arkiv för Matematik 2 (1953). The spectra of
    natural pictures are described by Ruderman, Network 5 (1994).

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import ndimage
    >>> scene = np.zeros((128, 128))
    >>> scene[tuple(np.random.default_rng(0).integers(0, 128, (2, 200)))] = 1
    >>> blur = estimate_blur(ndimage.gaussian_filter(scene, 2))
    >>> 1.6 < blur.sigma[0] < 2.4
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
            "The image has no pixels from which the blur can be estimated: all are masked, NaN or "
            "infinite."
        )
    np.copyto(values, 0, where=~valid)
    if np.isfinite(level := find_saturation_level(Pixels(values, valid))):
        valid &= values < level
    bad_pixels = find_bad_pixels(
        Pixels(values, valid), list(range(len(values))), gaussian_psf((DEFAULT_PSF_SIGMA,) * axes)
    )
    if bad_pixels is not None:
        valid &= ~bad_pixels
    jpeg_error = estimate_jpeg_error(Pixels(values, valid))
    if jpeg_error:  # JPEG stores colours with larger steps than brightness, and at half the size
        values, valid = to_luminance(values), np.all(valid, axis=1, keepdims=True)
    pixels = Pixels(values, None if valid.all() else valid)
    patches = extract_patches(pixels)
    if not patches:
        return _unknown_estimate(axes)
    spectrum = measure_spectrum(patches, relative)
    if jpeg_error:
        error = jpeg_error / find_peak_and_unit(pixels)[1]
        spectrum = replace(spectrum, power=spectrum.power + JPEG_NOISE_FACTOR * error**2)
    model = SpectrumModel(spectrum)
    isotropic_fit, curve = fit_isotropic(model)
    return _to_estimate(find_blur(model, isotropic_fit, isotropic), curve)


def _number_of_axes(
    image: ArrayLike, ndim: int | None, channel_axis: int | None, spacing: Sequence[float] | None
) -> int:
    """Return the number of blurred axes."""
    available = real_array(image).ndim - (channel_axis is not None)
    requested = min(2, available) if spacing is None else int(np.size(spacing))
    requested = requested if ndim is None else ndim
    if not 1 <= requested <= 3:
        raise InvalidValueError(f"'ndim' is {requested!r}; the blur can have 1 to 3 axes.")
    if requested > available:
        raise InvalidValueError(
            f"A blur along {requested} axes was requested, but the image has {available}; request "
            "fewer ('ndim')."
        )
    return requested


def _to_estimate(blur: ProbableBlur, curve: Float64Array) -> BlurEstimate:
    """Turn a blur into the public class."""
    curve = curve - curve.min()
    curve.flags.writeable = False
    return BlurEstimate(
        family=blur.family,
        sigma=tuple(map(float, blur.sigma)),
        angle=blur.angle,
        radius=blur.size if blur.family == "disc" else 0.0,
        length=blur.size if blur.family == "line" else 0.0,
        interval=tuple(zip(map(float, blur.sigma_lower), map(float, blur.sigma_upper))),
        odds=float(blur.odds),
        confident=blur.confident,
        curve=(_read_only_sigmas(), curve),
    )


def _unknown_estimate(axes: int) -> BlurEstimate:
    """Return the estimate for an image that says nothing of its blur."""
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
    """Return a read-only copy of `TRIAL_SIGMAS`."""
    sigmas = TRIAL_SIGMAS.copy()
    sigmas.flags.writeable = False
    return sigmas
