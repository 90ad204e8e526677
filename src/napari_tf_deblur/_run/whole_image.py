"""Deblur a whole image at once: search for the weight, solve, judge the result."""

import time
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from threading import Event
from typing import Any

import numpy as np

from napari_tf_deblur._core.steps import Step, map_steps
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.evidence import PSFEvidence, WeightEvidence
from napari_tf_deblur._preparation.global_values import GlobalValues
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._run.deconvolution import Deconvolution
from napari_tf_deblur._run.judge import KIND_BY_WEIGHT_EVIDENCE, judge_result
from napari_tf_deblur._run.memo import RESULTS, SEARCHES
from napari_tf_deblur._run.psf_width_fit import fit_psf_width
from napari_tf_deblur._run.residual_spectrum import ResidualSpectrum
from napari_tf_deblur._run.uncertainty import RUN_SHARE, estimate_uncertainty
from napari_tf_deblur._run.verdict import UNKNOWN_VERDICT, Verdict, summarise_verdicts
from napari_tf_deblur._run.weight_check import check_weight
from napari_tf_deblur._run.weight_search import SHARED_NOISE, search_weight
from napari_tf_deblur._run.weight_trials import WeightSearchResult
from napari_tf_deblur._solvers.run import RunResult, solve_batches

MAX_JUDGED_PLANES = 8
"""Largest number of planes that are judged. Limit: of time; each costs about as much as half its
iterations."""

SEARCH_FRACTION = 0.5
"""Part of the progress bar for the search for a weight. Set by eye."""

CHECK_FRACTION = 0.2
"""Part of the progress bar for the check of a given weight. Set by eye."""


def solve(arguments: Arguments, stop: Event | None = None) -> Generator[Step, None, Deconvolution]:
    """Deblur a whole image at once.

    Parameters
    ----------
    arguments : Arguments
        The arguments of :func:`deconvolve`.
    stop : threading.Event, optional
        If it is set, the run ends at the next step with the image so far.

    Yields
    ------
    Step
        The progress of search, check and iterations.

    Returns
    -------
    Deconvolution
        The result.
    """
    if arguments.uncertainty:
        return (yield from _solve_with_uncertainty(arguments, stop))
    result: Deconvolution = yield from RESULTS.find(
        _describe(arguments), partial(_solve, arguments, stop), stop
    )
    return result


def _solve_with_uncertainty(
    arguments: Arguments, stop: Event | None
) -> Generator[Step, None, Deconvolution]:
    def scale_first_part(step: Step) -> Step:
        return replace(step, fraction=RUN_SHARE * step.fraction)

    result = yield from map_steps(
        solve(replace(arguments, uncertainty=False), stop), scale_first_part
    )
    if stop is not None and stop.is_set():
        return result
    return replace(result, uncertainty=(yield from estimate_uncertainty(arguments, result, stop)))


def _solve(arguments: Arguments, stop: Event | None) -> Generator[Step, None, Deconvolution]:
    start_time, fraction_done = time.perf_counter(), 0.0
    method = arguments.method
    is_calibrated = isinstance(method, Calibration) and method.global_values is None

    def scale_fraction(part: float) -> Callable[[Step], Step]:
        start = fraction_done

        def scale(step: Step) -> Step:
            nonlocal fraction_done
            fraction_done = start + part  # only if there is a step at all
            return replace(step, fraction=start + part * step.fraction)

        return scale

    prepared, search = yield from map_steps(
        find_calibration(arguments, stop), scale_fraction(SEARCH_FRACTION)
    )
    has_given_weight = prepared.weight_to_find is None and not isinstance(method, Calibration)
    # Planes may need different weights, so that one check would not hold for all.
    has_many_planes = sum(map(len, prepared.batches)) > 1
    prepared = replace(
        prepared, calibration=prepared.calibration.with_smoothing(arguments.smoothing)
    )
    weight: WeightEvidence | None = None if has_many_planes or search.evidence is None else "suits"
    if not has_many_planes and (has_given_weight or arguments.smoothing != 1):
        weight = yield from map_steps(check_weight(prepared, stop), scale_fraction(CHECK_FRACTION))
    search_seconds = time.perf_counter() - start_time if fraction_done else 0.0

    def scale_last_part(step: Step) -> Step:
        return replace(step, fraction=fraction_done + (1 - fraction_done) * step.fraction)

    solved = yield from map_steps(solve_batches(prepared, stop), scale_last_part)
    global_values = prepared.calibration.global_values
    if global_values is None:
        weight_was_found = search.evidence is not None and arguments.smoothing == 1
        global_values = replace(
            solved.global_values,
            psf_evidence=_psf_evidence(prepared, search) if solved.planes else None,
            weight_evidence="suits" if weight_was_found else weight,
            noise_is_shared=search.noise_is_shared,
            noise_lines=prepared.noise_lines,
        )
    else:  # a piece: the whole image says more than this part of it
        weight = global_values.weight_evidence
    verdict = _judge_planes(prepared, solved, global_values, weight)
    if (
        is_calibrated
        and weight is None
        and not has_many_planes
        and verdict.kind in KIND_BY_WEIGHT_EVIDENCE.values()
    ):
        # The weight comes from another image. The residual alone is no proof that it is wrong.
        weight = yield from map_steps(
            check_weight(prepared, stop), lambda step: replace(step, fraction=1)
        )
        verdict = _judge_planes(prepared, solved, global_values, weight)
    residual, brightness = solved.residual, prepared.brightness
    if brightness:
        residual = residual * brightness.factors
    return Deconvolution(
        image=solved.image,
        residual=prepared.planes.join_planes(residual, transparency=False),
        loss_history=solved.loss_history,
        iterations=len(solved.loss_history),
        converged=solved.converged,
        calibration=prepared.calibration,
        blur=prepared.blur,
        seconds=search_seconds + solved.seconds,
        verdict=verdict,
        warnings=solved.warnings  # first, as they may say that planes are not deblurred
        + prepared.warnings
        + ((SHARED_NOISE,) if search.noise_is_shared else ()),
        plane_factors=None
        if brightness is None
        else brightness.to_array(prepared.planes.lead_shape),
        global_values=global_values,
    )


