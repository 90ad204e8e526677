"""Maximise the penalised Poisson likelihood by the alternating direction method of multipliers.

The solver minimises, over scenes x >= 0 that are larger than the frame,

    sum c (m - y log m) + w sum t |N x|,    m = H x + b,    t = p / 2 f^(p - 2),

where y is the image, c the weight of each pixel, H the blur and b the background. N x are the
central differences and half the second differences along all axes. |N x|^2 is half the sum of the
squared differences to all neighbours. So the penalty makes slopes smooth and not flat, and prefers
no direction. The amplitude f is the square root of the image, updated in each iteration. To first
order, t |N x| is the slope of f^p. In the square root the noise of photons is the same everywhere
(Anscombe, Biometrika 35, 1948), so one weight suits dim and bright parts. In images p = 1; volumes
need a larger p (see `poisson_problem.AMPLITUDE_POWER`). Read noise with a variance of b photons is
treated as b photons of background in image and model (Snyder et al., JOSA A 10, 1993).

The splits are u = H x, z = N x and v = x; see `splitting`. The step of u has a closed form
(Figueiredo & Bioucas-Dias, IEEE TIP 19(12), 2010). The penalties are adapted to the brightness and
the slopes of each plane. An iteration costs two forward and two inverse transforms.

The compiled code depends on the shape of the scene, the numbers of planes and channels, the
spacing, and on whether the scene is dark outside the frame. All other settings are data.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from napari_tf_deblur._preparation.problem import Iterate, Problem, Tensor
from napari_tf_deblur._solvers.blur import irfft, rfft
from napari_tf_deblur._solvers.convergence import measure_largest_change, measure_loss_change
from napari_tf_deblur._solvers.load import Compiled, tensorflow
from napari_tf_deblur._solvers.loop import compile_loop, run_loop
from napari_tf_deblur._solvers.poisson_data import deviance, poisson_prox
from napari_tf_deblur._solvers.poisson_problem import AMPLITUDE_POWER, Constants, build_constants
from napari_tf_deblur._solvers.priors import Prior
from napari_tf_deblur._solvers.registry import find_prior
from napari_tf_deblur._solvers.splitting import (
    RELAXATION,
    assign_where_active,
    solve_in_fourier,
    sum_channels,
    sum_planes,
)
from napari_tf_deblur._solvers.zero_division import TINY
from napari_tf_deblur.methods import PoissonLikelihood

ROOT_OFFSET_PHOTONS = 0.1
"""Number of photons that is added to the light before its square root is taken. Guard: against a
division by zero where there is no light; ``tests/solvers/test_poisson.py``."""

SETTLING_ITERATIONS = 10.0
"""Number of iterations after which the thresholds follow the image less and less, so that the run
converges. Chosen by ``benchmarks/constants.py --vary SETTLING_ITERATIONS``: half loses 0.04 dB, 1.5
times changes less."""

IMAGE_PART_OF_LIGHT = 0.25
"""Part of the squared amplitude that comes from the image; the rest comes from the re-blurred
image. A larger part suits points. A smaller part suits a PSF that is too wide, because it makes
bright rims whose thresholds would fall. Chosen by ``benchmarks/constants.py --vary
IMAGE_PART_OF_LIGHT``: half loses 1.1 dB on points, 1.5 times loses 0.1 dB in a volume."""

AMPLITUDE_NOISE = 0.5
"""Standard deviation of an amplitude, in units of the amplitude of one photon, where there are
several photons. Derived: the root of a Poisson number has 1/2 (Anscombe, Biometrika 35, 1948)."""

REBLURRED_CHANGE_FACTOR = 20.0
"""Factor on the change of the re-blurred image, in standard deviations of its noise, in the measure
of convergence: with little noise, an image that hardly changes may be far from the data.
Definition: of `PoissonLikelihood.tolerance`, which says a twentieth."""

CHANGE_FACTOR = {1: 1.0, 2: 1.0, 3: 1.25}
"""Factor on the measure of convergence, by number of axes. Volumes are compared by planes, which
change less than the worst line. Chosen by ``benchmarks/iterations.py``: in volumes, 1 leaves 0.14
dB at thin filaments with few photons."""


class State(NamedTuple):
    """Values that change from step to step: over the scene, except the first three.

    Attributes
    ----------
    change, loss, count : Tensor
        Change of the last image, its loss and its number; of shape (planes,).
    image, reblurred : Tensor
        The last image x, and H x.
    blurred, constrained : Tensor
        The s of H x and of x.
    threshold : Tensor
        Slopes up to which z is zero; one value for all channels.
    slopes : list of Tensor
        The s of N x.
    """

    change: Tensor
    loss: Tensor
    count: Tensor
    image: Tensor
    reblurred: Tensor
    blurred: Tensor
    constrained: Tensor
    threshold: Tensor
    slopes: list[Tensor]

    @classmethod
    def unpack(cls, flat: Any) -> "State":
        """Restore the state from the list that the loop keeps."""
        change, loss, count, image, reblurred, blurred, constrained, threshold, *slopes = flat
        return cls(change, loss, count, image, reblurred, blurred, constrained, threshold, slopes)

    def pack(self) -> list[Tensor]:
        """List the tensors that the loop keeps as variables."""
        return [*self[:8], *self.slopes]


def solve(problem: Problem, method: PoissonLikelihood) -> Iterator[Iterate]:
    """Solve a problem by ADMM.

    Parameters
    ----------
    problem : Problem
        Planes to deblur together.
    method : PoissonLikelihood
        The method, with all its values filled in.

    Returns
    -------
    iterator of Iterate
        States of the solver, about ten per second; the last one is the result.
    """
    tf = tensorflow()
    arrays, start = build_constants(problem, method)
    constants = Constants(*map(tf.constant, arrays))
    run, read_image, first_state = _compile_solver(
        find_prior(method, problem.spacing), problem.are_samples
    )
    state = first_state(constants, tf.constant(start))
    del arrays, start
    stop = problem.stop_rule(method.iterations, method.tolerance)
    return run_loop(run, read_image, constants, state, *stop)


@lru_cache(maxsize=16)
def _compile_solver(prior: Prior, are_samples: bool) -> tuple[Any, Any, Any]:
    """Compile the loop; return it, a function that reads the image, and one for the first state."""
    tf = tensorflow()
    axes = len(prior.spacing)
    power = AMPLITUDE_POWER[axes]

    def threshold(c: Constants, image: Tensor, blurred: Tensor) -> Tensor:
        """Return the threshold of slopes, which is smaller where the amplitude is large."""
        light = IMAGE_PART_OF_LIGHT * tf.nn.relu(image) + (1 - IMAGE_PART_OF_LIGHT) * tf.nn.relu(
            blurred
        )
        amplitude = tf.sqrt(light + ROOT_OFFSET_PHOTONS * c.photon)
        mean = sum_channels(amplitude) / amplitude.shape[1]
        return c.step / mean if power == 1 else c.step * tf.exp((power - 2) * tf.math.log(mean))

    def first_state(constants: Any, start: Tensor) -> list[Tensor]:
        c = Constants(*constants)
        blurred = irfft(c.spectrum * rfft(start, axes), start.shape[2:])
        # There is no image yet. A small difference of the first one from the start means nothing.
        unknown = tf.fill([start.shape[0]], tf.float32.max)
        limit = threshold(c, start, blurred)
        slopes = prior.apply(start)
        count = tf.zeros_like(unknown)
        splits = blurred, start, limit, slopes
        return State(unknown, unknown, count, start, blurred, *splits).pack()

    def project(c: Constants, image: Tensor) -> Tensor:
        """Project a scene onto the constraints: not negative, dark outside the support."""
        return c.support * tf.nn.relu(image)

    def noise_amplitude(c: Constants, image: Tensor) -> Tensor:
        """Return the amplitude with the background, in which noise is the same everywhere."""
        return tf.sqrt(tf.nn.relu(image) + c.dark + c.photon)

    def reblurred_change(c: Constants, before: Tensor, after: Tensor) -> Tensor:
        """Return the root mean square change of the re-blurred image, relative to its noise."""
        counted = tf.broadcast_to(tf.cast(c.scaled_data_weight > 0, "float32"), after.shape)
        noise = counted * (tf.nn.relu(after) + c.dark + c.photon) * c.photon
        return tf.sqrt(sum_planes(counted * tf.square(after - before)) / (sum_planes(noise) + TINY))

    def read_image(constants: Any, variables: Any) -> Tensor:
        return project(Constants(*constants), State.unpack(variables).image.read_value())

    def step(constants: Any, variables: Any, active: Tensor) -> tuple[Tensor, Tensor]:
        before = [v.read_value() for v in variables]
        c, state = Constants(*constants), State.unpack(before)
        scene = state.image.shape[2:]
        nearest_blurred = poisson_prox(c, state.blurred)
        nearest_image = project(c, state.constrained)
        right = prior.adjoint(prior.reflect(state.slopes, c.ratio, state.threshold))
        right += c.constraint * (2 * nearest_image - state.constrained)
        spectrum = solve_in_fourier(
            c.spectrum, c.inverse, 2 * nearest_blurred - state.blurred, right, axes
        )
        image = irfft(spectrum, scene)
        blurred = irfft(c.spectrum * spectrum, scene)
        slopes = prior.apply(image)
        noise = AMPLITUDE_NOISE * tf.sqrt(c.photon)
        before_image, after_image = (noise_amplitude(c, x) for x in (state.image, image))
        change = measure_largest_change(
            before_image, after_image, axes, noise, are_samples, by_planes=axes == 3
        )
        change = CHANGE_FACTOR[axes] * tf.maximum(
            change, REBLURRED_CHANGE_FACTOR * reblurred_change(c, state.reblurred, blurred)
        )
        penalty = c.ratio * state.threshold * prior.penalty(slopes)
        loss = sum_planes(c.penalty * (sum_channels(deviance(c, blurred)) + penalty))
        loss_change = measure_loss_change(state.loss, loss)
        change = tf.maximum(change, c.loss_factor * loss_change)
        fresh = threshold(c, image, blurred)
        rate = SETTLING_ITERATIONS / tf.maximum(state.count, SETTLING_ITERATIONS)
        rate = tf.reshape(rate, [-1] + [1] * (image.shape.rank - 1))
        after = State(
            change,
            loss,
            state.count + 1,
            image,
            blurred,
            state.blurred + RELAXATION * (blurred - nearest_blurred),
            state.constrained + RELAXATION * (image - nearest_image),
            state.threshold + rate * (fresh - state.threshold),
            prior.relax(state.slopes, slopes, state.threshold),
        )
        assign_where_active(active, variables, before, after.pack())
        return loss, tf.maximum(change, state.change)

    return compile_loop(step, xla=True), read_image, Compiled(first_state)
