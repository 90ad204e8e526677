"""Flicker of the planes of a volume is found; structure along z is not mistaken for it."""

import numpy as np
import pytest
from scipy import ndimage

from napari_tf_deblur import convolve, gaussian_psf
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise.plane_factors import find_flicker, fit_bleaching

PSF = gaussian_psf((2.5, 1.5, 1.5))
SHAPE = (24, 48, 56)


def threads(seed=0, shape=SHAPE):
    """Threads in all directions."""
    random = np.random.default_rng(seed)
    scene = ndimage.gaussian_filter(random.normal(size=shape), (2, 2, 2), mode="wrap")
    return np.exp(-((scene / scene.std() / 0.3) ** 2))


def observed(scene, factors=1.0, photons=200.0, offset=0.0, seed=1, psf=PSF):
    random = np.random.default_rng(seed)
    light = convolve(scene, psf, boundary="zero")
    light = photons * light / light.max() * np.reshape(factors, (-1, 1, 1))
    return (random.poisson(light) + offset).astype(np.float32)


def flicker(size=0.08, seed=2, planes=SHAPE[0]):
    return np.exp(size * np.random.default_rng(seed).normal(size=planes))


def error(found, factors):
    return np.std(np.log(found.values) - np.log(factors))


def find(image, background=0.0, psf=PSF, valid=None):
    return find_flicker(Pixels(image[None], valid), psf, background)


@pytest.mark.parametrize("seed", range(3))
def test_flicker_is_found(seed):
    factors = flicker(seed=seed)
    found = find(observed(threads(seed), factors))
    assert error(found, factors) < 0.75 * np.std(np.log(factors))
    assert np.log(found.values).mean() == pytest.approx(0, abs=1e-6)


def layers():
    return threads() * np.isin(np.arange(SHAPE[0]), (4, 9, 16))[:, None, None]


@pytest.mark.parametrize(
    "scene",
    [
        threads(),
        layers(),
        threads() * np.linspace(1, 0.1, SHAPE[0])[:, None, None],
        threads() * (np.arange(SHAPE[0]) > 11)[:, None, None],
        np.zeros(SHAPE),
    ],
    ids=["threads", "layers", "gradient", "step", "empty"],
)
@pytest.mark.parametrize("psf_told", [PSF, gaussian_psf((3.1, 1.9, 1.9))], ids=["true", "wide"])
def test_structure_is_no_flicker(scene, psf_told):
    image = observed(scene + 1e-6, photons=100 if scene.any() else 0)
    assert find(image, psf=psf_told) is None


def test_bleaching_is_no_flicker_and_its_rate_is_fitted():
    factors = np.exp(-0.02 * np.arange(SHAPE[0]))
    image = observed(threads(), factors)
    assert find(image) is None
    rate = np.diff(np.log(fit_bleaching(Pixels(image[None]), 0.0).values))
    assert rate == pytest.approx(-0.02, abs=0.004)


def test_planes_that_the_blur_hardly_couples_are_left_alone():
    psf = gaussian_psf((0.9, 1.5, 1.5))
    assert find(observed(threads(), flicker(), psf=psf), psf=psf) is None


def test_one_object_that_blinks_is_no_flicker():
    scene, blinking = threads(), np.zeros(SHAPE)
    blinking[:, 20:28, 20:28] = 30
    on = np.arange(SHAPE[0]) % 3 == 0
    light = convolve(scene, PSF, boundary="zero") + blinking * on[:, None, None] * 0.1
    image = np.random.default_rng(0).poisson(100 * light).astype(np.float32)
    assert find(image) is None


def test_factors_do_not_depend_on_units_or_on_the_direction_of_any_axis():
    factors = flicker()
    image = observed(threads(), factors, offset=30)
    found = find(image, 30.0)
    for scale in (1e-18, 1e15):
        scaled = find(np.float32(scale) * image, 30.0 * scale)
        assert scaled.values == pytest.approx(found.values, rel=1e-3)
        assert scaled.level == pytest.approx(scale * found.level, rel=0.02)
    assert find(image[::-1], 30.0).values == pytest.approx(found.values[::-1], rel=1e-3)
    assert find(image[:, ::-1], 30.0).values == pytest.approx(found.values, rel=1e-3)
    swapped = find(image.swapaxes(1, 2), 30.0, PSF.swapaxes(1, 2))
    assert swapped.values == pytest.approx(found.values, rel=1e-3)


def test_haze_flickers_and_the_offset_of_the_camera_does_not():
    """The background contains both; a factor that acted on neither would be too far from 1."""
    factors = flicker()
    image = observed(threads() + 0.5, factors, offset=100)
    background = 160.0  # the haze is about 66
    found = find(image, background)
    assert found.level < 130
    assert error(found, factors) < 0.75 * np.std(np.log(factors))


def test_ignored_pixels_do_not_count():
    factors = flicker()
    image = observed(threads(), factors)
    expected = find(image)
    valid = np.ones((1, *SHAPE), bool)
    valid[:, 3:6, 10:20, 10:20] = False
    image[~valid[0]] = 1e6
    assert find(image, valid=valid).values == pytest.approx(expected.values, rel=0.02)
