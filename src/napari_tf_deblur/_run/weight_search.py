"""The regularisation weight whose results predict best what they have not seen."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from threading import Event

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._blur.jpeg import estimate_jpeg_error
from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.steps import Step
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.evidence import PSFEvidence
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._run.psf_width import UNKNOWN_WIDTH, PSFWidthTest, RiskDifference
from napari_tf_deblur._run.trials import ADDED_NOISE, Trial, TrialRegion, TrialRunner, TrialsStopped

MIN_PSF_WIDTH = 0.5
"""Part of the given width below which the PSF is not made narrower. Guard: after four steps it is
more likely that neighbours share their noise; ``tests/run/test_weight_search.py``."""

SHARED_NOISE_OCTAVES = 3.0
"""Octaves above the weight that suits the noise, for noise that neighbours share. Set by hand: half
or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

MAX_JPEG_ERROR_RATIO, MIN_NOISE_ERROR_RATIO = 3.0, 0.02
"""Largest ratio of the error of JPEG compression to the noise that is seen for which
`SHARED_NOISE_OCTAVES` is enough; and least noise over error that counts. Set by hand; no run of
``benchmarks/constants.py --vary`` uses it."""

SHARED_NOISE = Notice(
    "shared noise",
    "Neighbouring pixels seem to share their noise, as after JPEG compression, resampling or "
    "denoising, so that the image does not tell which weight suits it, or whether the PSF is "
    "right: a large weight was taken. Deblur the image as the camera wrote it.",
)
"""Said of an image whose pixels share their noise."""

SMALL_WEIGHT_PENALTY = 0.004
"""Gain that an octave below the weight that suits the noise must have, in units of the noise's
variance; two octaves four times as much. It keeps the search from noise where all weights do alike.
Chosen by ``benchmarks/weights.py --development``."""

MIN_RIVAL_GAIN = 0.004
"""Gain of the rival, in the same units, from which on it is taken. It is tried only where the image
is softer than the PSF: elsewhere what predicts better is often farther from the truth. Chosen by
``benchmarks/weights.py --development``."""

RIVAL_TRIALS = 3
"""Usual number of trials of the rival, for the progress bar. Set by eye."""

TRIAL_NOISE_OCTAVES = 0.75 * float(np.log2(1 + ADDED_NOISE**2))
"""Octaves by which the weight that suits the noisier copy is larger than that of the image. Weights
that are relative to photons do not change. Derived: from `ADDED_NOISE`, as weights grow with the
noise's power 1.5."""

MAX_STEPS_AWAY = 10
"""Most steps from the weight that suits the noise. Limit: of time."""


@dataclass(frozen=True)
class SearchEffort:
    """What a search may cost.

    Attributes
    ----------
    look : Look
        The part of the image that the trials look at.
    step : float
        Octaves between two weights.
    usual_trials : int
        Trials that it takes, as a rule.
    """

    region: TrialRegion
    step: float
    expected_trials: int


SEARCH_EFFORTS = {
    "auto": SearchEffort(TrialRegion({1: 2048, 2: 208, 3: 72}, 208**2), 1.5, 12),
    "cross-validated": SearchEffort(TrialRegion({1: 2**16, 2: 512, 3: 96}, 2**20), 0.75, 14),
}
"""Efforts by the word that stands for the weight: pixels that trials look at, step in octaves, and
usual number of trials. Limit: of time."""


@dataclass(frozen=True)
class WeightSearchResult:
    """What a search found.

    Attributes
    ----------
    calibration : Calibration
        With the weight that was found, and a narrower PSF if that predicts clearly better.
    evidence : PSFEvidence or None
        What the image says of the PSF that was given, if trials were asked.
    of_rival : bool
        Whether the calibration is that of the rival, which needs another preparation.
    noise_is_shared : bool
        Whether neighbouring pixels seem to share their noise, so that nothing can be told.
    """

    calibration: Calibration
    evidence: PSFEvidence | None = None
    is_rival: bool = False
    noise_is_shared: bool = False


