"""The blur of an image, from the image alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_tf_deblur._blur.fit import OWN, WIDTHS, Fit, Model
from napari_tf_deblur._blur.spectrum import pieces_of, spectrum_of
from napari_tf_deblur._noise.broken_pixels import saturated_at
from napari_tf_deblur._preparation.broken import broken_pixels
from napari_tf_deblur._preparation.planes import Planes, real_array, relative_spacing
from napari_tf_deblur.errors import InvalidValueError
from napari_tf_deblur.psf import PSF, gaussian_psf

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

SHARP = 0.8
"""Sigma in pixels of a PSF beside which single pixels are broken before anything is known of it."""

LEAST_SIGMA = 0.3
"""Pixels: narrower is not told from no blur at all."""

CERTAIN = 0.055
"""Largest relative standard deviation of a sigma that is known."""

MODEL_ERROR = 0.04
"""Relative error that the best known sigma has, for scenes differ."""

ELONGATED = 6.0
"""Logarithm of the odds from which on widths differ along axes; between this and `ROUND` the
image does not tell."""

ROUND = 4.0

UPRIGHT = 3.0
"""Degrees below which an angle is none."""


@dataclass(frozen=True, eq=False)
class BlurEstimate:
    """How blurred an image is; made by :func:`estimate_blur`.

    Attributes
    ----------
    sigma : tuple of float
        Standard deviation of the Gaussian along each deblurred axis, in pixels; turned by
        `angle` in 2D.
    angle : float
        Degrees, as in :func:`napari_tf_deblur.gaussian_psf`; 0 where it is round or upright.
    interval : tuple of (float, float)
        Least and largest sigma per axis that the image allows, about 19 times in 20.
    confident : bool
        Whether the image tells its blur: not where it is flat, small, not blurred or too noisy.
    curve : tuple of ndarray
        Widths in pixels, and how badly each fits the image's spectrum if it is the same along
        all axes: minus the logarithm of its probability, least 0. Read-only.
    """

    sigma: tuple[float, ...]
    angle: float
    interval: tuple[tuple[float, float], ...]
    confident: bool
    curve: tuple[Floats, Floats]

    @property
    def narrow(self) -> tuple[float, ...]:
        """The sigmas to deconvolve with: between the most likely and the least.

        A PSF that is too wide rings, and costs several times as much as one that is as much too
        narrow.
        """
        pairs = zip(self.sigma, self.interval, strict=True)
        return tuple(max((sigma + least) / 2, LEAST_SIGMA) for sigma, (least, _) in pairs)

    def psf(self) -> PSF:
        """Make the PSF of the `narrow` sigmas.

        Returns
        -------
        ndarray of float32
            See :func:`napari_tf_deblur.gaussian_psf`.
        """
        return gaussian_psf(self.narrow, angle=self.angle if len(self.sigma) == 2 else 0.0)

    def __str__(self) -> str:
        """Say it in a sentence."""
        sigmas = " x ".join(f"{s:.2f}" for s in dict.fromkeys(self.sigma))
        turned = f", turned by {self.angle:.0f} degrees" if self.angle else ""
        if not self.confident:
            return (
                "The image does not tell well how blurred it is; a Gaussian of sigma "
                f"{sigmas} pixels{turned} is a guess. Measure the PSF, or give its sigma."
            )
        ranges = dict.fromkeys(self.interval)
        allowed = " x ".join(f"{low:.2f} to {high:.2f}" for low, high in ranges)
        return f"The image is blurred like a Gaussian of sigma {sigmas} pixels{turned} ({allowed})."


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
    """Find how blurred an image is, as a Gaussian, from its power spectrum.

    The spectra of scenes fall with a power of frequency, give or take; a Gaussian blur makes
    them fall with its square instead, down to the floor of the noise. Scene, blur and noise are
    fitted together; how much scenes differ says how well the blur is known. Pictures that are
    soft themselves read as blurred, and rightly so.

    Parameters
    ----------
    image : array_like
        Any real dtype. Its last axes are looked at together, leading ones (time, planes of a
        stack) are pooled. NaN, infinite, masked and saturated pixels do not count. Of large
        images a part is looked at.
    isotropic : bool, optional
        Whether the blur is the same along all axes; by default the image says it.
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
        Sigmas in pixels, how well they are known, and whether to believe them.

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
    planes, values = Planes.of(image, np.ones((1,) * axes, np.float32), channel_axis, alpha)
    relative = relative_spacing(spacing, axes)
    ignored = planes.ignored(image, mask)
    valid = np.isfinite(values) if ignored is None else np.isfinite(values) & ~ignored
    if not valid.any():
        raise InvalidValueError(
            "The image has no pixel to tell the blur from: all are masked, NaN or infinite."
        )
    np.copyto(values, 0, where=~valid)
    if np.isfinite(top := saturated_at(values, valid)):
        valid &= values < top
    broken = broken_pixels(values, valid, list(range(len(values))), gaussian_psf((SHARP,) * axes))
    if broken is not None:
        valid &= ~broken
    pieces = pieces_of(values, None if valid.all() else valid)
    if not pieces:
        return _unknown(axes)
    model = Model(spectrum_of(pieces, relative))
    equal, curve = model.equal()
    elongated = None if isotropic or axes == 1 else model.by_axis(equal)
    odds = 0.0 if elongated is None else equal.badness - elongated.badness
    if elongated is None or (isotropic is None and odds < ELONGATED):
        variances, angle = np.full(axes, float(equal.blur[0])), 0.0
        errors = np.full(axes, float(np.sqrt(equal.uncertainty[0, 0])))
        told = elongated is None or isotropic is True or odds < ROUND
    else:
        variances, angle, errors = _principal(elongated, axes)
        told = True
    return _estimate(variances - OWN, errors, angle, told, curve)


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


