"""Run our methods with their fixed rules."""

from dataclasses import dataclass

import numpy as np
from cases import Case
from rules import RULES

from napari_tf_deblur import Calibration, Deconvolution, deconvolve
from napari_tf_deblur.methods import (
    Hessian,
    Method,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
)


@dataclass(frozen=True)
class Answer:
    """The result of one method on one case.

    `pairs` is the number of pairs of Fourier transforms, `images` the peak memory above the idle
    process, in float32 images.
    """

    name: str
    image: np.ndarray
    settings: str
    seconds: float
    pairs: float | None = None
    module: str = "ours"
    images: float | None = None


def run(case: Case) -> list[Answer]:
    """Run all methods, each once to compile and once for the time."""
    answers = []
    for rule in RULES:
        method = rule(case)
        solve(case, method)
        result = solve(case, method)
        answers.append(
            Answer(
                type(result.method).__name__,
                result.image + result.method.offset,  # an estimated background is part of the truth
                repr(result.method),
                result.seconds,
                fft_pairs(result),
            )
        )
    return answers


def solve(case: Case, method: Method | Calibration) -> Deconvolution:
    return deconvolve(
        case.blurred,
        case.psf,
        method,
        boundary="unknown" if case.boundary == "camera" else "periodic",
        channel_axis=case.channel_axis,
    )


def fft_pairs(result: Deconvolution) -> float | None:
    """Count pairs of transforms of the padded size, from the iterations of the solvers."""
    if isinstance(result.method, TotalVariation | Hessian | RichardsonLucy | PoissonLikelihood):
        return 2.0 * result.iterations
    return None
