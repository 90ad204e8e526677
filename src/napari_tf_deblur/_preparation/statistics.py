"""What is measured in an image once, for all who ask."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur.estimate import intensity_scale, wiener_balance
from napari_tf_deblur.noise import mean_noise
from napari_tf_deblur.psf import PSF

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Statistics:
    """An image and what can be measured in it, each when it is first asked for.

    Attributes
    ----------
    values : ndarray of float32
        Shape (planes, channels, *frame), finite, in the image's units.
    valid : ndarray of bool or None
        Which pixels count, broadcastable to `values`; None for all.
    psf : ndarray of float32
        Of sum 1.
    periodic : bool
        Whether the image wraps round.
    """

    values: Array
    valid: Mask | None
    psf: PSF
    periodic: bool

    @property
    def axes(self) -> int:
        """Deblurred axes."""
        return self.psf.ndim

    @cached_property
    def scale(self) -> float:
        """The range of intensities: see :func:`napari_tf_deblur.estimate.intensity_scale`."""
        return intensity_scale(self.values, self.valid)

    @cached_property
    def noise(self) -> float:
        """Standard deviation of the noise, root mean square over all pixels."""
        return mean_noise(self.values, self.valid)

    @cached_property
    def background(self) -> float:
        """What is there without the structure, rather too low than too high."""
        return 0.0

    @cached_property
    def balance(self) -> float:
        """Of the Wiener filter: see :func:`napari_tf_deblur.estimate.wiener_balance`."""
        return wiener_balance(self.values, self.psf, self.periodic, self.valid)
