"""Find the weight, and the width of the PSF, with the lowest risk by trials at several weights."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.steps import Step
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.evidence import PSFEvidence
from napari_tf_deblur._run.prediction_error import RiskDifference, Trial
from napari_tf_deblur._run.psf_width import UNKNOWN_WIDTH, PSFWidthTest
from napari_tf_deblur._run.trials import ADDED_NOISE, TrialRunner, TrialSettings

MIN_PSF_WIDTH = 0.5
"""Part of the given width below which the PSF is not made narrower. Guard: after four steps, noise
that neighbouring pixels share is a more likely cause; ``tests/run/test_weight_search.py``."""

SMALL_WEIGHT_PENALTY = 0.004
"""Penalty on the risk of a weight that is one octave below the weight suggested by the noise level,
in units of the noise variance; it grows with the square of the octaves. It keeps the search from
fitting noise where all weights have about the same risk. Chosen by ``benchmarks/weights.py
--development``."""

TRIAL_NOISE_OCTAVES = 0.75 * float(np.log2(1 + ADDED_NOISE**2))
"""Octaves by which the best weight for the noisier copy is larger than that for the image. Weights
that are relative to photon counts are the same for both. Derived: from `ADDED_NOISE`, as the best
weight grows with noise ** 1.5."""

MAX_STEPS_AWAY = 10
"""Largest number of steps from the weight suggested by the noise level. Limit: of time."""


@dataclass(frozen=True)
class WeightSearchResult:
    """The result of a search for the weight.

    Attributes
    ----------
    calibration : Calibration
        With the best weight, and a narrower PSF if that predicts clearly better.
    evidence : PSFEvidence or None
        What the image says of the given PSF; None if no trials were run.
    is_rival : bool
        Whether the calibration is that of the rival method, for which the image must be prepared
        again.
    noise_is_shared : bool
        Whether neighbouring pixels seem to share their noise. Trials then say nothing.
    """

    calibration: Calibration
    evidence: PSFEvidence | None = None
    is_rival: bool = False
    noise_is_shared: bool = False


class WeightTrials:
    """Trials with one method and one PSF width, at several weights.

    A position is a number of steps from the weight that the noise level suggests. Trials at whole
    positions are also used to compare methods and PSF widths.

    Parameters
    ----------
    trials : TrialRunner
        Runs the trials.
    calibration : Calibration
        With the weight that the noise level suggests.
    step : float
        Octaves of weight in one step.
    """

    def __init__(self, trials: TrialRunner, calibration: Calibration, step: float) -> None:
        self._trials, self._calibration, self._step = trials, calibration, step
        self._results: dict[float, Trial] = {}
        self._mirrored: dict[float, Trial] = {}
        self._lowest_with_narrower = np.inf

    @property
    def _width_test(self) -> PSFWidthTest:
        return self._trials.test_psf_width(self._calibration)

    @property
    def lowest_risk(self) -> float:
        """The lowest risk of the data in all trials, those with a narrower PSF included."""
        return min(
            self._lowest_with_narrower,
            *(self._results[position].risk for position in self._whole_steps),
        )

    def with_weight(self, position: float) -> Calibration:
        """Return the calibration with the weight at a position."""
        method = self._calibration.method.with_smoothing(2 ** (self._step * position))
        return replace(self._calibration, method=method)

    def weight_for_image(self, position: float) -> Calibration:
        """Return the calibration for the image itself, if `position` is best for its noisy copy."""
        by_photons = self._calibration.method.counts_photons
        return self.with_weight(
            position if by_photons else position - TRIAL_NOISE_OCTAVES / self._step
        )

    def run_at(
        self, positions: Sequence[float], mirrored: Sequence[float] = ()
    ) -> Generator[Step, None, None]:
        """Run the trials at some positions, at the same time; those that were run are left out.

        Parameters
        ----------
        positions : sequence of float
            Positions of trials as usual.
        mirrored : sequence of float
            Positions of trials with the split noise of opposite sign.
        """
        kinds = ((self._results, positions), (self._mirrored, mirrored))
        missing = [(results, p) for results, wanted in kinds for p in wanted if p not in results]
        settings = [
            TrialSettings(self.with_weight(p), results is self._mirrored) for results, p in missing
        ]
        trials = yield from self._trials.run_trials(settings)
        for (results, position), trial in zip(missing, trials, strict=True):
            results[position] = trial

    def find_best(self) -> Generator[Step, None, WeightSearchResult]:
        """Find the best weight; make the PSF narrower as long as it is too wide."""
        if self._calibration.psf_width < MIN_PSF_WIDTH:
            return WeightSearchResult(self._calibration, noise_is_shared=True)
        position = yield from self.refine_minimum()
        spectrum = self._trials.trial_spectrum(self._results[0])
        is_testable = self._trials.can_test_width and self._width_test != UNKNOWN_WIDTH
        if spectrum is None or not (spectrum.has_signal and is_testable):
            # The weight is not lowered where the image says nothing of the PSF.
            return WeightSearchResult(self.with_weight(position))
        test, width = self._width_test, self._calibration.psf_width
        with_narrower = self.with_calibration(self._calibration, test.narrower_factor * width)
        narrower = wider = None
        if test.should_try_narrower:
            narrower = yield from self._compare(with_narrower)
        if test.seems_soft:
            with_wider = self.with_calibration(self._calibration, test.wider_factor * width)
            wider = yield from self._compare(with_wider)
        evidence = test.evidence(narrower, wider)
        if evidence != "too wide":
            return WeightSearchResult(self.weight_for_image(position), evidence)
        found = yield from with_narrower.find_best()
        self._lowest_with_narrower = with_narrower.lowest_risk
        return replace(found, evidence=evidence)

    def _compare(self, other: "WeightTrials") -> Generator[Step, None, RiskDifference]:
        """Compare the lowest risks of this and other trials.

        The lowest risk may lie between two positions. That counts only in favour of this PSF.
        """
        yield from other.find_minimum()
        own_risks = yield from self._risks_at_best()
        other_risks = yield from other._risks_at_best()
        return RiskDifference.from_blocks(
            own_risks - other_risks, max(0.0, self._parabola_gain() - other._parabola_gain())
        )

    @property
    def _whole_steps(self) -> list[float]:
        """The whole positions at which trials were run."""
        return [position for position in self._results if position == round(position)]

    @property
    def _best_step(self) -> float:
        """The whole position with the lowest risk of the data."""
        return min(self._whole_steps, key=lambda position: self._results[position].risk)

    def _risks_at_best(self) -> Generator[Step, None, NDArray[np.float64]]:
        """Return the risks at the best whole position: the mean over both signs of the noise."""
        best = self._best_step
        yield from self.run_at([], mirrored=[best])
        return (self._results[best].risks + self._mirrored[best].risks) / 2

    def _parabola_gain(self) -> float:
        """Return how much lower the risk is between whole positions, by a parabola."""
        position = self._best_step
        if position in (min(self._whole_steps), max(self._whole_steps)):
            return 0.0
        before, middle, after = (self._results[position + k].risk for k in (-1, 0, 1))
        bend = before - 2 * middle + after
        return (before - after) ** 2 / (8 * bend) if bend > 0 else 0.0

    def with_calibration(self, calibration: Calibration, psf_width: float) -> "WeightTrials":
        """Return trials with another calibration and PSF width."""
        return WeightTrials(self._trials, replace(calibration, psf_width=psf_width), self._step)

    def find_minimum(self) -> Generator[Step, None, float]:
        """Return the position of the lowest risk of the image; a parabola gives the fraction."""
        yield from self.run_at([0, 1, -1])
        while True:
            best = min(self._whole_steps, key=self._penalised_risk)
            ends = min(self._whole_steps), max(self._whole_steps)
            if best not in ends or abs(best) == MAX_STEPS_AWAY:
                break
            yield from self.run_at([best - 1 if best == ends[0] else best + 1])
        if best in ends:
            return float(best)
        before, middle, after = (self._penalised_risk(best + k) for k in (-1, 0, 1))
        bend = before - 2 * middle + after
        return best + (0.5 * (before - after) / bend if bend > 0 else 0.0)

    def refine_minimum(self) -> Generator[Step, None, float]:
        """Return the position of the lowest risk of the image, measured more exactly.

        Trials on both sides of the minimum are repeated with the split noise of opposite sign, and
        both are averaged. The average does not depend on chance correlations between the random
        numbers and the image. The trials lie around the minimum, as the risk is no parabola. If an
        image is cropped by a few lines, the weight changes a fifth as much as without this.
        """
        position = yield from self.find_minimum()
        best = min(self._whole_steps, key=self._penalised_risk)
        if best in (min(self._whole_steps), max(self._whole_steps)):
            return position
        centre = round(2 * position) / 2
        beside = [centre - 1, centre + 1]
        yield from self.run_at([centre, *beside], mirrored=beside)
        before, middle, after = (self._penalised_risk(centre + k) for k in (-1, 0, 1))
        bend = before - 2 * middle + after
        if not bend > 0:
            return position
        fall = before - after
        for k in (-1, 1):
            own, mirrored = self._results[centre + k], self._mirrored[centre + k]
            fall -= k * (mirrored.image_risk - own.image_risk) / 2
        return centre + float(np.clip(0.5 * fall / bend, -1, 1))

    def _penalised_risk(self, position: float) -> float:
        """Return the risk of the image plus `SMALL_WEIGHT_PENALTY` for a small weight."""
        penalty = SMALL_WEIGHT_PENALTY * (self._step * min(position, 0)) ** 2
        return self._results[position].image_risk + penalty
