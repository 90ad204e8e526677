"""Whether a weight that was given is too large or too small, by trials with others."""

from collections.abc import Generator
from dataclasses import replace
from threading import Event

from napari_tf_deblur._blur.jpeg import estimate_jpeg_error
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.steps import Step
from napari_tf_deblur._preparation.evidence import WeightEvidence
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._run.psf_width import RiskDifference
from napari_tf_deblur._run.trials import TrialRunner, TrialsStopped
from napari_tf_deblur._run.weight_search import SEARCH_EFFORTS

CHECK_OCTAVES = 2.0
"""Distance, in octaves, of the given weight from those that it is compared with. Derived: what is
said is "four times as much"."""

MIN_CHECK_SIGNIFICANCE = 2.0
"""Standard errors by which another weight must predict better. Chosen by ``benchmarks/claims.py
--development --confusion``: on 69 scenes the weight that was found was beaten by more once, by one
that was better indeed; of those 8 times as large or small that cost more than 0.5 dB, all but one
were."""


def check_weight(
    prepared: PreparedRun, stop: Event | None = None
) -> Generator[Step, None, WeightEvidence | None]:
    """Compare a weight that was given with one that is larger and one that is smaller.

    Parameters
    ----------
    prepared : Prepared
        What is to be solved, with its weight.
    stop : threading.Event, optional
        Once it is set, nothing is said.

    Yields
    ------
    Step
        Of one trial after another; the image is what it was.

    Returns
    -------
    WeightEvidence or None
        None where the method has no weight, or trials do not tell: without noise, or where
        compression has made neighbours share it.
    """
    calibration = prepared.calibration
    if not calibration.method.has_weight:
        return None
    if estimate_jpeg_error(Pixels(prepared.values, prepared.valid)):
        return None
    trials = TrialRunner(prepared, SEARCH_EFFORTS["auto"].region, stop)
    if not trials.can_test_width:
        return None
    others: tuple[tuple[WeightEvidence, float], ...] = (
        ("too large", 2**-CHECK_OCTAVES),
        ("too small", 2**CHECK_OCTAVES),
    )
    trials.expected_trials, trials.purpose = 3, "checking the weight"
    try:
        told = yield from trials.run_trial(calibration)
        for evidence, factor in others:
            method = calibration.method.with_smoothing(factor)
            if method == calibration.method:  # already at its bound
                continue
            tried = yield from trials.run_trial(replace(calibration, method=method))
            if (
                RiskDifference.from_blocks(told.image_risks - tried.image_risks).z_score
                > MIN_CHECK_SIGNIFICANCE
            ):
                return evidence
    except TrialsStopped:
        return None
    return "suits"
