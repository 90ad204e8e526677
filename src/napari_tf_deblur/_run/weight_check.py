"""Whether a weight that was given is too large or too small, by trials with others."""

from collections.abc import Generator
from dataclasses import replace
from threading import Event

from napari_tf_deblur._blur.jpeg import compression_error
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.steps import Step
from napari_tf_deblur._preparation.evidence import WeightEvidence
from napari_tf_deblur._preparation.prepared import Prepared
from napari_tf_deblur._run.psf_width import Preference
from napari_tf_deblur._run.trials import Stopped, Trials
from napari_tf_deblur._run.weight_search import EFFORTS

OCTAVES = 2.0
"""Distance, in octaves, of the given weight from those that it is compared with. Derived: what is
said is "four times as much"."""

SURELY = 2.0
"""Standard errors by which another weight must predict better. Chosen by ``benchmarks/claims.py
--development --confusion``: on 69 scenes the weight that was found was beaten by more once, by one
that was better indeed; of those 8 times as large or small that cost more than 0.5 dB, all but one
were."""


def checked(
    prepared: Prepared, stop: Event | None = None
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
    if compression_error(Pixels(prepared.values, prepared.valid)):
        return None
    trials = Trials(prepared, EFFORTS["auto"].look, stop)
    if not trials.tell_width:
        return None
    others: tuple[tuple[WeightEvidence, float], ...] = (
        ("too large", 2**-OCTAVES),
        ("too small", 2**OCTAVES),
    )
    trials.usual, trials.purpose = 3, "checking the weight"
    try:
        told = yield from trials.at(calibration)
        for evidence, factor in others:
            method = calibration.method.smoothed(factor)
            if method == calibration.method:  # already at its bound
                continue
            tried = yield from trials.at(replace(calibration, method=method))
            if Preference.of(told.image_risks - tried.image_risks).surely > SURELY:
                return evidence
    except Stopped:
        return None
    return "suits"
