"""The number of Richardson-Lucy iterations that is estimated from an image."""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from napari_tf_deblur import RichardsonLucy, convolve, deconvolve, gaussian_psf
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._preparation.iterations import (
    MAX_ITERATIONS,
    _reblurred_iterates,
    richardson_lucy_iterations,
)

PSF = gaussian_psf(1.5)


def scene(shape=(96, 90), seed=0):
    random = np.random.default_rng(seed)
    light = (random.random(shape) < 0.02) * random.random(shape)
    light = ndimage.gaussian_filter(light, 0.7)
    return (light / light.max()).astype(np.float32)


def observed(photons, shape=(96, 90), seed=0, psf=PSF):
    light = np.maximum(convolve(scene(shape, seed), psf, boundary="reflect"), 0)
    return np.random.default_rng(seed + 1).poisson(photons * light).astype(np.float32)


def iterations(image, psf=PSF, valid=None, **options):
    return richardson_lucy_iterations(Pixels(image[None, None], valid), psf, **options)


@pytest.mark.parametrize("accelerate", [True, False])
@pytest.mark.parametrize("periodic", [True, False])
def test_it_runs_the_iterations_that_the_solver_runs(accelerate, periodic):
    image = observed(100)
    boundary = "periodic" if periodic else "unknown"
    method = RichardsonLucy(iterations=4, accelerate=accelerate)
    result = deconvolve(image, PSF, method, boundary=boundary).image
    again = convolve(result, PSF, boundary="periodic")
    models = _reblurred_iterates(
        image[None], np.ones_like(image)[None], PSF, periodic, 1e-4, accelerate
    )
    mine = next(itertools.islice(models, 3, None))[0]
    inside = (slice(8, -8),) * 2  # the solver also has light beyond the frame
    np.testing.assert_allclose(mine[inside], again[inside], rtol=0.01, atol=0.01 * again.max())


def test_nearly_the_best_number_is_found():
    losses = []
    for photons in (100, 300, 1000, 3000, 10_000):
        image, truth = observed(photons), photons * scene()

        def psnr(count, image=image, truth=truth):
            result = deconvolve(image, PSF, RichardsonLucy(iterations=count)).image
            return 10 * np.log10(truth.max() ** 2 / np.mean(np.square(result - truth)))

        best = max(psnr(count) for count in (1, 2, 3, 5, 8, 12, 18, 30))
        losses.append(best - psnr(iterations(image)))
    assert np.median(losses) < 0.2
    assert max(losses) < 1.2


def test_more_photons_bear_more_iterations():
    counts = [iterations(observed(photons)) for photons in (100, 1000, 10_000)]
    assert 1 <= counts[0] < counts[1] < counts[2] <= MAX_ITERATIONS


@pytest.mark.parametrize("factor", [1e-20, 0.3, 1e20])
def test_the_unit_does_not_matter(factor):
    image = observed(300)
    assert abs(iterations(image * np.float32(factor)) - iterations(image)) <= 1


@pytest.mark.parametrize("turn", [np.flipud, np.fliplr, np.transpose])
def test_no_direction_is_preferred(turn):
    image = observed(300)
    assert iterations(np.ascontiguousarray(turn(image))) == pytest.approx(
        iterations(image), rel=0.3
    )


def test_masked_pixels_and_blank_planes_do_not_count():
    image = observed(300)
    usual = iterations(image)
    valid = np.ones((1, 1, *image.shape), bool)
    valid[..., 30:40, 20:50] = False
    spoilt = np.where(valid[0, 0], image, 5000).astype(np.float32)
    assert iterations(spoilt, valid=valid) == pytest.approx(usual, rel=0.3)
    planes = np.stack([np.zeros_like(image), image, np.zeros_like(image)])[:, None]
    assert richardson_lucy_iterations(Pixels(planes), PSF) == pytest.approx(usual, rel=0.3)


def test_of_large_images_the_part_with_light_is_looked_at():
    image = np.zeros((900, 800), np.float32)
    image[640:736, 500:590] = observed(300)
    assert iterations(image) == pytest.approx(iterations(observed(300)), rel=0.3)


@pytest.mark.parametrize("shape", [(1500,), (16, 32, 30)])
def test_lines_and_volumes_bear_some_too(shape):
    psf = gaussian_psf((1.5,) * len(shape))
    assert 2 <= iterations(observed(1000, shape, psf=psf), psf) <= MAX_ITERATIONS


def test_images_without_light_or_noise_do_no_harm():
    assert 1 <= iterations(np.zeros((16, 16), np.float32)) <= MAX_ITERATIONS
    assert 1 <= iterations(np.full((16, 16), 3.0, np.float32)) <= MAX_ITERATIONS
    assert iterations(1e6 * convolve(scene((48, 48)), PSF)) > 10
    noise = np.random.default_rng(0).normal(0, 1, (48, 48)).astype(np.float32)
    assert 1 <= iterations(noise) <= MAX_ITERATIONS