def _principal(fit: Fit, axes: int) -> tuple[Floats, float, Floats]:
    """Variances along the axes, or in 2D along turned ones; the angle; standard deviations."""
    if axes == 3:
        return fit.blur, 0.0, np.sqrt(np.diag(fit.uncertainty))
    first, mixed, second = fit.blur
    _, turned = np.linalg.eigh([[first, mixed], [mixed, second]])
    if abs(turned[0, 0]) < abs(turned[0, 1]):
        turned = turned[:, ::-1]
    turned = turned * np.sign(np.diag(turned))
    angle = float(np.degrees(np.arctan2(turned[1, 0], turned[0, 0])))
    if abs(angle) < UPRIGHT:
        turned, angle = np.eye(2), 0.0
    rows = np.array([[u[0] ** 2, 2 * u[0] * u[1], u[1] ** 2] for u in turned.T])
    errors = np.sqrt(np.einsum("ij,jk,ik->i", rows, fit.uncertainty, rows))
    return cast(Floats, rows @ fit.blur), angle, cast(Floats, errors)


def _estimate(
    variances: Floats, errors: Floats, angle: float, told: bool, curve: Floats
) -> BlurEstimate:
    kept = np.maximum(variances, LEAST_SIGMA**2)
    sigma = np.sqrt(kept)
    uncertain = errors / kept / 2
    reach = np.minimum(2 * np.hypot(uncertain, MODEL_ERROR), 1.0)
    inside = np.all(variances > LEAST_SIGMA**2) and sigma.max() < 0.8 * WIDTHS[-1]
    curve = curve - curve.min()
    curve.flags.writeable = False
    return BlurEstimate(
        sigma=tuple(float(s) for s in sigma),
        angle=angle,
        interval=tuple(
            (float(max(s * (1 - r), 0.0)), float(s * (1 + r))) for s, r in zip(sigma, reach)
        ),
        confident=bool(told and inside and uncertain.max() < CERTAIN),
        curve=(_widths(), curve),
    )


def _unknown(axes: int) -> BlurEstimate:
    curve = np.zeros(len(WIDTHS))
    curve.flags.writeable = False
    sigma = (LEAST_SIGMA,) * axes
    return BlurEstimate(sigma, 0.0, ((0.0, float(WIDTHS[-1])),) * axes, False, (_widths(), curve))


def _widths() -> Floats:
    widths = WIDTHS.copy()
    widths.flags.writeable = False
    return widths
