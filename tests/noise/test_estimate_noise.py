"""Gain, offset and read noise are estimated from an image, or are unknown."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_tf_deblur import Noise, estimate_noise
from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError

SIDE = 192


def patches(part, seed=0, side=SIDE):
    """Light of round patches that cover a part of the field, 0 to about 1."""
    random = np.random.default_rng(seed)
    height = ndimage.gaussian_filter(random.normal(size=(side, side)), 14, mode="wrap")
    light = (height > np.quantile(height, 1 - part)) * (0.6 + random.random((side, side)))
    return ndimage.gaussian_filter(light, 2, mode="wrap")


def camera(light, gain=2.0, offset=100.0, read_noise=3.0, seed=0):
    random = np.random.default_rng(seed + 1)
    image = offset + gain * random.poisson(light) + random.normal(0, read_noise, light.shape)
    return image.astype(np.float32)


SPECIMEN = camera(200 * patches(0.3))
FOUND = estimate_noise(SPECIMEN)


def alike(found, other, rel):
    """Whether two estimates are the same for a user."""
    for name in ("sigma", "mean", "gain", "offset", "read_noise"):
        value, wanted = getattr(found, name), getattr(other, name)
        assert value == (None if wanted is None else pytest.approx(wanted, rel=rel)), name


def test_it_is_one_immutable_value_in_words():
    assert isinstance(FOUND, Noise)
    assert FOUND.confident
    assert None not in dataclasses.astuple(FOUND)
    with pytest.raises(dataclasses.FrozenInstanceError):
        FOUND.gain = 1.0
    assert "intensity units per photon" in str(FOUND)
    assert "photons made it" in str(Noise(1.0, 1.0))


@pytest.mark.parametrize("shape", [(96, 96), (93, 95), (91, 101), (12, 41, 43)])
@pytest.mark.parametrize("dtype", [np.float32, np.uint16])
def test_noise_does_not_depend_on_direction(shape, dtype):
    """Whatever number of lines remains beside whole blocks."""
    random = np.random.default_rng(3)
    light = ndimage.gaussian_filter(random.random(shape), 2, mode="wrap")
    light = np.maximum(light - np.quantile(light, 0.6), 0)
    image = np.maximum(camera(100 * light / light.max()), 0).astype(dtype)
    found = estimate_noise(image)
    for axes in (0, -1, tuple(range(len(shape)))):
        alike(estimate_noise(np.flip(image, axes)), found, 1e-4)
    alike(estimate_noise(np.swapaxes(image, -1, -2)), found, 1e-4)


@given(
    gain=st.sampled_from([0.1, 2.0, 50.0]),
    offset=st.sampled_from([0.0, 100.0, 1000.0]),
    read=st.sampled_from([1.0, 3.0]),
    peak=st.sampled_from([100, 1000]),
    part=st.sampled_from([0.1, 0.3, 0.6]),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_values_of_a_camera_are_right_or_unknown(gain, offset, read, peak, part):
    image = camera(peak * patches(part), gain, offset, read * gain)
    found = estimate_noise(image)
    assert found.gain is None or found.gain == pytest.approx(gain, rel=0.15)
    room = max(0.1 * offset, 0.02 * peak * gain)
    assert found.offset is None or found.offset == pytest.approx(offset, abs=room)
    assert found.read_noise is None or found.read_noise == pytest.approx(read * gain, rel=0.2)


def test_the_values_of_a_good_image_are_known():
    for seed in range(6):
        found = estimate_noise(camera(300 * patches(0.4, seed), seed=seed))
        assert found.gain == pytest.approx(2, rel=0.1)
        assert found.offset == pytest.approx(100, abs=1)
        assert found.read_noise == pytest.approx(3, rel=0.1)


@given(factor=st.sampled_from([1e-20, 1e-3, 1e6, 1e20]))
@settings(max_examples=4, deadline=None)
def test_all_is_in_the_units_of_the_image(factor):
    scaled = estimate_noise(SPECIMEN * np.float32(factor))
    values = dataclasses.asdict(scaled)
    alike(
        Noise(**{k: v if k == "confident" else v / factor for k, v in values.items()}), FOUND, 0.02
    )


def test_only_the_offset_moves_with_an_offset():
    moved = estimate_noise(SPECIMEN + 50)
    assert moved.offset == pytest.approx(FOUND.offset + 50, abs=0.5)
    alike(dataclasses.replace(moved, offset=FOUND.offset), FOUND, 0.02)


@pytest.mark.parametrize("turn", [np.flipud, np.fliplr, np.transpose])
def test_no_direction_is_preferred(turn):
    alike(estimate_noise(turn(SPECIMEN)), FOUND, 0.15)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float64])
def test_the_dtype_does_not_matter(dtype):
    alike(estimate_noise(np.round(SPECIMEN).astype(dtype)), FOUND, 0.05)


def test_masked_and_infinite_pixels_do_not_count():
    wrong = np.random.default_rng(0).random(SPECIMEN.shape) < 0.02
    masked = np.zeros_like(wrong)
    masked[:, :44] = True  # whole blocks of the pixels that noise is measured in
    spoilt = np.where(masked, 7000 * np.random.default_rng(1).random(SPECIMEN.shape), SPECIMEN)
    alike(estimate_noise(spoilt, mask=masked), estimate_noise(SPECIMEN[:, 44:]), 0.1)
    alike(
        estimate_noise(np.ma.array(spoilt, mask=masked)), estimate_noise(spoilt, mask=masked), 1e-9
    )
    with_nan = np.where(wrong, np.nan, SPECIMEN)
    assert estimate_noise(with_nan).sigma == pytest.approx(FOUND.sigma, rel=0.1)
    blank = np.stack([SPECIMEN, np.full_like(SPECIMEN, 3.0), SPECIMEN])
    alike(estimate_noise(blank), FOUND, 0.02)


def test_each_channel_has_its_own():
    other = camera(300 * patches(0.4, 3), gain=5.0, seed=3)
    alpha = np.full_like(other, 255)
    both = np.stack([SPECIMEN, other, alpha], axis=-1)
    first, second = estimate_noise(both, channel_axis=-1, alpha=True)
    alike(first, FOUND, 1e-6)
    assert second.gain == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize("sigma", [0.5, 2, 12, 25])
@pytest.mark.parametrize("whole", [False, True])
def test_noise_that_does_not_grow_has_no_gain(sigma, whole):
    image = 40 + 170 * patches(0.5) / patches(0.5).max()
    image = image + np.random.default_rng(2).normal(0, sigma, image.shape)
    image, sigma = (np.round(image), np.hypot(sigma, 12**-0.5)) if whole else (image, sigma)
    found = estimate_noise(image)
    assert found.gain is None
    assert found.read_noise is None
    assert found.sigma == pytest.approx(sigma, rel=0.05)
    assert found.mean == pytest.approx(sigma, rel=0.05)


def test_faint_light_in_the_dark_is_no_offset_and_no_read_noise():
    light = 300 * patches(0.3)
    hazy = estimate_noise(camera(light + 20, read_noise=0.5))
    assert hazy.offset == pytest.approx(100, abs=6)
    noisy = estimate_noise(camera(light, read_noise=9.0))
    assert noisy.offset == pytest.approx(100, abs=6)
    assert noisy.read_noise == pytest.approx(9, rel=0.15)


def test_values_clipped_at_zero_do_not_count_as_dark():
    for read in (2.0, 6.0, 12.0):
        found = estimate_noise(np.maximum(camera(300 * patches(0.3), 2.0, 0.0, read), 0))
        assert found.gain is None or found.gain == pytest.approx(2, rel=0.15)
        assert found.read_noise is None or found.read_noise == pytest.approx(read, rel=0.2)


def test_saturated_and_hot_pixels_do_not_count():
    bright = SPECIMEN[SPECIMEN > 300]
    assert estimate_noise(np.minimum(SPECIMEN, np.quantile(bright, 0.9))).gain in (
        None,
        pytest.approx(2, rel=0.15),
    )
    hot = np.where(np.random.default_rng(4).random(SPECIMEN.shape) < 5e-4, 5000, SPECIMEN)
    assert estimate_noise(hot).gain == pytest.approx(2, rel=0.1)


@given(shape=st.lists(st.integers(1, 12), min_size=1, max_size=4), seed=st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_images_of_any_size_have_noise(shape, seed):
    image = np.random.default_rng(seed).poisson(9, shape)
    if image.size > 1 and max(image.shape[-2:]) > 1:
        found = estimate_noise(image)
        assert 0 <= found.sigma < 60
        assert 0 <= found.mean < 60


def test_what_is_no_image_is_refused():
    with pytest.raises(InvalidTypeError, match="real numbers"):
        estimate_noise(np.ones((4, 4), complex))
    with pytest.raises(InvalidValueError, match="no pixel to estimate the noise"):
        estimate_noise(np.full((4, 4), np.nan))
    with pytest.raises(InvalidValueError, match="channel"):
        estimate_noise(np.ones((4, 4)), channel_axis=2)
    with pytest.raises(InvalidValueError, match="mask"):
        estimate_noise(np.ones((4, 4)), mask=np.ones((3, 3)))
