"""Turn the fit of a Gaussian, a disc, a line or a filter into a blur with its uncertainty."""

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from napari_tf_deblur._blur.batch_scene_model import PIXEL_BLUR_VARIANCE_SD
from napari_tf_deblur._blur.blur_fit import BlurFit
from napari_tf_deblur._blur.filter_fit import FilterFit
from napari_tf_deblur._blur.gaussian_fit import (
    PIXEL_BLUR_VARIANCE,
    POINT_SCENE_SLOPE,
    TRIAL_SIGMAS,
)
from napari_tf_deblur._blur.shape_fit import ShapeFit
from napari_tf_deblur._core.typing import Float64Array

Family = Literal["none", "Gaussian", "disc", "line"]


MIN_BLUR_SIGMA = 0.3
"""Least sigma, in pixels, that can be told from no blur. Chosen by
``benchmarks/blur_constants.py``: 1.5 times misses two blurs of 66."""

MAX_WIDTH_ERROR = 0.055
"""Largest relative standard deviation of a width for a confident estimate. Chosen by
``benchmarks/blur_constants.py``: with half, 26 estimates of 37 stay clear; 1.5 times, with 45, was
not tried on soft scenes."""

MODEL_ERROR = 0.02
"""Least relative error of a sigma, a radius or a length, because scenes differ. Chosen by
``benchmarks/blur_constants.py``: with half, 4 clear estimates of 37 are false in place of 1; 1.5
times changes no number."""

MAX_USUAL_BENDING, BENDING_ERROR = 1.5, 0.15
"""Bending of a scene's spectrum above which the scene itself may be soft and look blurred; and the
relative error of sigma for each unit of bending above it and each squared pixel of blur variance
above `NARROW_GAUSSIAN_VARIANCE`. Chosen by ``benchmarks/blur_choices.py --families``: sharp
photographs have up to 2.5 at blurs of 1.5 pixels and more, soft scenes and textures 3 and more."""

NARROW_GAUSSIAN_VARIANCE = 1.0
"""Variance of a Gaussian, in squared pixels, below which bending does not matter: PSFs as narrow as
pixels bend the spectra of sharp scenes themselves, while soft scenes look more blurred than that.
Chosen by ``benchmarks/blur_choices.py --families``."""

NARROW_DISC_VARIANCE = 1.5
"""Variance of a disc, in squared pixels, below which bending does not matter: only the first zero
of a narrow disc is visible. Chosen by ``benchmarks/blur_choices.py --families``."""

MIN_OBJECT_BENDING = 3.9
"""Bending of the scene above which a wider disc may be the shape of objects. Chosen by
``benchmarks/blur_choices.py --families``: beads that are slightly blurred have 4.0 and more, or
slopes below `MAX_POINT_SLOPE`; photographs out of focus mostly have less."""

MIN_DARK_RING_ODDS = 12.0
"""Log odds of a disc above which its dark rings are visible in the spectrum. No soft scene has such
rings. Chosen by ``benchmarks/blur_choices.py --families``: soft scenes, such as cells, have up to
5."""

MIN_SHAPE_ODDS = 3.0
"""Log odds above which a disc or a line is told from a Gaussian, and an elongated Gaussian from a
round one. Derived: 20 to 1."""

MAX_POINT_SLOPE = 0.45
"""Slope of the amplitudes of a scene below which it is a scene of points. There, a disc may be the
shape of the objects: round objects of one size look like points out of focus. Chosen by
``benchmarks/blur_choices.py --families``."""

POINT_SIGMA_ERROR = 0.5
"""Relative error of sigma in a scene of points. Guard: these may be small objects of one size;
``tests/blur/test_blur_families.py``."""

MIN_ANGLE_DEGREES = 3.0
"""Angle in degrees below which a blur counts as not rotated. Definition: of a blur along axes."""


@dataclass(frozen=True)
class ProbableBlur:
    """The most probable blur, with its uncertainty.

    Attributes
    ----------
    family : str
        The family of blurs.
    sigma : ndarray
        Standard deviations in pixels, per axis; in 2D, of axes rotated by `angle`.
    sigma_lower, sigma_upper : ndarray
        Bounds of the interval that contains the true sigma in about 95 % of images.
    angle : float
        Angle in degrees.
    size : float
        Radius of a disc or length of a line, in pixels; else 0.
    odds : float
        Natural logarithm of the odds over the second most probable family; negative if the kernel
        of an image filter is likelier than any family.
    confident : bool
        Whether the image shows its blur clearly.
    """

    family: Family
    sigma: Float64Array
    sigma_lower: Float64Array
    sigma_upper: Float64Array
    angle: float
    size: float
    odds: float
    confident: bool


def blur_from_shape(shape: ShapeFit, odds: float) -> ProbableBlur:
    """Make a blur from the fit of a disc or a line.

    Parameters
    ----------
    shape : ShapeFit
        The fit.
    odds : float
        Natural logarithm of the odds over the other families.
    """
    size = float(shape.parameters[0])
    error = float(np.hypot(shape.uncertainty[0], MODEL_ERROR))
    if shape.kind == "disc":
        sigma, angle = np.full(2, size / 2), 0.0
        excess = max(size**2 / 4 - NARROW_DISC_VARIANCE, 0.0)
        if odds < MIN_DARK_RING_ODDS:
            bending = max(shape.spectral_bending - MAX_USUAL_BENDING, 0.0)
            error = float(np.hypot(error, BENDING_ERROR * excess * bending))
        may_be_objects = shape.slope < MAX_POINT_SLOPE or (
            excess > 0 and shape.spectral_bending > MIN_OBJECT_BENDING
        )
    else:
        sigma = np.array([MIN_BLUR_SIGMA, size / np.sqrt(12)])
        angle, may_be_objects = 90 - (90 - float(shape.parameters[1])) % 180, False
    return ProbableBlur(
        family=shape.kind,
        sigma=sigma,
        sigma_lower=sigma * (0.0 if may_be_objects else max(1 - 2 * error, 0.0)),
        sigma_upper=sigma * (1 + 2 * error),
        angle=angle,
        size=size,
        odds=odds,
        confident=odds >= MIN_SHAPE_ODDS and error < MAX_WIDTH_ERROR and not may_be_objects,
    )


