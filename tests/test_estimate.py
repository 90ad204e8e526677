"""What an image says about itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_tf_deblur import Wiener, convolve, deconvolve, gaussian_psf
from napari_tf_deblur.estimate import noise_level, photon_gain, wiener_balance


def counts(shape, photons, seed=0):
    random = np.random.default_rng(seed)
    light = ndimage.gaussian_filter(random.random(shape), 3)
    light = photons * (light - light.min()) / np.ptp(light)
    return random.poisson(light).astype(np.float32)[None, None]


@given(
    shape=st.sampled_from([(128, 120), (24, 40, 44), (4000,)]),
    photons=st.sampled_from([10, 100, 1000]),
    gain=st.floats(1e-3, 1e3),
)
@settings(max_examples=15, deadline=None)
def test_the_gain_is_found_whatever_the_shape_and_the_light(shape, photons, gain):
    found = photon_gain(counts(shape, photons) * np.float32(gain))
    assert found == pytest.approx(gain, rel=0.25)


def test_masked_pixels_do_not_count():
    image = counts((128, 128), 100)
    valid = np.random.default_rng(1).random(image.shape) > 0.02
    broken = np.where(valid, image, 5000).astype(np.float32)
    assert photon_gain(broken, valid) == pytest.approx(1, rel=0.15)
    assert photon_gain(broken) > 10


@pytest.mark.parametrize("value", [0, -3, 4])
def test_an_image_without_noise_is_of_many_photons(value):
    gain = photon_gain(np.full((1, 1, 20, 20), value, np.float32))
    assert 0 < gain <= 1e-6


@pytest.mark.parametrize("shape", [(200, 210), (24, 40, 44), (3000,)])
def test_the_noise_is_found_in_a_blurred_image(shape):
    random = np.random.default_rng(2)
    image = ndimage.gaussian_filter(random.random(shape), 3) * 20
    image += random.normal(0, 0.3, shape)
    planes = image.astype(np.float32)[None, None]
    assert noise_level(planes) == pytest.approx(0.3, rel=0.1)
    valid = random.random(planes.shape) > 0.05
    assert noise_level(np.where(valid, planes, np.nan), valid) == pytest.approx(0.3, rel=0.15)


@pytest.mark.parametrize("noise", [0.01, 0.1])
@pytest.mark.parametrize("boundary", ["periodic", "unknown"])
def test_the_balance_is_nearly_the_best_there_is(noise, boundary):
    random = np.random.default_rng(3)
    truth = ndimage.gaussian_filter(random.random((150, 140)), 1.5, mode="wrap")
    truth = (truth - truth.mean()) / truth.std()
    psf = gaussian_psf((2, 1))
    blurred = convolve(truth, psf, boundary="periodic") + random.normal(0, noise, truth.shape)
    if boundary == "unknown":
        truth, blurred = truth[20:-20, 20:-20], blurred[20:-20, 20:-20]

    def error(balance):
        result = deconvolve(blurred, psf, Wiener(balance=balance), boundary=boundary)
        return np.sqrt(np.mean((result.image - truth) ** 2))

    found = deconvolve(blurred, psf, Wiener(), boundary=boundary).method.balance
    assert found == wiener_balance(
        blurred.astype(np.float32)[None, None], psf, boundary == "periodic"
    )
    best = min(error(balance) for balance in np.logspace(-5, 1, 13))
    assert error(found) < 1.1 * best
