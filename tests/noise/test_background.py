"""The background is estimated from a dark background, if the image has one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise.background import describe_subtraction
from napari_tf_deblur._noise.background import estimate_background as whole_estimate


def estimate_background(planes, valid=None):
    return whole_estimate(Pixels(planes, valid)).level


def structure(part, side=160, seed=0):
    """Light of patches that cover a part of the field; 0 to about 1."""
    random = np.random.default_rng(seed)
    height = ndimage.gaussian_filter(random.normal(size=(side, side)), 10, mode="wrap")
    light = (height > np.quantile(height, 1 - part)) * (0.5 + random.random((side, side)))
    return ndimage.gaussian_filter(light, 2, mode="wrap")


def observed(light, gain=2.0, offset=0.0, read_noise=2.0, seed=0):
    random = np.random.default_rng(seed + 1)
    image = offset + gain * random.poisson(light) + random.normal(0, read_noise, light.shape)
    return image.astype(np.float32)[None, None]


@given(
    part=st.sampled_from([0.1, 0.3]),
    peak=st.sampled_from([20, 200, 1000]),
    haze=st.sampled_from([0.0, 0.1, 1.0]),
    offset=st.sampled_from([0.0, 100.0]),
    read_noise=st.sampled_from([0.0, 2.0, 10.0]),
    seed=st.integers(0, 9),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_the_level_of_a_dark_background_is_found_and_not_too_high(
    part, peak, haze, offset, read_noise, seed
):
    image = observed(peak * (structure(part, seed=seed) + haze), 2.0, offset, read_noise, seed)
    truth = offset + 2 * peak * haze
    noise = np.hypot(2 * np.sqrt(peak * haze), read_noise)
    found, spread, error = whole_estimate(Pixels(image))
    assert abs(found - truth) <= 2 * error
    assert found <= truth + 0.2 * max(noise, 1)
    if found > truth - max(noise, 1):
        assert spread == pytest.approx(noise, rel=0.1, abs=0.5)
    assert found >= truth - 0.1 * 2 * peak - max(noise, 1)


@pytest.mark.parametrize("read_noise", [1.0, 4.0, 15.0])
def test_values_clipped_at_zero_are_not_background(read_noise):
    image = np.maximum(observed(200 * structure(0.3), read_noise=read_noise), 0)
    assert estimate_background(image) <= 0.2 * read_noise
    assert estimate_background(np.round(image)) <= 0.2 * read_noise


@pytest.mark.parametrize("dim", [0.5, 2.0, 10.0])
def test_a_dim_cell_on_a_dark_background_is_not_subtracted(dim):
    light = np.zeros((160, 160))
    light[30:130, 20:140] = dim  # almost half of the field, and flat
    light = ndimage.gaussian_filter(light, 2)
    assert estimate_background(observed(light, read_noise=0.5)) <= 0.1


@pytest.mark.parametrize("seed", range(4))
def test_structure_everywhere_is_no_background(seed):
    light = ndimage.gaussian_filter(np.random.default_rng(seed).random((160, 160)), 6)
    light = 200 * (light - light.min()) / np.ptp(light) + 40
    assert estimate_background(observed(light, seed=seed)) < 0.2 * 2 * 40
    assert estimate_background(observed(light, offset=100.0, seed=seed)) < 100 + 0.2 * 2 * 40


@given(factor=st.sampled_from([1e-20, 1e-3, 1e20]))
@settings(max_examples=3, deadline=None)
def test_it_is_in_the_units_of_the_image(factor):
    image = observed(100 * (structure(0.3) + 0.2), offset=50.0)
    found = estimate_background(image)
    scaled = estimate_background(image * np.float32(factor)) / factor
    assert scaled == pytest.approx(found, rel=1e-3)
    noises = (whole_estimate(Pixels(image * np.float32(f))).noise / f for f in (1.0, factor))
    assert np.ptp(list(noises)) < 0.01
    assert estimate_background(image + 70) == pytest.approx(found + 70, abs=0.5)


@pytest.mark.parametrize("turn", [np.flipud, np.fliplr, np.transpose])
def test_no_direction_is_preferred(turn):
    image = observed(100 * (structure(0.3) + 0.2))
    turned = turn(image[0, 0])[None, None]
    assert estimate_background(turned) == pytest.approx(estimate_background(image), abs=1)


def test_masks_blank_planes_and_channels():
    image = observed(100 * (structure(0.3) + 0.2))
    found = estimate_background(image)
    valid = np.ones(image.shape, bool)
    valid[..., :40] = False
    dark_margin = np.where(valid, image, -500).astype(np.float32)
    assert estimate_background(dark_margin, valid) == pytest.approx(found, abs=1)
    planes = np.concatenate([image, np.zeros_like(image), image])
    assert estimate_background(planes) == pytest.approx(found, abs=1)
    channels = np.concatenate([image + 30, image], axis=1)
    assert estimate_background(channels) == pytest.approx(found, abs=1e-3)
    assert estimate_background(channels, valid) == pytest.approx(found, abs=1)


@pytest.mark.parametrize("shape", [(3000,), (24, 48, 48)])
def test_lines_and_volumes_have_one_too(shape):
    light = np.zeros(shape)
    light[tuple(slice(n // 3, n // 2) for n in shape)] = 100
    light = ndimage.gaussian_filter(light, 2) + 20
    assert estimate_background(observed(light)) == pytest.approx(40, abs=2)


@given(shape=st.lists(st.integers(1, 9), min_size=1, max_size=3), seed=st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_any_image_has_one(shape, seed):
    random = np.random.default_rng(seed)
    image = random.poisson(9, (2, 1, *shape)).astype(np.float32)
    valid = random.random(image.shape) > 0.3
    for mask in (None, valid, np.zeros_like(valid)):
        assert 0 <= estimate_background(image, mask) < 20
    assert estimate_background(np.zeros_like(image)) == 0


@pytest.mark.parametrize("filaments", [8, 60])
def test_the_error_covers_the_truth_without_a_dark_background(filaments):
    """Read noise looks like light here, so the level is too low; the error covers that."""
    off = []
    for seed in range(6):
        random = np.random.default_rng(seed)
        light = np.zeros((192, 192))
        for place in random.uniform(0, 192, (filaments, 2)):
            heading = random.uniform(0, 2 * np.pi)
            for _ in range(400):
                heading += random.normal(0, 0.1)
                place += 0.5 * np.array([np.sin(heading), np.cos(heading)])
                light[tuple((place % 192).astype(int))] = 1
        light = ndimage.gaussian_filter(light, 1.8, mode="wrap")
        image = observed(40 * light / light.max() + 3, 1.0, 100.0, 2.0, seed)
        level, _, error = whole_estimate(Pixels(image))
        off.append(abs(103 - level) / error)
        assert error < 60  # not so unsure that it says nothing
    assert max(off) <= 2


@given(factor=st.sampled_from([1e-20, 1e-3, 1e20]))
@settings(max_examples=3, deadline=None)
def test_the_error_has_the_units_of_the_image(factor):
    image = observed(200 * structure(0.3), offset=40.0)
    error = whole_estimate(Pixels(image)).error
    assert whole_estimate(Pixels(image * np.float32(factor))).error / factor == pytest.approx(
        error, rel=0.01
    )
    assert error > 0


@pytest.mark.parametrize(
    ("level", "error", "sentence"),
    [
        (0.0, 5.0, ""),
        (9.0, None, "Background 9 subtracted."),
        (100.0, 2.0, "Background 100.0 ± 2.0 subtracted."),
        (592.0, 296.0, "Background 592 ± 296 subtracted."),
        (
            591.0,
            296.0,
            "Background 591 subtracted; the true level may be anything from 0 to 1183.",
        ),
        (9.0, 296.0, "Background 9 subtracted; the true level may be anything from 0 to 601."),
        (
            -0.5,
            0.4,
            "Background -0.5 subtracted; the true level may be anything from -1.3 to 0.30.",
        ),
    ],
)
def test_what_is_said_of_the_level_depends_on_its_error(level, error, sentence):
    assert describe_subtraction(level, error) == sentence
