"""What is found once from a whole image, and serves every piece of it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur.methods import Method
from napari_tf_deblur.psf import PSF

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Calibration:
    """What was found from a whole image: how to solve it, or any piece of it, alike.

    Made by :func:`napari_tf_deblur.calibrate`, and part of each result. Given to
    :func:`napari_tf_deblur.deconvolve` in place of a method, a tile, a plane or another time
    point is deblurred as the whole image would be.

    Attributes
    ----------
    method : Method
        The method, with every value filled in: gain, balance, background.
    scale : float
        Intensity units of the image per unit of the solver, above 0.
    """

    method: Method
    scale: float

    @classmethod
    def of(
        cls, method: Method, values: Array, valid: Mask | None, psf: PSF, periodic: bool
    ) -> Self:
        """Look at an image.

        Parameters
        ----------
        method : Method
            What is to be done.
        values : ndarray of float32
            Shape (planes, channels, *frame), in the image's units, the offset subtracted;
            finite.
        valid : ndarray of bool or None
            Which pixels count, broadcastable to `values`; None for all.
        psf : ndarray of float32
            Of sum 1.
        periodic : bool
            Whether the image wraps round.
        """
        scale = method.intensity_scale(values, valid)
        return cls(method.fitted(values, valid, psf, periodic), scale)
