"""Penalised Poisson likelihood, in the square root of the image, by L-BFGS.

Minimises, over amplitudes a of a scene a^2 that is larger than the frame,

    sum c (m - y log m) + w sum sqrt(N a + e^2),    m = H a^2 + v,

where N a is half the sum of the squared differences to all neighbours along the axes: per
axis, the squared central difference and a quarter of the squared second difference, so
that slopes become smooth and not flat. The square root makes the noise of photons
the same everywhere (Anscombe, Biometrika 35, 1948), so that one weight suits dim and bright
parts, and it keeps the scene from going negative. Read noise of a variance of v photons
is taken for v photons of background in image and model (Snyder et al., JOSA A 10, 1993).
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from napari_tf_deblur._solvers import lbfgs
from napari_tf_deblur._solvers.blur import Blur
from napari_tf_deblur._solvers.differences import Differences, root_of_channels
from napari_tf_deblur._solvers.load import fused, tensorflow
from napari_tf_deblur._solvers.loop import iterate
from napari_tf_deblur._solvers.problem import Iterate, Problem
from napari_tf_deblur.forward import Grid, transfer_function
from napari_tf_deblur.methods import PoissonLikelihood

WEIGHT = {1: 3.0, 2: 1.5, 3: 0.1}
"""Weight that suits a peak of one photon, in units of a photon's amplitude, by dimensions."""

PHOTONS_EXPONENT = {1: -0.25, 2: -0.25, 3: 0.0}
"""How the weight that suits changes with the photons at the peak. Both found by experiment:
brighter photographs have finer detail to keep; volumes of fluorescence did not care."""

CORNER = 0.1
"""Amplitude, of one photon, below which the prior's corner at zero is rounded off."""

START_MEAN = 0.1
"""Part of the mean in the start, so that no pixel starts at zero, where it would stay."""

SMALLEST = 1e-6
"""Least brightness of the model, for intensities scaled to 1: nothing divides by zero."""


def solve(problem: Problem, method: PoissonLikelihood) -> Iterator[Iterate]:
    """Solve by L-BFGS; see the module."""
    tf = tensorflow()
    grid = problem.grid
    photons = problem.scale / method.gain  # at intensity 1
    dimensions = len(grid.frame)
    weight = method.weight * WEIGHT[dimensions] * photons ** PHOTONS_EXPONENT[dimensions]
    dark = (method.read_noise / method.gain) ** 2 / photons
    observed = np.maximum(problem.observed + dark, 0)
    mean = observed.mean(axis=tuple(range(2, observed.ndim)), keepdims=True)
    start = np.pad(
        (1 - START_MEAN) * observed + START_MEAN * mean,
        ((0, 0), (0, 0), *grid.margins),
        mode="constant" if problem.dark_outside else "symmetric",
    )
    amplitude = tf.constant(np.sqrt(start).astype(np.float32))
    constants = [
        tf.constant(transfer_function(problem.psf, grid.scene)),
        tf.constant(observed),
        tf.constant(problem.data_weight),
        tf.constant(np.float32(dark)),
        tf.constant(np.float32(weight / np.sqrt(photons))),
        tf.constant(np.float32(CORNER / np.sqrt(photons))),
    ]
    run, first_state = _compiled(grid, problem.dark_outside, problem.spacing)
    state = first_state(constants, amplitude)
    return iterate(run, _image_of, constants, state, grid, method.iterations, method.tolerance)


def _image_of(_constants: Any, state: Any) -> Any:
    return tensorflow().square(state[0])


@lru_cache(maxsize=8)
def _compiled(grid: Grid, dark_outside: bool, spacing: tuple[float, ...]) -> tuple[Any, Any]:
    """The compiled loop of L-BFGS, and the function that makes its first state."""
    evaluate = value_and_gradient(grid, dark_outside, spacing)
    return lbfgs.loop(evaluate, tensorflow().square)


def value_and_gradient(
    grid: Grid, dark_outside: bool, spacing: tuple[float, ...]
) -> lbfgs.ValueAndGradient:
    """The objective as a function of constants and amplitude, with its gradient."""
    tf = tensorflow()
    differences = Differences(1, spacing)
    window = (..., *grid.window)
    margins = ((0, 0), (0, 0), *grid.margins)
    allowed = np.pad(np.ones(grid.frame, np.float32), grid.margins) if dark_outside else None

    @fused
    def compared(blurred: Any, constants: list[Any]) -> tuple[Any, Any]:
        """The deviance, along one axis, and what it says of the re-blurred image."""
        observed, data_weight, dark, *_ = constants
        model = tf.maximum(blurred[window] + dark, SMALLEST)
        ratio = observed / model
        deviance = data_weight * (model - observed + tf.math.xlogy(observed, ratio))
        return tf.reduce_sum(deviance, 2), tf.pad(data_weight * (1 - ratio), margins)

    @fused
    def with_prior(amplitude: Any, pull: Any, weight: Any, corner: Any) -> tuple[Any, Any]:
        """The prior, along one axis, and the whole gradient."""
        slopes = differences.apply(amplitude)
        squares: Any = tf.square(corner)
        for axis, slope in enumerate(slopes):
            squares += 0.5 * sum(tf.square(s) for s in differences.with_previous(slope, axis))
        length = root_of_channels(squares)
        shares = [sum(differences.with_next(0.5 / length, axis)) for axis in range(len(slopes))]
        gradient = 2 * amplitude * pull
        gradient += weight * differences.adjoint([s * share for s, share in zip(slopes, shares)])
        if allowed is not None:
            gradient *= allowed
        return tf.reduce_sum(length - corner, 2), gradient

    def evaluate(constants: Any, amplitude: Any) -> tuple[Any, Any]:
        spectrum, *others, weight, corner = constants
        blur = Blur(grid.scene, spectrum)
        deviance, residual = compared(blur.forward(tf.square(amplitude)), others)
        penalty, gradient = with_prior(amplitude, blur.adjoint(residual), weight, corner)
        return tf.reduce_sum(deviance) + weight * tf.reduce_sum(penalty), gradient

    return evaluate
