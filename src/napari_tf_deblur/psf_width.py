"""What an image's spectrum says of the width of a PSF; trials of a narrower one say the rest."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from napari_tf_deblur._noise.pieces import counted
from napari_tf_deblur._noise.quantiles import median
from napari_tf_deblur._preparation.prepared import Prepared
from napari_tf_deblur.residual import Shells

NOT_WIDE, SURELY_WIDE = 0.05, 0.1
"""As a part of the PSF's variance: not too wide if the excess and its doubt are less than the
first, and surely if it is more than the second without its doubt. At low noise a narrower PSF
predicts better for other reasons, too, such as hard edges."""

DARK_GROUND, WIDE_ON_DARK = 0.25, 0.085
"""Where the median is less than the first part of the range of intensities, the excess must be more
than the second, whatever the doubt. Threads and points are sharper than slopes that are smooth
allow for, which a narrower PSF makes up for."""


@dataclass(frozen=True)
class SpectralWidth:
    """How much too wide a PSF is by the spectrum of an image.

    Attributes
    ----------
    excess, doubt : float
        As a part of the PSF's variance: see `Shells.excess_width`.
    on_dark_ground : bool
        Whether most of the image is dark.
    """

    excess: float
    doubt: float
    on_dark_ground: bool

    @classmethod
    def of(cls, prepared: Prepared) -> Self:
        """Look at an image and its PSF."""
        values, valid = prepared.values, prepared.valid
        scale = prepared.calibration.scale
        shells = Shells.of(values, np.zeros_like(values), valid, prepared.psf, scale)
        excess, doubt = (0.0, np.inf) if shells is None else shells.excess_width
        dark = median(counted(values, valid).ravel()) < DARK_GROUND * scale
        return cls(excess, doubt, dark)

    @property
    def is_right(self) -> bool:
        """Whether the PSF is not too wide, whatever trials say."""
        return self.excess + self.doubt < NOT_WIDE

    @property
    def is_surely_wide(self) -> bool:
        """Whether trials need to say little more."""
        return self.excess - self.doubt > SURELY_WIDE

    @property
    def is_suspect(self) -> bool:
        """Whether this alone is reason enough to try a narrower PSF."""
        on_dark = self.on_dark_ground and self.excess > WIDE_ON_DARK
        return on_dark or self.is_surely_wide

    @property
    def is_unclear_on_dark_ground(self) -> bool:
        """Whether trials must say much more."""
        return self.on_dark_ground and self.excess < WIDE_ON_DARK
