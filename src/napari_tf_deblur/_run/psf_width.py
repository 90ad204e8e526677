"""What the spectrum of an image, and trials on a part of it, say of the width of a PSF.

The spectrum says how much likelier the image is with a PSF that is narrower or wider, whatever the
strength of the scene at each frequency, as long as that is smooth. Trials say which PSF predicts
the image better. Neither is enough: a spectrum cannot tell a soft scene from a wide blur, and
trials favour the PSF that makes up for what the prior does to edges and points.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._blur.gaussian_fit import POINT_SCENE_SLOPE, SCENE_SLOPE, SpectrumModel
from napari_tf_deblur._blur.spectrum import extract_patches, measure_spectrum
from napari_tf_deblur._core.forward import hardly_blurs, passes_zero, power_passed, resize_psf
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise.detector_artifacts import find_saturation_level
from napari_tf_deblur._noise.photon_transfer import SIGNIFICANT_DIFFERENCE
from napari_tf_deblur._noise.slabs import select_valid
from napari_tf_deblur._preparation.evidence import PSFEvidence
from napari_tf_deblur._preparation.prepared_run import PreparedRun

NARROWER, WIDER = 0.8, 1.25
"""Widths of the PSFs that the PSF is compared with, relative to it. Derived: a PSF that is 25 % too
wide is what must be found."""

HALF_AS_WIDE, TWICE_AS_WIDE = 0.5, 2.0
"""Widths for a PSF that is far from right, relative to it: of a disc twice too wide, one a fifth
narrower is no better. Chosen by ``benchmarks/claims.py --development --confusion``."""

MIN_EVIDENCE_NARROWER, MIN_SPECTRUM_EVIDENCE, MIN_EVIDENCE_WIDER = 4.5, 4.0, 5.0
"""Least evidence for a narrower PSF. With trials: their gain in standard errors, plus the logarithm
of the odds if the spectrum says the same. Then that logarithm alone. Then the sum for a wider PSF
where the image seems soft. Chosen by ``benchmarks/claims.py --development``: with exact PSFs the
last was at most 2.4, and above 5 for 17 of 53 that were a fifth too narrow."""

MAX_ODDS_AGAINST_NARROWER, MAX_ODDS_AGAINST_IF_THIN = 8.0, 3.0
"""Logarithm of the odds against a narrower PSF from which on trials are not run; the second for
scenes of thin structures, where trials favour exact PSFs made narrower. Chosen by
``benchmarks/claims.py --development`` and ``benchmarks/weights.py --development``."""

MAX_SLOPE_OF_THIN = 0.65
"""Slope of a scene's amplitudes below which its structures are thin. Chosen by
``benchmarks/claims.py --development`` and ``benchmarks/weights.py --development``: with exact PSFs
it was 0.46 to 0.64 for filaments, below 0.3 for points, and 0.66 to 1.96 for all else."""

MIN_ODDS_OF_SOFT = 2.5
"""Logarithm of the odds for a wider PSF from which on the image seems too soft for the PSF. Chosen
by ``benchmarks/claims.py --development``."""

MAX_BIASED_PREFERENCE = 3.0
"""Most that trials count for a narrower PSF where they favour one in any case, as it makes up for
what the prior takes: from points, and from edges by `Hessian`. Chosen by ``benchmarks/claims.py
--development``."""

CERTAIN_LOG_ODDS = 25.0
"""Logarithm of the odds against a narrower PSF that no softness of a scene explains. Chosen by
``benchmarks/claims.py --development``."""

MIN_SIGMA_FOR_TRIALS = 1.5
"""Blur, in pixels, up to which a narrower PSF predicts worse for a soft scene as well: it differs
from one 0.8 times as wide by less than a squared pixel, as scenes do. Chosen by
``benchmarks/claims.py --development --fine``."""

MIN_SIGMA_FOR_SPECTRUM, MIN_PREFERENCE_IF_FINE = 1.1, 3.0
"""Blur, in pixels, below which the spectrum does not speak against a narrower PSF, as scenes are as
soft themselves, unless the transfer function passes through zero; and standard errors by which
trials must then speak for it. Chosen by ``benchmarks/claims.py --development --fine``: with exact
PSFs these were at most 1.5."""

MAX_SATURATED_PART = 0.03
"""Part of the pixels that may be saturated. With more, the spectrum does not count, as the rims of
such areas are sharp. Chosen by ``benchmarks/claims.py --development --saturated 0.2``: trials alone
called none of 16 exact PSFs too wide."""


class RiskDifference(NamedTuple):
    """By how much trials prefer another PSF: the fall of the risk, and its standard error."""

    gain: float
    error: float

    @classmethod
    def from_blocks(cls, less: NDArray[np.float64], handicap: float = 0.0) -> "RiskDifference":
        """Sum up by how much the risk is less in each block of an image, and see their spread."""
        spread = less.std(ddof=1) * np.sqrt(less.size) if less.size > 1 else np.inf
        return cls(float(less.sum()) - handicap, float(spread))

    @property
    def z_score(self) -> float:
        """The gain in standard errors."""
        return self.gain / max(self.error, 1e-12)


@dataclass(frozen=True)
class PSFWidthTest:
    """What the spectrum of an image says of the width of a PSF.

    Attributes
    ----------
    narrower, wider : float
        Logarithm of how many times likelier the image's spectrum is with a narrower or a wider
        PSF; negative if it is less likely, both 0 if nothing is known.
    narrower_times, wider_times : float
        How many times as wide these are: `NARROWER` and `WIDER`, or `HALF_AS_WIDE` and `TWICE_AS_WIDE` where only
        those are likelier, or by far.
    blurs : float
        Standard deviation in pixels of a Gaussian that passes as much power.
    has_zeros : bool
        Whether its transfer function passes through zero: no softness of a scene looks like that.
    trials_are_biased : bool
        Whether trials favour a narrower PSF in any case: of points, or for the method.
    slope : float
        With which the scene's amplitudes fall with frequency, if the PSF is right.
    """

    narrower_log_odds: float = 0.0
    wider_log_odds: float = 0.0
    equivalent_sigma: float = 0.0
    has_zeros: bool = False
    trials_are_biased: bool = False
    slope: float = SCENE_SLOPE
    narrower_factor: float = NARROWER
    wider_factor: float = WIDER

    @classmethod
    def from_prepared_run(cls, prepared: PreparedRun, times: float = 1.0) -> "PSFWidthTest":
        """Look at an image and its PSF, or that PSF made so many times as wide."""
        psf = resize_psf(prepared.psf, times)
        if hardly_blurs(psf):
            return UNKNOWN_WIDTH
        valid, has_rims = prepared.valid, False
        if np.isfinite(top := find_saturation_level(Pixels(prepared.values, valid))):
            has_rims = bool(
                np.mean(select_valid(Pixels(prepared.values, valid)) >= top) > MAX_SATURATED_PART
            )
            below = prepared.values < top
            valid = below if valid is None else below & valid
        pieces = extract_patches(Pixels(prepared.values, valid))
        if not pieces:
            return UNKNOWN_WIDTH

        factors = (1.0, NARROWER, WIDER, HALF_AS_WIDE, TWICE_AS_WIDE)
        model = SpectrumModel(
            measure_spectrum(pieces, prepared.spacing, [resize_psf(psf, f) for f in factors])
        )
        told, *others = (model.fit_known_psf(number) for number in range(len(factors)))
        narrower, wider, half, double = (
            0.0 if has_rims else told.negative_log_posterior - other.negative_log_posterior
            for other in others
        )
        far_narrower = half > MIN_SPECTRUM_EVIDENCE >= narrower
        far_wider = double > max(wider, narrower, half) + MAX_ODDS_AGAINST_NARROWER
        passed = power_passed(psf, tuple(2 * n for n in psf.shape))
        return cls(
            narrower_log_odds=half if far_narrower else narrower,
            wider_log_odds=double if far_wider else wider,
            equivalent_sigma=float(np.sqrt(passed ** (-2 / psf.ndim) / (4 * np.pi))),
            has_zeros=passes_zero(psf),
            trials_are_biased=told.slope == POINT_SCENE_SLOPE
            or prepared.calibration.method.softens_edges,
            slope=float(told.scene_coefficients[1]),
            narrower_factor=HALF_AS_WIDE if far_narrower else NARROWER,
            wider_factor=TWICE_AS_WIDE if far_wider else WIDER,
        )

    @property
    def seems_soft(self) -> bool:
        """Whether the image is softer than the PSF makes it, or the scene is soft itself."""
        return (
            self.wider_log_odds > MIN_ODDS_OF_SOFT and self.wider_log_odds > self.narrower_log_odds
        )

    @property
    def may_be_soft(self) -> bool:
        """The same, if not as surely."""
        return self.wider_log_odds > max(self.narrower_log_odds, 0.0)

    @property
    def is_fine_blur(self) -> bool:
        """Whether the scene's own softness counts as much as the PSF, and trials tell of both."""
        return (
            self._looks_like_softness
            and self.slope > MAX_SLOPE_OF_THIN
            and not self.trials_are_biased
        )

    @property
    def _looks_like_softness(self) -> bool:
        """Whether the spectrum cannot tell the PSF from the scene's own softness."""
        return self.equivalent_sigma < MIN_SIGMA_FOR_SPECTRUM and not self.has_zeros

    @property
    def should_try_narrower(self) -> bool:
        """Whether trials may tell whether the PSF is too wide: the spectrum does not deny it."""
        least = (
            MAX_ODDS_AGAINST_IF_THIN
            if self.slope < MAX_SLOPE_OF_THIN
            else MAX_ODDS_AGAINST_NARROWER
        )
        return self.is_fine_blur or self.narrower_log_odds > -least

    def _excludes_narrower(self, narrower: RiskDifference | None) -> bool:
        """Whether the spectrum speaks against a narrower PSF, however soft the scene."""
        agreed = narrower is not None and narrower.z_score < 0
        return self.narrower_log_odds < -CERTAIN_LOG_ODDS and (
            agreed or not self._looks_like_softness
        )

    def evidence(
        self, narrower: RiskDifference | None = None, wider: RiskDifference | None = None
    ) -> PSFEvidence:
        """Weigh what the spectrum and trials say.

        Parameters
        ----------
        narrower, wider : Preference or None
            By how much trials prefer such a PSF; None where they were not asked.
        """
        if self.narrower_log_odds >= self.wider_log_odds and self._is_too_wide(narrower):
            return "too wide"
        if self.seems_soft:
            return (
                "too narrow" if wider is not None and self._is_too_narrow(wider) else "seems soft"
            )
        by_trials = (
            narrower is not None
            and narrower.z_score < -SIGNIFICANT_DIFFERENCE
            and self.equivalent_sigma > MIN_SIGMA_FOR_TRIALS
        )
        is_right = self._excludes_narrower(narrower) or (by_trials and self.narrower_log_odds < 0)
        return "not too wide" if is_right else "untested"

    def _is_too_narrow(self, wider: RiskDifference) -> bool:
        return (
            float(np.clip(self.wider_log_odds, 0, MIN_EVIDENCE_NARROWER)) + wider.z_score
            > MIN_EVIDENCE_WIDER
        )

    def _is_too_wide(self, narrower: RiskDifference | None) -> bool:
        if narrower is None:
            return self.narrower_log_odds > MIN_SPECTRUM_EVIDENCE
        surely = (
            min(narrower.z_score, MAX_BIASED_PREFERENCE)
            if self.trials_are_biased
            else narrower.z_score
        )
        if surely > -SIGNIFICANT_DIFFERENCE and self.narrower_log_odds > MIN_SPECTRUM_EVIDENCE:
            return True
        if not self.should_try_narrower:
            return False
        if self.is_fine_blur and surely > MIN_PREFERENCE_IF_FINE:
            return True
        return (
            float(np.clip(self.narrower_log_odds, 0, MIN_EVIDENCE_NARROWER)) + surely
            > MIN_EVIDENCE_NARROWER
        )


UNKNOWN_WIDTH = PSFWidthTest()
"""Of which nothing is known."""
