"""Convergence of total variation and Hessian: how the change of an image is measured."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from napari_tf_deblur import (
    Hessian,
    PoissonLikelihood,
    TotalVariation,
    convolve,
    deconvolve,
    gaussian_psf,
)
from napari_tf_deblur._solvers.convergence import measure_largest_change
from napari_tf_deblur._solvers.load import tensorflow

PSF = gaussian_psf(1.5)


def change(before, after, data_weight=None, **options):
    """Largest change of an image of one plane and one channel."""
    weights = np.ones(before.shape) if data_weight is None else data_weight
    planes = [x[None, None].astype(np.float32) for x in (before, after, weights)]
    planes = map(tensorflow().constant, planes)
    return float(measure_largest_change(*planes, before.ndim, **options)[0])


def before_and_after(size=64, place=(5, 8), faint=0.05):
    """A faint object that changes by half, beside a bright one that does not."""
    before = np.zeros((size, size))
    before[40:56, 40:56] = 1
    after = before.copy()
    spot = tuple(slice(p, p + 4) for p in place)
    before[spot], after[spot] = faint, 1.5 * faint
    return before, after


@pytest.mark.parametrize("place", [(0, 0), (5, 8), (13, 30), (34, 20)])
def test_the_change_of_a_faint_object_counts_wherever_it_lies(place):
    found = change(*before_and_after(place=place))
    assert found > 0.25
    assert found == pytest.approx(change(*before_and_after()), rel=0.05)


def test_an_image_that_is_faint_everywhere_changes_as_a_bright_one_does():
    bright = np.tile(np.eye(8), (4, 4))
    faint = 1e-3 * bright
    assert change(faint, 2 * faint) == pytest.approx(change(bright, 2 * bright), rel=0.01)


def test_neither_direction_nor_dark_surroundings_count():
    pair = before_and_after()
    found = change(*pair)
    for turned in (np.transpose, np.flipud, np.fliplr):
        assert change(*map(turned, pair)) == pytest.approx(found, rel=1e-4)
    assert change(*(np.pad(x, 100) for x in pair)) == pytest.approx(found, rel=0.3)


def test_each_plane_has_a_change_of_its_own():
    before, after = before_and_after()
    tf = tensorflow()
    pair = [np.stack(x)[:, None].astype(np.float32) for x in ([before, before], [before, after])]
    weights = tf.ones([1, 1, *before.shape])
    still, moving = measure_largest_change(*map(tf.constant, pair), weights, 2).numpy()
    assert still == 0
    assert moving > 0.25


def test_a_change_counts_where_there_are_data():
    before, after = before_and_after()
    frame = np.zeros(before.shape)
    frame[:, :40] = 1
    assert change(before, after, frame) == pytest.approx(change(before, after), rel=0.5)
    assert change(before, after, 1 - frame) == 0


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_constant_image_changes_only_by_more_than_rounding(level):
    constant = np.full((16, 16), level)
    assert change(constant, constant) == 0
    assert change(constant, constant + 1e-9) < 0.01
    assert change(constant, constant + 0.1) > 0.25


@pytest.mark.parametrize("method", [TotalVariation, Hessian])
def test_a_faint_object_is_run_as_far_beside_a_bright_one(method):
    """Both runs have one calibration, so they can differ only in their number of iterations."""
    scene = np.zeros((64, 96), np.float32)
    scene[28:36, 20:32] = 30
    noise = np.random.default_rng(0).normal(0, 0.5, scene.shape)
    alone = convolve(scene, PSF, boundary="reflect") + noise
    scene[20:44, 70:84] = 1000
    beside = convolve(scene, PSF, boundary="reflect") + noise
    together = deconvolve(beside, PSF, method())
    apart = deconvolve(alone, PSF, together.calibration)
    near = (slice(22, 42), slice(14, 38))
    errors = [np.std((found.image - scene)[near]) for found in (together, apart)]
    assert errors[1] < 1.25 * errors[0]


@pytest.mark.parametrize("method", [TotalVariation, PoissonLikelihood])
def test_a_volume_with_little_noise_runs_until_it_fits(method):
    """Its images change little each time, and are far from the data for long."""
    random = np.random.default_rng(0)
    scene = np.zeros((16, 40, 40), np.float32)
    for _ in range(12):
        place = tuple(slice(p, p + 4) for p in random.integers(2, (10, 34, 34)))
        scene[place] = random.uniform(50, 200)
    image = convolve(scene, gaussian_psf((1.5, 1.2, 1.2)), boundary="reflect")
    image += random.normal(0, 0.2, scene.shape)
    found = deconvolve(image, gaussian_psf((1.5, 1.2, 1.2)), method())
    longer = replace(found.method, iterations=300, tolerance=0.0)
    longer = replace(found.calibration, method=longer)
    end = deconvolve(image, gaussian_psf((1.5, 1.2, 1.2)), longer)
    errors = [np.std(result.image - scene) for result in (found, end)]
    assert errors[0] < 1.1 * errors[1]


def test_samples_change_as_the_long_lines_of_their_image_do():
    """Sixteen samples side by side are one image, whose lines are sixteen times as long."""
    random = np.random.default_rng(0)
    before = ndimage.gaussian_filter(random.random((48, 48 * 16)), 1)
    after = before + 0.01 * random.standard_normal(before.shape) ** 3
    tf = tensorflow()

    def changes(*pair, **options):
        planes = [tf.constant(x[:, None].astype(np.float32)) for x in pair]
        return measure_largest_change(*planes, tf.ones_like(planes[0]), 2, **options).numpy()

    cut = [np.stack(np.split(x, 16, axis=1)) for x in (before, after)]
    long_lines = np.sqrt(
        max(np.mean((a - b) ** 2) / np.var(a) for b, a in zip(before, after))  # along one axis
    )
    of_samples = changes(*cut, are_samples=True)
    assert of_samples.shape == (16,)
    assert of_samples.max() == pytest.approx(long_lines, rel=0.25)
    assert changes(*cut).max() > 1.5 * long_lines


@pytest.mark.parametrize("place", [(0, 0, 0), (3, 8, 30), (20, 5, 13)])
def test_the_change_of_a_faint_object_in_a_volume_counts_wherever_it_lies(place):
    def volumes(place):
        before = np.zeros((32, 48, 48))
        before[26:30, 36:46, 36:46] = 1
        after = before.copy()
        spot = tuple(slice(p, p + 4) for p in place)
        before[spot], after[spot] = 0.05, 0.075
        return before, after

    found = change(*volumes(place), by_planes=True)
    assert found > 0.2
    assert found == pytest.approx(change(*volumes((10, 20, 20)), by_planes=True), rel=0.25)
    turned = change(*(x.transpose(2, 0, 1)[::-1] for x in volumes(place)), by_planes=True)
    assert turned == pytest.approx(found, rel=1e-4)
