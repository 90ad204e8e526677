"""Judge the width of a PSF by the spectrum of an image and by trials.

The spectrum says how much likelier the image is with a narrower or a wider PSF. This holds for any
scene whose power is a smooth function of frequency. Trials say which PSF predicts the image better.
Neither is enough alone: a spectrum cannot tell a soft scene from a wide blur, and trials favour a
PSF that undoes what the prior does to edges and points.
"""

from dataclasses import dataclass

import numpy as np

from napari_tf_deblur._blur.spectrum_model import SCENE_SLOPE
from napari_tf_deblur._noise.variance_line import SIGNIFICANT_DIFFERENCE
from napari_tf_deblur._preparation.evidence import PSFEvidence
from napari_tf_deblur._run.prediction_error import RiskDifference

NARROWER, WIDER = 0.8, 1.25
"""Widths of the PSFs with which the PSF is compared, relative to it. Derived: from the task, which
is to find a PSF that is 25 % too wide."""

MIN_EVIDENCE_NARROWER, MIN_SPECTRUM_EVIDENCE, MIN_EVIDENCE_WIDER = 4.5, 4.0, 5.0
"""Least evidence that the PSF is too wide, or too narrow. First, with trials: the z-score of the
risk difference plus the log odds of the spectrum, if these are positive. Second, without trials:
the log odds alone. Third, for a wider PSF where the image seems soft: the sum. Chosen by
``benchmarks/claims.py --development``: with exact PSFs the last was at most 2.4, and above 5 for 17
of 53 that were a fifth too narrow."""

MIN_EVIDENCE_IF_NOISY, MIN_ODDS_IF_NOISY, NOISY = 8.0, 2.0, 0.06
"""The first of them for images with much noise, unless the log odds of the spectrum are above the
second; and the standard deviation of the noise in bright parts, relative to their brightness, above
which an image is one. With much noise, the prior smooths so much that trials favour a PSF that
undoes some of it. Chosen by ``benchmarks/aberrations.py images --development``: with 100 photons
and exact PSFs, the first was up to 6.6, and the second 0.6."""

MAX_ODDS_AGAINST_NARROWER, MAX_ODDS_AGAINST_IF_THIN = 8.0, 3.0
"""Log odds against a narrower PSF above which trials are not run. The second is for scenes of thin
structures, where trials favour a narrower PSF even if the PSF is exact. Chosen by
``benchmarks/claims.py --development`` and ``benchmarks/weights.py --development``."""

MAX_SLOPE_OF_THIN = 0.65
"""Slope of the amplitudes of a scene over frequency below which its structures are thin. Chosen by
``benchmarks/claims.py --development`` and ``benchmarks/weights.py --development``: with exact PSFs
it was 0.46 to 0.64 for filaments, below 0.3 for points, and 0.66 to 1.96 for all other scenes."""

MIN_ODDS_OF_SOFT = 2.5
"""Log odds for a wider PSF above which the image seems too soft for the PSF. Chosen by
``benchmarks/claims.py --development``."""

MIN_ODDS_OF_LONGER = 3.5
"""Log odds for a PSF that is longer along z above which the PSF is too short along z. Chosen by
``benchmarks/aberrations.py images --development``: with exact PSFs it was at most 1.3, also in the
volumes of ``benchmarks/claims.py --development`` and ``benchmarks/iterations.py``; with a PSF for
the wrong medium it was 2 to 8 where this mattered most."""

MAX_BIASED_PREFERENCE = 3.0
"""Largest z-score that counts for a narrower PSF where trials favour one in any case, because it
undoes some of the smoothing of the prior: in scenes of points, and with `Hessian`. Chosen by
``benchmarks/claims.py --development``."""

SOFTENING_BIAS = 4.0
"""How much is taken from the z-score for a narrower PSF if the method softens edges, as `Hessian`
does. Chosen by ``benchmarks/claims.py --development --method Hessian`` and
``benchmarks/iterations.py``: with exact PSFs the z-score was up to 6, and the log odds up to 3."""

CERTAIN_LOG_ODDS = 25.0
"""Log odds against a narrower PSF that no soft scene explains. Chosen by ``benchmarks/claims.py
--development``."""

MIN_SIGMA_FOR_TRIALS = 1.5
"""Blur, in pixels, below which a narrower PSF predicts worse for a soft scene, too: its variance
differs from that of one 0.8 times as wide by less than a squared pixel, as the variances of scenes
do. Chosen by ``benchmarks/claims.py --development --fine``."""

MIN_SIGMA_FOR_SPECTRUM, MIN_PREFERENCE_IF_FINE = 1.1, 3.0
"""Blur, in pixels, below which the spectrum is no evidence against a narrower PSF, because scenes
are as soft themselves, unless the transfer function passes through zero; and z-score of trials that
is then needed for a narrower PSF. Chosen by ``benchmarks/claims.py --development --fine``: with
exact PSFs it was at most 1.5."""


