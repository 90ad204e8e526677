"""Measure an image: each quantity once, when it is first needed."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from napari_tf_deblur._core.patches import (
    LARGEST_LOOK,
    LARGEST_SERIES,
    find_patches,
    read_patch,
    subtract_mean,
    symmetric_size,
)
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.psf_resizing import power_passed
from napari_tf_deblur._core.smoothing import gaussian_kernel, smooth
from napari_tf_deblur._core.typing import PSF, BoolArray, Float32Array
from napari_tf_deblur._noise.background import Background, estimate_background
from napari_tf_deblur._noise.noise_level import COARSE_SIGMA, estimate_noise_level
from napari_tf_deblur._noise.noise_line import average_noise, fit_noise_line, fit_photon_line
from napari_tf_deblur._noise.noise_sample import NoiseSample
from napari_tf_deblur._noise.sparse_counts import counts_are_sparse
from napari_tf_deblur._noise.variance_line import VarianceLine
from napari_tf_deblur._preparation.intensity_scale import estimate_intensity_scale
from napari_tf_deblur._preparation.iterations import richardson_lucy_iterations
from napari_tf_deblur._preparation.wiener_balance import estimate_wiener_balance


@dataclass(frozen=True, eq=False)
class Statistics:
    """An image and its measurements. Each is made when it is first needed, and then stored.

    Attributes
    ----------
    values : ndarray of float32
        Intensities of shape (planes, channels, *frame); finite, in the units of the image.
    valid : ndarray of bool or None
        Pixels that count, broadcastable to `values`; None for all.
    psf : ndarray of float32
        Point spread function of sum 1.
    periodic : bool
        Whether the image wraps round.
    known_sample : NoiseSample or None
        What noise and background are estimated from, if it was measured before.
    """

    values: Float32Array
    valid: BoolArray | None
    psf: PSF
    periodic: bool
    known_sample: NoiseSample | None = None

    @property
    def pixels(self) -> Pixels:
        """The intensities and the mask of pixels that count."""
        return Pixels(self.values, self.valid)

    @property
    def axes(self) -> int:
        """Number of deblurred axes."""
        return self.psf.ndim

    @cached_property
    def scale(self) -> float:
        """Range of intensities: see :func:`.estimate_intensity_scale`."""
        return estimate_intensity_scale(self.pixels, self.noise_level)

    @cached_property
    def noise_level(self) -> float:
        """Standard deviation of the noise of most pixels."""
        known = self.known_sample
        return estimate_noise_level(self.pixels) if known is None else known.level

    @cached_property
    def noise_sample(self) -> NoiseSample:
        """What noise and background are estimated from."""
        return self.known_sample or NoiseSample.from_pixels(self.pixels, self.noise_level)

    @cached_property
    def noise_line(self) -> VarianceLine:
        """Variance of the noise as a line over the brightness."""
        return fit_noise_line(self.noise_sample)

    @cached_property
    def noise(self) -> float:
        """Standard deviation of the noise, root mean square over all pixels."""
        return average_noise(self.pixels, self.noise_level, self.noise_line)

    def gain(self, read_noise: float) -> float:
        """Intensity per photon: see :func:`napari_tf_deblur._noise.noise_line.estimate_gain`."""
        if read_noise or not self.noise_level:
            return fit_photon_line(self.noise_sample, read_noise).slope
        return self.noise_line.slope

    @cached_property
    def is_sparse(self) -> bool:
        """Whether the image counts photons, most pixels have none, and parts of it are dark."""
        return counts_are_sparse(self.pixels, self.noise_sample, self.noise_line)

    @property
    def _patch_shape(self) -> tuple[int, ...]:
        """Shape of the patch of a frame that is measured."""
        return tuple(symmetric_size(n, LARGEST_LOOK[self.axes]) for n in self.values.shape[2:])

    @cached_property
    def passed_power(self) -> float:
        """Part of the power of white noise that the PSF passes, 0 to 1."""
        return power_passed(self.psf, self._patch_shape)

    @cached_property
    def slope(self) -> float:
        """Mean slope per pixel, relative to the scale, in which each pixel counts by its slope.

        So a flat background around the objects changes nothing. 1 for an image without slopes.
        """
        patches = find_patches(self.pixels, self.scale, self._patch_shape, LARGEST_SERIES)
        total, squares = 0.0, 0.0
        for plane, place in patches:
            patch = subtract_mean(read_patch(self.pixels, plane, place), self.scale)
            for channel in patch:
                coarse = smooth(channel, gaussian_kernel(COARSE_SIGMA), "symmetric")
                squared_slope = np.zeros_like(coarse)
                for axis in range(coarse.ndim):
                    if coarse.shape[axis] > 1:
                        squared_slope += np.square(np.gradient(coarse, axis=axis))
                squares += float(np.sum(squared_slope, dtype=np.float64))
                total += float(np.sum(np.sqrt(squared_slope), dtype=np.float64))
        return squares / total if total else 1.0

    @cached_property
    def background(self) -> Background:
        """Intensity without the structure; rather underestimated than overestimated."""
        return estimate_background(self.pixels, self.noise_sample)

    @cached_property
    def balance(self) -> float:
        """Balance of the Wiener filter: see :func:`.estimate_wiener_balance`."""
        return estimate_wiener_balance(self.pixels, self.psf, self.periodic)

    def richardson_lucy_iterations(self, accelerate: bool) -> int:
        """Number of Richardson-Lucy iterations: see :func:`.richardson_lucy_iterations`."""
        return richardson_lucy_iterations(
            self.pixels, self.psf, self.periodic, accelerate=accelerate
        )
