"""The regularisation weight that predicts best, by cross-validation."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from numpy.typing import ArrayLike

from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.prepared import Prepared
from napari_tf_deblur.errors import InvalidTypeError
from napari_tf_deblur.forward import Boundary
from napari_tf_deblur.methods import Method, TotalVariation
from napari_tf_deblur.steps import finish
from napari_tf_deblur.weight_search import weighed

Weighted = TypeVar("Weighted", bound=Method)


def cross_validated(
    image: ArrayLike,
    psf: ArrayLike | None = None,
    method: Weighted = TotalVariation(),  # type: ignore[assignment]
    *,
    boundary: Boundary = "unknown",
    channel_axis: int | None = None,
    alpha: bool = False,
    spacing: Sequence[float] | None = None,
    mask: ArrayLike | None = None,
) -> Weighted:
    """Find a method's regularisation weight from the image, by cross-validation.

    The noise of the image is split between two copies. One is deblurred at several weights; the
    weight whose result, blurred again, comes nearest to the other is the best. Of large images
    a part is looked at. Takes about six times as long as deblurring that part.

    Where a narrower PSF predicts better, the PSF is too wide, and no weight would be right by
    this measure: the one is taken whose result is nearest to that of the narrower PSF.

    Parameters
    ----------
    image, psf, boundary, channel_axis, alpha, spacing, mask
        As :func:`napari_tf_deblur.deconvolve` takes them.
    method : TotalVariation, Hessian or PoissonLikelihood, optional
        All its values but the weight are kept.

    Returns
    -------
    TotalVariation, Hessian or PoissonLikelihood
        The method with the weight that was found, ready for ``deconvolve``.

    Raises
    ------
    TypeError, ValueError, ImportError
        As :func:`napari_tf_deblur.deconvolve`; TypeError too for a method without a weight.

    Notes
    -----
    Prediction of independent copies: Oliveira, Lei & Tibshirani, Annals of Statistics 52 (2024).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tf_deblur import convolve, cross_validated, gaussian_psf
    >>> psf = gaussian_psf(1.5)
    >>> noise = np.random.default_rng(0).normal(0, 0.1, (48, 48))
    >>> cross_validated(convolve(np.eye(48), psf) + noise, psf).weight > 0.01
    True
    """
    given: object = method  # a class has a weight too, and is no method
    if not isinstance(given, Method) or not hasattr(given, "weight"):
        raise InvalidTypeError(
            f"The method is {method!r}; only TotalVariation, Hessian and PoissonLikelihood have "
            "a weight that can be found."
        )
    wanted = replace(method, weight="cross-validated")  # type: ignore[call-arg]
    arguments = Arguments(image, psf, wanted, boundary, channel_axis, alpha, spacing, mask)
    found = finish(weighed(Prepared.of(arguments))).calibration.method
    return replace(method, weight=found.weight)  # type: ignore[call-arg, attr-defined]
