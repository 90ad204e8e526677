"""What a run of `poisson` solves: the terms of its objective, and where it starts."""

from typing import NamedTuple

import numpy as np

from napari_tf_deblur._solvers import coarse
from napari_tf_deblur._solvers.differences import Differences
from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur._solvers.problem import Array, Problem, Tensor
from napari_tf_deblur.forward import transfer_function
from napari_tf_deblur.methods import PoissonLikelihood

WEIGHT = {1: 3.0, 2: 1.5, 3: 0.09}
"""Weight that suits a peak of one photon, in units of the power p of a photon's
amplitude, by dimensions."""

PHOTONS_EXPONENT = -0.25
"""How the weight that suits changes with the photons at the peak. Found by experiment:
brighter images have finer detail to keep."""

POWER = {1: 1.0, 2: 1.0, 3: 1.4}
"""Power p of the amplitude whose slopes the prior sums, by dimensions. Squeezed into a ball of
radius r, a given light in d dimensions costs as much as r^(d - 1 - d p / 2): for p = 1 that is
the same for all r in images, but in volumes it is least for single voxels, and a run to the
minimum makes points of everything. In volumes it takes p > 4/3 to prevent that."""

CORNER = 0.1
"""Slope of b, in powers of one photon's amplitude, below which the prior is quadratic."""

USUAL_SLOPE = 0.3
"""Slope of a, in amplitudes of one photon, at which the preconditioner takes the prior to be."""

LEAST_CURVATURE = 0.02
"""Curvature that the preconditioner takes directions to have which nothing determines."""

START_MEAN = 0.1
"""Part of the mean in the start, so that no pixel starts at zero, where it would stay."""

LEAST_START = 0.01
"""The same, where the start is the result in larger pixels."""

LEAST_DARK = 0.01
"""Photons added to image and model, so that nothing divides by zero."""

ROUNDING = 1e-6
"""As `LEAST_DARK`, relative to the brightest pixel: what the transforms round off."""

MOST_DARK = 1e6
"""Largest variance of the read noise, for intensities scaled to 1, in units of a photon."""

NEGATIVE = 4.0
"""Values below zero are taken for read noise down to so many standard deviations."""

PHOTONS = (1e-3, 1e7)
"""Least and most photons that intensity 1 is taken for. An image without noise would be
one of endless photons; beyond the upper limit nothing but rounding would change."""


class Constants(NamedTuple):
    """What stays the same during a run; tensors over the scene unless they are scalars.

    Attributes
    ----------
    spectrum : Tensor of complex64
        The optical transfer function.
    inverse : Tensor
        The preconditioner: an approximate inverse Hessian over the half spectrum.
    observed : Tensor
        Intensities above the background; 0 outside the frame.
    data_weight : Tensor
        0 outside the frame and at pixels to ignore.
    allowed : Tensor
        1 where there may be light, else 0.
    dark : Tensor
        Shape (planes, 1, ...): what was added to each plane.
    weight, corner : Tensor
        Scalars, for intensities scaled to 1.
    """

    spectrum: Tensor
    inverse: Tensor
    observed: Tensor
    data_weight: Tensor
    allowed: Tensor
    dark: Tensor
    weight: Tensor
    corner: Tensor


