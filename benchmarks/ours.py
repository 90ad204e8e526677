"""Our methods on a case, each at its fixed rule."""

from dataclasses import dataclass

import numpy as np
from cases import Case
from rules import RULES, Known

from napari_tf_deblur import deconvolve
from napari_tf_deblur.methods import Method

BOUNDARY = {"camera": "unknown", "periodic": "periodic"}

PAIRS_PER_ITERATION = {"TotalVariation": 2, "Hessian": 2, "RichardsonLucy": 2, "Wiener": 0}
"""Forward and inverse transforms of the scene, counted in pairs, in each method's loop."""

PAIRS_OF_SETUP = {"TotalVariation": 1, "Hessian": 1, "RichardsonLucy": 2, "Wiener": 1}


@dataclass(frozen=True)
class Outcome:
    """What one method made of one case."""

    image: np.ndarray
    settings: str
    seconds: float
    pairs: int | None = None


def deblurred(case: Case) -> dict[str, Outcome]:
    """Run all our methods; times are of a second, warm run."""
    known = Known(case.blurred, case.gain, case.counts, case.channel_axis)
    return {name: _run(case, name, rule(known)) for name, rule in RULES.items()}


def _run(case: Case, name: str, method: Method) -> Outcome:
    for _ in range(2):
        result = deconvolve(
            case.blurred,
            case.psf,
            method,
            boundary=BOUNDARY[case.boundary],
            channel_axis=case.channel_axis,
        )
    pairs = PAIRS_OF_SETUP.get(name, 1) + result.iterations * PAIRS_PER_ITERATION.get(name, 2)
    return Outcome(result.image, repr(method), result.seconds, pairs)
