"""Which blur an image has: a Gaussian, a disc, a line, or none; and how well that is known."""

from dataclasses import dataclass, replace
from typing import Literal, cast

import numpy as np

from napari_tf_deblur._blur.fit import OWN, SLOPE_OF_POINTS, WIDTHS, Fit, Model
from napari_tf_deblur._blur.shapes import (
    LEAST_SIZE,
    OWN_SPREAD,
    Scenes,
    Shape,
    badness_of_gaussians,
    fit_disc,
    fit_line,
)
from napari_tf_deblur._core.typing import Float64Array

Family = Literal["none", "Gaussian", "disc", "line"]

LEAST_SIGMA = 0.3
"""Least sigma, in pixels, that is told from no blur. Set by hand; ``benchmarks/constants.py
--vary`` measures its effect."""

CERTAIN = 0.055
"""Largest relative standard deviation of a width that counts as known. Set by hand;
``benchmarks/constants.py --vary`` measures its effect."""

MODEL_ERROR = 0.04
"""Least relative error of a sigma, as scenes differ. Set by hand; ``benchmarks/constants.py
--vary`` measures its effect."""

SHAPE_ERROR = 0.01
"""Least relative error of a radius or a length. It is small, as zeros of the spectrum tell them.
Set by hand; ``benchmarks/constants.py --vary`` measures its effect."""

ODD, ODD_ERROR = 1.5, 0.15
"""Oddity of a Gaussian's scene above which its own softness may look like blur; and the relative
error of the sigma for each unit of oddity above, and each squared pixel of blur beyond `NARROW`.
Chosen by ``benchmarks/blur_choices.py --families``: sharp photographs have up to 2.5 at blurs of
1.5 pixels and more, soft scenes and textures 3 and more."""

NARROW = 1.0
"""Variance, in squared pixels, up to which a Gaussian's scene may be odd: PSFs as narrow as pixels
bend the spectra of sharp scenes, while soft scenes seem to be blurred more than that. Chosen by
``benchmarks/blur_choices.py --families``."""

WIDE = 1.5
"""Variance, in squared pixels, up to which a disc's scene may be odd: of narrow discs only the
first zero is seen. Chosen by ``benchmarks/blur_choices.py --families``."""

OF_OBJECTS = 3.9
"""Oddity of a wider disc's scene from which on the disc may be the shape of objects. Chosen by
``benchmarks/blur_choices.py --families``: beads that are blurred a little have 4.0 and more, or
slopes below `OF_POINTS`; photographs out of focus mostly less."""

RINGS = 12.0
"""Logarithm of the odds of a disc from which on its dark rings are seen, which no softness of a
scene makes. Chosen by ``benchmarks/blur_choices.py --families``: soft scenes, such as cells, have
up to 5."""

ELONGATED = 6.0
"""Logarithm of the odds from which on widths differ along axes. Set by hand;
``benchmarks/constants.py --vary`` measures its effect."""

ROUND = 4.0
"""Logarithm of the odds below which widths are the same along axes; between this and `ELONGATED`
the image does not tell. Set by hand; ``benchmarks/constants.py --vary`` measures its effect."""

CLEAR = 3.0
"""Logarithm of the odds from which on a disc or a line is told from a Gaussian. Derived: 20 to
1."""

OF_POINTS = 0.45
"""Slope of a scene's amplitudes below which it is one of points. There a disc may be their own
shape: round objects of one size look like points out of focus. Chosen by
``benchmarks/blur_choices.py --families``."""

POINTS_REACH = 0.5
"""Relative error of the sigma in a scene of points, which may be small objects of one size. Set by
hand; ``benchmarks/constants.py --vary`` measures its effect."""

UPRIGHT = 3.0
"""Angle in degrees below which a blur counts as upright. Set by hand; ``benchmarks/constants.py
--vary`` measures its effect."""


@dataclass(frozen=True)
class Blur:
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
    least: Float64Array
    most: Float64Array
    angle: float
    size: float
    odds: float
    told: bool


