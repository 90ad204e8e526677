"""Check by trials whether a given weight is too large or too small."""

from collections.abc import Generator
from dataclasses import replace
from threading import Event

from napari_tf_deblur._blur.jpeg import estimate_jpeg_error
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.steps import Step
from napari_tf_deblur._preparation.evidence import WeightEvidence
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._run.prediction_error import RiskDifference
from napari_tf_deblur._run.trials import TrialRunner, TrialSettings, TrialsStopped
from napari_tf_deblur._run.weight_search import SEARCH_EFFORTS

CHECK_OCTAVES = 2.0
"""Distance, in octaves, between the given weight and those that it is compared with. Derived: from
the advice, which is four times as much or as little."""

OTHER_WEIGHTS: dict[WeightEvidence, float] = {
    "too large": 2**-CHECK_OCTAVES,
    "too small": 2**CHECK_OCTAVES,
}
"""The factors on the given weight, by what it is if they predict better. Derived: from
`CHECK_OCTAVES`."""

MIN_CHECK_SIGNIFICANCE = 2.0
"""Standard errors by which the risk with another weight must be lower. Chosen by
``benchmarks/claims.py --development --confusion``: on 69 scenes one weight that the search had
found was beaten by more, and the other weight was indeed better. Of the weights 8 times as large or
small that cost more than 0.5 dB, all but one were beaten."""


def check_weight(
    prepared: PreparedRun, stop: Event | None = None
) -> Generator[Step, None, WeightEvidence | None]:
    """Compare the weight of a run with a larger and a smaller one.

    Parameters
    ----------
    prepared : PreparedRun
        The run, with its weight.
    stop : threading.Event, optional
        If it is set, the check ends and returns None.

    Yields
    ------
    Step
        The progress of the trials; the image of each step is the original one.

    Returns
    -------
    WeightEvidence or None
        Whether the weight suits the image. None if the method has no weight, or if trials say
        nothing: without noise, and after JPEG compression, where neighbouring pixels share it.
    """
    calibration = prepared.calibration
    if not calibration.method.has_weight:
        return None
    if estimate_jpeg_error(Pixels(prepared.values, prepared.valid)):
        return None
    trials = TrialRunner(prepared, SEARCH_EFFORTS["auto"].region, stop)
    if not trials.can_test_width:
        return None
    weights = {
        evidence: replace(calibration, method=calibration.method.with_smoothing(factor))
        for evidence, factor in OTHER_WEIGHTS.items()
    }
    # A weight at its bound cannot be changed any further.
    weights = {key: other for key, other in weights.items() if other != calibration}
    trials.expected_trials, trials.purpose = 3, "checking the weight"
    try:
        (given_trial,) = yield from trials.run_trials([TrialSettings(calibration)])
        others = yield from trials.run_trials([TrialSettings(c) for c in weights.values()])
    except TrialsStopped:
        return None
    for evidence, trial in zip(weights, others, strict=True):
        difference = RiskDifference.from_blocks(given_trial.image_risks - trial.image_risks)
        if difference.z_score > MIN_CHECK_SIGNIFICANCE:
            return evidence
    return "suits"