@dataclass(frozen=True)
class PSFWidthTest:
    """What the spectrum of an image says of the width of a PSF.

    Attributes
    ----------
    narrower_log_odds, wider_log_odds : float
        Natural logarithm of the odds for a narrower or a wider PSF over the PSF itself; both 0 if
        nothing is known.
    longer_log_odds : float
        The same for a PSF that is longer along z, in volumes.
    equivalent_sigma : float
        Sigma, in pixels, of the Gaussian that passes as much power as the PSF.
    has_zeros : bool
        Whether the transfer function passes through zero. No soft scene looks like that.
    trials_are_biased : bool
        Whether trials favour a narrower PSF in any case: for scenes of points, and for some
        methods.
    trial_bias : float
        How much of the z-score for a narrower PSF comes from the method.
    is_noisy : bool
        Whether the image has much noise.
    slope : float
        Slope of the amplitudes of the scene over frequency, if the PSF is right.
    narrower_factor, wider_factor : float
        Widths of the narrower and the wider PSF, relative to the PSF: `NARROWER` and `WIDER`,
        or those of PSFs that are far from right, if these are likelier.
    """

    narrower_log_odds: float = 0.0
    wider_log_odds: float = 0.0
    equivalent_sigma: float = 0.0
    has_zeros: bool = False
    trials_are_biased: bool = False
    trial_bias: float = 0.0
    longer_log_odds: float = 0.0
    is_noisy: bool = False
    slope: float = SCENE_SLOPE
    narrower_factor: float = NARROWER
    wider_factor: float = WIDER

    @property
    def seems_soft(self) -> bool:
        """Whether a wider PSF is clearly likelier: the PSF is too narrow, or the scene is soft."""
        return self.wider_log_odds > max(self.narrower_log_odds, MIN_ODDS_OF_SOFT)

    @property
    def may_be_soft(self) -> bool:
        """Whether a wider PSF is likelier than this one and a narrower one."""
        return self.wider_log_odds > max(self.narrower_log_odds, 0.0)

    @property
    def is_fine_blur(self) -> bool:
        """Whether the blur is as small as that of soft scenes, and trials are not biased."""
        return (
            self._looks_like_softness
            and self.slope > MAX_SLOPE_OF_THIN
            and not self.trials_are_biased
        )

    @property
    def _looks_like_softness(self) -> bool:
        """Whether the spectrum cannot tell the PSF from a soft scene."""
        return self.equivalent_sigma < MIN_SIGMA_FOR_SPECTRUM and not self.has_zeros

    @property
    def should_try_narrower(self) -> bool:
        """Whether trials with a narrower PSF are useful: the spectrum does not exclude it."""
        max_odds_against = (
            MAX_ODDS_AGAINST_IF_THIN
            if self.slope < MAX_SLOPE_OF_THIN
            else MAX_ODDS_AGAINST_NARROWER
        )
        return self.is_fine_blur or self.narrower_log_odds > -max_odds_against

    def _excludes_narrower(self, narrower: RiskDifference | None) -> bool:
        """Whether the spectrum excludes a narrower PSF, even for a soft scene."""
        trials_agree = narrower is not None and narrower.z_score < 0
        return self.narrower_log_odds < -CERTAIN_LOG_ODDS and (
            trials_agree or not self._looks_like_softness
        )

    def evidence(
        self, narrower: RiskDifference | None = None, wider: RiskDifference | None = None
    ) -> PSFEvidence:
        """Combine the evidence of the spectrum and of trials.

        Parameters
        ----------
        narrower, wider : RiskDifference or None
            Risk with the PSF less that with a narrower or wider one; None if no such trial was run.

        Returns
        -------
        PSFEvidence
            What the image says of the PSF.
        """
        if self.narrower_log_odds >= self.wider_log_odds and self._is_too_wide(narrower):
            return "too wide"
        if self.longer_log_odds > max(self.wider_log_odds, MIN_ODDS_OF_LONGER):
            return "short along z"
        if self.seems_soft:
            return (
                "too narrow" if wider is not None and self._is_too_narrow(wider) else "seems soft"
            )
        trials_exclude = (
            narrower is not None
            and narrower.z_score < -SIGNIFICANT_DIFFERENCE
            and self.equivalent_sigma > MIN_SIGMA_FOR_TRIALS
        )
        is_excluded = self._excludes_narrower(narrower) or (
            trials_exclude and self.narrower_log_odds < 0
        )
        return "not too wide" if is_excluded else "untested"

    def _is_too_narrow(self, wider: RiskDifference) -> bool:
        return (
            float(np.clip(self.wider_log_odds, 0, MIN_EVIDENCE_NARROWER)) + wider.z_score
            > MIN_EVIDENCE_WIDER
        )

    def _is_too_wide(self, narrower: RiskDifference | None) -> bool:
        if narrower is None:
            return self.narrower_log_odds > MIN_SPECTRUM_EVIDENCE
        z_score = narrower.z_score
        if z_score > -SIGNIFICANT_DIFFERENCE and self.narrower_log_odds > MIN_SPECTRUM_EVIDENCE:
            return True
        if self.trials_are_biased:
            z_score = min(z_score - self.trial_bias, MAX_BIASED_PREFERENCE)
        if not self.should_try_narrower:
            return False
        if self.is_fine_blur and z_score > MIN_PREFERENCE_IF_FINE:
            return True
        log_odds = float(np.clip(self.narrower_log_odds, 0, MIN_EVIDENCE_NARROWER))
        is_unsure = (
            self.is_noisy
            and not self.trials_are_biased
            and self.narrower_log_odds < MIN_ODDS_IF_NOISY
        )
        least = MIN_EVIDENCE_IF_NOISY if is_unsure else MIN_EVIDENCE_NARROWER
        return log_odds + z_score > least


UNKNOWN_WIDTH = PSFWidthTest()
"""The test of an image that says nothing of the width."""