def find_blur(model: Model, equal: Fit, isotropic: bool | None) -> Blur:
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
    elongated = None if isotropic or axes == 1 else model.by_axis(equal)
    gaussian = _gaussian(equal, elongated, axes, isotropic)
    if axes != 2 or not model.spectrum.is_even:
        return gaussian
    scenes = Scenes(model, equal.slope)
    least = badness_of_gaussians(model, [equal, elongated] if elongated else [equal])
    disc = fit_disc(scenes) if isotropic is not False else None
    line = fit_line(scenes) if not isotropic else None
    shapes = [s for s in (disc, line) if s and s.parameters[0] >= LEAST_SIZE[s.kind]]
    best = min(shapes, key=lambda shape: shape.badness, default=None)
    if best is None or best.badness >= least:
        return gaussian if best is None else _beside(gaussian, best, best.badness - least)
    odds = min([least, *(s.badness for s in shapes if s is not best)]) - best.badness
    shape = _of_shape(best, odds)
    return shape if odds >= CLEAR else _as_narrow(shape, gaussian)


def _as_narrow(shape: Blur, gaussian: Blur) -> Blur:
    """A shape that is no likelier than a Gaussian: as narrow as either may be."""
    return replace(shape, least=np.minimum(shape.least, gaussian.least.min()))


def _beside(gaussian: Blur, rival: Shape, odds: float) -> Blur:
    """The Gaussian, with the odds against the shape that comes next; that may be narrower."""
    if odds >= CLEAR or gaussian.family == "none":
        return replace(gaussian, odds=odds)
    other = _of_shape(rival, odds)
    narrower = np.minimum(gaussian.least, other.sigma.max())
    return replace(gaussian, odds=odds, told=False, least=narrower)


def _of_shape(shape: Shape, odds: float) -> Blur:
    size = float(shape.parameters[0])
    error = float(np.hypot(shape.uncertainty[0], SHAPE_ERROR))
    if shape.kind == "disc":
        sigma, angle = np.full(2, size / 2), 0.0
        wide = max(size**2 / 4 - WIDE, 0.0)
        if odds < RINGS:
            error = float(np.hypot(error, ODD_ERROR * wide * max(shape.oddity - ODD, 0.0)))
        of_points = shape.slope < OF_POINTS or (wide > 0 and shape.oddity > OF_OBJECTS)
    else:
        sigma = np.array([LEAST_SIGMA, size / np.sqrt(12)])
        angle, of_points = 90 - (90 - float(shape.parameters[1])) % 180, False
    return Blur(
        family=shape.kind,
        sigma=sigma,
        least=sigma * (0.0 if of_points else max(1 - 2 * error, 0.0)),
        most=sigma * (1 + 2 * error),
        angle=angle,
        size=size,
        odds=odds,
        told=odds >= CLEAR and error < CERTAIN and not of_points,
    )


def _gaussian(equal: Fit, elongated: Fit | None, axes: int, isotropic: bool | None) -> Blur:
    """The Gaussian, as wide along all axes as long as the image does not say otherwise."""
    odds = 0.0 if elongated is None else equal.badness - elongated.badness
    if elongated is None or (isotropic is None and odds < ELONGATED):
        variances, angle, fit = np.full(axes, float(equal.blur[0])), 0.0, equal
        errors = np.full(axes, float(np.sqrt(equal.uncertainty[0, 0])))
        told = elongated is None or isotropic is True or odds < ROUND
    else:
        variances, angle, errors = _principal(elongated, axes)
        told, fit = True, elongated
    variances = variances - OWN
    kept = np.maximum(variances, LEAST_SIGMA**2)
    soft = ODD_ERROR * max(kept.max() - NARROW, 0.0) * max(fit.oddity - ODD, 0.0)
    known = np.hypot(errors / kept / 2, soft)
    alone = np.hypot(MODEL_ERROR, OWN_SPREAD / kept / 2)
    reach = np.minimum(2 * np.hypot(known, alone), 1.0)
    of_points = fit.slope == SLOPE_OF_POINTS
    if of_points:
        reach = np.maximum(reach, POINTS_REACH)
    beyond = np.sqrt(kept.max()) > 0.8 * WIDTHS[-1]
    if beyond:  # nothing was found
        reach = np.ones(axes)
    inside = np.all(variances > LEAST_SIGMA**2) and not beyond
    return Blur(
        family="none" if np.all(variances <= LEAST_SIGMA**2) else "Gaussian",
        sigma=np.sqrt(kept),
        least=np.sqrt(kept) * (1 - reach),
        most=np.sqrt(kept) * (1 + reach),
        angle=angle,
        size=0.0,
        odds=np.inf,
        told=bool(told and inside and known.max() < CERTAIN and not of_points),
    )


def _principal(fit: Fit, axes: int) -> tuple[Float64Array, float, Float64Array]:
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
    return cast(Float64Array, rows @ fit.blur), angle, cast(Float64Array, errors)
