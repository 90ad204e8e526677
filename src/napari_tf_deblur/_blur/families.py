"""Which blur an image has: a Gaussian, a disc, a line, or none; and how well that is known."""

from dataclasses import dataclass, replace
from typing import Literal, cast

import numpy as np

from napari_tf_deblur._blur.gaussian_fit import (
    PIXEL_BLUR_VARIANCE,
    POINT_SCENE_SLOPE,
    TRIAL_SIGMAS,
    GaussianBlurFit,
    SpectrumModel,
)
from napari_tf_deblur._blur.shape_fit import (
    MIN_SHAPE_SIZE,
    PIXEL_BLUR_VARIANCE_SD,
    BatchSceneModel,
    ShapeFit,
    fit_disc,
    fit_line,
    gaussian_negative_log_posterior,
)
from napari_tf_deblur._core.typing import Float64Array

Family = Literal["none", "Gaussian", "disc", "line"]

MIN_BLUR_SIGMA = 0.3
"""Least sigma, in pixels, that is told from no blur. Set by hand: half or 1.5 times changes nothing
in ``benchmarks/CONSTANTS.md``."""

MAX_WIDTH_ERROR = 0.055
"""Largest relative standard deviation of a width that counts as known. Set by hand; its effect is
in ``benchmarks/CONSTANTS.md``."""

SIGMA_MODEL_ERROR = 0.04
"""Least relative error of a sigma, as scenes differ. Set by hand; its effect is in
``benchmarks/CONSTANTS.md``."""

SIZE_MODEL_ERROR = 0.01
"""Least relative error of a radius or a length. It is small, as zeros of the spectrum tell them.
Set by hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

MAX_USUAL_BENDING, BENDING_ERROR = 1.5, 0.15
"""Oddity of a Gaussian's scene above which its own softness may look like blur; and the relative
error of the sigma for each unit of oddity above, and each squared pixel of blur beyond
`NARROW_GAUSSIAN_VARIANCE`. Chosen by ``benchmarks/blur_choices.py --families``: sharp photographs
have up to 2.5 at blurs of 1.5 pixels and more, soft scenes and textures 3 and more."""

NARROW_GAUSSIAN_VARIANCE = 1.0
"""Variance, in squared pixels, up to which a Gaussian's scene may be odd: PSFs as narrow as pixels
bend the spectra of sharp scenes, while soft scenes seem to be blurred more than that. Chosen by
``benchmarks/blur_choices.py --families``."""

NARROW_DISC_VARIANCE = 1.5
"""Variance, in squared pixels, up to which a disc's scene may be odd: of narrow discs only the
first zero is seen. Chosen by ``benchmarks/blur_choices.py --families``."""

MIN_OBJECT_BENDING = 3.9
"""Oddity of a wider disc's scene from which on the disc may be the shape of objects. Chosen by
``benchmarks/blur_choices.py --families``: beads that are blurred a little have 4.0 and more, or
slopes below `MAX_POINT_SLOPE`; photographs out of focus mostly less."""

MIN_DARK_RING_ODDS = 12.0
"""Logarithm of the odds of a disc from which on its dark rings are seen, which no softness of a
scene makes. Chosen by ``benchmarks/blur_choices.py --families``: soft scenes, such as cells, have
up to 5."""

MIN_ELONGATED_ODDS = 6.0
"""Logarithm of the odds from which on widths differ along axes. Set by hand: half or 1.5 times
changes nothing in ``benchmarks/CONSTANTS.md``."""

MAX_ROUND_ODDS = 4.0
"""Logarithm of the odds below which widths are the same along axes; between this and
`MIN_ELONGATED_ODDS` the image does not tell. Set by hand: half or 1.5 times changes nothing in
``benchmarks/CONSTANTS.md``."""

MIN_SHAPE_ODDS = 3.0
"""Logarithm of the odds from which on a disc or a line is told from a Gaussian. Derived: 20 to
1."""

MAX_POINT_SLOPE = 0.45
"""Slope of a scene's amplitudes below which it is one of points. There a disc may be their own
shape: round objects of one size look like points out of focus. Chosen by
``benchmarks/blur_choices.py --families``."""

POINT_SIGMA_ERROR = 0.5
"""Relative error of the sigma in a scene of points, which may be small objects of one size. Set by
hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