def search_weight(
    prepared: PreparedRun, stop: Event | None = None
) -> Generator[Step, None, WeightSearchResult]:
    """Find a weight, and the method if it is open, by trials on a part of the image.

    Parameters
    ----------
    prepared : Prepared
        What is to be solved; its method has a weight that about suits the image.
    stop : threading.Event, optional
        Once it is set, that weight is returned at the next step.

    Yields
    ------
    Step
        Of one trial after another; the image is what it was.

    Returns
    -------
    Weighed
        The calibration of `prepared` or of its rival, with the weight that was found.
    """
    found = WeightSearchResult(prepared.calibration)
    if prepared.weight_to_find is None:
        return found
    effort = SEARCH_EFFORTS[prepared.weight_to_find]
    trials = TrialRunner(prepared, effort.region, stop)
    error = estimate_jpeg_error(Pixels(prepared.values, prepared.valid))
    if error:
        search = _WeightSearch(trials, prepared.calibration, effort.step)
        octaves = _jpeg_octaves(error, trials.noise)
        return WeightSearchResult(search.with_weight(octaves / effort.step), noise_is_shared=True)
    if not trials.has_noise:
        return found
    width = trials.test_psf_width(prepared.calibration)
    rival = prepared.rival if width.may_be_soft else None
    trials.expected_trials = effort.expected_trials + (RIVAL_TRIALS if rival else 0)
    search = _WeightSearch(trials, prepared.calibration, effort.step)
    try:
        found = yield from search.find_best()
        if found.noise_is_shared:
            found = replace(
                found, calibration=search.with_weight(SHARED_NOISE_OCTAVES / effort.step)
            )
        elif rival:
            other = search.with_calibration(rival, found.calibration.psf_width)
            yield from other.find_minimum()
            if other.lowest_risk < search.lowest_risk - MIN_RIVAL_GAIN:
                found = replace((yield from other.find_best()), is_rival=True)
    except TrialsStopped:
        pass
    return found


def _jpeg_octaves(error: float, noise: float) -> float:
    """Octaves above the weight that suits the noise, for the error that compression left.

    It is not in the noise, which is measured at the highest frequencies. Weights grow with the
    noise's power 1.5.
    """
    unseen = error / (MAX_JPEG_ERROR_RATIO * max(noise, MIN_NOISE_ERROR_RATIO * error))
    return SHARED_NOISE_OCTAVES + 1.5 * float(np.log2(max(unseen, 1.0)))


