"""The noise level, the gain and the line of the noise of an image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_tf_deblur import PoissonLikelihood, calibrate, gaussian_psf
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise.detector_artifacts import find_hot_pixels
from napari_tf_deblur._noise.noise import estimate_noise_line as line_from_sample
from napari_tf_deblur._noise.noise_level import estimate_noise_level
from napari_tf_deblur._noise.noise_line import estimate_gain
from napari_tf_deblur._noise.noise_sample import NoiseSample


def cell(cover, photons=200.0, side=200, seed=0):
    """Photons of a cell that covers a part of the field, in the dark."""
    random = np.random.default_rng(seed)
    light = np.zeros((side, side))
    width = round(side * np.sqrt(cover))
    lead = (side - width) // 2
    where = (slice(lead, lead + width),) * 2
    light[where] = photons * random.uniform(0.5, 1.5, (width, width))
    return random.poisson(ndimage.gaussian_filter(light, 2)).astype(np.float32)[None, None]


def estimate_noise_line(image):
    return line_from_sample(NoiseSample.from_pixels(Pixels(image)))


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
    found = estimate_gain(Pixels(counts(shape, photons) * np.float32(gain)))
    assert found == pytest.approx(gain, rel=0.25)


@pytest.mark.parametrize("photons", [60, 400])
@pytest.mark.parametrize("haze", [5, 20])
@pytest.mark.parametrize("gain", [0.01, 1, 300])
def test_a_subtracted_background_leaves_its_noise_behind(photons, haze, gain):
    """A line through zero would have no noise there, and trials would mistake noise for detail."""
    random = np.random.default_rng(photons + haze)
    light = np.zeros((200, 200))
    light[40:140, 60:150] = 2 * photons * ndimage.gaussian_filter(random.random((100, 90)), 2)
    image = gain * random.poisson(ndimage.gaussian_filter(light, 2) + haze)[None, None]
    for part in (0, 0.5, 1, 1.5):
        line = estimate_noise_line((image - part * gain * haze).astype(np.float32))
        in_the_dark = line.intercept + line.slope * (1 - part) * gain * haze
        assert in_the_dark == pytest.approx(gain**2 * haze, rel=0.3)


@pytest.mark.parametrize("gain", [0.02, 1, 40])
@pytest.mark.parametrize("seed", range(4, 9))
def test_noise_grows_with_the_light_after_a_background_was_subtracted(seed, gain):
    """The line through zero is too steep here, but that does not mean constant noise.

    With constant noise, trials would mistake noise in bright cells for detail.
    """
    random = np.random.default_rng(seed)
    scene, grid = np.zeros((144, 144)), np.indices((144, 144))
    for _ in range(14):
        distance = np.hypot(*(grid - random.uniform(0, 144, (2, 1, 1))))
        inside = np.clip(random.uniform(4, 9) - distance, 0, 1)
        scene = np.maximum(scene, inside * random.uniform(0.3, 1))
    photons = random.poisson(10 + 290 * ndimage.gaussian_filter(scene, 1.5))
    line = estimate_noise_line((gain * (photons - 10.0))[None, None].astype(np.float32))
    assert line.slope == pytest.approx(gain, rel=0.15)
    assert line.intercept == pytest.approx(10 * gain**2, rel=0.15)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("gain", [0.02, 1, 40])
def test_in_sparse_counts_a_step_is_a_photon(seed, gain):
    """Few photons determine their noise badly; steps of a mostly black picture are not photons."""
    random = np.random.default_rng(seed)
    light = np.zeros((200, 200))
    light[tuple(random.integers(0, 200, (2, 40)))] = 100 * random.uniform(0.2, 1, 40)
    light = ndimage.gaussian_filter(light, 1.5) + 0.05
    counted = random.poisson(light)[None, None].astype(np.float32)
    assert estimate_noise_line(gain * counted) == pytest.approx((gain, 0))
    assert estimate_gain(Pixels(gain * counted)) == pytest.approx(gain)
    rounded = np.round(gain * random.poisson(300 * np.pad(light[:120, :120], 40)) / 4)
    if gain == 1:
        assert estimate_gain(Pixels(rounded[None, None].astype(np.float32))) == pytest.approx(
            0.25, rel=0.2
        )


def test_masked_pixels_do_not_count():
    image = counts((128, 128), 100)
    valid = np.random.default_rng(1).random(image.shape) > 0.02
    broken = np.where(valid, image, 5000).astype(np.float32)
    assert estimate_gain(Pixels(broken, valid)) == pytest.approx(1, rel=0.15)
    assert estimate_gain(Pixels(np.where(valid, image, np.nan), valid)) == pytest.approx(
        1, rel=0.15
    )


@pytest.mark.parametrize("value", [0, -3, 4])
def test_an_image_without_noise_is_of_many_photons(value):
    image = np.full((1, 1, 20, 20), value, np.float32)
    assert 0 < estimate_gain(Pixels(image)) <= 1e-6
    assert estimate_noise_level(Pixels(image)) == 0
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).random((64, 64)), 4)
    assert 0 < estimate_gain(Pixels(1000 * smooth[None, None].astype(np.float32))) < 0.1


@pytest.mark.parametrize("shape", [(200, 210), (24, 40, 44), (3000,)])
def test_the_noise_is_found_in_a_blurred_image(shape):
    random = np.random.default_rng(2)
    image = ndimage.gaussian_filter(random.random(shape), 3) * 20
    image += random.normal(0, 0.3, shape)
    planes = image.astype(np.float32)[None, None]
    assert estimate_noise_level(Pixels(planes)) == pytest.approx(0.3, rel=0.1)
    valid = random.random(planes.shape) > 0.05
    assert estimate_noise_level(Pixels(np.where(valid, planes, np.nan), valid)) == pytest.approx(
        0.3, rel=0.15
    )


@given(
    cover=st.floats(0.03, 0.7),
    photons=st.sampled_from([100, 1000]),
    read_noise=st.sampled_from([0, 2]),
    offset=st.sampled_from([0, 100]),
    gain=st.sampled_from([0.5, 4]),
    whole=st.booleans(),
)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_the_gain_is_found_in_dark_fields(cover, photons, read_noise, offset, gain, whole):
    image = gain * cell(cover, photons, side=256) + offset
    image += np.random.default_rng(1).normal(0, read_noise, image.shape)
    image = (np.round(image) if whole else image).astype(np.float32)
    found = estimate_gain(Pixels(image), read_noise=read_noise)
    assert found == pytest.approx(gain, rel=0.2)


@given(
    cover=st.sampled_from([0.03, 0.1, 0.7]),
    photons=st.sampled_from([20, 200]),
    offset=st.sampled_from([0, 100, 1000]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_the_gain_of_dim_cells_is_found_with_an_offset_or_without(cover, photons, offset, seed):
    image = cell(cover, photons, side=256, seed=seed) + offset
    image += np.random.default_rng(seed + 1).normal(0, 1.6, image.shape)
    found = estimate_gain(Pixels(image.astype(np.float32)), read_noise=1.6)
    assert found == pytest.approx(1, rel=0.15)


def test_the_gain_of_a_tiny_cell_is_right_on_average():
    found = []
    for seed in range(12):
        image = cell(0.006, side=256, seed=seed)  # 20 pixels wide
        image += np.random.default_rng(seed + 1).normal(0, 1.6, image.shape)
        found.append(estimate_gain(Pixels(image.astype(np.float32)), read_noise=1.6))
    assert np.mean(found) == pytest.approx(1, rel=0.1)
    assert np.std(found) < 0.2


@pytest.mark.parametrize("sigma", [2, 10])
def test_other_noise_counts_as_photon_noise(sigma):
    """A method without read noise must not underestimate the noise of the image."""
    for seed in range(4):
        random = np.random.default_rng(seed)
        light = ndimage.gaussian_filter((random.random((200, 200)) < 0.01) * 1.0, 3)
        light = 20 + 200 * light / light.max()
        image = light + random.normal(0, sigma, light.shape)
        found = estimate_gain(Pixels(image.astype(np.float32)[None, None]))
        assert sigma**2 / 220 < found < sigma**2 / 40


def test_a_method_tells_what_it_knows_of_the_camera():
    image = cell(0.01, side=256)[0, 0] + np.random.default_rng(2).normal(100, 1.6, (256, 256))
    method = PoissonLikelihood(background=100.0, read_noise=1.6)
    found = calibrate(image, gaussian_psf(1.5), method).method.gain
    assert found == pytest.approx(1, rel=0.2)


def test_blank_planes_say_nothing():
    planes = np.concatenate([cell(0.3, seed=seed) for seed in range(5)])
    planes += np.random.default_rng(3).normal(0, 3, planes.shape).astype(np.float32)
    gain, noise = estimate_gain(Pixels(planes)), estimate_noise_level(Pixels(planes))
    planes[::2] = 0
    assert estimate_gain(Pixels(planes)) == pytest.approx(gain, rel=0.15)
    assert estimate_noise_level(Pixels(planes)) == pytest.approx(noise, rel=0.1)


def test_saturated_and_hot_pixels_do_not_make_photons():
    image = cell(0.3, side=256)
    saturated = np.minimum(image, np.quantile(image[image > 100], 0.95))
    assert estimate_gain(Pixels(saturated)) == pytest.approx(1, rel=0.15)
    hot = np.where(np.random.default_rng(4).random(image.shape) < 5e-4, 5000, image)
    assert estimate_gain(Pixels(hot.astype(np.float32))) == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize("estimate", [estimate_gain, estimate_noise_level])
@given(factor=st.sampled_from([1e-30, 1e-26, 1e-3, 1e10, 1e17, 1e30]))
@settings(max_examples=6, deadline=None)
def test_the_noise_has_the_units_of_the_image(estimate, factor):
    image = cell(0.2, side=100)
    image += np.random.default_rng(5).normal(0, 3, image.shape).astype(np.float32)
    scaled = image * np.float32(factor)
    assert estimate(Pixels(scaled)) / factor == pytest.approx(estimate(Pixels(image)), rel=1e-3)


@pytest.mark.parametrize("estimate", [estimate_gain, estimate_noise_level])
def test_the_noise_does_not_depend_on_directions(estimate):
    image = cell(0.4, side=162)[..., :154]
    image += np.random.default_rng(6).normal(0, 3, image.shape).astype(np.float32)
    found = estimate(Pixels(image))
    assert estimate(Pixels(image[..., ::-1])) == pytest.approx(found, rel=0.1)
    assert estimate(Pixels(image.swapaxes(2, 3))) == pytest.approx(found, rel=0.1)


@pytest.mark.parametrize("shape", [(200, 210), (24, 40, 44), (3000,)])
def test_areas_of_one_value_do_not_lower_the_noise(shape):
    image = np.random.default_rng(7).normal(0, 2, shape)
    for pieces in (1, 2):
        width = shape[-1] // pieces
        broken = np.arange(shape[-1]) % width < 0.7 * width
        for value in (0, 50):
            planes = np.where(broken, value, image).astype(np.float32)[None, None]
            assert estimate_noise_level(Pixels(planes)) == pytest.approx(2, rel=0.15)


@pytest.mark.parametrize("sigma", [0.5, 1, 3])
def test_rounding_adds_its_own_noise_and_no_more(sigma):
    image = np.random.default_rng(8).normal(100, sigma, (1, 1, 150, 150))
    found = estimate_noise_level(Pixels(np.round(image).astype(np.float32)))
    assert found == pytest.approx(np.sqrt(sigma**2 + 1 / 12), rel=0.1)


def test_of_many_pixels_a_part_is_enough():
    planes = np.random.default_rng(9).normal(0, 1, (9, 1, 700, 700)).astype(np.float32)
    assert estimate_noise_level(Pixels(planes)) == pytest.approx(1, rel=0.01)
    assert estimate_noise_level(Pixels(planes)) == estimate_noise_level(Pixels(planes))


@given(shape=st.lists(st.integers(1, 12), min_size=1, max_size=3), seed=st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_images_of_any_size_have_noise_and_a_gain(shape, seed):
    random = np.random.default_rng(seed)
    planes = random.poisson(9, (2, 1, *shape)).astype(np.float32)
    valid = random.random(planes.shape) > 0.3
    for mask in (None, valid, np.zeros_like(valid)):
        assert 0 <= estimate_noise_level(Pixels(planes, mask)) < 60
        assert 0 < estimate_gain(Pixels(planes, mask)) < 60


@pytest.mark.parametrize("contrast", [0, 0.05, 0.1, 0.3])
def test_an_image_of_low_contrast_has_the_gain_of_its_noise(contrast):
    for seed in range(4):
        random = np.random.default_rng(seed)
        light = ndimage.gaussian_filter(random.normal(0, 1, (160, 160)), 8)
        light = 300 * (1 + contrast * light / np.abs(light).max())
        image = random.poisson(light).astype(np.float32)[None, None]
        assert estimate_gain(Pixels(image)) == pytest.approx(1, rel=0.2)


def test_the_noise_is_found_beside_sharp_detail():
    random = np.random.default_rng(8)
    image = random.normal(0, 2, (120, 120))
    image[:72] += random.choice([-30, 30], (72, 120))
    found = estimate_noise_level(Pixels(image[None, None].astype(np.float32)))
    assert found == pytest.approx(2, rel=0.15)


def test_many_isolated_photons_are_no_hot_pixels():
    photons = np.random.default_rng(9).poisson(0.02, (150, 150)).astype(np.float32)
    usable = np.ones(photons.shape, bool)
    assert not find_hot_pixels(photons, usable, 0.0).any()
    one = np.zeros_like(photons)
    one[70, 80] = 1
    assert np.argwhere(find_hot_pixels(one, usable, 0.0)).tolist() == [[70, 80]]
