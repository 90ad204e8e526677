"""The regularisation weight whose results predict best what they have not seen."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import numpy as np

from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.prepared import Prepared
from napari_tf_deblur.forward import narrowed
from napari_tf_deblur.psf import PSF
from napari_tf_deblur.psf_width import PSFWidth
from napari_tf_deblur.steps import Step
from napari_tf_deblur.trials import Look, Stopped, Trial, Trials

NARROWED = 0.8
"""Part of the PSF's width with which it is tried whether the PSF is too wide."""

LESS_WEIGHT = -0.3
"""Octaves, per octave between two weights, by which a PSF that is too wide asks for less weight
than suits the noise, if it matters. Where the prior does not suit the image, a narrower PSF may
predict better, too, but not with less weight."""

BETTER = 0.004
"""So much better, in units of the noise's variance, a narrower PSF must predict at the weight that
suits the noise, for a PSF to be too wide whose spectrum says so."""

MUCH_BETTER, FAR_BETTER = 0.03, 0.012
"""The same, where the spectrum does not tell, and so much better than the PSF does at any weight.
In a scene of points the second is needed in any case."""

MUCH_WORSE = -0.02
"""So much worse a narrower PSF predicts where that speaks against a PSF that is too wide."""

UNLIKELY = 0.004
"""Risk, in the same units, that an octave below the weight that suits the noise must save; two
octaves four times as much. Keeps the search from noise where all weights predict alike."""

RIVAL_BETTER = 0.01
"""So much better, in the same units, another method must predict to be taken instead."""

RIVALS_TRIALS = 3
"""Trials of the other method, as a rule."""

FURTHER = 2
"""Larger weights in a row that are no nearer, after which the search ends: with points and threads
the first one may be farther and the next much nearer."""

LARGEST_STEP = 10
"""Steps from the weight that suits the noise, at the most."""


@dataclass(frozen=True)
class Effort:
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

    look: Look
    step: float
    usual_trials: int


EFFORTS = {
    "auto": Effort(Look({1: 2048, 2: 208, 3: 72}, 208**2), 1.5, 5),
    "cross-validated": Effort(Look({1: 2**16, 2: 512, 3: 96}, 2**20), 0.75, 7),
}
"""By the word that stands for the weight."""


@dataclass(frozen=True)
class Weighed:
    """What a search found.

    Attributes
    ----------
    calibration : Calibration
        With the weight that was found.
    too_wide : bool or None
        Whether a narrower PSF predicts clearly better, or clearly worse; None where trials do
        not tell.
    of_rival : bool
        Whether the calibration is that of the rival, which needs another preparation.
    width : PSFWidth or None
        What the spectrum says of the PSF's width, if it was asked.
    """

    calibration: Calibration
    too_wide: bool | None = None
    of_rival: bool = False
    width: PSFWidth | None = None


def weighed(prepared: Prepared, stop: Event | None = None) -> Generator[Step, None, Weighed]:
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
    found = Weighed(prepared.calibration)
    if prepared.weight_to_find is None:
        return found
    effort = EFFORTS[prepared.weight_to_find]
    usual = effort.usual_trials + (RIVALS_TRIALS if prepared.rival else 0)
    trials = Trials(prepared, effort.look, usual, stop)
    if not trials.can_tell:
        return found
    width = PSFWidth.of(prepared)
    search = _Search(trials, prepared.calibration, prepared.psf, width, effort.step)
    try:
        found = yield from search.best()
        if prepared.rival:
            other = _Search(trials, prepared.rival, prepared.psf, width, effort.step)
            yield from other.least_risk()
            if other.least < search.least - RIVAL_BETTER:
                found = replace((yield from other.best()), of_rival=True)
    except Stopped:
        pass
    return replace(found, width=width)


class _Search:
    """Trials at several weights; places are steps from the weight that about suits the image."""

    def __init__(
        self,
        trials: Trials,
        calibration: Calibration,
        psf: PSF,
        width: PSFWidth,
        step: float,
    ) -> None:
        self._trials, self._calibration, self._step = trials, calibration, step
        self._psf, self._width = psf, width
        self._known: dict[int, Trial] = {}
        self._narrower: list[Trial] = []

    @property
    def least(self) -> float:
        """The least risk that was found, with a narrower PSF too."""
        return min(trial.risk for trial in (*self._known.values(), *self._narrower))

    def weighted(self, place: float) -> Calibration:
        """The calibration with the weight at a place."""
        method: Any = self._calibration.method
        weight = method.weight * 2 ** (self._step * place)
        weight = float(np.clip(weight, *method.bounds("weight")))
        return replace(self._calibration, method=replace(method, weight=weight))

    def at(self, place: int) -> Generator[Step, None, Trial]:
        """The trial at a place, which is done once."""
        if place not in self._known:
            self._known[place] = yield from self._trials.at(self.weighted(place), self._psf)
        return self._known[place]

    def best(self) -> Generator[Step, None, Weighed]:
        """Find the best weight, and whether the PSF is too wide."""
        place = yield from self.least_risk()
        left = self._trials.says_too_wide(self._known[0], self._psf)
        suspect = self._width.may_be_wide(left)
        if suspect or (place < LESS_WEIGHT and not self._width.is_right):
            narrower = yield from self._trials.at(self.weighted(0), narrowed(self._psf, NARROWED))
            too_wide = self._fits_better(narrower, suspect)
            self._narrower.append(narrower)
            if too_wide:
                place = yield from self._nearest(narrower)
            return Weighed(self.weighted(place), too_wide=too_wide)
        return Weighed(self.weighted(place))

    def _fits_better(self, narrower: Trial, suspect: bool) -> bool | None:
        """Whether a narrower PSF predicts so much better that the PSF is too wide, or worse."""
        at_usual, at_best = self._known[0].risk - narrower.risk, self.least - narrower.risk
        if at_usual < MUCH_WORSE:
            return False
        if suspect and at_usual > BETTER:
            fits = at_best > FAR_BETTER or not self._width.of_points
        else:
            fits = at_usual > MUCH_BETTER and at_best > FAR_BETTER and not self._width.of_points
        return True if fits else None

    def least_risk(self) -> Generator[Step, None, float]:
        """Where the risk is least, between places by a parabola."""
        for place in (0, 1, -1):
            yield from self.at(place)
        while True:
            best = min(self._known, key=self._cost)
            ends = min(self._known), max(self._known)
            if best not in ends or abs(best) == LARGEST_STEP:
                break
            yield from self.at(best - 1 if best == ends[0] else best + 1)
        if best in ends:
            return float(best)
        before, here, after = (self._cost(best + k) for k in (-1, 0, 1))
        bend = before - 2 * here + after
        return best + (0.5 * (before - after) / bend if bend > 0 else 0.0)

    def _cost(self, place: int) -> float:
        return self._known[place].risk + UNLIKELY * (self._step * min(place, 0)) ** 2

    def _nearest(self, fitting: Trial) -> Generator[Step, None, int]:
        """With a PSF that is too wide: where the result is nearest to that of one that fits.

        What is to be predicted then says little: the less weight, the better noise makes up for
        the PSF, and the worse the image.
        """

        def distance(place: int) -> float:
            image = self._known[place].image
            return float(np.mean(np.square(image - fitting.image), dtype=np.float64))

        nearest = 0
        for place in range(LARGEST_STEP + 1):
            yield from self.at(place)
            nearest = min(nearest, place, key=distance)
            if place - nearest == FURTHER:
                break
        return nearest
