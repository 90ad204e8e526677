"""Properties of every prior: its operator, its proximal operator and its declared facts."""

from dataclasses import dataclass
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from napari_tf_deblur import METHODS, RichardsonLucy, TotalVariation, deconvolve, gaussian_psf
from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._solvers import admm
from napari_tf_deblur._solvers.blur import rfft
from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur._solvers.priors import PRIORS, Prior, TotalVariationPrior
from napari_tf_deblur._solvers.priors.prior import Symmetry
from napari_tf_deblur._solvers.registry import find_prior
from napari_tf_deblur._solvers.splitting import RELAXATION


@dataclass(frozen=True)
class SquarePrior(Prior):
    """Half the sum of squares, defined only by its proximal operator, as a denoiser is."""

    symmetries = frozenset(get_args(Symmetry))
    reach = 0

    def prox(self, components, threshold):
        return [c / (1 + threshold) for c in components]


ALL = [*PRIORS.values(), SquarePrior]
WITH_PENALTY = [prior for prior in ALL if prior.penalty is not Prior.penalty]

shapes = st.lists(st.integers(1, 8), min_size=1, max_size=3).map(tuple)
every_prior = pytest.mark.parametrize("kind", ALL)
in_all_dimensions = pytest.mark.parametrize("scene", [(11,), (8, 9), (6, 7, 8)])