MIN_ANGLE_DEGREES = 3.0
"""Angle in degrees below which a blur counts as upright. Set by hand: half or 1.5 times changes
nothing in ``benchmarks/CONSTANTS.md``."""


@dataclass(frozen=True)
class ProbableBlur:
    """The most probable blur.

    Attributes
    ----------
    family : str
        What it is.
    sigma : ndarray
        Standard deviations in pixels, per axis, turned by `angle` in 2D.
    least, most : ndarray
        Those that are allowed, about 19 times in 20.
    angle : float
        Degrees.
    size : float
        Radius of a disc or length of a line, in pixels; else 0.
    odds : float
        Logarithm of how much less likely the next family is.
    told : bool
        Whether the image tells its blur.
    """

    family: Family
    sigma: Float64Array
    sigma_lower: Float64Array
    sigma_upper: Float64Array
    angle: float
    size: float
    odds: float
    confident: bool


def find_blur(
    model: SpectrumModel, isotropic_fit: GaussianBlurFit, isotropic: bool | None
) -> ProbableBlur:
    """Compare the families.

    Parameters
    ----------
    model : Model
        Of the spectrum.
    equal : Fit
        Of a Gaussian that is the same along all axes.
    isotropic : bool or None
        Whether the blur is the same along all axes; None if the image says it.
    """
    axes = len(model.spectrum.frame)
    elongated = None if isotropic or axes == 1 else model.fit_anisotropic(isotropic_fit)
    gaussian = _from_gaussian(isotropic_fit, elongated, axes, isotropic)
    if axes != 2 or not model.spectrum.has_equal_pixels:
        return gaussian
    scenes = BatchSceneModel(model, isotropic_fit.slope)
    least = gaussian_negative_log_posterior(
        model, [isotropic_fit, elongated] if elongated else [isotropic_fit]
    )
    disc = fit_disc(scenes) if isotropic is not False else None
    line = fit_line(scenes) if not isotropic else None
    shapes = [s for s in (disc, line) if s and s.parameters[0] >= MIN_SHAPE_SIZE[s.kind]]
    best = min(shapes, key=lambda shape: shape.negative_log_posterior, default=None)
    if best is None or best.negative_log_posterior >= least:
        return (
            gaussian
            if best is None
            else _with_rival(gaussian, best, best.negative_log_posterior - least)
        )
    odds = (
        min([least, *(s.negative_log_posterior for s in shapes if s is not best)])
        - best.negative_log_posterior
    )
    shape = _from_shape(best, odds)
    return shape if odds >= MIN_SHAPE_ODDS else _with_lower_bound(shape, gaussian)


def _with_lower_bound(shape: ProbableBlur, gaussian: ProbableBlur) -> ProbableBlur:
    """A shape that is no likelier than a Gaussian: as narrow as either may be."""
    return replace(shape, sigma_lower=np.minimum(shape.sigma_lower, gaussian.sigma_lower.min()))


def _with_rival(gaussian: ProbableBlur, rival: ShapeFit, odds: float) -> ProbableBlur:
    """The Gaussian, with the odds against the shape that comes next; that may be narrower."""
    if odds >= MIN_SHAPE_ODDS or gaussian.family == "none":
        return replace(gaussian, odds=odds)
    other = _from_shape(rival, odds)
    narrower = np.minimum(gaussian.sigma_lower, other.sigma.max())
    return replace(gaussian, odds=odds, confident=False, sigma_lower=narrower)


def _from_shape(shape: ShapeFit, odds: float) -> ProbableBlur:
    size = float(shape.parameters[0])
    error = float(np.hypot(shape.uncertainty[0], SIZE_MODEL_ERROR))
    if shape.kind == "disc":
        sigma, angle = np.full(2, size / 2), 0.0
        wide = max(size**2 / 4 - NARROW_DISC_VARIANCE, 0.0)
        if odds < MIN_DARK_RING_ODDS:
            error = float(
                np.hypot(
                    error,
                    BENDING_ERROR * wide * max(shape.spectral_bending - MAX_USUAL_BENDING, 0.0),
                )
            )
        of_points = shape.slope < MAX_POINT_SLOPE or (
            wide > 0 and shape.spectral_bending > MIN_OBJECT_BENDING
        )
    else:
        sigma = np.array([MIN_BLUR_SIGMA, size / np.sqrt(12)])
        angle, of_points = 90 - (90 - float(shape.parameters[1])) % 180, False
    return ProbableBlur(
        family=shape.kind,
        sigma=sigma,
        sigma_lower=sigma * (0.0 if of_points else max(1 - 2 * error, 0.0)),
        sigma_upper=sigma * (1 + 2 * error),
        angle=angle,
        size=size,
        odds=odds,
        confident=odds >= MIN_SHAPE_ODDS and error < MAX_WIDTH_ERROR and not of_points,
    )


