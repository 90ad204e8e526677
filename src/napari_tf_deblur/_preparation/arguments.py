"""What `deconvolve` and its relatives are asked to do: one object for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from napari_tf_deblur._preparation.calibration import Calibration
from napari_tf_deblur.blur_estimate import BlurEstimate
from napari_tf_deblur.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur.forward import BOUNDARIES, Boundary
from napari_tf_deblur.methods import METHODS, Auto, Method


@dataclass(frozen=True)
class Arguments:
    """The arguments of :func:`napari_tf_deblur.deconvolve`.

    Raises
    ------
    TypeError, ValueError
        If the method or the boundary is none; the others are checked against the image.
    """

    image: ArrayLike
    psf: ArrayLike | BlurEstimate | None
    method: Method | Calibration | Auto = "auto"
    boundary: Boundary = "unknown"
    channel_axis: int | None = None
    alpha: bool = False
    spacing: Sequence[float] | None = None
    mask: ArrayLike | None = None
    smoothing: float = 1.0

    def __post_init__(self) -> None:
        method = self.method
        bare = method.method if isinstance(method, Calibration) else method
        if type(bare) not in METHODS and not (isinstance(bare, str) and bare == "auto"):
            raise InvalidTypeError(
                f"The method is {method!r}; it must be 'auto' or one of napari_tf_deblur.METHODS, "
                "for example TotalVariation()."
            )
        if repr(self.boundary) not in map(repr, BOUNDARIES):  # an array would not compare
            raise InvalidValueError(
                f"The boundary is {self.boundary!r}; choose one of {BOUNDARIES}."
            )
        if not isinstance(self.alpha, bool):
            raise InvalidTypeError(f"'alpha' is {self.alpha!r}; it must be True or False.")
        smoothing: Any = self.smoothing
        if not (isinstance(smoothing, Real) and 0 < float(smoothing) < np.inf):
            raise InvalidValueError(
                f"'smoothing' is {smoothing!r}; it must be a number above 0: 1 for as much "
                "as suits the image, 2 for twice as much."
            )
