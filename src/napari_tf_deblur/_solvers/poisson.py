"""Penalised Poisson likelihood by the alternating direction method of multipliers.

Minimises, over scenes x >= 0 that are larger than the frame,

    sum c (m - y log m) + w sum t |N x|,    m = H x + v,    t = p / 2 f^(p - 2),

where N x are the central and half the second differences along all axes: |N x|^2 is half the sum
of the squared differences to all neighbours, so that slopes become smooth and not flat, and no
direction is preferred. f is the amplitude, the image's square root, as it is found on the way:
t |N x| are, to first order, the slopes of its power p. In the square root the noise of photons
is the same everywhere (Anscombe, Biometrika 35, 1948), so that one weight suits dim and bright
parts. In images p = 1; volumes need more (see `poisson_problem.POWER`). Read noise of a variance
of v photons is taken for v photons of background in image and model (Snyder et al., JOSA A 10,
1993).

Split as u = H x, z = N x and v = x; see `splitting`. The step of u has a closed form
(Figueiredo & Bioucas-Dias, IEEE TIP 19(12), 2010). Penalties fit the brightness and the slopes
of each plane. An iteration costs two forward and two inverse transforms.

What is compiled depends on the shape of the scene, the planes and channels, the spacing, and
whether it is dark outside the frame. All else is data over the scene.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from napari_tf_deblur._preparation.problem import Iterate, Problem, Tensor
from napari_tf_deblur._solvers.blur import irfft, rfft
from napari_tf_deblur._solvers.convergence import measure_largest_change
from napari_tf_deblur._solvers.load import Compiled, tensorflow
from napari_tf_deblur._solvers.loop import compile_loop, run_loop
from napari_tf_deblur._solvers.poisson_problem import AMPLITUDE_POWER, Constants, build_constants
from napari_tf_deblur._solvers.priors import Prior
from napari_tf_deblur._solvers.priors.vector_norm import TINY
from napari_tf_deblur._solvers.registry import prior_of
from napari_tf_deblur._solvers.splitting import (
    RELAXATION,
    assign_where_active,
    solve_in_fourier,
    sum_channels,
    sum_planes,
)
from napari_tf_deblur.methods import PoissonLikelihood

ROOT_OFFSET_PHOTONS = 0.1
"""Photons that are added to light before its root is taken. Set by hand; its effect is in
``benchmarks/CONSTANTS.md``."""

SETTLING_ITERATIONS = 10.0
"""Iterations after which thresholds follow the image ever less, so that the run converges. Set by
hand; its effect is in ``benchmarks/CONSTANTS.md``."""

IMAGE_PART_OF_LIGHT = 0.25
"""Part of the amplitude's square that is taken from the image; the rest is taken from the
re-blurred image. More suits points, and less a PSF that is too wide, which makes bright rims. Set
by hand; its effect is in ``benchmarks/CONSTANTS.md``."""

AMPLITUDE_NOISE = 0.5
"""Standard deviation of an amplitude, in those of a photon, wherever there are some photons.
Derived: the root of a Poisson number has 1/2 (Anscombe, Biometrika 35, 1948)."""

REBLURRED_CHANGE_FACTOR = 20.0
"""Weight of a change of the re-blurred image, in standard deviations of its noise, in the measure
of convergence: with little noise, an image that hardly changes may be far from the data. Set by
hand; its effect is in ``benchmarks/CONSTANTS.md``."""

MIN_ITERATIONS = 8.0
"""Least number of iterations. Set by hand: half or 1.5 times changes nothing in
``benchmarks/CONSTANTS.md``."""

SERIES_RANGE = 0.05
"""Relative excess of the data below which the deviance is a sum of powers: the difference of
logarithms would be lost in rounding. Guard: ``tests/solvers/test_poisson.py``."""


class State(NamedTuple):
    """What changes from step to step; over the scene, but for the first two.

    Attributes
    ----------
    change, count : Tensor
        Shape (planes,): how much the last image differed, and which it is.
    image, reblurred : Tensor
        The last image, and H x of it.
    blurred, constrained : Tensor
        The s of H x and of x.
    threshold : Tensor
        Slopes up to which z is zero; one for all channels.
    slopes : list of Tensor
        The s of N x.
    """

    change: Tensor
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
        change, count, image, reblurred, blurred, constrained, threshold, *slopes = flat
        return cls(change, count, image, reblurred, blurred, constrained, threshold, slopes)

    def pack(self) -> list[Tensor]:
        """List the tensors that the loop keeps as variables."""
        return [*self[:7], *self.slopes]


def solve(problem: Problem, method: PoissonLikelihood) -> Iterator[Iterate]:
    """Solve by ADMM; see the module."""
    tf = tensorflow()
    arrays, start = build_constants(problem, method)
    constants = Constants(*map(tf.constant, arrays))
    run, image_of, first_state = _compile_solver(
        prior_of(method, problem.spacing), problem.are_samples
    )
    state = first_state(constants, tf.constant(start))
    del arrays, start
    stop = problem.stop_rule(method.iterations, method.tolerance)
    return run_loop(run, image_of, constants, state, *stop)


def poisson_prox(c: Constants, blurred: Tensor) -> Tensor:
    """From s to p of the blurred image: the root of c (1 - y / m) + m - v - s = 0."""
    tf = tensorflow()
    lack = c.scaled_data_weight - c.dark - blurred
    product = c.scaled_data_weight * (c.observed + c.dark)
    root = tf.sqrt(tf.square(lack) + 4 * product)
    # Of two forms the one that does not cancel.
    above = 2 * product / (root + lack + TINY)
    model = tf.where(lack > 0, above, 0.5 * (root - lack))
    return tf.where(c.scaled_data_weight > 0, model - c.dark, blurred)


def deviance(c: Constants, blurred: Tensor) -> Tensor:
    """What the data say against a blurred image, over the penalty of u."""
    tf = tensorflow()
    light = tf.nn.relu(blurred)
    model = light + c.dark
    excess = (c.observed - light) / model  # without the dark, whose digits would be lost
    near = excess * excess * (0.5 - excess * (1 / 6 - excess * (1 / 12 - excess * 0.05)))
    far = tf.math.xlogy(1 + excess, tf.nn.relu(1 + excess)) - excess
    return c.scaled_data_weight * model * tf.where(tf.abs(excess) < SERIES_RANGE, near, far)


@lru_cache(maxsize=16)
def _compile_solver(prior: Prior, are_samples: bool) -> tuple[Any, Any, Any]:
    """The compiled loop, and the functions that make a state's image and the first state."""
    tf = tensorflow()
    axes = len(prior.spacing)
    power = AMPLITUDE_POWER[axes]

    def threshold(c: Constants, image: Tensor, blurred: Tensor) -> Tensor:
        """As the amplitude says, which is less where it is bright."""
        light = IMAGE_PART_OF_LIGHT * tf.nn.relu(image) + (1 - IMAGE_PART_OF_LIGHT) * tf.nn.relu(
            blurred
        )
        amplitude = tf.sqrt(light + ROOT_OFFSET_PHOTONS * c.photon)
        mean = sum_channels(amplitude) / amplitude.shape[1]
        return c.step / mean if power == 1 else c.step * tf.pow(mean, power - 2)

    def first_state(constants: Any, start: Tensor) -> list[Tensor]:
        c = Constants(*constants)
        blurred = irfft(c.spectrum * rfft(start, axes), start.shape[2:])
        # No image yet: how little the first differs from the start says nothing.
        never = tf.fill([start.shape[0]], tf.float32.max)
        limit = threshold(c, start, blurred)
        slopes = prior.apply(start)
        none = tf.zeros_like(never)
        return State(never, none, start, blurred, blurred, start, limit, slopes).pack()

    def projected(c: Constants, image: Tensor) -> Tensor:
        """Project a scene onto what is allowed: nothing negative, nothing outside the frame."""
        return c.support * tf.nn.relu(image)

    def seen(c: Constants, image: Tensor) -> Tensor:
        """What is looked at for changes: the amplitude, in which noise is the same everywhere."""
        return tf.sqrt(tf.nn.relu(image) + c.dark + c.photon)

    def unsettled(c: Constants, before: Tensor, after: Tensor) -> Tensor:
        """How much the re-blurred image changes, root mean square, in those of its noise."""
        counted = tf.broadcast_to(tf.cast(c.scaled_data_weight > 0, "float32"), after.shape)
        noise = counted * (tf.nn.relu(after) + c.dark + c.photon) * c.photon
        return tf.sqrt(sum_planes(counted * tf.square(after - before)) / (sum_planes(noise) + TINY))

    def image_of(constants: Any, variables: Any) -> Tensor:
        return projected(Constants(*constants), State.unpack(variables).image.read_value())

    def step(constants: Any, variables: Any, active: Tensor) -> tuple[Tensor, Tensor]:
        before = [v.read_value() for v in variables]
        c, state = Constants(*constants), State.unpack(before)
        scene = state.image.shape[2:]
        seen_blurred, allowed = poisson_prox(c, state.blurred), projected(c, state.constrained)
        right = prior.adjoint(prior.reflect(state.slopes, c.ratio, state.threshold))
        right += c.constraint * (2 * allowed - state.constrained)
        spectrum = solve_in_fourier(
            c.spectrum, c.inverse, 2 * seen_blurred - state.blurred, right, axes
        )
        image = irfft(spectrum, scene)
        blurred = irfft(c.spectrum * spectrum, scene)
        slopes = prior.apply(image)
        noise = AMPLITUDE_NOISE * tf.sqrt(c.photon)
        change = measure_largest_change(
            seen(c, state.image), seen(c, image), axes, noise, are_samples
        )
        change = tf.maximum(
            change, REBLURRED_CHANGE_FACTOR * unsettled(c, state.reblurred, blurred)
        )
        fresh = threshold(c, image, blurred)
        rate = SETTLING_ITERATIONS / tf.maximum(state.count, SETTLING_ITERATIONS)
        rate = tf.reshape(rate, [-1] + [1] * (image.shape.rank - 1))
        moved = State(
            change,
            state.count + 1,
            image,
            blurred,
            state.blurred + RELAXATION * (blurred - seen_blurred),
            state.constrained + RELAXATION * (image - allowed),
            state.threshold + rate * (fresh - state.threshold),
            prior.relax(state.slopes, slopes, state.threshold),
        )
        penalty = c.ratio * state.threshold * prior.penalty(slopes)
        loss = sum_planes(c.penalty * (sum_channels(deviance(c, blurred)) + penalty))
        assign_where_active(active, variables, before, moved.pack())
        early = state.count + 1 < MIN_ITERATIONS
        return loss, tf.where(early, tf.float32.max, tf.maximum(change, state.change))

    return compile_loop(step, xla=True), image_of, Compiled(first_state)
