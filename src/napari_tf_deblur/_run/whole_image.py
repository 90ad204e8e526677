"""A whole image deblurred at once: weight search, solver, verdict."""

import time
from collections.abc import Callable, Generator
from dataclasses import replace
from threading import Event

import numpy as np

from napari_tf_deblur._core.steps import Step, map_steps
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.evidence import PSFEvidence, WeightEvidence
from napari_tf_deblur._preparation.global_values import GlobalValues
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._run.deconvolution import Deconvolution
from napari_tf_deblur._run.psf_width import PSFWidthTest
from napari_tf_deblur._run.residual_spectrum import ResidualSpectrum
from napari_tf_deblur._run.verdict import (
    KIND_BY_WEIGHT_EVIDENCE,
    UNKNOWN_VERDICT,
    Verdict,
    judge_result,
    summarise_verdicts,
)
from napari_tf_deblur._run.weight_check import check_weight
from napari_tf_deblur._run.weight_search import SHARED_NOISE, WeightSearchResult, search_weight
from napari_tf_deblur._solvers.run import RunResult, solve_batches

MAX_JUDGED_PLANES = 8
"""Most planes that a verdict looks at. Limit: of time; each costs about as much as half its
iterations."""

SEARCH_FRACTION = 0.5
"""Part of the progress bar for the search for a weight. Set by eye."""

CHECK_FRACTION = 0.2
"""Part of the progress bar for the check of a given weight. Set by eye."""


def solve(arguments: Arguments, stop: Event | None = None) -> Generator[Step, None, Deconvolution]:
    """Deblur a whole image at once; see :func:`iter_deconvolve`."""
    prepared = PreparedRun.from_arguments(arguments)
    began, before = time.perf_counter(), 0.0
    found = WeightSearchResult(prepared.calibration)
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
        found = yield from map_steps(search_weight(prepared, stop), next_part(SEARCH_FRACTION))
        if found.is_rival or found.calibration.psf_width != 1:
            prepared = PreparedRun.from_arguments(
                replace(arguments, method=found.calibration), prepared.blur
            )
        else:
            prepared = replace(prepared, calibration=found.calibration)
    if arguments.smoothing != 1:
        calibration = prepared.calibration
        smoother = calibration.method.with_smoothing(arguments.smoothing)
        prepared = replace(prepared, calibration=replace(calibration, method=smoother))
    weight: WeightEvidence | None = None if many or found.evidence is None else "suits"
    if not many and (given or arguments.smoothing != 1):
        weight = yield from map_steps(check_weight(prepared, stop), next_part(CHECK_FRACTION))
    searched = time.perf_counter() - began if before else 0.0

    def last_part(step: Step) -> Step:
        return replace(step, fraction=before + (1 - before) * step.fraction)

    solved = yield from map_steps(solve_batches(prepared, stop), last_part)
    shared = prepared.calibration.global_values
    if shared is None:
        searched_for = found.evidence is not None and arguments.smoothing == 1
        shared = replace(
            solved.global_values,
            psf_evidence=_psf_evidence(prepared, found) if solved.planes else None,
            weight_evidence="suits" if searched_for else weight,
            noise_is_shared=found.noise_is_shared,
            noise_lines=prepared.noise_lines,
        )
    else:  # a piece: the image that it is of has said more than it can
        weight = shared.weight_evidence
    verdict = _judge_planes(prepared, solved, shared, weight)
    if (
        is_known
        and weight is None
        and not many
        and verdict.kind in KIND_BY_WEIGHT_EVIDENCE.values()
    ):
        # Of an image whose weight another one has found, the residual alone is not believed.
        weight = yield from map_steps(
            check_weight(prepared, stop), lambda step: replace(step, fraction=1)
        )
        verdict = _judge_planes(prepared, solved, shared, weight)
    return Deconvolution(
        image=solved.image,
        residual=prepared.planes.join_planes(solved.residual, transparency=False),
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


def _psf_evidence(prepared: PreparedRun, found: WeightSearchResult) -> PSFEvidence | None:
    """Return what the image says of the PSF."""
    if found.noise_is_shared:
        return None
    if prepared.calibration.psf_width < 1:
        return "too wide"
    return (
        PSFWidthTest.from_prepared_run(prepared).evidence()
        if found.evidence is None
        else found.evidence
    )


def _judge_planes(
    prepared: PreparedRun, solved: RunResult, shared: GlobalValues, weight: WeightEvidence | None
) -> Verdict:
    """Look at what the planes that were solved have left over, and at what trials have said."""
    evidence = shared.psf_evidence
    if not solved.planes or shared.noise_is_shared or evidence is None:
        return UNKNOWN_VERDICT
    blur_is_sure = None if prepared.blur is None else prepared.blur.confident
    verdicts: dict[str, Verdict] = {}
    valid = prepared.valid
    number = min(len(solved.planes), MAX_JUDGED_PLANES)
    for index in np.linspace(0, len(solved.planes) - 1, number).round().astype(int):
        plane = solved.planes[index]
        one = slice(plane, plane + 1)
        shells = ResidualSpectrum.from_residual(
            prepared.values[one],
            solved.residual[one],
            valid[one] if valid is not None and len(valid) > 1 else valid,
            prepared.psf,
            prepared.calibration.scale,
        )
        verdict = judge_result(shells, evidence, prepared.warnings, blur_is_sure, weight)
        verdicts[prepared.planes.plane_name(plane)] = verdict
    return summarise_verdicts(verdicts)
