"""Declare the measurements of an image that methods use to fill in their values."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._noise.background import Background


class ImageStatistics(Protocol):
    """Measurements of an image. Each is made when it is first needed."""

    @property
    def values(self) -> NDArray[np.float32]:
        """Intensities: float32 of shape (planes, channels, *frame), in the units of the image."""

    @property
    def valid(self) -> NDArray[np.bool_] | None:
        """Pixels that count, broadcastable to `values`; None for all."""

    @property
    def axes(self) -> int:
        """Number of deblurred axes."""

    @property
    def scale(self) -> float:
        """Range of intensities."""

    @property
    def noise(self) -> float:
        """Standard deviation of the noise, root mean square over all pixels."""

    @property
    def passed_power(self) -> float:
        """Part of the power of white noise that the PSF passes."""

    @property
    def slope(self) -> float:
        """Mean slope per pixel where the image is steep, relative to `scale`."""

    @property
    def background(self) -> Background:
        """Intensity without the structure, with its error."""

    @property
    def balance(self) -> float:
        """Balance of the Wiener filter."""

    def gain(self, read_noise: float) -> float:
        """Return the intensity units per photon, for a read noise in intensity units."""

    def richardson_lucy_iterations(self, accelerate: bool) -> int:
        """Return the number of Richardson-Lucy iterations before noise is sharpened."""
