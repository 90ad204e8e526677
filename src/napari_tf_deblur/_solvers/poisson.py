"""Penalised Poisson likelihood, in the square root of the image, by L-BFGS.

Minimises, over amplitudes a of a scene a^2 that is larger than the frame,

    sum c (m - y log m) + w sum sqrt(N b + e^2),    m = H a^2 + v,    b = |a|^p,

where N b is half the sum of the squared differences to all neighbours along the axes: per
axis, the squared central difference and a quarter of the squared second difference, so
that slopes become smooth and not flat, and no direction is preferred. The square root makes
the noise of photons the same everywhere (Anscombe, Biometrika 35, 1948), so that one weight
suits dim and bright parts, and it keeps the scene from going negative. In images p = 1; volumes
need more (see `POWER`). Read noise of a variance of v photons is taken for v photons of
background in image and model (Snyder et al., JOSA A 10, 1993).

What is compiled depends on the shape of the scene, the planes and channels, the spacing, and
whether it is dark outside the frame. All else is data over the scene.
"""

from collections.abc import Generator, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from napari_tf_deblur._solvers import coarse, lbfgs
from napari_tf_deblur._solvers.blur import Blur, irfft, rfft
from napari_tf_deblur._solvers.change import largest_changes
from napari_tf_deblur._solvers.differences import Differences
from napari_tf_deblur._solvers.load import fused, tensorflow
from napari_tf_deblur._solvers.loop import iterate
from napari_tf_deblur._solvers.problem import Array, Iterate, Problem, Tensor
from napari_tf_deblur.forward import transfer_function
from napari_tf_deblur.methods import PoissonLikelihood
from napari_tf_deblur.steps import mapped

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

NEAR = 0.05
"""Relative excess of the data below which their deviance is a sum of powers: the difference of
logarithms would be lost in rounding where there is much light, or much read noise."""

MOST_IN_LARGER = 80
"""Iterations in larger pixels: what more of them find, fewer at full size find sooner. Chosen on
seven pictures and five blurs each."""

GAIN_PER_CHANGE = 30.0
"""What an iteration takes off the objective, as a part of all so far, counts so many times as
much as a change of the image. A long way in small steps is seen by the first, a faint or small
object by the second."""

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


def solve(problem: Problem, method: PoissonLikelihood) -> Iterator[Iterate]:
    """Solve by L-BFGS; see the module."""
    fine = posed(problem, method)
    start = yield from _start_of(fine, method)
    iterates = _iterates(fine, start, method)
    del fine, start  # the constants hold what is needed
    yield from iterates


def _iterates(problem: Posed, start: Array, method: PoissonLikelihood) -> Iterator[Iterate]:
    run, first_state = _compiled(problem.spacing)
    constants = problem.constants()
    state = first_state(constants, tensorflow().constant(start))
    return iterate(run, _image_of, constants, state, method.iterations, method.tolerance)


def _start_of(problem: Posed, method: PoissonLikelihood) -> Generator[Iterate, None, Array]:
    """The amplitude to start from: the result in larger pixels, where they do."""
    axes = coarse.axes_of(problem.spectrum, problem.scene)
    if not axes:
        return problem.start

    def drawn_out(scene: Array) -> Array:
        return coarse.drawn_out(scene, axes, len(problem.scene))

    def shown(iterate: Iterate) -> Iterate:
        """Without losses, as those of other pixels are others."""
        return Iterate(iterate.losses[:0], 0.0, lambda: drawn_out(iterate.scene()), False)

    larger = problem.in_larger_pixels(axes)
    start = yield from mapped(_start_of(larger, method), shown)
    shorter = replace(method, iterations=min(method.iterations, MOST_IN_LARGER))
    for iterate_ in _iterates(larger, start, shorter):
        yield shown(iterate_)
    light = np.square(drawn_out(np.sqrt(iterate_.scene())))
    return _lifted(light, LEAST_START) * problem.allowed


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
    start = _lifted(np.maximum(light, 0), START_MEAN)
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


def _lifted(light: Array, part: float) -> Array:
    """Amplitudes of light to which a part of its mean is added."""
    mean = light.mean(axis=tuple(range(2, light.ndim)), keepdims=True)
    return np.asarray(np.sqrt((1 - part) * light + part * mean), np.float32)