def blur_from_filter(kernel: FilterFit, odds: float, gaussian: ProbableBlur) -> ProbableBlur:
    """Make a guess from the fit of a filter's kernel: the Gaussian of the same sigmas.

    Blocks of one size in a scene have the spectrum of a box. So the lower bounds are those of a
    Gaussian, if these are lower.

    Parameters
    ----------
    kernel : FilterFit
        The fit.
    odds : float
        Natural logarithm of the odds of the kernel over the families.
    gaussian : ProbableBlur
        The most probable Gaussian.
    """
    half_width = 2 * MODEL_ERROR
    lower = gaussian.sigma_lower.min() if gaussian.angle else gaussian.sigma_lower
    return ProbableBlur(
        family="Gaussian",
        sigma=kernel.sigma,
        sigma_lower=np.minimum(kernel.sigma * (1 - half_width), lower),
        sigma_upper=kernel.sigma * (1 + half_width),
        angle=0.0,
        size=0.0,
        odds=-odds,
        confident=False,
    )


def blur_from_gaussian(
    isotropic_fit: BlurFit,
    anisotropic_fit: BlurFit | None,
    axes: int,
    isotropic: bool | None,
) -> ProbableBlur:
    """Make a blur from the fits of a Gaussian.

    Parameters
    ----------
    isotropic_fit : BlurFit
        The fit with one variance for all axes.
    anisotropic_fit : BlurFit or None
        The fit with one variance per axis. It is used if the image clearly supports it.
    axes : int
        Number of axes.
    isotropic : bool or None
        Whether the blur is the same along all axes; None if the fits decide.
    """
    odds = (
        0.0
        if anisotropic_fit is None
        else isotropic_fit.negative_log_posterior - anisotropic_fit.negative_log_posterior
    )
    if anisotropic_fit is None or (isotropic is None and odds < MIN_SHAPE_ODDS):
        variances, angle, fit = np.full(axes, float(isotropic_fit.blur[0])), 0.0, isotropic_fit
        errors = np.full(axes, float(np.sqrt(isotropic_fit.uncertainty[0, 0])))
    else:
        variances, angle, errors = _principal_variances(anisotropic_fit, axes)
        fit = anisotropic_fit
    variances = variances - PIXEL_BLUR_VARIANCE
    clipped = np.maximum(variances, MIN_BLUR_SIGMA**2)
    bending_error = (
        BENDING_ERROR
        * max(clipped.max() - NARROW_GAUSSIAN_VARIANCE, 0.0)
        * max(fit.spectral_bending - MAX_USUAL_BENDING, 0.0)
    )
    fit_error = np.hypot(errors / clipped / 2, bending_error)
    model_error = np.hypot(MODEL_ERROR, PIXEL_BLUR_VARIANCE_SD / clipped / 2)
    half_width = np.minimum(2 * np.hypot(fit_error, model_error), 1.0)
    is_points = fit.slope == POINT_SCENE_SLOPE
    if is_points:
        half_width = np.maximum(half_width, POINT_SIGMA_ERROR)
    is_too_wide = np.sqrt(clipped.max()) > 0.8 * TRIAL_SIGMAS[-1]
    if is_too_wide:  # no blur was found
        half_width = np.ones(axes)
    is_found = np.all(variances > MIN_BLUR_SIGMA**2) and not is_too_wide
    is_exact = fit_error.max() < MAX_WIDTH_ERROR
    return ProbableBlur(
        family="none" if np.all(variances <= MIN_BLUR_SIGMA**2) else "Gaussian",
        sigma=np.sqrt(clipped),
        sigma_lower=np.sqrt(clipped) * (1 - half_width),
        sigma_upper=np.sqrt(clipped) * (1 + half_width),
        angle=angle,
        size=0.0,
        odds=np.inf,
        confident=bool(is_found and is_exact and not is_points),
    )


def _principal_variances(fit: BlurFit, axes: int) -> tuple[Float64Array, float, Float64Array]:
    """Return variances per axis, in 2D of rotated axes; the angle; standard deviations."""
    if axes == 3:
        return fit.blur, 0.0, np.sqrt(np.diag(fit.uncertainty))
    first, mixed, second = fit.blur
    _, rotation = np.linalg.eigh([[first, mixed], [mixed, second]])
    if abs(rotation[0, 0]) < abs(rotation[0, 1]):
        rotation = rotation[:, ::-1]
    rotation = rotation * np.sign(np.diag(rotation))
    angle = float(np.degrees(np.arctan2(rotation[1, 0], rotation[0, 0])))
    if abs(angle) < MIN_ANGLE_DEGREES:
        rotation, angle = np.eye(2), 0.0
    rows = np.array([[u[0] ** 2, 2 * u[0] * u[1], u[1] ** 2] for u in rotation.T])
    errors = np.sqrt(np.einsum("ij,jk,ik->i", rows, fit.uncertainty, rows))
    return cast(Float64Array, rows @ fit.blur), angle, cast(Float64Array, errors)
