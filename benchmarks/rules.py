"""Define one fixed rule for the settings of each of our methods, without the truth.

The rules use only what a user of the dock knows: the image, and whether it shows amounts of
light on a dark background.
"""

from collections.abc import Callable
from dataclasses import replace

from cases import Case

from napari_tf_deblur import (
    Calibration,
    Hessian,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    Wiener,
    calibrate,
)
from napari_tf_deblur.methods import Method

TOLERANCE = 0.02
"""Finer than the default: here quality counts more than time."""


def weighted(case: Case, method: Method) -> Calibration:
    """Find the weight of a method by cross-validation, from the image alone."""
    return calibrate(
        case.blurred,
        case.psf,
        replace(method, weight="cross-validated"),  # type: ignore[call-arg]
        boundary="unknown" if case.boundary == "camera" else "periodic",
        channel_axis=case.channel_axis,
    )


def total_variation(case: Case) -> Calibration:
    return weighted(case, TotalVariation(nonnegative=case.counts, tolerance=TOLERANCE))


def hessian(case: Case) -> Calibration:
    return weighted(case, Hessian(nonnegative=case.counts, tolerance=TOLERANCE))


def poisson_likelihood(case: Case) -> Method | Calibration:
    # In volumes its automatic weight is as good, in a sixth of the time.
    return PoissonLikelihood() if case.axes == 3 else weighted(case, PoissonLikelihood())


def richardson_lucy(case: Case) -> Method:
    return RichardsonLucy()


def wiener(case: Case) -> Method:
    return Wiener()


Rule = Callable[[Case], Method | Calibration]

RULES: tuple[Rule, ...] = (
    total_variation,
    hessian,
    poisson_likelihood,
    richardson_lucy,
    wiener,
)
