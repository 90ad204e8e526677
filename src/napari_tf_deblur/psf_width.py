"""What an image's spectrum says of the width of a PSF; trials of a narrower one say the rest."""

from dataclasses import dataclass

import numpy as np

from napari_tf_deblur._blur.fit import SLOPE_OF_POINTS, Model
from napari_tf_deblur._blur.spectrum import pieces_of, spectrum_of
from napari_tf_deblur._preparation.prepared import Prepared
from napari_tf_deblur.forward import hardly_blurs, narrowed

LEAST_RATIO = 0.01
"""Of the image's blur to the PSF's; less is none."""

NARROW = 0.31
"""Logarithm of the ratio of a PSF that is too narrow, less doubts: as much as many sharp scenes are
soft themselves."""

SURE = {"narrow": 0.75, "wide": 1.5, "suspect": 1.0, "right": 2.0}
"""Doubts that a PSF must be wrong by to be called so, or right by whatever a residual says. With
these, on 13 held-out pictures of which
none is soft itself, 2 % of right PSFs were called too narrow, and 2 % too wide; of those that cost
0.5 dB or more, 78 % of 0.75 times the sigma and 89 % of 1.3 times were called so."""

NOT_NARROW = 0.1
"""Logarithm of the ratio, above which a residual must have other reasons than a PSF too wide."""

NOT_WIDE = -0.2
"""Logarithm of the ratio, less its doubt, of a PSF that is not too wide whatever trials say: half
that of one 25 % too wide. At low noise a narrower PSF predicts better for other reasons, such as
hard edges."""


@dataclass(frozen=True)
class PSFWidth:
    """How wide a PSF is beside the blur that the spectrum of an image shows.

    Attributes
    ----------
    log_ratio : float
        Logarithm of the image's blur over the PSF's, as variances: negative for a PSF that is
        too wide.
    doubt : float
        Its standard deviation; infinite where the image says nothing.
    of_points : bool
        Whether the scene looks like points, which a narrower PSF predicts better in any case.
    """

    log_ratio: float
    doubt: float
    of_points: bool

    @classmethod
    def of(cls, prepared: Prepared, times: float = 1.0) -> "PSFWidth":
        """Look at an image and its PSF, or that PSF made so many times as wide."""
        psf = prepared.psf if times == 1 else narrowed(prepared.psf, times)
        if hardly_blurs(psf):
            return UNTOLD
        pieces = pieces_of(prepared.values, prepared.valid)
        if not pieces:
            return UNTOLD
        fit = Model(spectrum_of(pieces, prepared.spacing, psf)).ratio()
        ratio = max(float(fit.blur[0]), LEAST_RATIO)
        doubt = float(np.sqrt(fit.uncertainty[0, 0])) / ratio
        return cls(float(np.log(ratio)), doubt, fit.slope == SLOPE_OF_POINTS)

    @property
    def is_narrow(self) -> bool:
        """Whether the PSF is too narrow, or the sample as soft; of points nothing is said."""
        return not self.of_points and self.log_ratio - SURE["narrow"] * self.doubt > NARROW

    @property
    def is_wide(self) -> bool:
        """Whether the PSF is too wide."""
        return self.log_ratio + SURE["wide"] * self.doubt < 0 and self.log_ratio < NOT_WIDE

    def may_be_wide(self, left: bool) -> bool:
        """Whether it is, if trials say so as well. A right PSF looks a little narrow for points.

        Parameters
        ----------
        left : bool
            Whether a residual speaks for it: see `Shells.left_where_hardly_passed`.
        """
        doubts = 0 if self.of_points else SURE["suspect"] * self.doubt
        alone = self.log_ratio + doubts < 0
        unsure = self.log_ratio - SURE["right"] * self.doubt < NOT_WIDE
        return alone or (left and unsure and self.log_ratio < NOT_NARROW)

    @property
    def is_right(self) -> bool:
        """Whether the PSF is not too wide, whatever trials say."""
        return self.log_ratio - self.doubt > NOT_WIDE


UNTOLD = PSFWidth(0.0, np.inf, False)
"""Of which nothing is known."""
