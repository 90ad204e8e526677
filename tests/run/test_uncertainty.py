"""The standard deviations of a result: what they depend on, and what they leave alone."""

from itertools import islice

import numpy as np
import pytest
from common import drain
from scipy import ndimage

from napari_tf_deblur import (
    Hessian,
    PoissonLikelihood,
    RichardsonLucy,
    VaryingPSF,
    Wiener,
    calibrate,
    convolve,
    deconvolve,
    gaussian_psf,
    iter_deconvolve,
)
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise.equivariant_random import draw_normal, iterate_normal
from napari_tf_deblur._noise.noise import fit_measured_line
from napari_tf_deblur._noise.noise_sample import NoiseSample
from napari_tf_deblur._run.uncertainty import UNCERTAINTY_RUNS, pool_deviations
from napari_tf_deblur.errors import InvalidValueError

PSF = gaussian_psf(1.3)


def blurred_rings(shape=(72, 72), photons=200):
    places = np.indices(shape)
    distance = np.hypot(places[0] - shape[0] / 2, places[1] - shape[1] / 2.5)
    return photons * convolve(np.cos(distance / 3) ** 2 * (distance < 22), PSF) + 10


def camera(seed=0, offset=50, **shape):
    random = np.random.default_rng(seed)
    return (offset + random.poisson(blurred_rings(**shape))).astype(np.float32)


def find(image, method, psf=PSF, **options):
    return deconvolve(image, psf, method, uncertainty=True, **options)


@pytest.mark.parametrize("method", [Hessian(), PoissonLikelihood(), RichardsonLucy(), Wiener()])
def test_most_errors_of_other_noise_lie_within(method):
    calibration = calibrate(camera(), PSF, method)
    results = np.stack([deconvolve(camera(seed), PSF, calibration).image for seed in range(8)])
    errors = np.abs(results - results.mean(axis=0))[1:] * np.sqrt(8 / 7)
    within = errors <= find(camera(), calibration).uncertainty
    assert 0.58 < within.mean() < 0.8


def test_values_have_the_place_the_units_and_the_symmetry_of_the_image():
    image = camera()
    result = find(image, Wiener())
    assert result.uncertainty.shape == image.shape
    assert result.uncertainty.dtype == np.float32
    assert (result.uncertainty > 0).all()
    np.testing.assert_array_equal(result.image, deconvolve(image, PSF, Wiener()).image)
    tolerance = 1e-3 * result.uncertainty.max()
    turned = find(image[::-1].T, Wiener()).uncertainty
    np.testing.assert_allclose(turned, result.uncertainty[::-1].T, atol=tolerance)
    brighter = find(4 * image, Wiener()).uncertainty
    np.testing.assert_allclose(brighter, 4 * result.uncertainty, atol=4 * tolerance)
    shifted = find(image + 64, Wiener()).uncertainty
    np.testing.assert_allclose(shifted, result.uncertainty, atol=tolerance)
    again = find(image, Wiener()).uncertainty
    np.testing.assert_array_equal(again, result.uncertainty)


def test_bright_parts_of_a_camera_image_are_less_sure():
    image, light = camera(photons=2000), blurred_rings()
    deviation = find(image, Wiener()).uncertainty
    bright, dark = light > np.quantile(light, 0.9), light < 10.5
    assert deviation[bright].mean() > 2 * deviation[dark].mean()


def test_planes_channels_and_ignored_pixels():
    image = np.stack([camera(), camera(1)])
    image[1, 40:44, 30:34] = np.nan
    mask = ~np.isfinite(image)
    blank = np.full_like(image[:1], np.nan)
    alone = find(image, Wiener(0.02), mask=mask).uncertainty
    stack = np.concatenate([image, blank])
    result = find(stack, Wiener(0.02), mask=~np.isfinite(stack))
    assert np.isfinite(result.uncertainty).all()
    assert not result.uncertainty[2].any()
    np.testing.assert_allclose(result.uncertainty[:2], alone, atol=0.05 * alone.max())
    colours = np.stack([camera(), camera(1), np.full((72, 72), 7, np.float32)], axis=-1)
    coloured = find(colours, Wiener(0.02), channel_axis=-1, alpha=True).uncertainty
    assert coloured.shape == (72, 72, 2)
    assert (coloured > 0).all()


def test_an_image_without_noise_is_sure():
    assert not find(np.zeros((32, 32)) + 3, Wiener(0.1)).uncertainty.any()


