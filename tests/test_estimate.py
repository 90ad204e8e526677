"""What an image says about itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_tf_deblur.estimate import photon_gain


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
