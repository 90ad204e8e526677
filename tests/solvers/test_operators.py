"""The operators: adjoints, gradients, spectra."""

import numpy as np
import pytest
from common import random_normal
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_tf_deblur import convolve
from napari_tf_deblur._core.forward import transfer_function
from napari_tf_deblur._solvers.blur import BlurOperator
from napari_tf_deblur._solvers.load import tensorflow
from napari_tf_deblur._solvers.objective import DATA_TERMS, NORM_SMOOTHING, PENALTIES

shapes = st.lists(st.integers(2, 9), min_size=1, max_size=3).map(tuple)


def blur_of(psf, scene):
    return BlurOperator(scene, tensorflow().constant(transfer_function(psf, scene)))


@given(shapes, shapes, st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_blur_and_its_adjoint(scene, psf_shape, seed):
    psf = random_normal(seed, *psf_shape[: len(scene)], *(3,) * (len(scene) - len(psf_shape)))
    blur = blur_of(psf, scene)
    x, y = random_normal(seed + 1, 1, 1, *scene), random_normal(seed + 2, 1, 1, *scene)
    forward, adjoint = blur.forward(x).numpy(), blur.adjoint(y).numpy()
    scale = np.linalg.norm(forward) * np.linalg.norm(y) + 1e-3
    assert abs(np.vdot(forward, y) - np.vdot(x, adjoint)) < 1e-5 * scale


@given(shapes, st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_blur_is_the_forward_model(scene, seed):
    psf = np.abs(random_normal(seed, *[max(1, n - 1) for n in scene]))
    psf /= psf.sum()
    x = random_normal(seed, 1, 1, *scene)
    expected = convolve(x[0, 0], psf, boundary="periodic")
    np.testing.assert_allclose(blur_of(psf, scene).forward(x)[0, 0], expected, atol=1e-5)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_the_blurs_gradient_is_its_adjoint(axes):
    tf = tensorflow()
    scene = (6, 5, 4)[:axes]
    blur = blur_of(random_normal(0, *(3,) * axes), scene)
    x, y = tf.constant(random_normal(1, 1, 2, *scene)), random_normal(2, 1, 2, *scene)
    with tf.GradientTape() as tape:
        tape.watch(x)
        product = tf.reduce_sum(blur.forward(x) * y)
    np.testing.assert_allclose(tape.gradient(product, x), blur.adjoint(y), atol=1e-4)


def finite_difference(function, x, direction, step):
    ahead, behind = (function(tensorflow().constant(x + s * direction)) for s in (step, -step))
    return float(np.sum(ahead - behind)) / (2 * step)


@pytest.mark.parametrize("name", list(DATA_TERMS))
def test_gradients_of_data_terms(name):
    tf = tensorflow()
    observed = np.abs(random_normal(1, 1, 2, 5, 6))
    data_weight = np.random.default_rng(3).random((1, 1, 5, 6)).astype(np.float32)
    check_gradient(
        lambda x: DATA_TERMS[name](x, observed, data_weight), tf.constant(observed + 0.5)
    )


@pytest.mark.parametrize("below", [1e-3, 1.0, 1e2, 1e4, 1e8, 1e12])
def test_the_photon_term_pulls_up_a_model_below_zero(below):
    """The derivative is (1 - counts / p(m)) p'(m), where p(m) = (m + sqrt(m^2 + s^2)) / 2."""
    tf = tensorflow()
    model, counts = tf.constant([[[-below]]]), tf.constant([[[0.7]]])
    with tf.GradientTape() as tape:
        tape.watch(model)
        value = tf.reduce_sum(DATA_TERMS["poisson"](model, counts, tf.ones_like(counts)))
    root = np.hypot(below, NORM_SMOOTHING)
    positive = NORM_SMOOTHING**2 / (2 * (root + below))
    expected = (1 - 0.7 / positive) * positive / root
    assert float(tape.gradient(value, model)[0, 0, 0]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", list(PENALTIES))
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_gradients_of_priors(name, axes):
    spacing = (2.0, 1.0, 1.0)[:axes]
    image = tensorflow().constant(random_normal(4, 2, 3, *(6, 5, 4)[:axes]))
    check_gradient(lambda x: PENALTIES[name](x, spacing), image)


def check_gradient(function, x):
    tf = tensorflow()
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = tf.reduce_sum(function(x))
    gradient = tape.gradient(value, x).numpy()
    direction = random_normal(5, *x.shape)
    expected = finite_difference(function, x.numpy(), direction, 3e-3)
    assert np.vdot(gradient, direction) == pytest.approx(expected, rel=2e-2)


@pytest.mark.parametrize("name", list(PENALTIES))
def test_priors_of_a_flat_image_are_nothing(name):
    flat = tensorflow().fill((1, 1, 5, 5), 3.0)
    assert float(PENALTIES[name](flat, (1.0, 1.0))[0]) < 1e-6


@pytest.mark.parametrize("name", [*DATA_TERMS, *PENALTIES])
def test_a_flat_image_that_fits_has_no_slope(name):
    tf = tensorflow()
    flat = tf.fill((1, 1, 5, 5), 3.0)
    with tf.GradientTape() as tape:
        tape.watch(flat)
        fits = DATA_TERMS[name](flat, flat, 1.0) if name in DATA_TERMS else None
        value = tf.reduce_sum(PENALTIES[name](flat, (1.0, 1.0)) if fits is None else fits)
    assert np.abs(tape.gradient(value, flat)).max() < 1e-6


def test_differences_of_the_recipe_stay_inside_the_image():
    """sqrt(l2(rows) + l2(columns)), with l2 half the sum of squares."""
    image = random_normal(6, 1, 1, 7, 8)
    squares = (np.diff(image, axis=2) ** 2).sum() + (np.diff(image, axis=3) ** 2).sum()
    value = float(PENALTIES["smoothness"](image, (1.0, 1.0))[0])
    assert value == pytest.approx(np.sqrt(squares / 2), rel=1e-5)
