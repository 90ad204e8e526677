"""Judge a result: find the kind of its verdict from its residual, from trials and from warnings."""

from collections.abc import Iterable

import numpy as np

from napari_tf_deblur._core.notices import Notice
from napari_tf_deblur._preparation.evidence import PSFEvidence, WeightEvidence
from napari_tf_deblur._run.residual_spectrum import MIN_VISIBLE_POWER, ResidualSpectrum
from napari_tf_deblur._run.verdict import Verdict, VerdictKind

KIND_BY_WEIGHT_EVIDENCE: dict[WeightEvidence, VerdictKind] = {
    "too large": "over-smoothed",
    "too small": "noise fitted",
}
"""The kind of verdict that follows from what trials say of the weight."""

KIND_BY_PSF_EVIDENCE: dict[PSFEvidence, VerdictKind] = {
    "too narrow": "PSF too narrow",
    "short along z": "PSF too short along z",
}
"""The kind of verdict that follows from a PSF that lets more detail through than the image has."""

MAX_MEAN_PASSED = 0.5
"""Mean square of the transfer function above which a PSF hardly blurs. Definition: of "hardly
blurred"; the PSF keeps more than half of the power of white noise, as a Gaussian of sigma 0.35 in
2D and of 0.28 in 3D does."""

MAX_NYQUIST_OTF = 0.2
"""Transfer function at one period in two pixels above which the pixels are too large for the PSF,
if the image has signal there. Definition: of "undersampled"; a Gaussian of sigma 0.57 has this
value."""

MAX_JUDGED_POWER = 200.0
"""Largest power of the data, in units of the noise power, in shells that show whether the weight is
right. Above it every weight follows the data; below `MIN_VISIBLE_POWER` no weight does. Chosen by
``benchmarks/claims.py --development --confusion``."""

MIN_MAIN_PASSED = 0.09
"""Square of the transfer function above which a PSF passes the main frequencies of a structure.
Chosen by ``benchmarks/claims.py --development --confusion``."""

MIN_JUDGED_PASSED = 0.0025
"""Square of the transfer function down to which a result is tested for noise. Chosen by
``benchmarks/claims.py --development --confusion``."""

MAX_NOISE_FLOOR_POWER = 1.3
"""Power of the data, in units of the least, below which a shell holds only noise. Chosen by
``benchmarks/claims.py --development --confusion``."""

MIN_RESIDUAL_LEFT, CERTAIN_RESIDUAL_LEFT = 1.2, 2.0
"""Power of the residual, in units of the noise power and at the main frequencies, above which the
weight is too large; above the second this holds even if the PSF seems too narrow. Chosen by
``benchmarks/claims.py --development --confusion``."""

MIN_SMOOTHING_ERROR = 0.3
"""Least loss in dB for which a weight counts as too large: with little noise, structure in the
residual may cost nothing. Chosen by ``benchmarks/claims.py --development --confusion``."""

MIN_EXCESS_RESIDUAL, MIN_EXCESS_ERROR = 2.4, 0.9
"""Logarithm of the excess of the residual, and excess of the error in dB, above which together the
weight is too large. Chosen by ``benchmarks/claims.py --development --confusion``."""

HALF_INFORMATION_COUNT = 100.0
"""Number of frequencies, weighted by their part of signal, at which a residual that is smaller than
the best filter leaves counts half. If few frequencies are above the noise, constraints such as
non-negative light determine much of the result, and a small residual does not mean that noise was
fitted. Chosen by ``benchmarks/claims.py --development --confusion``."""

MAX_EXCESS_NOISE = 1.25
"""Excess of noise, compared with the best filter, above which the weight is too small. Chosen by
``benchmarks/claims.py --development --confusion``: of 76 right runs of five methods, three had
more."""


def judge_result(
    spectrum: ResidualSpectrum | None,
    evidence: PSFEvidence = "untested",
    warnings: Iterable[Notice] = (),
    blur_is_found: bool | None = None,
    weight: WeightEvidence | None = None,
) -> Verdict:
    """Decide whether a result can be believed.

    Parameters
    ----------
    spectrum : ResidualSpectrum or None
        Spectra of data and residual; None if the image has no structure.
    evidence : PSFEvidence
        What the image says of the PSF.
    warnings : iterable of Notice
        The warnings about the image, as :func:`image_warnings` returns them.
    blur_is_found : bool or None
        Whether the blur was estimated from the image with confidence; None if a PSF was given.
    weight : WeightEvidence or None
        What trials say of the weight; None if they say nothing, so that the residual decides.

    Returns
    -------
    Verdict
        The verdict on one plane.
    """
    if blur_is_found is not None and evidence in KIND_BY_PSF_EVIDENCE:
        evidence = "seems soft"  # an estimated blur is made rather narrow on purpose
    kind = _choose_kind(spectrum, evidence, warnings, weight)
    if blur_is_found is False and kind == "undersampled":
        kind = "hardly blurred"  # a guess is narrow on purpose, and says nothing of the pixels
    if blur_is_found is not None:
        return Verdict(kind, "found" if blur_is_found else "guessed")
    if evidence == "too wide" or evidence == "too narrow" or evidence == "short along z":
        return Verdict(kind)
    return Verdict(kind, evidence)


