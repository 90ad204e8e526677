"""What is measured in an image once, for all who ask."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._core.forward import power_passed
from napari_tf_deblur._core.places import (
    centred_size,
    places_with_structure,
    seen,
    without_mean,
)
from napari_tf_deblur._core.psf import PSF
from napari_tf_deblur._noise.background import Background, estimate_background
from napari_tf_deblur._noise.line_fit import Line
from napari_tf_deblur._noise.noise import (
    counts_are_sparse,
    level_and_line,
    mean_of_line,
    photon_gain,
)
from napari_tf_deblur._preparation.estimate import (
    LARGEST_LOOK,
    LARGEST_SERIES,
    intensity_scale,
    wiener_balance,
)
from napari_tf_deblur._preparation.iterations import richardson_lucy_iterations

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

SMOOTHED = 1.0
"""Sigma in pixels of the Gaussian that takes noise away before slopes are measured."""


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
        """The range of intensities: see :func:`.intensity_scale`."""
        return intensity_scale(self.values, self.valid)

    @cached_property
    def _level_and_line(self) -> tuple[float, Line]:
        return level_and_line(self.values, self.valid)

    @cached_property
    def noise(self) -> float:
        """Standard deviation of the noise, root mean square over all pixels."""
        return mean_of_line(self.values, self.valid, *self._level_and_line)

    @property
    def noise_level(self) -> float:
        """Standard deviation of the noise of most pixels."""
        return self._level_and_line[0]

    def gain(self, read_noise: float) -> float:
        """Intensity units per photon: see :func:`napari_tf_deblur._noise.noise.photon_gain`."""
        usual, line = self._level_and_line
        if read_noise or not usual:
            return photon_gain(self.values, self.valid, read_noise=read_noise)
        return line.slope

    @cached_property
    def is_sparse(self) -> bool:
        """Whether photons are counted, most pixels have none, and parts are dark."""
        return counts_are_sparse(self.values, self.valid, *self._level_and_line)

    @property
    def _look(self) -> tuple[int, ...]:
        """Shape of what is looked at of a frame."""
        return tuple(centred_size(n, LARGEST_LOOK[self.axes]) for n in self.values.shape[2:])

    @cached_property
    def passed(self) -> float:
        """See :func:`napari_tf_deblur._core.forward.power_passed`."""
        return power_passed(self.psf, self._look)

    @cached_property
    def slope(self) -> float:
        """How steep the image is where it is steep at all, per pixel, relative to its scale.

        The mean slope in which each pixel counts by its slope, so that a flat ground around the
        objects changes nothing. 1 for an image without any.
        """
        found = places_with_structure(
            self.values, self.valid, self.scale, self._look, LARGEST_SERIES
        )
        total, squares = 0.0, 0.0
        for plane, place in found:
            piece = without_mean(*seen(self.values, self.valid, plane, place), self.scale)
            for channel in piece:
                smooth = ndimage.gaussian_filter(channel, SMOOTHED)
                steep = np.zeros_like(smooth)
                for axis in range(smooth.ndim):
                    if smooth.shape[axis] > 1:
                        steep += np.square(np.gradient(smooth, axis=axis))
                squares += float(np.sum(steep, dtype=np.float64))
                total += float(np.sum(np.sqrt(steep), dtype=np.float64))
        return squares / total if total else 1.0

    @cached_property
    def background(self) -> Background:
        """What is there without the structure, rather too low than too high."""
        return estimate_background(self.values, self.valid)

    @cached_property
    def balance(self) -> float:
        """Balance of the Wiener filter: see :func:`.wiener_balance`."""
        return wiener_balance(self.values, self.psf, self.periodic, self.valid)

    def richardson_lucy_iterations(self, accelerate: bool) -> int:
        """See :func:`napari_tf_deblur._preparation.iterations.richardson_lucy_iterations`."""
        return richardson_lucy_iterations(
            self.values, self.valid, self.psf, self.periodic, accelerate=accelerate
        )
