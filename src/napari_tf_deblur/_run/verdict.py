"""Whether to believe a result, in a word and a sentence."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._preparation.evidence import PSFEvidence, WeightEvidence
from napari_tf_deblur._run.residual_spectrum import MIN_VISIBLE_POWER, ResidualSpectrum

VerdictKind = Literal[
    "fits",
    "over-smoothed",
    "noise fitted",
    "PSF too wide",
    "PSF too narrow",
    "saturated",
    "undersampled",
    "hardly blurred",
    "unknown",
]

KINDS: tuple[VerdictKind, ...] = get_args(VerdictKind)

PSFAssessment = Literal["not too wide", "untested", "seems soft", "found", "guessed"]
"""What is known of the PSF: a narrower one would be worse; the image does not tell, or is softer
than the PSF makes it; or it was found in the image itself, surely or as a guess."""

SENTENCES: dict[VerdictKind, str] = {
    "fits": "The result fits the data: what it leaves unexplained looks like noise.",
    "over-smoothed": "The result is smoother than the data: it leaves structure unexplained; try "
    "less smoothing.",
    "noise fitted": "Noise is being fitted: the finest detail of the result is not to be trusted; "
    "try more smoothing.",
    "PSF too wide": "The PSF is probably too wide: the image has finer detail than such a PSF "
    "lets through, and edges may ring; try a narrower PSF, or measure it.",
    "PSF too narrow": "The PSF is probably too narrow, unless the sample is as soft as that: the "
    "image has less fine detail than such a PSF lets through; try a wider PSF, or measure it.",
    "saturated": "Some pixels are saturated, and the result is wrong near them; mark them as "
    "pixels to ignore, or take the image with less light.",
    "undersampled": "The pixels are too large for this PSF: detail finer than two pixels shows as "
    "false patterns, which no method can undo; take the image with smaller pixels or steps.",
    "hardly blurred": "This PSF hardly blurs the image, so that there is little to gain; check "
    "that its width is in pixels, or keep the image as it is.",
    "unknown": "The image and its result do not tell whether the result is to be believed; "
    "compare it with the image by eye.",
}
"""What a user can act on, for each kind."""

FOUND_BLUR_SENTENCES: dict[VerdictKind, str] = {
    "PSF too wide": "The blur that was found in the image was too wide: the image has finer detail "
    "than that lets through, and edges may ring; measure the PSF, or give one that is known.",
    "hardly blurred": "The image seems hardly blurred, so that there is little to gain; keep the "
    "image as it is, or give a PSF that is known.",
    "undersampled": "The pixels are too large for the blur that was found in the image: detail "
    "finer than two pixels shows as false patterns, which no method can undo; take the image with "
    "smaller pixels.",
}
"""The same, where nobody gave a PSF."""

GUESSED_BLUR_SENTENCES: dict[VerdictKind, str] = FOUND_BLUR_SENTENCES | {
    "hardly blurred": "The image does not tell how blurred it is: a narrow blur was guessed, which "
    "sharpens little; measure the PSF, or give one that is known.",
}
"""The same, where the blur is a guess: a narrow one on purpose, which says nothing of the image."""

PSF_SENTENCES: dict[PSFAssessment, str] = {
    "not too wide": "A narrower PSF explains the image worse, so that this one is not too wide; "
    "whether it is too narrow, the image does not tell.",
    "untested": "Whether the PSF is right, this image does not tell.",
    "seems soft": "The image is softer than this PSF makes it: the sample is soft, or the PSF is "
    "too narrow.",
    "found": "The blur was found in the image.",
    "guessed": "But the blur was guessed from the image, which does not tell it well: measure the "
    "PSF, or give one that is known.",
}
"""What is known of the PSF, where that is not what is wrong."""

KINDS_WITHOUT_PSF = ("fits", "over-smoothed", "noise fitted")
"""Kinds that say nothing of the PSF themselves."""

KIND_BY_WEIGHT_EVIDENCE: dict[WeightEvidence, VerdictKind] = {
    "too large": "over-smoothed",
    "too small": "noise fitted",
}
"""What trials say of the weight, in the words of a verdict."""

MAX_MEAN_PASSED = 0.5
"""Mean square of what a PSF passes, above which it hardly blurs: a Gaussian of sigma 0.35 in 2D,
and of 0.28 in 3D. Set by hand: half or 1.5 times changes nothing in ``benchmarks/CONSTANTS.md``."""

MAX_NYQUIST_OTF = 0.2
"""Part that a PSF passes at one period in two pixels, above which pixels are too large for it, if
there is anything to pass: a Gaussian of sigma 0.57. Set by hand: half or 1.5 times changes nothing
in ``benchmarks/CONSTANTS.md``."""

MAX_JUDGED_POWER = 200.0
"""Largest power of the data, over the noise's, in bands that the weight decides: with more, all is
seen, as nothing is with less than `MIN_VISIBLE_POWER`. Chosen by ``benchmarks/claims.py
--development --confusion``."""

MIN_MAIN_PASSED = 0.09
"""Square of what a PSF passes, above which it passes a structure's main frequencies. Chosen by
``benchmarks/claims.py --development --confusion``."""

MIN_JUDGED_PASSED = 0.0025
"""Square of what a PSF passes, down to which noise is searched in a result. Chosen by
``benchmarks/claims.py --development --confusion``."""

MAX_NOISE_FLOOR_POWER = 1.3
"""Power of the data, over the least, below which a band holds nothing but noise. Chosen by
``benchmarks/claims.py --development --confusion``."""

MIN_RESIDUAL_LEFT, CERTAIN_RESIDUAL_LEFT = 1.2, 2.0
"""Power of the residual, over the noise's, where the PSF passes most, from which on the weight is
too large; the second whatever the PSF. Chosen by ``benchmarks/claims.py --development
--confusion``."""

MIN_SMOOTHING_ERROR = 0.3
"""Least cost of such a weight in dB: where there is little noise, it may cost nothing. Chosen by
``benchmarks/claims.py --development --confusion``."""

MIN_EXCESS_RESIDUAL, MIN_EXCESS_ERROR = 2.4, 0.9
"""Excess of the residual, a logarithm, and of the error, in dB, from which on the weight is too
large. Chosen by ``benchmarks/claims.py --development --confusion``."""

HALF_INFORMATION_COUNT = 100.0
"""Number of frequencies, each weighted by the signal's part in it, that say half of what many
would: where few are above the noise, what is known beforehand says much, such as that light is not
negative. Chosen by ``benchmarks/claims.py --development --confusion``."""

MAX_EXCESS_NOISE = 1.25
"""Noise that is let in, over the best, from which on the weight is too small. Chosen by
``benchmarks/claims.py --development --confusion``: of 76 right runs of five methods, three had
more."""


MAX_NAMED_PLANES = 8
"""Most planes that are named, of those that differ. Set by eye."""


@dataclass(frozen=True)
class Verdict:
    """Whether to believe a result; ``str`` of it says so, and what to do.

    Attributes
    ----------
    kind : str
        One of :data:`KINDS`; of several planes, that of most.
    psf : {"not too wide", "untested", "seems soft", "found", "guessed"} or None
        What is known of the PSF; None where nothing is said of it. That a result fits does not
        say that its PSF is right.
    planes : int
        How many planes were looked at.
    others : tuple of (str, tuple of str)
        Other kinds, each with the planes that it was said of.
    unit : str
        What was looked at, if not planes.

    Examples
    --------
    >>> print(Verdict("fits"))
    The result fits the data: what it leaves unexplained looks like noise.
    >>> print(Verdict("fits", "untested"))
    The result fits the data: what it leaves unexplained looks like noise. Whether the PSF is \