def _image_of(_constants: Any, state: Any) -> Tensor:
    return tensorflow().square(state[0])


@lru_cache(maxsize=16)
def _compiled(spacing: tuple[float, ...]) -> tuple[Any, Any]:
    """The compiled loop of L-BFGS, and the function that makes its first state."""
    scaled = fused(lambda spectrum, inverse: spectrum * tensorflow().cast(inverse, "complex64"))

    def precondition(constants: Constants, gradient: Tensor) -> Tensor:
        spectrum = scaled(rfft(gradient, len(spacing)), constants.inverse)
        result = irfft(spectrum, tuple(gradient.shape[2:]))
        somewhere_dark = constants.allowed.shape.num_elements() > 1
        return result * constants.allowed if somewhere_dark else result

    def change(before: Tensor, after: Tensor, gained: Tensor) -> Tensor:
        tf = tensorflow()
        moved = largest_changes(tf.square(before), tf.square(after), len(spacing))
        return tf.maximum(moved, GAIN_PER_CHANGE * gained)

    return lbfgs.loop(value_and_gradient(spacing), precondition, change)


def value_and_gradient(spacing: tuple[float, ...]) -> lbfgs.ValueAndGradient:
    """The objective of each plane as a function of constants and amplitude, and its gradient."""
    tf = tensorflow()
    differences = Differences(1, spacing)
    power = POWER[len(spacing)]

    @fused
    def compared(
        blurred: Tensor, observed: Tensor, data_weight: Tensor, dark: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The deviance, along one axis, and what it says of the re-blurred image."""
        light = tf.nn.relu(blurred)
        model = light + dark
        excess = (observed - light) / model  # without the dark, whose digits would be lost
        near = excess * excess * (0.5 - excess * (1 / 6 - excess * (1 / 12 - excess * 0.05)))
        far = tf.math.xlogy(1 + excess, tf.abs(1 + excess)) - excess
        deviance = model * tf.where(tf.abs(excess) < NEAR, near, far)
        return tf.reduce_sum(data_weight * deviance, 2), -data_weight * excess

    @fused
    def with_prior(
        amplitude: Tensor, pull: Tensor, allowed: Tensor, weight: Tensor, corner: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The prior, along one axis, and the whole gradient."""
        root = tf.pow(tf.abs(amplitude), power - 1)
        slopes = differences.apply(amplitude if power == 1 else tf.abs(amplitude) * root)
        squares: Any = 0.0
        for axis, slope in enumerate(slopes):
            squares += 0.5 * sum(tf.square(s) for s in differences.with_previous(slope, axis))
        if amplitude.shape[1] != 1:  # channels share their edges
            squares = tf.reduce_sum(squares, axis=1, keepdims=True)
        length = tf.sqrt(squares + tf.square(corner))
        shares = [sum(differences.with_next(0.5 / length, axis)) for axis in range(len(slopes))]
        gradient = 2 * amplitude * pull
        push = differences.adjoint([s * share for s, share in zip(slopes, shares)])
        gradient += weight * (push if power == 1 else push * (power * root * tf.sign(amplitude)))
        above = squares / (length + corner)  # the length less the corner, without cancellation
        return tf.reduce_sum(above, 2), gradient * allowed

    def evaluate(constants: Constants, amplitude: Tensor) -> tuple[Tensor, Tensor]:
        c = constants
        blur = Blur(tuple(amplitude.shape[2:]), c.spectrum)
        blurred = blur.forward(tf.square(amplitude))
        deviance, residual = compared(blurred, c.observed, c.data_weight, c.dark)
        pull = blur.adjoint(residual)
        penalty, gradient = with_prior(amplitude, pull, c.allowed, c.weight, c.corner)
        return _total(deviance) + tf.cast(c.weight, tf.float64) * _total(penalty), gradient

    return evaluate


def _total(partial: Tensor) -> Tensor:
    """Sum of each plane, of sums along an axis, with digits to spare."""
    tf = tensorflow()
    return tf.reduce_sum(tf.cast(partial, tf.float64), axis=list(range(1, partial.shape.rank)))
