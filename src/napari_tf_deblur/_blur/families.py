"""Find the family of a blur: a Gaussian, a disc, a line, or none.

Kernels of image filters are fitted, too, so that they are not taken for a disc or a line.
"""

from dataclasses import replace

import numpy as np

from napari_tf_deblur._blur.batch_scene_model import BatchSceneModel
from napari_tf_deblur._blur.blur_fit import BlurFit
from napari_tf_deblur._blur.filter_fit import fit_filter
from napari_tf_deblur._blur.gaussian_fit import fit_anisotropic
from napari_tf_deblur._blur.probable_blur import (
    MIN_SHAPE_ODDS,
    ProbableBlur,
    blur_from_filter,
    blur_from_gaussian,
    blur_from_shape,
)
from napari_tf_deblur._blur.shape_fit import (
    MIN_SHAPE_SIZE,
    ShapeFit,
    fit_disc,
    fit_line,
    gaussian_negative_log_posterior,
)
from napari_tf_deblur._blur.spectrum_model import SpectrumModel


def find_blur(model: SpectrumModel, isotropic_fit: BlurFit, isotropic: bool | None) -> ProbableBlur:
    """Fit a Gaussian, a disc and a line, and return the most probable blur.

    Parameters
    ----------
    model : SpectrumModel
        The model of the spectrum.
    isotropic_fit : BlurFit
        The fit of a Gaussian with one variance for all axes.
    isotropic : bool or None
        Whether the blur is the same along all axes; None if the spectrum decides.
    """
    axes = len(model.spectrum.frame)
    anisotropic_fit = None if isotropic or axes == 1 else fit_anisotropic(model, isotropic_fit)
    gaussian = blur_from_gaussian(isotropic_fit, anisotropic_fit, axes, isotropic)
    if axes != 2 or not model.spectrum.has_equal_pixels:
        return gaussian
    scenes = BatchSceneModel(model, isotropic_fit.slope)
    gaussian_score = gaussian_negative_log_posterior(
        model, [isotropic_fit, anisotropic_fit] if anisotropic_fit else [isotropic_fit]
    )
    disc = fit_disc(scenes) if isotropic is not False else None
    line = fit_line(scenes) if not isotropic else None
    shapes = [s for s in (disc, line) if s and s.parameters[0] >= MIN_SHAPE_SIZE[s.kind]]
    best = min(shapes, key=lambda shape: shape.negative_log_posterior, default=None)
    if best is None:
        return gaussian
    if best.negative_log_posterior >= gaussian_score:
        return _with_rival(gaussian, best, best.negative_log_posterior - gaussian_score)
    others = [shape.negative_log_posterior for shape in shapes if shape is not best]
    kernel = fit_filter(scenes, isotropic)
    if kernel:
        odds = best.negative_log_posterior - kernel.negative_log_posterior
        if odds > 0:
            return blur_from_filter(kernel, odds, gaussian)
        others.append(kernel.negative_log_posterior)
    odds = min([gaussian_score, *others]) - best.negative_log_posterior
    shape = blur_from_shape(best, odds)
    return shape if odds >= MIN_SHAPE_ODDS else _with_lower_bound(shape, gaussian)


def _with_lower_bound(shape: ProbableBlur, gaussian: ProbableBlur) -> ProbableBlur:
    """Lower the bound of a shape that is hardly likelier than a Gaussian to the Gaussian's."""
    return replace(shape, sigma_lower=np.minimum(shape.sigma_lower, gaussian.sigma_lower.min()))


def _with_rival(gaussian: ProbableBlur, rival: ShapeFit, odds: float) -> ProbableBlur:
    """Add the odds against a shape to a Gaussian; lower its bound if the shape is narrower."""
    if odds >= MIN_SHAPE_ODDS or gaussian.family == "none":
        return replace(gaussian, odds=odds)
    other = blur_from_shape(rival, odds)
    narrower = np.minimum(gaussian.sigma_lower, other.sigma.max())
    return replace(gaussian, odds=odds, confident=False, sigma_lower=narrower)