def _from_gaussian(
    equal: GaussianBlurFit,
    anisotropic_fit: GaussianBlurFit | None,
    axes: int,
    isotropic: bool | None,
) -> ProbableBlur:
    """The Gaussian, as wide along all axes as long as the image does not say otherwise."""
    odds = (
        0.0
        if anisotropic_fit is None
        else equal.negative_log_posterior - anisotropic_fit.negative_log_posterior
    )
    if anisotropic_fit is None or (isotropic is None and odds < MIN_ELONGATED_ODDS):
        variances, angle, fit = np.full(axes, float(equal.blur[0])), 0.0, equal
        errors = np.full(axes, float(np.sqrt(equal.uncertainty[0, 0])))
        told = anisotropic_fit is None or isotropic is True or odds < MAX_ROUND_ODDS
    else:
        variances, angle, errors = _principal_variances(anisotropic_fit, axes)
        told, fit = True, anisotropic_fit
    variances = variances - PIXEL_BLUR_VARIANCE
    kept = np.maximum(variances, MIN_BLUR_SIGMA**2)
    soft = (
        BENDING_ERROR
        * max(kept.max() - NARROW_GAUSSIAN_VARIANCE, 0.0)
        * max(fit.spectral_bending - MAX_USUAL_BENDING, 0.0)
    )
    known = np.hypot(errors / kept / 2, soft)
    alone = np.hypot(SIGMA_MODEL_ERROR, PIXEL_BLUR_VARIANCE_SD / kept / 2)
    reach = np.minimum(2 * np.hypot(known, alone), 1.0)
    of_points = fit.slope == POINT_SCENE_SLOPE
    if of_points:
        reach = np.maximum(reach, POINT_SIGMA_ERROR)
    beyond = np.sqrt(kept.max()) > 0.8 * TRIAL_SIGMAS[-1]
    if beyond:  # nothing was found
        reach = np.ones(axes)
    inside = np.all(variances > MIN_BLUR_SIGMA**2) and not beyond
    return ProbableBlur(
        family="none" if np.all(variances <= MIN_BLUR_SIGMA**2) else "Gaussian",
        sigma=np.sqrt(kept),
        sigma_lower=np.sqrt(kept) * (1 - reach),
        sigma_upper=np.sqrt(kept) * (1 + reach),
        angle=angle,
        size=0.0,
        odds=np.inf,
        confident=bool(told and inside and known.max() < MAX_WIDTH_ERROR and not of_points),
    )


def _principal_variances(
    fit: GaussianBlurFit, axes: int
) -> tuple[Float64Array, float, Float64Array]:
    """Variances along the axes, or in 2D along turned ones; the angle; standard deviations."""
    if axes == 3:
        return fit.blur, 0.0, np.sqrt(np.diag(fit.uncertainty))
    first, mixed, second = fit.blur
    _, turned = np.linalg.eigh([[first, mixed], [mixed, second]])
    if abs(turned[0, 0]) < abs(turned[0, 1]):
        turned = turned[:, ::-1]
    turned = turned * np.sign(np.diag(turned))
    angle = float(np.degrees(np.arctan2(turned[1, 0], turned[0, 0])))
    if abs(angle) < MIN_ANGLE_DEGREES:
        turned, angle = np.eye(2), 0.0
    rows = np.array([[u[0] ** 2, 2 * u[0] * u[1], u[1] ** 2] for u in turned.T])
    errors = np.sqrt(np.einsum("ij,jk,ik->i", rows, fit.uncertainty, rows))
    return cast(Float64Array, rows @ fit.blur), angle, cast(Float64Array, errors)
