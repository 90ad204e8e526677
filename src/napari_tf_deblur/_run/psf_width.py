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

from napari_tf_deblur._blur.fit import SLOPE, SLOPE_OF_POINTS, Model
from napari_tf_deblur._blur.spectrum import pieces_of, spectrum_of
from napari_tf_deblur._core.forward import hardly_blurs, passes_zero, power_passed, resized
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise.broken_pixels import saturated_at
from napari_tf_deblur._noise.line_fit import SURE
from napari_tf_deblur._noise.pieces import counted
from napari_tf_deblur._preparation.evidence import PSFEvidence
from napari_tf_deblur._preparation.prepared import Prepared

NARROWER, WIDER = 0.8, 1.25
"""Widths of the PSFs that the PSF is compared with, relative to it. Derived: a PSF that is 25 % too
wide is what must be found."""

HALF, DOUBLE = 0.5, 2.0
"""Widths for a PSF that is far from right, relative to it: of a disc twice too wide, one a fifth
narrower is no better. Chosen by ``benchmarks/claims.py --development --confusion``."""

WRONG, WRONG_IF_ALONE, WRONG_IF_SOFT = 4.5, 4.0, 5.0
"""Least evidence for a narrower PSF. With trials: their gain in standard errors, plus the logarithm
of the odds if the spectrum says the same. Then that logarithm alone. Then the sum for a wider PSF
where the image seems soft. Chosen by ``benchmarks/claims.py --development``: with exact PSFs the
last was at most 2.4, and above 5 for 17 of 53 that were a fifth too narrow."""

AGAINST, AGAINST_IF_THIN = 8.0, 3.0
"""Logarithm of the odds against a narrower PSF from which on trials are not run; the second for
scenes of thin structures, where trials favour exact PSFs made narrower. Chosen by
``benchmarks/claims.py --development`` and ``benchmarks/weights.py --development``."""

THIN = 0.65
"""Slope of a scene's amplitudes below which its structures are thin. Chosen by
``benchmarks/claims.py --development`` and ``benchmarks/weights.py --development``: with exact PSFs
it was 0.46 to 0.64 for filaments, below 0.3 for points, and 0.66 to 1.96 for all else."""

SOFT = 2.5
"""Logarithm of the odds for a wider PSF from which on the image seems too soft for the PSF. Chosen
by ``benchmarks/claims.py --development``."""

BIASED = 3.0
"""Most that trials count for a narrower PSF where they favour one in any case, as it makes up for
what the prior takes: from points, and from edges by `Hessian`. Chosen by ``benchmarks/claims.py
--development``."""

SURELY = 25.0
"""Logarithm of the odds against a narrower PSF that no softness of a scene explains. Chosen by
``benchmarks/claims.py --development``."""

FINE_FOR_TRIALS = 1.5
"""Blur, in pixels, up to which a narrower PSF predicts worse for a soft scene as well: it differs
from one 0.8 times as wide by less than a squared pixel, as scenes do. Chosen by
``benchmarks/claims.py --development --fine``."""

FINE_FOR_SPECTRUM, WRONG_IF_FINE = 1.1, 3.0
"""Blur, in pixels, below which the spectrum does not speak against a narrower PSF, as scenes are as
soft themselves, unless the transfer function passes through zero; and standard errors by which
trials must then speak for it. Chosen by ``benchmarks/claims.py --development --fine``: with exact
PSFs these were at most 1.5."""

SATURATED = 0.03
"""Part of the pixels that may be saturated. With more, the spectrum does not count, as the rims of
such areas are sharp. Chosen by ``benchmarks/claims.py --development --saturated 0.2``: trials alone
called none of 16 exact PSFs too wide."""


class Preference(NamedTuple):
    """By how much trials prefer another PSF: the fall of the risk, and its standard error."""

    gain: float
    error: float

    @classmethod
    def of(cls, less: NDArray[np.float64], handicap: float = 0.0) -> "Preference":
        """Sum up by how much the risk is less in each block of an image, and see their spread."""
        spread = less.std(ddof=1) * np.sqrt(less.size) if less.size > 1 else np.inf
        return cls(float(less.sum()) - handicap, float(spread))

    @property
    def surely(self) -> float:
        """The gain in standard errors."""
        return self.gain / max(self.error, 1e-12)