def random(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def spacing_of(scene, seed=0):
    return tuple(np.random.default_rng(seed).uniform(1, 3, len(scene)).tolist())


def components_of(prior, seed, *shape):
    return [tensorflow().constant(random(seed + k, *shape)) for k in range(prior.copies)]


def smoothed(prior, image, threshold=0.3):
    """``D' prox(D x)`` of a batch of planes."""
    near = prior.prox(prior.apply(tensorflow().constant(image)), threshold)
    return prior.adjoint(near).numpy()


def test_every_prior_is_named_by_a_method_and_every_name_is_one():
    named = {method().prior for method in METHODS if method().solver in ("admm", "poisson")}
    assert named == set(PRIORS)
    assert RichardsonLucy().prior is None
    assert isinstance(find_prior(RichardsonLucy(tv_weight=0.1), (1.0, 1.0)), TotalVariationPrior)


@every_prior
def test_equal_priors_are_one_value_for_which_code_is_compiled_once(kind):
    one, same, other = kind((1.0, 2.0)), kind((1.0, 2.0)), kind((2.0, 1.0))
    one.apply(tensorflow().zeros((1, 1, 4, 4)))  # cached values do not change equality
    assert one == same != other
    assert len({one, same, other}) == 2
    assert all(one != another((1.0, 2.0)) for another in ALL if another is not kind)
    assert admm._compile_solver(one, True, True, False) is admm._compile_solver(
        same, True, True, False
    )


@every_prior
@given(shapes, st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_the_adjoint_is_the_adjoint_and_the_spectrum_that_of_both(kind, scene, seed):
    prior = kind(spacing_of(scene, seed))
    image = random(seed, 2, 1, *scene)
    applied = prior.apply(tensorflow().constant(image))
    assert len(applied) == prior.copies
    others = components_of(prior, seed + 1, 2, 1, *scene)
    forward = sum(np.vdot(a, o) for a, o in zip(applied, others, strict=True))
    assert forward == pytest.approx(np.vdot(image, prior.adjoint(others)), rel=1e-4, abs=1e-3)

    both = rfft(prior.adjoint(applied), len(scene)).numpy()
    by_spectrum = rfft(tensorflow().constant(image), len(scene)).numpy() * prior.spectrum(scene)
    np.testing.assert_allclose(both, by_spectrum, atol=2e-3)


def objective_of(prior, threshold, given_components):
    """Return ``threshold * phi(z) + |z - given|^2 / 2`` and its gradient, as a function of z."""
    tf = tensorflow()

    def objective(flat):
        z = tf.constant(flat.reshape(given_components.shape))
        with tf.GradientTape() as tape:
            tape.watch(z)
            penalty = tf.reduce_sum(threshold * prior.penalty(tf.unstack(z)))
            value = penalty + 0.5 * tf.reduce_sum(tf.square(z - given_components))
        return float(value), tape.gradient(value, z).numpy().ravel()

    return objective


@pytest.mark.parametrize("kind", WITH_PENALTY)
@pytest.mark.parametrize("threshold", [0.2, 2.0, "by pixel"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_proximal_operator_solves_its_minimisation(kind, threshold, channels):
    """Nothing that L-BFGS finds is lower, and all is higher by half the squared distance at least:
    so it is at the minimum, and nowhere else. A threshold of 2 makes some vectors zero.
    """
    prior = kind((1.0, 1.5))
    if threshold == "by pixel":
        threshold = np.array([0.01, 0.2, 1.0, 5.0], np.float32).reshape(1, 1, 1, 4)
    components = components_of(prior, 3, 1, channels, 1, 4)
    near = np.stack(prior.prox(components, threshold)).astype(np.float64)
    far = np.stack(components).astype(np.float64)
    limits = np.broadcast_to(threshold, (1, 1, 1, 4)).astype(np.float64)
    for k in range(4):
        pixel = np.s_[..., k : k + 1]
        objective = objective_of(prior, limits[pixel], far[pixel])
        nearest = near[pixel].ravel()
        for start in (far[pixel].ravel(), nearest + 1e-3 * random(k, nearest.size)):
            found = minimize(objective, start, jac=True, method="L-BFGS-B")
            excess = found.fun - objective(nearest)[0]
            assert excess > 0.5 * np.sum((found.x - nearest) ** 2) - 1e-6
        assert np.abs(found.x - nearest).max() < 0.01


@every_prior
@pytest.mark.parametrize(("threshold", "unit"), [(0.1, 0.1), (0.5, 1.0), ("by pixel", 1.0)])
def test_the_steps_of_a_splitting_follow_from_the_proximal_operator(kind, threshold, unit):
    prior = kind((1.0, 1.5))
    shape = (2, 2, 5, 6)
    if threshold == "by pixel":
        threshold = np.random.default_rng(9).uniform(0.1, 2, (2, 1, 5, 6)).astype(np.float32)
    split, applied = (components_of(prior, seed, *shape) for seed in (1, 50))
    reflected = prior.reflect(split, 0.7, threshold, unit)
    relaxed = prior.relax(split, applied, threshold, unit)
    near = prior.prox([unit * s for s in split], threshold)
    for s, d, p, mirror, after in zip(split, applied, near, reflected, relaxed, strict=True):
        np.testing.assert_allclose(mirror, 0.7 * (2 * p / unit - s), rtol=1e-4, atol=1e-5)
        expected = s + RELAXATION * (d - p) / unit
        np.testing.assert_allclose(after, expected, rtol=1e-4, atol=1e-5)


WAYS = {
    "shift": [lambda x: np.roll(x, 1, 2), lambda x: np.roll(x, -2, -1)],
    "flip": [lambda x: np.flip(x, 2), lambda x: np.flip(x, -1)],
    "transpose": [lambda x: np.moveaxis(x, 2, -1)],
}
"""What each symmetry does to (planes, channels, *scene)."""


@every_prior
@in_all_dimensions
def test_declared_symmetries_are_symmetries(kind, scene):
    assert set(WAYS) == set(get_args(Symmetry)) >= kind.symmetries
    image, spacing = random(0, 1, 2, *scene), spacing_of(scene)
    straight = smoothed(kind(spacing), image)
    assert np.abs(straight - image).max() > 0.1
    for symmetry in kind.symmetries:
        for way in WAYS[symmetry]:
            moved = (*spacing[1:], spacing[0]) if symmetry == "transpose" else spacing
            turned = smoothed(kind(moved), np.ascontiguousarray(way(image)))
            np.testing.assert_allclose(turned, way(straight), rtol=1e-4, atol=1e-4)


@every_prior
@in_all_dimensions
def test_the_reach_is_how_far_a_pixel_is_seen(kind, scene):
    prior = kind(spacing_of(scene))
    image = random(1, 1, 1, *scene)
    changed = image.copy()
    changed[(0, 0, *(n // 2 for n in scene))] += 1
    differs = np.argwhere(smoothed(prior, image, 0.01) != smoothed(prior, changed, 0.01))
    far = np.abs(differs[:, 2:] - [n // 2 for n in scene])
    assert far.max() == prior.reach


def test_a_prior_that_is_only_a_proximal_operator_is_solved(monkeypatch):
    """The minimum of this prior is known. The solver needs only its proximal operator."""
    monkeypatch.setitem(PRIORS, TotalVariation.prior, SquarePrior)
    image, psf, weight = random(2, 24, 30) + 5, gaussian_psf(1.0), 0.02
    method = TotalVariation(weight=weight, iterations=200, tolerance=0.0)
    result = deconvolve(image, psf, method, boundary="periodic").image
    spectrum = transfer_function(psf, image.shape)
    inverse = np.conj(spectrum) / (np.abs(spectrum) ** 2 + weight)
    expected = np.fft.irfft2(inverse * np.fft.rfft2(image), image.shape)
    assert np.abs(expected - image).max() > 0.5
    np.testing.assert_allclose(result, expected, atol=2e-3)