def _choose_kind(
    spectrum: ResidualSpectrum | None,
    evidence: PSFEvidence,
    warnings: Iterable[Notice],
    weight: WeightEvidence | None,
) -> VerdictKind:
    """Return the first kind that applies, in the order of importance to the user."""
    if any(warning.kind == "saturated pixels" for warning in warnings):
        return "saturated"
    if spectrum is None:
        return "unknown"
    if spectrum.mean_passed_power > MAX_MEAN_PASSED:
        return "hardly blurred"
    if any(
        otf > MAX_NYQUIST_OTF and power > MIN_VISIBLE_POWER for otf, power in spectrum.at_nyquist
    ):
        return "undersampled"
    if evidence == "too wide":
        return "PSF too wide"
    if weight == "too large" or weight == "too small":
        return KIND_BY_WEIGHT_EVIDENCE[weight]
    if not spectrum.has_signal:
        return "unknown"
    if weight == "suits":
        return KIND_BY_PSF_EVIDENCE.get(evidence, "fits")
    return _judge_residual(spectrum, evidence)


def _judge_residual(spectrum: ResidualSpectrum, evidence: PSFEvidence) -> VerdictKind:
    """Judge the weight by the residual, where trials say nothing of it."""
    excess = _excess_residual(spectrum)
    main = spectrum.residual_lower_bound[spectrum.passed_power > MIN_MAIN_PASSED].max(initial=0.0)
    noise_error, smoothing_error = _excess_errors(spectrum)
    if main > CERTAIN_RESIDUAL_LEFT and smoothing_error > MIN_SMOOTHING_ERROR:
        return "over-smoothed"
    if evidence in KIND_BY_PSF_EVIDENCE:
        return KIND_BY_PSF_EVIDENCE[evidence]
    has_structure = main > MIN_RESIDUAL_LEFT and smoothing_error > MIN_SMOOTHING_ERROR
    if has_structure or (excess > MIN_EXCESS_RESIDUAL and smoothing_error > MIN_EXCESS_ERROR):
        return "over-smoothed"
    if 0.8 * np.sqrt(noise_error) - min(excess, 0.5) > (
        MAX_EXCESS_NOISE if _reaches_noise_floor(spectrum) else 2.5
    ):
        return "noise fitted"
    return "fits"


def _excess_residual(spectrum: ResidualSpectrum) -> float:
    """Return the logarithm of the residual over that which the best filter would leave.

    The best filter is Wiener's. For data of power P, in units of the noise power, it leaves 1 / P.
    """
    judged = (spectrum.data_power > MIN_VISIBLE_POWER) & (spectrum.data_power < MAX_JUDGED_POWER)
    if not judged.any():
        return 0.0
    excess = np.log(np.maximum(spectrum.residual_power * spectrum.data_power, 1e-4))
    mean = float(np.average(excess[judged], weights=np.sqrt(spectrum.count[judged])))
    if mean > 0:
        return mean
    signal_count = float(np.sum(spectrum.count * np.maximum(1 - 1 / spectrum.data_power, 0) ** 2))
    return mean * signal_count / (signal_count + HALF_INFORMATION_COUNT)


def _excess_errors(spectrum: ResidualSpectrum) -> tuple[float, float]:
    """Return what fitted noise and lost detail add to the error of the best filter, in dB.

    The best filter is Wiener's. It follows the part 1 - 1 / P of data of power P, in units of the
    noise power.
    """
    judged = spectrum.passed_power > MIN_JUDGED_PASSED
    best = np.maximum(spectrum.data_power - 1, 0) / spectrum.data_power
    difference = spectrum.followed_part - best
    error = spectrum.count * spectrum.data_power / spectrum.passed_power * difference**2
    least = np.sum((spectrum.count * best / spectrum.passed_power)[judged])
    if not least > 0:
        return 0.0, 0.0
    noise, smoothing = (
        np.sum(error[judged & side]) / least for side in (difference > 0, difference < 0)
    )
    return float(10 * np.log10(1 + noise)), float(10 * np.log10(1 + smoothing))


def _reaches_noise_floor(spectrum: ResidualSpectrum) -> bool:
    """Whether the spectrum of the data falls to the noise in more than one narrow band."""
    low = spectrum.data_power < MAX_NOISE_FLOOR_POWER
    return bool(np.count_nonzero(low) > 1 or spectrum.count[low].sum() > 0.3 * spectrum.count.sum())