@dataclass(frozen=True)
class PSFWidth:
    """What the spectrum of an image says of the width of a PSF.

    Attributes
    ----------
    narrower, wider : float
        Logarithm of how many times likelier the image's spectrum is with a narrower or a wider
        PSF; negative if it is less likely, both 0 if nothing is known.
    narrower_times, wider_times : float
        How many times as wide these are: `NARROWER` and `WIDER`, or `HALF` and `DOUBLE` where only
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

    narrower: float = 0.0
    wider: float = 0.0
    blurs: float = 0.0
    has_zeros: bool = False
    trials_are_biased: bool = False
    slope: float = SLOPE
    narrower_times: float = NARROWER
    wider_times: float = WIDER

    @classmethod
    def of(cls, prepared: Prepared, times: float = 1.0) -> "PSFWidth":
        """Look at an image and its PSF, or that PSF made so many times as wide."""
        psf = resized(prepared.psf, times)
        if hardly_blurs(psf):
            return UNTOLD
        valid, has_rims = prepared.valid, False
        if np.isfinite(top := saturated_at(Pixels(prepared.values, valid))):
            has_rims = bool(np.mean(counted(Pixels(prepared.values, valid)) >= top) > SATURATED)
            below = prepared.values < top
            valid = below if valid is None else below & valid
        pieces = pieces_of(Pixels(prepared.values, valid))
        if not pieces:
            return UNTOLD

        factors = (1.0, NARROWER, WIDER, HALF, DOUBLE)
        model = Model(spectrum_of(pieces, prepared.spacing, [resized(psf, f) for f in factors]))
        told, *others = (model.as_told(number) for number in range(len(factors)))
        narrower, wider, half, double = (
            0.0 if has_rims else told.badness - other.badness for other in others
        )
        far_narrower = half > WRONG_IF_ALONE >= narrower
        far_wider = double > max(wider, narrower, half) + AGAINST
        passed = power_passed(psf, tuple(2 * n for n in psf.shape))
        return cls(
            narrower=half if far_narrower else narrower,
            wider=double if far_wider else wider,
            blurs=float(np.sqrt(passed ** (-2 / psf.ndim) / (4 * np.pi))),
            has_zeros=passes_zero(psf),
            trials_are_biased=told.slope == SLOPE_OF_POINTS
            or prepared.calibration.method.softens_edges,
            slope=float(told.scene[1]),
            narrower_times=HALF if far_narrower else NARROWER,
            wider_times=DOUBLE if far_wider else WIDER,
        )

    @property
    def seems_soft(self) -> bool:
        """Whether the image is softer than the PSF makes it, or the scene is soft itself."""
        return self.wider > SOFT and self.wider > self.narrower

    @property
    def may_be_soft(self) -> bool:
        """The same, if not as surely."""
        return self.wider > max(self.narrower, 0.0)

    @property
    def is_fine(self) -> bool:
        """Whether the scene's own softness counts as much as the PSF, and trials tell of both."""
        return self._looks_like_softness and self.slope > THIN and not self.trials_are_biased

    @property
    def _looks_like_softness(self) -> bool:
        """Whether the spectrum cannot tell the PSF from the scene's own softness."""
        return self.blurs < FINE_FOR_SPECTRUM and not self.has_zeros

    @property
    def narrower_is_open(self) -> bool:
        """Whether trials may tell whether the PSF is too wide: the spectrum does not deny it."""
        least = AGAINST_IF_THIN if self.slope < THIN else AGAINST
        return self.is_fine or self.narrower > -least

    def _excludes_narrower(self, narrower: Preference | None) -> bool:
        """Whether the spectrum speaks against a narrower PSF, however soft the scene."""
        agreed = narrower is not None and narrower.surely < 0
        return self.narrower < -SURELY and (agreed or not self._looks_like_softness)

    def evidence(
        self, narrower: Preference | None = None, wider: Preference | None = None
    ) -> PSFEvidence:
        """Weigh what the spectrum and trials say.

        Parameters
        ----------
        narrower, wider : Preference or None
            By how much trials prefer such a PSF; None where they were not asked.
        """
        if self.narrower >= self.wider and self._is_wide(narrower):
            return "too wide"
        if self.seems_soft:
            return "too narrow" if wider is not None and self._is_narrow(wider) else "seems soft"
        by_trials = (
            narrower is not None and narrower.surely < -SURE and self.blurs > FINE_FOR_TRIALS
        )
        is_right = self._excludes_narrower(narrower) or (by_trials and self.narrower < 0)
        return "not too wide" if is_right else "untested"

    def _is_narrow(self, wider: Preference) -> bool:
        return float(np.clip(self.wider, 0, WRONG)) + wider.surely > WRONG_IF_SOFT

    def _is_wide(self, narrower: Preference | None) -> bool:
        if narrower is None:
            return self.narrower > WRONG_IF_ALONE
        surely = min(narrower.surely, BIASED) if self.trials_are_biased else narrower.surely
        if surely > -SURE and self.narrower > WRONG_IF_ALONE:
            return True
        if not self.narrower_is_open:
            return False
        if self.is_fine and surely > WRONG_IF_FINE:
            return True
        return float(np.clip(self.narrower, 0, WRONG)) + surely > WRONG


UNTOLD = PSFWidth()
"""Of which nothing is known."""