right, this image does not tell.
    """

    kind: VerdictKind
    psf: PSFAssessment | None = None
    planes: int = 1
    others: tuple[tuple[VerdictKind, tuple[str, ...]], ...] = ()
    unit: str = "plane"

    def __str__(self) -> str:
        """Say it in sentences."""
        by_psf: dict[PSFAssessment | None, dict[VerdictKind, str]]
        by_psf = {"found": FOUND_BLUR_SENTENCES, "guessed": GUESSED_BLUR_SENTENCES}
        said = [by_psf.get(self.psf, SENTENCES).get(self.kind, SENTENCES[self.kind])]
        if self.others:
            same = self.planes - sum(len(names) for _, names in self.others)
            rest = "; ".join(f"{kind}: {self._list_planes(names)}" for kind, names in self.others)
            said.append(f"So it is in {same} of {self.planes} {self.unit}s; {rest}.")
        if self.psf is not None and self.kind in KINDS_WITHOUT_PSF:
            said.append(PSF_SENTENCES[self.psf])
        return " ".join(said)

    def _list_planes(self, names: tuple[str, ...]) -> str:
        more = len(names) - MAX_NAMED_PLANES
        named = ", ".join(names[:MAX_NAMED_PLANES]) + (f" and {more} more" if more > 0 else "")
        return f"{self.unit}{'s' * (len(names) > 1)} {named}"


UNKNOWN_VERDICT = Verdict("unknown")


def judge_result(
    shells: ResidualSpectrum | None,
    evidence: PSFEvidence = "untested",
    warnings: Iterable[Notice] = (),
    found: bool | None = None,
    weight: WeightEvidence | None = None,
) -> Verdict:
    """Say whether to believe a result.

    Parameters
    ----------
    shells : Shells or None
        Of data and residual; None where there are none.
    evidence : PSFEvidence
        What the image says of the PSF.
    warnings : iterable of Notice
        Of the image, as :func:`image_warnings` gives them.
    found : bool or None
        Whether the blur was found in the image surely; None if a PSF was given.
    weight : WeightEvidence or None
        What trials say of the weight; None where they say nothing, so that the shells do.
    """
    if found is not None and evidence == "too narrow":
        evidence = "seems soft"  # a blur that is found is taken rather narrow on purpose
    kind = _choose_kind(shells, evidence, warnings, weight)
    if found is not None:
        return Verdict(kind, "found" if found else "guessed")
    if evidence == "too wide" or evidence == "too narrow":
        return Verdict(kind)
    return Verdict(kind, evidence)


def summarise_verdicts(verdicts: Mapping[str, Verdict]) -> Verdict:
    """One verdict of several planes, by their names: that of most, and which differ."""
    kinds = Counter(verdict.kind for verdict in verdicts.values())
    most = max(kinds, key=lambda kind: (kinds[kind], kind != "fits"))
    others = {kind: [name for name, v in verdicts.items() if v.kind == kind] for kind in kinds}
    return replace(
        next(verdict for verdict in verdicts.values() if verdict.kind == most),
        planes=len(verdicts),
        others=tuple((kind, tuple(names)) for kind, names in others.items() if kind != most),
    )


def _choose_kind(
    shells: ResidualSpectrum | None,
    evidence: PSFEvidence,
    warnings: Iterable[Notice],
    weight: WeightEvidence | None,
) -> VerdictKind:
    if any(warning.kind == "saturated pixels" for warning in warnings):
        return "saturated"
    if shells is None:
        return "unknown"
    if shells.mean_passed_power > MAX_MEAN_PASSED:
        return "hardly blurred"
    if any(otf > MAX_NYQUIST_OTF and power > MIN_VISIBLE_POWER for otf, power in shells.at_nyquist):
        return "undersampled"
    if evidence == "too wide":
        return "PSF too wide"
    if weight == "too large" or weight == "too small":
        return KIND_BY_WEIGHT_EVIDENCE[weight]
    if not shells.has_signal:
        return "unknown"
    if weight == "suits":
        return "PSF too narrow" if evidence == "too narrow" else "fits"
    return _judge_residual(shells, evidence)


def _judge_residual(shells: ResidualSpectrum, evidence: PSFEvidence) -> VerdictKind:
    """What the residual says of the weight, where trials do not."""
    held_back = _excess_residual(shells)
    in_main = shells.residual_lower_bound[shells.passed_power > MIN_MAIN_PASSED].max(initial=0.0)
    too_noisy, too_smooth = _excess_errors(shells)
    if in_main > CERTAIN_RESIDUAL_LEFT and too_smooth > MIN_SMOOTHING_ERROR:
        return "over-smoothed"
    if evidence == "too narrow":
        return "PSF too narrow"
    left = in_main > MIN_RESIDUAL_LEFT and too_smooth > MIN_SMOOTHING_ERROR
    if left or (held_back > MIN_EXCESS_RESIDUAL and too_smooth > MIN_EXCESS_ERROR):
        return "over-smoothed"
    if 0.8 * np.sqrt(too_noisy) - min(held_back, 0.5) > (
        MAX_EXCESS_NOISE if _reaches_noise_floor(shells) else 2.5
    ):
        return "noise fitted"
    return "fits"


def _excess_residual(shells: ResidualSpectrum) -> float:
    """How much more residual there is than the best filter would leave; a logarithm.

    A Wiener filter leaves noise squared over the data's power: 1 / P in units of the noise's.
    """
    there = (shells.data_power > MIN_VISIBLE_POWER) & (shells.data_power < MAX_JUDGED_POWER)
    if not there.any():
        return 0.0
    excess = np.log(np.maximum(shells.residual_power * shells.data_power, 1e-4))
    found = float(np.average(excess[there], weights=np.sqrt(shells.count[there])))
    if found > 0:
        return found
    telling = float(np.sum(shells.count * np.maximum(1 - 1 / shells.data_power, 0) ** 2))
    return found * telling / (telling + HALF_INFORMATION_COUNT)


def _excess_errors(shells: ResidualSpectrum) -> tuple[float, float]:
    """What noise that is let in, and detail that is not, add to the best filter's error; decibels.

    The best, Wiener's, follows the part 1 - 1 / P of data of power P in units of the noise's.
    """
    seen = shells.passed_power > MIN_JUDGED_PASSED
    best = np.maximum(shells.data_power - 1, 0) / shells.data_power
    off = shells.followed_part - best
    error = shells.count * shells.data_power / shells.passed_power * off**2
    least = np.sum((shells.count * best / shells.passed_power)[seen])
    if not least > 0:
        return 0.0, 0.0
    noisy, smooth = (np.sum(error[seen & side]) / least for side in (off > 0, off < 0))
    return float(10 * np.log10(1 + noisy)), float(10 * np.log10(1 + smooth))


def _reaches_noise_floor(shells: ResidualSpectrum) -> bool:
    """Whether the data's spectrum comes down to the noise, and not only near it at one end."""
    low = shells.data_power < MAX_NOISE_FLOOR_POWER
    return bool(np.count_nonzero(low) > 1 or shells.count[low].sum() > 0.3 * shells.count.sum())
