"""The scale of an image's intensities, for images of all kinds, sizes and units."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise import slabs
from napari_tf_deblur._preparation import intensity_scale
from napari_tf_deblur._preparation.intensity_scale import estimate_intensity_scale


def scene(shape=(96, 90), noise=0.02, seed=0):
    random = np.random.default_rng(seed)
    image = ndimage.gaussian_filter(random.random(shape), 2)
    image = (image - image.min()) / np.ptp(image) + random.normal(0, noise, shape)
    return image.astype(np.float32)[None, None]


def spot(side, width, noise, peak=1000.0, seed=0):
    y, x = np.indices((side, side)) - side // 2
    image = peak * np.exp(-(y**2 + x**2) / (2 * width**2))
    return (image + np.random.default_rng(seed).normal(100, noise, image.shape)).astype(np.float32)[
        None, None
    ]


@given(shape=st.sampled_from([(80, 90), (20, 24, 30), (3000,)]), noise=st.floats(0, 0.05))
@settings(max_examples=10, deadline=None)
def test_the_scale_of_a_full_image_is_the_range_of_all_but_a_thousandth(shape, noise):
    image = scene(shape, noise)
    low, high = np.percentile(image, [0.1, 99.9])
    assert estimate_intensity_scale(Pixels(image)) == pytest.approx(high - low, rel=0.03)


@given(width=st.floats(0.8, 4), noise=st.floats(0, 20), seed=st.integers(0, 9))
@settings(max_examples=10, deadline=None)
def test_dark_surroundings_do_not_change_the_scale(width, noise, seed):
    scales = [
        estimate_intensity_scale(Pixels(spot(side, width, noise, seed=seed)))
        for side in (90, 160, 510)
    ]
    # The brightest pixel and the darkest have noise of their own.
    assert np.ptp(scales) < 0.03 * scales[0] + 2.5 * noise
    assert scales[0] > 800


def test_no_object_is_missed_however_large_the_image(monkeypatch):
    monkeypatch.setattr(intensity_scale, "RANGE_SAMPLE_PIXELS", 2**14)
    monkeypatch.setattr(slabs, "SLAB_PIXELS", 2**12)
    planes = np.random.default_rng(4).normal(100, 5, (6, 1, 160, 150)).astype(np.float32)
    bead = spot(21, 2, 0) - 100
    for plane, y, x in [(0, 3, 5), (3, 77, 100), (5, 139, 129)]:
        image = planes.copy()
        image[plane, :, y : y + 21, x : x + 21] += bead[0]
        assert estimate_intensity_scale(Pixels(image)) == pytest.approx(950, rel=0.05)
    full = scene((300, 310), 0.03)
    low, high = np.percentile(full, [0.1, 99.9])
    assert estimate_intensity_scale(Pixels(full)) == pytest.approx(high - low, rel=0.05)


def test_hot_and_dead_pixels_do_not_set_the_scale():
    image = spot(256, 2, 5)
    broken = image.copy()
    places = np.random.default_rng(1).integers(0, 256, (2, 20))
    broken[0, 0, places[0, ::2], places[1, ::2]] = 60000
    broken[0, 0, places[0, 1::2], places[1, 1::2]] = -60000
    assert estimate_intensity_scale(Pixels(broken)) == pytest.approx(
        estimate_intensity_scale(Pixels(image)), rel=0.02
    )


@pytest.mark.parametrize("image", [scene(), spot(100, 2, 5)])
@given(factor=st.sampled_from([-1, 1e-30, 1e-26, 1e10, 1e17, 1e30]), axis=st.integers(2, 3))
@settings(max_examples=12, deadline=None)
def test_the_scale_follows_the_image(image, factor, axis):
    found = estimate_intensity_scale(Pixels(image))
    scaled = estimate_intensity_scale(Pixels(image * np.float32(factor)))
    assert scaled / abs(factor) == pytest.approx(found, rel=1e-4)
    assert estimate_intensity_scale(Pixels(np.flip(image, axis))) == pytest.approx(found, rel=1e-4)
    assert estimate_intensity_scale(Pixels(image.swapaxes(2, 3))) == pytest.approx(found, rel=1e-4)
    assert estimate_intensity_scale(Pixels(image + np.float32(500))) == pytest.approx(
        found, rel=1e-3
    )


def test_masked_pixels_do_not_set_the_scale():
    image = spot(128, 3, 5)
    valid = np.random.default_rng(2).random(image.shape) > 0.1
    found = estimate_intensity_scale(Pixels(np.where(valid, image, np.nan), valid))
    assert found == pytest.approx(estimate_intensity_scale(Pixels(image)), rel=0.03)


@pytest.mark.parametrize(("value", "scale"), [(0, 1), (5, 5), (-3, 3), (1e-30, 1e-30)])
def test_an_image_of_one_value_has_that_for_a_scale(value, scale):
    assert estimate_intensity_scale(
        Pixels(np.full((1, 1, 9, 9), value, np.float32))
    ) == pytest.approx(scale)


def test_single_pixels_in_the_dark_are_better_than_nothing():
    image = np.zeros((1, 1, 20, 20), np.float32)
    image[0, 0, 9, 9] = 7
    assert estimate_intensity_scale(Pixels(image)) == 7
    assert estimate_intensity_scale(Pixels(image + 100)) == 7


@given(shape=st.lists(st.integers(1, 12), min_size=1, max_size=3), seed=st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_images_of_any_size_have_a_scale(shape, seed):
    random = np.random.default_rng(seed)
    planes = random.normal(0, 1, (2, 1, *shape)).astype(np.float32)
    valid = random.random(planes.shape) > 0.3
    for mask in (None, valid, np.zeros_like(valid)):
        assert 0 < estimate_intensity_scale(Pixels(planes, mask)) < 20
