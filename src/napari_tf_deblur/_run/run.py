"""A whole image deblurred at once: weight search, solver, verdict."""

import time
from collections.abc import Callable, Generator
from dataclasses import replace
from threading import Event

import numpy as np

from napari_tf_deblur._core.steps import Step, mapped
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.evidence import PSFEvidence, WeightEvidence
from napari_tf_deblur._preparation.global_values import GlobalValues
from napari_tf_deblur._preparation.prepared import Prepared
from napari_tf_deblur._run.deconvolution import Deconvolution
from napari_tf_deblur._run.psf_width import PSFWidth
from napari_tf_deblur._run.residual import Shells
from napari_tf_deblur._run.verdict import OF_WEIGHT, UNKNOWN, Verdict, judge, together
from napari_tf_deblur._run.weight_check import checked
from napari_tf_deblur._run.weight_search import SHARED_NOISE, Weighed, weighed
from napari_tf_deblur._solvers.run import Solved, run

MOST_JUDGED = 8
"""Most planes that a verdict looks at. Limit: of time; each costs about as much as half its
iterations."""

SEARCH_PART = 0.5
"""Part of the progress bar for the search for a weight. Set by eye."""

CHECK_PART = 0.2
"""Part of the progress bar for the check of a given weight. Set by eye."""


def solve(arguments: Arguments, stop: Event | None = None) -> Generator[Step, None, Deconvolution]:
    """Deblur a whole image at once; see :func:`iter_deconvolve`."""
    prepared = Prepared.of(arguments)
    began, before = time.perf_counter(), 0.0
    found = Weighed(prepared.calibration)
    method = arguments.method
    is_known = isinstance(method, Calibration) and method.global_values is None
    given = prepared.weight_to_find is None and not isinstance(method, Calibration)
    many = sum(map(len, prepared.batches)) > 1  # which may differ: each says whether it suits

    def next_part(part: float) -> Callable[[Step], Step]:
        start = before

        def shown(step: Step) -> Step:
            nonlocal before
            before = start + part  # if there is anything to be shown
            return replace(step, fraction=start + part * step.fraction)

        return shown

    if prepared.weight_to_find is not None:
        found = yield from mapped(weighed(prepared, stop), next_part(SEARCH_PART))
        if found.of_rival or found.calibration.psf_width != 1:
            prepared = Prepared.of(replace(arguments, method=found.calibration), prepared.blur)
        else:
            prepared = replace(prepared, calibration=found.calibration)
    if arguments.smoothing != 1:
        calibration = prepared.calibration
        smoother = calibration.method.smoothed(arguments.smoothing)
        prepared = replace(prepared, calibration=replace(calibration, method=smoother))
    weight: WeightEvidence | None = None if many or found.evidence is None else "suits"
    if not many and (given or arguments.smoothing != 1):
        weight = yield from mapped(checked(prepared, stop), next_part(CHECK_PART))
    searched = time.perf_counter() - began if before else 0.0

    def last_part(step: Step) -> Step:
        return replace(step, fraction=before + (1 - before) * step.fraction)

    solved = yield from mapped(run(prepared, stop), last_part)
    shared = prepared.calibration.global_values
    if shared is None:
        searched_for = found.evidence is not None and arguments.smoothing == 1
        shared = replace(
            solved.global_values,
            psf_evidence=_evidence(prepared, found) if solved.planes else None,
            weight_evidence="suits" if searched_for else weight,
            noise_is_shared=found.noise_is_shared,
            noise_lines=prepared.noise_lines,
        )
    else:  # a piece: the image that it is of has said more than it can
        weight = shared.weight_evidence
    verdict = _verdict(prepared, solved, shared, weight)
    if is_known and weight is None and not many and verdict.kind in OF_WEIGHT.values():
        # Of an image whose weight another one has found, the residual alone is not believed.
        weight = yield from mapped(checked(prepared, stop), lambda step: replace(step, fraction=1))
        verdict = _verdict(prepared, solved, shared, weight)
    return Deconvolution(
        image=solved.image,
        residual=prepared.planes.together(solved.residual, transparency=False),
        loss_history=solved.loss_history,
        iterations=len(solved.loss_history),
        converged=solved.converged,
        calibration=prepared.calibration,
        blur=prepared.blur,
        seconds=searched + solved.seconds,
        verdict=verdict,
        warnings=solved.warnings  # first: planes may be left that are not deblurred
        + prepared.warnings
        + ((SHARED_NOISE,) if found.noise_is_shared else ()),
        global_values=shared,
    )


def _evidence(prepared: Prepared, found: Weighed) -> PSFEvidence | None:
    """Return what the image says of the PSF."""
    if found.noise_is_shared:
        return None
    if prepared.calibration.psf_width < 1:
        return "too wide"
    return PSFWidth.of(prepared).evidence() if found.evidence is None else found.evidence


def _verdict(
    prepared: Prepared, solved: Solved, shared: GlobalValues, weight: WeightEvidence | None
) -> Verdict:
    """Look at what the planes that were solved have left over, and at what trials have said."""
    evidence = shared.psf_evidence
    if not solved.planes or shared.noise_is_shared or evidence is None:
        return UNKNOWN
    blur_is_sure = None if prepared.blur is None else prepared.blur.confident
    verdicts: dict[str, Verdict] = {}
    valid = prepared.valid
    number = min(len(solved.planes), MOST_JUDGED)
    for index in np.linspace(0, len(solved.planes) - 1, number).round().astype(int):
        plane = solved.planes[index]
        one = slice(plane, plane + 1)
        shells = Shells.of(
            prepared.values[one],
            solved.residual[one],
            valid[one] if valid is not None and len(valid) > 1 else valid,
            prepared.psf,
            prepared.calibration.scale,
        )
        verdict = judge(shells, evidence, prepared.warnings, blur_is_sure, weight)
        verdicts[prepared.planes.name(plane)] = verdict
    return together(verdicts)