def find_calibration(
    arguments: Arguments, stop: Event | None = None
) -> Generator[Step, None, tuple[PreparedRun, WeightSearchResult]]:
    """Prepare a run and search for its weight, before the user's smoothing.

    Parameters
    ----------
    arguments : Arguments
        The arguments of :func:`deconvolve`. `smoothing` is not used.
    stop : threading.Event, optional
        If it is set, the search ends at the next step.

    Yields
    ------
    Step
        The progress of the search.

    Returns
    -------
    PreparedRun
        The run, with the calibration that was found.
    WeightSearchResult
        What the search has found.
    """
    arguments = replace(arguments, smoothing=1.0)
    found: tuple[PreparedRun, WeightSearchResult] = yield from SEARCHES.find(
        _describe(arguments), partial(_search, arguments, stop), stop
    )
    return found


def _describe(arguments: Arguments) -> dict[str, Any]:
    """Return all that a result depends on, whichever public function has the arguments."""
    return {name: value for name, value in vars(arguments).items() if name != "stop"}


def _search(
    arguments: Arguments, stop: Event | None
) -> Generator[Step, None, tuple[PreparedRun, WeightSearchResult]]:
    prepared = PreparedRun.from_arguments(arguments)
    if prepared.weight_to_find is None:
        return prepared, WeightSearchResult(prepared.calibration)
    search = yield from search_weight(prepared, stop)
    if search.is_rival or search.calibration.psf_width != 1:
        known = replace(arguments, method=search.calibration)
        again = PreparedRun.from_arguments(known, prepared.blur)
        return replace(again, weight_to_find=prepared.weight_to_find), search
    return replace(prepared, calibration=search.calibration), search


def _psf_evidence(prepared: PreparedRun, search: WeightSearchResult) -> PSFEvidence | None:
    """Return what the image says of the PSF."""
    if search.noise_is_shared:
        return None
    if prepared.calibration.psf_width < 1:
        return "too wide"
    return fit_psf_width(prepared).evidence() if search.evidence is None else search.evidence


def _judge_planes(
    prepared: PreparedRun,
    solved: RunResult,
    global_values: GlobalValues,
    weight: WeightEvidence | None,
) -> Verdict:
    """Judge the planes that were solved, at most `MAX_JUDGED_PLANES` of them."""
    evidence = global_values.psf_evidence
    if not solved.planes or global_values.noise_is_shared or evidence is None:
        return UNKNOWN_VERDICT
    blur_is_found = None if prepared.blur is None else prepared.blur.confident
    verdicts: dict[str, Verdict] = {}
    valid = prepared.valid
    number = min(len(solved.planes), MAX_JUDGED_PLANES)
    for index in np.linspace(0, len(solved.planes) - 1, number).round().astype(int):
        plane = solved.planes[index]
        one = slice(plane, plane + 1)
        spectrum = ResidualSpectrum.from_residual(
            prepared.values[one],
            solved.residual[one],
            valid[one] if valid is not None and len(valid) > 1 else valid,
            prepared.psf,
            prepared.calibration.scale,
            prepared.noise,
        )
        verdict = judge_result(spectrum, evidence, prepared.warnings, blur_is_found, weight)
        verdicts[prepared.planes.plane_name(plane)] = verdict
    return summarise_verdicts(verdicts)
