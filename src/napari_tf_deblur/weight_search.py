"""The regularisation weight whose results predict best what they have not seen."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import numpy as np

from napari_tf_deblur._blur.jpeg import compression_error
from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur._preparation.prepared import Prepared
from napari_tf_deblur.psf_width import PSFWidth
from napari_tf_deblur.steps import Step
from napari_tf_deblur.trials import ADDED, Look, Stopped, Trial, Trials

NARROWED = 0.8
"""Part of the PSF's width with which it is tried whether the PSF is too wide."""

NARROWEST = 0.5
"""Part of the width that was told, below which the PSF is not made narrower: after four steps it is
more likely that neighbours share their noise, which trials and spectra take for fine detail."""

SHARED = 3.0
"""Octaves above the weight that suits the noise, for noise that neighbours share. On 24 pictures
(JPEG, median filter, smoothed noise) two octaves and four gained on the image but in one case."""

OF_COMPRESSION, LEAST_NOISE_SEEN = 3.0, 0.02
"""Error of JPEG compression, over the noise that is seen, up to which `SHARED` is enough; noise
over error, below which it is taken for none. On coffee and astronaut (lower right, Gaussians of 1.5
and 2.5) at quality 75, 85 and 95, that came within 0.4 dB of the best weight."""

SHARED_WARNING = (
    "Neighbouring pixels seem to share their noise, as after JPEG compression, resampling or "
    "denoising, so that the image does not tell which weight suits it, or whether the PSF is "
    "right: a large weight was taken. Deblur the image as the camera wrote it."
)

LESS_WEIGHT = -0.3
"""Octaves, per octave between two weights, by which a PSF that is too wide asks for less weight
than suits the noise, if it matters. Where the prior does not suit the image, a narrower PSF may
predict better, too, but not with less weight."""

BETTER = 0.004
"""So much better, in units of the noise's variance, a narrower PSF must predict at the weight that
suits the noise, for a PSF to be too wide that is so by its spectrum, but not surely."""

MUCH_BETTER, FAR_BETTER = 0.03, 0.012
"""The same, where the spectrum does not tell, and so much better than the PSF does at any weight.
In a scene of points the second is needed in any case."""

MUCH_WORSE = -0.02
"""So much worse a narrower PSF predicts where that speaks against a PSF that is too wide, whatever
its spectrum says."""

UNLIKELY = 0.004
"""Risk, in the same units, that an octave below the weight that suits the noise must save; two
octaves four times as much. Keeps the search from noise where all weights predict alike."""

RIVAL_BETTER = 0.004
"""So much better, in the same units, the rival must predict to be taken instead. It is asked only
where the image is softer than the PSF. Elsewhere what predicts better is often farther from the
truth, by 4 dB with hard edges: of 81 held-out problems, whatever the margin, the rival lost more
than it gained."""

RIVALS_TRIALS = 3
"""Trials of the other method, as a rule."""

