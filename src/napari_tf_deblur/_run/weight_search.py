"""Search for the regularisation weight, and the method, whose results predict unseen data best."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from threading import Event

import numpy as np

from napari_tf_deblur._blur.jpeg import estimate_jpeg_error
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.steps import Step
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._run.trial_region import TrialRegion
from napari_tf_deblur._run.trials import TrialRunner, TrialsStopped
from napari_tf_deblur._run.weight_trials import WeightSearchResult, WeightTrials

SHARED_NOISE_OCTAVES = 3.0
"""Octaves above the weight suggested by the noise level, for noise that neighbouring pixels share.
Chosen by ``benchmarks/constants.py --vary SHARED_NOISE_OCTAVES``: with half or 1.5 times, JPEG
pictures lose 0.2 to 0.5 dB."""

MAX_JPEG_ERROR_RATIO = 3.0
"""Largest ratio of the error of JPEG compression to the measured noise for which
`SHARED_NOISE_OCTAVES` is enough. Chosen by ``benchmarks/constants.py --vary MAX_JPEG_ERROR_RATIO``:
half loses 0.5 dB, and 1.5 times changes nothing."""

SHARED_NOISE = Notice(
    "shared noise",
    "Neighbouring pixels seem to share their noise, as after JPEG compression, resampling or "
    "denoising. So the image does not tell which weight suits it, or whether the PSF is right: a "
    "large weight was used. Deblur the image as the camera wrote it.",
)
"""The warning for an image whose neighbouring pixels share their noise."""

MIN_RIVAL_GAIN = 0.004
"""Least reduction of the risk, in units of the noise variance, for which the rival method replaces
the first one. The rival is tried only where the image is softer than the PSF: elsewhere a lower
risk often goes with a result farther from the truth. Chosen by ``benchmarks/weights.py
--development``."""


@dataclass(frozen=True)
class SearchEffort:
    """The cost of a search.

    Attributes
    ----------
    region : TrialRegion
        The part of the image that trials use.
    step : float
        Octaves between two weights.
    expected_trials : int
        Usual number of trials.
    """

    region: TrialRegion
    step: float
    expected_trials: int


SEARCH_EFFORTS = {
    "auto": SearchEffort(TrialRegion({1: 2048, 2: 208, 3: 52}, 208**2), 1.5, 12),
    "cross-validated": SearchEffort(TrialRegion({1: 2**16, 2: 512, 3: 96}, 2**20), 0.75, 14),
}
"""The effort for each word that stands for a weight: pixels that trials use, step in octaves, and
usual number of trials. Limit: of time. In volumes, 72 in place of 52 takes 2.6 times as long, and
``benchmarks/claims.py --development`` says the same of them."""


def search_weight(
    prepared: PreparedRun, stop: Event | None = None
) -> Generator[Step, None, WeightSearchResult]:
    """Find the weight, and the method if it is open, by trials on a part of the image.

    Parameters
    ----------
    prepared : PreparedRun
        The run. Its method has the weight that the noise level suggests.
    stop : threading.Event, optional
        If it is set, the search ends at the next step, and that weight is returned.

    Yields
    ------
    Step
        The progress of the trials; the image of each step is the original one.

    Returns
    -------
    WeightSearchResult
        The calibration of `prepared`, or of its rival, with the best weight.
    """
    result = WeightSearchResult(prepared.calibration)
    if prepared.weight_to_find is None:
        return result
    effort = SEARCH_EFFORTS[prepared.weight_to_find]
    trials = TrialRunner(prepared, effort.region, stop)
    error = estimate_jpeg_error(Pixels(prepared.values, prepared.valid))
    search = WeightTrials(trials, prepared.calibration, effort.step)
    if error:
        octaves = _jpeg_octaves(error, trials.noise)
        return WeightSearchResult(search.with_weight(octaves / effort.step), noise_is_shared=True)
    if not trials.has_noise:
        return result
    trials.start_width_test(prepared.calibration)
    trials.expected_trials = effort.expected_trials
    try:
        result = yield from search.find_best()
        may_be_soft = trials.test_psf_width(prepared.calibration).may_be_soft
        if result.noise_is_shared:
            result = replace(
                result, calibration=search.with_weight(SHARED_NOISE_OCTAVES / effort.step)
            )
        elif prepared.rival and may_be_soft:
            other = search.with_calibration(prepared.rival, result.calibration.psf_width)
            yield from other.find_minimum()
            if other.lowest_risk < search.lowest_risk - MIN_RIVAL_GAIN:
                result = replace((yield from other.find_best()), is_rival=True)
    except TrialsStopped:
        pass
    return result


def _jpeg_octaves(error: float, noise: float) -> float:
    """Return octaves above the weight suggested by the noise level, for the error of compression.

    The noise level is measured at the highest frequencies, so that it does not contain this error.
    The best weight grows with noise ** 1.5.
    """
    excess = error / (MAX_JPEG_ERROR_RATIO * noise)
    return SHARED_NOISE_OCTAVES + 1.5 * float(np.log2(max(excess, 1.0)))