def test_more_smoothing_is_more_sure():
    image = camera()
    rough = find(image, Hessian(0.003)).uncertainty
    smooth = find(image, Hessian(0.003), smoothing=8.0).uncertainty
    assert smooth.mean() < 0.7 * rough.mean()


def test_a_stopped_run_has_none():
    from threading import Event

    stop = Event()
    steps = iter_deconvolve(camera(), PSF, Wiener(), uncertainty=True, stop=stop)
    for step in steps:
        if step.stage == "repeating with new noise":
            np.testing.assert_array_equal(step.image().shape, (72, 72))
            stop.set()
            break
    _, result = drain(steps)
    assert result.uncertainty is None
    assert np.isfinite(result.image).all()


def test_the_progress_rises_and_names_the_runs():
    steps, _ = drain(iter_deconvolve(camera(), PSF, Wiener(), uncertainty=True))
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert max(fractions) <= 1
    assert f"run {UNCERTAINTY_RUNS} of {UNCERTAINTY_RUNS}" in steps[-1].message


def test_it_is_refused_for_images_in_pieces(tmp_path):
    with pytest.raises(ValueError, match="pieces"):
        find(camera(), Wiener(), output=tmp_path / "a.ome.zarr")
    assert not any(tmp_path.iterdir())


def test_without_it_there_is_none():
    assert deconvolve(camera(), PSF, Wiener()).uncertainty is None


def test_deviations_of_known_numbers():
    random = np.random.default_rng(0)
    results = [random.normal(0, 3, (2, 1, 64, 64)).astype(np.float32) for _ in range(6)]
    found = pool_deviations(results, (1.0, 1.0))
    assert found.mean() == pytest.approx(3, rel=0.02)
    assert pool_deviations(results, (1.0, 1.0), 3.0).std() < 0.3 * found.std()


def test_numbers_of_one_image_are_independent():
    image = np.random.default_rng(0).normal(size=(96, 96)).astype(np.float32)
    drawn = [numbers.ravel() for numbers in islice(iterate_normal(image, 2), 4)]
    correlations = np.corrcoef(drawn)[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < 0.05
    np.testing.assert_array_equal(drawn[0].reshape(image.shape), draw_normal(image, 2))


@pytest.mark.parametrize(("offset", "read_noise"), [(0, 0), (100, 3), (400, 10)])
def test_the_measured_line_is_that_of_the_camera(offset, read_noise):
    random = np.random.default_rng(1)
    light = blurred_rings((160, 160), 300)
    image = offset + 2 * random.poisson(light) + random.normal(0, read_noise, light.shape)
    line = fit_measured_line(NoiseSample.from_pixels(Pixels(np.float32(image)[None, None])))
    for level in (10, 60, 250):
        found = line.intercept + line.slope * (offset + 2 * level)
        assert found == pytest.approx(4 * level + read_noise**2, rel=0.25)


def test_planes_of_different_brightness_have_errors_in_proportion():
    """A plane that is half as bright has about half the error of the result, and less noise."""
    random = np.random.default_rng(5)
    scene = ndimage.gaussian_filter(random.random((12, 32, 32)), (2, 1, 1)) * 2000
    psf = gaussian_psf((1.5, 1.2, 1.2))
    factors = np.where(np.arange(12) % 2, 0.5, 1.0)
    light = convolve(scene, psf, boundary="reflect") * factors[:, None, None]
    image = random.poisson(light).astype(np.float32)
    done = find(image, RichardsonLucy(10), psf, plane_brightness=tuple(factors))
    errors = done.uncertainty.mean((1, 2))
    assert np.isfinite(errors).all()
    assert 0.35 < errors[1::2].mean() / errors[::2].mean() < 0.8


def test_tiles_with_psfs_of_their_own_have_no_standard_deviations():
    psf = VaryingPSF.along_z([gaussian_psf((1, 1, 1)), gaussian_psf((2, 1, 1))], [0, 11])
    with pytest.raises(InvalidValueError, match="PSF that varies"):
        find(np.ones((12, 20, 20), np.float32), RichardsonLucy(2), psf)
    bleached = {"plane_brightness": "bleaching"}
    with pytest.raises(InvalidValueError, match="brightness of planes"):
        deconvolve(np.ones((12, 20, 20), np.float32), psf, RichardsonLucy(2), **bleached)
