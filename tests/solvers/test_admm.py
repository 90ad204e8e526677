"""Convergence of total variation and Hessian: how the change of an image is measured."""

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
from napari_tf_deblur._solvers import admm, poisson_problem
from napari_tf_deblur._solvers.convergence import measure_largest_change
from napari_tf_deblur._solvers.load import tensorflow

PSF = gaussian_psf(1.5)


def change(before, after, **options):
    """Largest change of an image of one plane and one channel."""
    planes = [tensorflow().constant(x[None, None].astype(np.float32)) for x in (before, after)]
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
    still, moving = measure_largest_change(*map(tf.constant, pair), 2).numpy()
    assert still == 0
    assert moving > 0.25


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


POISSON_FACTORS = {n: most for n, (_, most) in poisson_problem.LOSS_CHANGE_FACTOR.items()}


@pytest.mark.parametrize(
    ("method", "factors"),
    [
        (TotalVariation, admm.LOSS_CHANGE_FACTOR),
        (Hessian, admm.LOSS_CHANGE_FACTOR),
        (PoissonLikelihood, POISSON_FACTORS),
    ],
)
@pytest.mark.parametrize("shape", [(48, 48), (14, 32, 32)])
def test_a_run_ends_when_the_loss_is_still(method, factors, shape):
    """With little noise, an image that changes little may be far from the data."""
    scene = ndimage.gaussian_filter(np.random.default_rng(0).random(shape), 1) * 2000
    psf = gaussian_psf((1.5,) * len(shape))
    noise = np.random.default_rng(1).normal(0, {2: 0.1, 3: 5}[len(shape)], shape)
    result = deconvolve(convolve(scene, psf, boundary="reflect") + noise, psf, method())
    steps = np.abs(np.diff(result.loss_history)) / result.loss_history[1:]
    assert result.converged
    assert factors[len(shape)] * steps[-2:].max() < result.method.tolerance


@pytest.mark.parametrize("by_planes", [False, True])
@pytest.mark.parametrize("shape", [(20, 30), (12, 20, 18)])
def test_only_pixels_that_count_change_an_image(shape, by_planes):
    random = np.random.default_rng(0)
    before = ndimage.gaussian_filter(random.random(shape), 1)
    after = before + 0.01 * random.standard_normal(shape) ** 3
    margins = [(3, 5)] * len(shape)
    wide = [np.pad(x, margins) for x in (before, after)]
    counted = np.pad(np.ones(shape, np.float32), margins)[None, None]
    wide[1][counted[0, 0] == 0] += 7
    found = change(*wide, by_planes=by_planes, counted=tensorflow().constant(counted))
    assert found == pytest.approx(change(before, after, by_planes=by_planes), rel=1e-4)


def test_samples_change_as_the_long_lines_of_their_image_do():
    """Sixteen samples side by side are one image, whose lines are sixteen times as long."""
    random = np.random.default_rng(0)
    before = ndimage.gaussian_filter(random.random((48, 48 * 16)), 1)
    after = before + 0.01 * random.standard_normal(before.shape) ** 3
    tf = tensorflow()

    def changes(*pair, **options):
        planes = [tf.constant(x[:, None].astype(np.float32)) for x in pair]
        return measure_largest_change(*planes, 2, **options).numpy()

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