NOISIER = 0.75 * float(np.log2(1 + ADDED**2))
"""Octaves by which the weight that suits the trials' copy is larger than that of the image, which
has less noise, where weights grow with the noise's power 1.5. Those that are relative to photons do
not. On 49 held-out problems that gained 0.03 dB in the mean for total variation."""

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
        With the weight that was found, and a narrower PSF if that predicts clearly better.
    narrower_is_worse : bool
        Whether a narrower PSF predicts clearly worse.
    of_rival : bool
        Whether the calibration is that of the rival, which needs another preparation.
    width : PSFWidth or None
        What the spectrum says of the PSF's width, if it was asked.
    noise_is_shared : bool
        Whether neighbouring pixels seem to share their noise, so that nothing can be told.
    """

    calibration: Calibration
    narrower_is_worse: bool = False
    of_rival: bool = False
    width: PSFWidth | None = None
    noise_is_shared: bool = False


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
    trials = Trials(prepared, effort.look, stop)
    error = compression_error(prepared.values, prepared.valid)
    if error:
        search = _Search(trials, prepared.calibration, effort.step)
        octaves = _octaves_for_compression(error, trials.noise)
        return Weighed(search.weighted(octaves / effort.step), noise_is_shared=True)
    if not trials.can_tell:
        return found
    width = trials.width(prepared.calibration)
    rival = prepared.rival if width.is_narrow else None
    trials.usual = effort.usual_trials + (RIVALS_TRIALS if rival else 0)
    search = _Search(trials, prepared.calibration, effort.step)
    try:
        found = yield from search.best()
        if found.noise_is_shared:
            found = replace(found, calibration=search.weighted(SHARED / effort.step))
        elif rival:
            other = search.with_other(rival, found.calibration.psf_width)
            yield from other.least_risk()
            if other.least < search.least - RIVAL_BETTER:
                found = replace((yield from other.best()), of_rival=True)
    except Stopped:
        pass
    return replace(found, width=width)


def _octaves_for_compression(error: float, noise: float) -> float:
    """Octaves above the weight that suits the noise, for the error that compression left.

    It is not in the noise, which is measured at the highest frequencies. Weights grow with the
    noise's power 1.5.
    """
    unseen = error / (OF_COMPRESSION * max(noise, LEAST_NOISE_SEEN * error))
    return SHARED + 1.5 * float(np.log2(max(unseen, 1.0)))


class _Search:
    """Trials at several weights; places are steps from the weight that about suits the image."""

    def __init__(self, trials: Trials, calibration: Calibration, step: float) -> None:
        self._trials, self._calibration, self._step = trials, calibration, step
        self._width = trials.width(calibration)
        self._known: dict[int, Trial] = {}
        self._least_if_narrower = np.inf

    @property
    def least(self) -> float:
        """The least risk that was found, with a narrower PSF too."""
        return min(self._least_if_narrower, *(trial.risk for trial in self._known.values()))

    def weighted(self, place: float) -> Calibration:
        """The calibration with the weight at a place."""
        method: Any = self._calibration.method
        weight = method.weight * 2 ** (self._step * place)
        weight = float(np.clip(weight, *method.bounds("weight")))
        return replace(self._calibration, method=replace(method, weight=weight))

    def of_image(self, place: float) -> Calibration:
        """The calibration for the image itself, if that place is best for its noisier copy."""
        by_photons = self._calibration.method.counts_photons
        return self.weighted(place if by_photons else place - NOISIER / self._step)

    def at(self, place: int) -> Generator[Step, None, Trial]:
        """The trial at a place, which is done once."""
        if place not in self._known:
            self._known[place] = yield from self._trials.at(self.weighted(place))
        return self._known[place]

    def best(self) -> Generator[Step, None, Weighed]:
        """Find the best weight, with a narrower PSF where this one is too wide."""
        if self._calibration.psf_width < NARROWEST:
            return Weighed(self._calibration, noise_is_shared=True)
        place = yield from self.least_risk()
        shells = self._trials.shells(self._known[0])
        known = self._trials.tell_width and np.isfinite(self._width.doubt)
        if shells is None or not (shells.clear and known):
            return Weighed(self.weighted(place))  # no less, where nothing tells of the PSF
        suspect = self._width.may_be_wide(shells.left_where_hardly_passed)
        if not suspect and (place >= LESS_WEIGHT or self._width.is_right):
            return Weighed(self.of_image(place))
        narrower = self.with_other(self._calibration, NARROWED * self._calibration.psf_width)
        first = yield from narrower.at(0)
        much_worse = self._known[0].risk - first.risk < MUCH_WORSE
        if much_worse and self._width.is_wide:  # with another weight it may be better
            yield from narrower.least_risk()
            much_worse = self.least - narrower.least < FAR_BETTER
        if not much_worse and self._fits_better(first, suspect):
            found = yield from narrower.best()
        else:
            found = Weighed(self.of_image(place), narrower_is_worse=much_worse)
        self._least_if_narrower = narrower.least
        return found

    def with_other(self, calibration: Calibration, psf_width: float) -> "_Search":
        """The same with another method, or width of the PSF."""
        return _Search(self._trials, replace(calibration, psf_width=psf_width), self._step)

    def _fits_better(self, narrower: Trial, suspect: bool) -> bool:
        """Whether a narrower PSF predicts so well that the PSF is too wide."""
        if self._width.is_wide:
            return True
        at_usual, at_best = self._known[0].risk - narrower.risk, self.least - narrower.risk
        if suspect and at_usual > BETTER:
            return at_best > FAR_BETTER or not self._width.of_points
        return at_usual > MUCH_BETTER and at_best > FAR_BETTER and not self._width.of_points

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