class Posed(NamedTuple):
    """A problem, before anything is compiled for it: arrays over the scene unless said.

    Attributes
    ----------
    scene : tuple of int
        Shape of the scene.
    spacing : tuple of float
        Size of a pixel per axis, in the units that slopes are measured in.
    spectrum, observed, data_weight, allowed, dark, weight, corner
        See `Constants`.
    steepness : float
        Slope of b's root over that of a, at the mean of the image.
    unit : float
        Amplitude of a photon.
    start : ndarray of float32
        Amplitude to start from.
    """

    scene: tuple[int, ...]
    spacing: tuple[float, ...]
    spectrum: coarse.Spectrum
    observed: Array
    data_weight: Array
    allowed: Array
    dark: Array
    weight: float
    corner: float
    steepness: float
    unit: float
    start: Array

    def in_larger_pixels(self, axes: tuple[int, ...]) -> "Posed":
        """The same problem in pixels twice as large along some axes."""

        def mean(values: Array) -> Array:
            return coarse.mean_of_pairs(values, axes, len(self.scene))

        seen = mean(np.broadcast_to(self.data_weight, (*self.data_weight.shape[:2], *self.scene)))
        light = mean(self.observed * self.data_weight)
        return self._replace(
            scene=seen.shape[2:],
            spacing=tuple(d * (2 if a in axes else 1) for a, d in enumerate(self.spacing)),
            spectrum=coarse.spectrum_of(self.spectrum, self.scene, axes),
            observed=np.divide(light, seen, out=np.zeros_like(light), where=seen > 0),
            data_weight=seen,
            allowed=np.ceil(mean(self.allowed)),
            start=np.sqrt(mean(np.square(self.start))),
        )

    def constants(self) -> Constants:
        """What a run is given."""
        tf = tensorflow()
        curvature = Differences(1, self.spacing).squared_spectrum(self.scene)
        usual = np.hypot(self.corner, USUAL_SLOPE * self.unit * self.steepness)
        curvature *= self.weight * self.steepness**2 / usual
        curvature += 4 * (np.square(self.spectrum.real) + np.square(self.spectrum.imag))
        curvature += LEAST_CURVATURE
        return Constants(
            tf.constant(self.spectrum),
            tf.constant(np.reciprocal(curvature, out=curvature)),
            tf.constant(self.observed),
            tf.constant(np.ascontiguousarray(self.data_weight, np.float32)),
            tf.constant(self.allowed),
            tf.constant(self.dark),
            tf.constant(np.float32(self.weight)),
            tf.constant(np.float32(self.corner)),
        )


def posed(problem: Problem, method: PoissonLikelihood) -> Posed:
    """Put a problem in the terms of this module."""
    grid = problem.grid
    dimensions = len(grid.frame)
    photons = photons_at_one(problem.scale, float(method.gain))
    amplitude = 1 / np.sqrt(photons)  # of a photon
    power = POWER[dimensions]
    weight = float(method.weight) * WEIGHT[dimensions] * photons**PHOTONS_EXPONENT
    light = problem.observed.copy()
    read_noise = min(method.read_noise / problem.scale, np.sqrt(MOST_DARK / photons))
    brightest = np.max(light, axis=tuple(range(1, light.ndim)), keepdims=True, initial=0)
    dark = np.float32(read_noise**2 * photons + LEAST_DARK / photons) + ROUNDING * brightest
    np.maximum(light, np.float32(-NEGATIVE * read_noise), out=light)
    margins = ((0, 0), (0, 0), *grid.margins)
    allowed = np.ones((1,) * light.ndim, np.float32)
    start = lifted(np.maximum(light, 0), START_MEAN)
    if problem.dark_outside:
        allowed = np.pad(np.ones((1, 1, *grid.frame), np.float32), margins)
        start = np.pad(start, margins)
    else:
        start = np.pad(start, margins, mode="symmetric")
    return Posed(
        scene=grid.scene,
        spacing=problem.spacing,
        spectrum=transfer_function(problem.psf, grid.scene),
        observed=np.pad(light, margins),
        data_weight=problem.data_weight_in_scene(),
        allowed=allowed,
        dark=dark,
        weight=weight * amplitude ** (2 - power),
        corner=CORNER * amplitude**power,
        steepness=power * np.sqrt(max(light.mean(), amplitude**2)) ** (power - 1),
        unit=amplitude,
        start=start,
    )


def photons_at_one(scale: float, gain: float) -> float:
    """Photons of intensity 1, within what arithmetic can tell apart."""
    least, most = PHOTONS
    return most if gain * most <= scale else max(scale / gain, least)


def lifted(light: Array, part: float) -> Array:
    """Amplitudes of light to which a part of its mean is added."""
    mean = light.mean(axis=tuple(range(2, light.ndim)), keepdims=True)
    return np.asarray(np.sqrt((1 - part) * light + part * mean), np.float32)
