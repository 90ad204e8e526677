"""Sizes of scenes are rounded up, so compiled code is shared; results do not depend on it."""

import logging
import math

import numpy as np
import pytest
from every_method import LOCAL, of_each
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_tf_deblur import (
    GradientDescent,
    Hessian,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    Wiener,
    convolve,
    deconvolve,
    gaussian_psf,
)
from napari_tf_deblur._core.scene_grid import scene_size
from napari_tf_deblur._preparation.memory import make_batches
from napari_tf_deblur._solvers import load

PSF = gaussian_psf(1.0)
MOST_MORE = {1: 1.15, 2: 1.2, 3: 1.15}
"""Largest ratio of a rounded size to the required size, from 20 pixels on."""

SHORT = {"iterations": 8, "tolerance": 0.0}
TV, RICHARDSON_LUCY = TotalVariation(0.01, **SHORT), RichardsonLucy(iterations=8, background=0)

of_every_method = of_each(
    TV,
    Hessian(0.01, **SHORT),
    PoissonLikelihood(weight=1, gain=1.0, background=0, **SHORT),
    RICHARDSON_LUCY,
    Wiener(balance=0.01),
    GradientDescent(iterations=8),
    GradientDescent(iterations=8, optimizer="lbfgs"),
)


def image(*shape, seed=0):
    """Blurred bright grains with noise."""
    random = np.random.default_rng(seed)
    grains = ndimage.gaussian_filter(random.random(shape) ** 8, 0.5, axes=(-2, -1))
    return convolve(200 * grains, PSF, boundary="reflect") + random.normal(0, 0.2, shape)


@pytest.fixture
def traces(monkeypatch):
    """Count compilations: calls in which TensorFlow traces functions of this package."""
    counted = []
    known = set()
    trace = load.Compiled.trace

    def counting(self, *arguments):
        concrete = trace(self, *arguments)
        if id(concrete) not in known:
            known.add(id(concrete))
            counted.append(concrete)  # kept, so that no other has its id
        return concrete

    monkeypatch.setattr(load.Compiled, "trace", counting)
    return counted


@given(st.integers(1, 100_000), st.integers(1, 3))
@settings(max_examples=200, deadline=None)
def test_rungs_hold_what_they_must_and_are_fast_to_transform(least, axes):
    size = scene_size(least, axes)
    assert size >= least
    rest = size
    for prime in (2, 3, 5):
        while rest % prime == 0:
            rest //= prime
    assert rest == 1
    if least >= 20:
        assert size <= MOST_MORE[axes] * least
    assert scene_size(size, axes) == size


@given(st.integers(1, 100_000), st.integers(0, 2000), st.integers(1, 3))
@settings(max_examples=100, deadline=None)
def test_a_larger_frame_never_has_a_smaller_scene(least, more, axes):
    assert scene_size(least + more, axes) >= scene_size(least, axes)


@of_every_method
def test_frames_on_one_rung_share_what_is_compiled(method, traces):
    deconvolve(image(64, 41), PSF, method)
    first = len(traces)
    # A method with iterations compiles its loop; one without may do without compiled code.
    assert first > 0 or not hasattr(method, "iterations")
    for shape in ((63, 42), (65, 40), (64, 41)):
        deconvolve(image(*shape), PSF, method)
    assert len(traces) == first
    deconvolve(image(76, 41), PSF, method)  # another rounded size, so that the count grows
    assert (len(traces) > first) == (first > 0)


@pytest.mark.parametrize("method", [TV, RICHARDSON_LUCY], ids=repr)
def test_many_sizes_do_not_make_tensorflow_warn_of_retracing(method, caplog):
    logger = logging.getLogger("tensorflow")
    logger.addHandler(caplog.handler)
    try:
        for k in range(8):
            deconvolve(image(1, 20 + 16 * k)[0], gaussian_psf(1.0, ndim=1), method)
    finally:
        logger.removeHandler(caplog.handler)
    assert "retracing" not in caplog.text


@of_every_method
def test_results_do_not_depend_on_what_ran_before(method):
    first = deconvolve(image(64, 41), PSF, method).image
    deconvolve(1000 * image(65, 40, seed=1), PSF, method)
    np.testing.assert_array_equal(deconvolve(image(64, 41), PSF, method).image, first)


@of_every_method
def test_a_plane_alone_is_as_in_a_stack(method):
    stack = image(3, 64, 41)
    together = deconvolve(stack, PSF, method)
    for plane, expected in zip(stack, together.image):
        alone = deconvolve(plane, PSF, together.calibration)
        assert np.abs(alone.image - expected).max() < 1e-4 * np.ptp(expected)


@of_each(
    TotalVariation(0.01),
    Hessian(0.01),
    PoissonLikelihood(weight=1, gain=1.0, background=0),
    RICHARDSON_LUCY,
    of=LOCAL,
)
def test_a_plane_stops_by_itself_however_long_the_others_take(method):
    stack = np.stack([image(64, 41), np.full((64, 41), 3.0)])
    stack[1, 30, 20] = 500
    together = deconvolve(stack, PSF, method)
    for plane, expected in zip(stack, together.image):
        alone = deconvolve(plane, PSF, together.calibration)
        assert np.abs(alone.image - expected).max() < 1e-3 * plane.max()


@given(st.lists(st.integers(0, 500), min_size=1, max_size=60, unique=True), st.integers(1, 80))
@settings(max_examples=100, deadline=None)
def test_batches_have_one_size_and_hold_every_plane(planes, most):
    found = make_batches(planes, most)
    (size,) = {len(batch) for batch in found}
    assert size <= most
    assert math.log2(size).is_integer()
    everything = [plane for batch in found for plane in batch]
    assert everything[: len(planes)] == planes
    assert set(everything[len(planes) :]) <= {planes[-1]}
    assert len(everything) <= 1.25 * len(planes)