class _WeightSearch:
    """Trials at several weights; places are steps from the weight that about suits the image."""

    def __init__(self, trials: TrialRunner, calibration: Calibration, step: float) -> None:
        self._trials, self._calibration, self._step = trials, calibration, step
        self._known: dict[float, Trial] = {}
        self._mirrored: dict[float, Trial] = {}
        self._least_if_narrower = np.inf

    @property
    def _width(self) -> PSFWidthTest:
        return self._trials.test_psf_width(self._calibration)

    @property
    def lowest_risk(self) -> float:
        """The least risk that was found, with a narrower PSF too."""
        return min(
            self._least_if_narrower, *(self._known[place].risk for place in self._whole_steps)
        )

    def with_weight(self, place: float) -> Calibration:
        """The calibration with the weight at a place."""
        method = self._calibration.method.with_smoothing(2 ** (self._step * place))
        return replace(self._calibration, method=method)

    def weight_for_image(self, place: float) -> Calibration:
        """The calibration for the image itself, if that place is best for its noisier copy."""
        by_photons = self._calibration.method.counts_photons
        return self.with_weight(place if by_photons else place - TRIAL_NOISE_OCTAVES / self._step)

    def try_step(self, place: float) -> Generator[Step, None, Trial]:
        """The trial at a place, which is done once."""
        if place not in self._known:
            self._known[place] = yield from self._trials.run_trial(self.with_weight(place))
        return self._known[place]

    def try_mirrored(self, place: float) -> Generator[Step, None, Trial]:
        """The same with noise that is split with the other sign."""
        if place not in self._mirrored:
            self._mirrored[place] = yield from self._trials.run_trial(
                self.with_weight(place), mirrored=True
            )
        return self._mirrored[place]

    def find_best(self) -> Generator[Step, None, WeightSearchResult]:
        """Find the best weight, with a narrower PSF where this one is too wide."""
        if self._calibration.psf_width < MIN_PSF_WIDTH:
            return WeightSearchResult(self._calibration, noise_is_shared=True)
        place = yield from self.refine_minimum()
        shells = self._trials.trial_spectrum(self._known[0])
        known = self._trials.can_test_width and self._width != UNKNOWN_WIDTH
        if shells is None or not (shells.has_signal and known):
            return WeightSearchResult(
                self.with_weight(place)
            )  # no less, where nothing tells of the PSF
        width, told = self._width, self._calibration.psf_width
        other = self.with_calibration(self._calibration, width.narrower_factor * told)
        narrower = wider = None
        if width.should_try_narrower:
            narrower = yield from self._preference(other)
        if width.seems_soft:
            soft = self.with_calibration(self._calibration, width.wider_factor * told)
            wider = yield from self._preference(soft)
        evidence = width.evidence(narrower, wider)
        if evidence != "too wide":
            return WeightSearchResult(self.weight_for_image(place), evidence)
        found = yield from other.find_best()
        self._least_if_narrower = other.lowest_risk
        return replace(found, evidence=evidence)

    def _preference(self, other: "_WeightSearch") -> Generator[Step, None, RiskDifference]:
        """By how much the other is preferred, both at the weight that predicts best.

        That may lie between two places. If it is the PSF that was told that gains by it, that
        counts.
        """
        yield from other.find_minimum()
        told = yield from self._risks_at_best()
        others = yield from other._risks_at_best()
        return RiskDifference.from_blocks(
            told - others, max(0.0, self._parabola_gain() - other._parabola_gain())
        )

    @property
    def _whole_steps(self) -> list[float]:
        """The places that were tried by whole steps: those at which PSFs and methods compare."""
        return [place for place in self._known if place == round(place)]

    @property
    def _best_step(self) -> float:
        """The place whose trial predicts best."""
        return min(self._whole_steps, key=lambda place: self._known[place].risk)

    def _risks_at_best(self) -> Generator[Step, None, NDArray[np.float64]]:
        """Risks of the weight that predicts best, in the mean of noise that is split both ways."""
        mirrored = yield from self.try_mirrored(self._best_step)
        return (self._known[self._best_step].risks + mirrored.risks) / 2

    def _parabola_gain(self) -> float:
        """By how much the risk is less between places, by a parabola."""
        place = self._best_step
        if place in (min(self._whole_steps), max(self._whole_steps)):
            return 0.0
        before, here, after = (self._known[place + k].risk for k in (-1, 0, 1))
        bend = before - 2 * here + after
        return (before - after) ** 2 / (8 * bend) if bend > 0 else 0.0

    def with_calibration(self, calibration: Calibration, psf_width: float) -> "_WeightSearch":
        """The same with another method, or width of the PSF."""
        return _WeightSearch(self._trials, replace(calibration, psf_width=psf_width), self._step)

    def find_minimum(self) -> Generator[Step, None, float]:
        """Where the risk of the image is least, between places by a parabola."""
        for place in (0, 1, -1):
            yield from self.try_step(place)
        while True:
            best = min(self._whole_steps, key=self._penalised_risk)
            ends = min(self._whole_steps), max(self._whole_steps)
            if best not in ends or abs(best) == MAX_STEPS_AWAY:
                break
            yield from self.try_step(best - 1 if best == ends[0] else best + 1)
        if best in ends:
            return float(best)
        before, here, after = (self._penalised_risk(best + k) for k in (-1, 0, 1))
        bend = before - 2 * here + after
        return best + (0.5 * (before - after) / bend if bend > 0 else 0.0)

    def refine_minimum(self) -> Generator[Step, None, float]:
        """The same, by trials on both sides of the best place with the noise split both ways.

        What the random numbers have in common with the image by chance is then no matter, nor is
        where the best place lies among those that were tried first: the risk is no parabola. Where
        an image is cut a few lines elsewhere, the weight changes by a fifth as much.
        """
        place = yield from self.find_minimum()
        best = min(self._whole_steps, key=self._penalised_risk)
        if best in (min(self._whole_steps), max(self._whole_steps)):
            return place
        middle = round(2 * place) / 2
        for beside in (middle, middle - 1, middle + 1):
            yield from self.try_step(beside)
        before, here, after = (self._penalised_risk(middle + k) for k in (-1, 0, 1))
        bend = before - 2 * here + after
        if not bend > 0:
            return place
        fall = before - after
        for k in (-1, 1):
            mirrored = yield from self.try_mirrored(middle + k)
            fall -= k * (mirrored.image_risk - self._known[middle + k].image_risk) / 2
        return middle + float(np.clip(0.5 * fall / bend, -1, 1))

    def _penalised_risk(self, place: float) -> float:
        """Of an image that is far from the truth, and of a weight that is `SMALL_WEIGHT_PENALTY`."""
        unlikely = SMALL_WEIGHT_PENALTY * (self._step * min(place, 0)) ** 2
        return self._known[place].image_risk + unlikely
