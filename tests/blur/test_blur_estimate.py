"""The estimate of the blur of an image."""

from functools import cache

import numpy as np
import pytest
from scipy import ndimage
from skimage import data

from napari_tf_deblur import deconvolve, estimate_blur, gaussian_psf
from napari_tf_deblur._core.errors import InvalidValueError


@cache
def leaves(size=224, seed=3):
    """Return overlapping discs of all sizes, with edges at fractions of pixels."""
    random = np.random.default_rng(seed)
    scene = np.full((2 * size, 2 * size), 0.5)
    rows, columns = np.mgrid[: 2 * size, : 2 * size]
    for radius in 6 / np.sqrt(random.uniform(0.003, 1, 700)):
        row, column = random.uniform(-40, 2 * size + 40, 2)
        scene[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = random.uniform()
    scene = scene.reshape(size, 2, size, 2).mean(axis=(1, 3))
    scene.flags.writeable = False  # all tests have the same
    return scene


def observed(sigma, noise=0.004, scene=None):
    scene = leaves() if scene is None else scene
    blurred = ndimage.gaussian_filter(scene, sigma, mode="reflect")
    return blurred + np.random.default_rng(1).normal(0, noise, scene.shape)


@pytest.mark.parametrize("sigma", [1.0, 1.6, 2.5])
def test_width_and_interval(sigma):
    found = estimate_blur(observed(sigma))
    assert found.sigma == pytest.approx((sigma, sigma), rel=0.15)
    assert all(low < sigma < high for low, high in found.interval)
    assert all(
        low < used < s for used, s, (low, _) in zip(found.narrow, found.sigma, found.interval)
    )
    assert found.psf().sum() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("value", [5.0, 0.0])
def test_hot_and_dead_pixels_do_not_count(value):
    image = observed(1.6)
    expected = estimate_blur(image)
    random = np.random.default_rng(2)
    image[tuple(random.integers(0, 224, (2, 40)))] = value
    found = estimate_blur(image)
    assert found.sigma == pytest.approx(expected.sigma, rel=0.1)
    assert found.confident == expected.confident


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("part", [0.005, 0.02])
def test_saturated_areas_hardly_change_it(part, masked):
    """The edge of such an area, or of its filling, is sharper than the blur."""
    image = observed(1.5, 2.0, data.camera()[:384, :384].astype(float))
    expected = estimate_blur(image)
    image = np.minimum(image, np.quantile(image, 1 - part))
    found = estimate_blur(image, mask=image == image.max() if masked else None)
    assert found.sigma == pytest.approx(expected.sigma, rel=0.2)
    colours = estimate_blur(np.stack([image, image / 2], axis=-1), channel_axis=-1)
    assert colours.sigma == pytest.approx(found.sigma, rel=0.1)


def test_a_photograph():
    photo = data.astronaut().mean(axis=-1)[:510, :510].reshape(255, 2, 255, 2).mean(axis=(1, 3))
    found = estimate_blur(observed(1.6, 1.0, photo))
    assert found.confident
    assert found.sigma == pytest.approx((1.6, 1.6), rel=0.15)


def test_units_and_types_do_not_matter():
    image = observed(1.6)
    found = estimate_blur(image)
    for other in (1e-20 * image, 1e20 * image.astype(np.float32), image + 100):
        assert estimate_blur(other).sigma == pytest.approx(found.sigma, rel=0.01)
    counts = np.rint(30000 * np.clip(image, 0, None)).astype(np.uint16)
    assert estimate_blur(counts).sigma == pytest.approx(found.sigma, rel=0.03)


def test_turned_and_mirrored():
    psf = gaussian_psf((3, 1.2), angle=30)
    image = ndimage.convolve(leaves(), psf) + np.random.default_rng(2).normal(0, 0.003, (224, 224))
    found = estimate_blur(image)
    assert found.sigma == pytest.approx((3, 1.2), rel=0.2)
    assert found.angle == pytest.approx(30, abs=6)
    flipped = estimate_blur(image[::-1])
    assert flipped.sigma == pytest.approx(found.sigma, rel=0.02)
    assert flipped.angle == pytest.approx(-found.angle, abs=1)
    turned = estimate_blur(np.ascontiguousarray(image.T))
    assert turned.sigma == pytest.approx(found.sigma[::-1], rel=0.02)
    assert estimate_blur(image, isotropic=True).angle == 0


def test_volume_stack_colour_and_mask():
    image = observed(1.6)
    stack = estimate_blur(np.stack([image, 0 * image + 3, image[::-1]]))
    assert stack.sigma == pytest.approx((1.6, 1.6), rel=0.15)
    colour = estimate_blur(np.stack([image, 2 * image], axis=-1), channel_axis=-1)
    assert colour.sigma == pytest.approx((1.6, 1.6), rel=0.15)
    mask = np.zeros(image.shape, bool)
    mask[40:60, 50:70] = True
    spoilt = np.where(mask, np.nan, image)
    assert estimate_blur(spoilt, mask=mask).sigma == pytest.approx((1.6, 1.6), rel=0.2)
    random = np.random.default_rng(4)
    volume = np.zeros((40, 64, 64))
    volume[tuple(random.integers(0, n, 60) for n in volume.shape)] = 1
    volume = ndimage.gaussian_filter(volume, (3, 1.5, 1.5))
    volume = random.poisson(200 * volume / volume.max())
    found = estimate_blur(volume, ndim=3)
    assert found.sigma == pytest.approx((3, 1.5, 1.5), rel=0.25)


@pytest.mark.parametrize(
    "image",
    [
        np.full((64, 64), 7.0),
        np.random.default_rng(0).normal(size=(128, 128)),
        np.eye(9),
        leaves(64) + np.random.default_rng(0).normal(0, 1, (64, 64)),
    ],
    ids=["flat", "noise", "small", "noisy"],
)
def test_what_tells_nothing_is_not_believed(image):
    found = estimate_blur(image)
    assert not found.confident
    assert "guess" in str(found)
    assert all(np.isfinite(found.sigma))


def test_it_cannot_be_changed():
    found = estimate_blur(observed(1.6))
    widths, badness = found.curve
    assert badness.min() == 0
    with pytest.raises(ValueError, match="read-only"):
        badness[0] = 1
    assert abs(widths[np.argmin(badness)] - 1.6) < 0.6


def test_refusals():
    with pytest.raises(InvalidValueError, match="masked, NaN or infinite"):
        estimate_blur(np.full((40, 40), np.nan))
    with pytest.raises(InvalidValueError, match="request fewer"):
        estimate_blur(np.eye(40), ndim=3)
    with pytest.raises(InvalidValueError, match="2 voxel sizes"):
        estimate_blur(np.eye(40), ndim=2, spacing=(1, -1))


@pytest.mark.finds_weight
def test_without_a_psf_the_blur_is_found_and_said():
    scene = leaves()
    image = observed(2.0)
    result = deconvolve(image)
    assert result.blur.sigma == pytest.approx((2, 2), rel=0.15)
    assert str(result.blur) in result.warnings
    assert np.std(result.image - scene) < 0.9 * np.std(image - scene)
