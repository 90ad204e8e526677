"""Blurs that are no Gaussian, scenes that look blurred, and JPEG images."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from scipy.signal import fftconvolve
from skimage import data
from test_blur_estimate import leaves

from napari_tf_deblur import (
    calibrate,
    convolve,
    deconvolve,
    disc_psf,
    estimate_blur,
    gaussian_psf,
    motion_psf,
)
from napari_tf_deblur._blur.jpeg import estimate_jpeg_error
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._run.weight_search import SHARED_NOISE


def seen(psf, noise=0.005, scene=None):
    scene = leaves() if scene is None else scene
    light = convolve(scene, psf, boundary="reflect")
    return light + np.random.default_rng(1).normal(0, noise, light.shape)


def points(number=80, size=200):
    scene = np.zeros((size, size))
    scene[tuple(np.random.default_rng(5).integers(0, size, (2, number)))] = 1
    return scene


def counts(light, photons=200):
    light = np.maximum(light / light.max(), 0) + 0.01
    return np.random.default_rng(2).poisson(photons * light)


def jpeg(picture, quality):
    """Return an 8-bit image, 0 to 1, after JPEG compression."""
    file = io.BytesIO()
    values = np.rint(255 * picture).clip(0, 255).astype(np.uint8)
    Image.fromarray(values).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize("radius", [1.7, 3.4, 6.0])
def test_out_of_focus(radius):
    found = estimate_blur(seen(disc_psf(radius)))
    assert (found.family, found.confident) == ("disc", True)
    assert found.radius == pytest.approx(radius, rel=0.05)
    low, high = found.interval[0]
    assert low <= radius / 2 <= high
    assert found.sigma == pytest.approx((radius / 2, radius / 2), rel=0.05)
    assert found.odds > 10
    assert "out of focus" in str(found)
    assert (
        np.corrcoef(found.psf().ravel(), disc_psf(radius, found.psf().shape).ravel())[0, 1] > 0.95
    )


@pytest.mark.parametrize(("length", "angle"), [(5, 70), (9, 30), (16, 0), (16, -55)])
def test_motion(length, angle):
    image = seen(motion_psf(length, angle))
    found = estimate_blur(image)
    assert (found.family, found.confident) == ("line", True)
    assert found.length == pytest.approx(length, rel=0.05)
    assert (found.angle - angle + 90) % 180 - 90 == pytest.approx(0, abs=2)
    assert "motion" in str(found)
    mirrored = estimate_blur(image[::-1])
    assert mirrored.length == pytest.approx(found.length, rel=0.02)
    assert (mirrored.angle + found.angle + 90) % 180 - 90 == pytest.approx(0, abs=1)
    assert estimate_blur(image, isotropic=True).family != "line"


def cut_gaussian(sigma, size):
    """Return a Gaussian of which only `size` rows and columns are left."""
    rows, columns = (
        np.exp(-np.square((np.arange(n) - n // 2) / s) / 2)
        for s, n in zip(sigma, size, strict=True)
    )
    kernel = np.outer(rows, columns)
    return kernel / kernel.sum()


@pytest.mark.parametrize("isotropic", [None, False])
@pytest.mark.parametrize(
    "kernel",
    [
        np.ones((7, 7)) / 49,
        np.ones((3, 5)) / 15,
        cut_gaussian((1, 3), (13, 13)),
        cut_gaussian((2, 2), (5, 5)),
    ],
    ids=["box", "flat box", "elongated, cut", "round, cut"],
)
def test_filters_of_programs_are_not_taken_for_a_lens_or_motion(kernel, isotropic):
    """Their spectra have zeros, as those of discs and lines."""
    image = seen(kernel, 0.001)
    sigmas = [
        np.sqrt(kernel.sum(axis=1 - axis) @ np.square(np.arange(n) - n // 2))
        for axis, n in enumerate(kernel.shape)
    ]
    for turned, sigma in ((image, sigmas), (image.T, sigmas[::-1])):
        found = estimate_blur(turned, isotropic=isotropic)
        assert (found.family, found.confident) == ("Gaussian", False)
        assert found.odds < 0
        assert found.sigma == pytest.approx(sigma, rel=0.15)
        assert "filtered" in str(found)
        assert "motion of" not in str(found)


@pytest.mark.parametrize("size", [7, 11])
def test_blocks_of_one_size_are_not_taken_for_motion(size):
    """Their spectrum is that of a box; a Gaussian of its width would be much too wide."""
    rows, columns = np.indices((160, 144)) // size
    found = estimate_blur(seen(gaussian_psf(1.5), 0.01, 0.2 + 0.6 * ((rows + columns) % 2)))
    assert found.family not in ("disc", "line") or not found.confident
    assert found.narrow[0] <= 1.6


@pytest.mark.parametrize("sigma", [1.0, 1.7, 3.0])
def test_gaussians_without_noise_stay_gaussians(sigma):
    """A PSF ends somewhere, and values are rounded: far down, no power is that of a Gaussian."""
    found = estimate_blur(ndimage.gaussian_filter(leaves(256), sigma)[16:-16, 16:-16])
    assert (found.family, found.confident) == ("Gaussian", True)
    assert all(low <= sigma <= high for low, high in found.interval)


@pytest.mark.parametrize("psf", [gaussian_psf(1.6), gaussian_psf((3, 1.2), angle=30)])
@pytest.mark.parametrize("lit", [False, True])
def test_gaussians_stay_gaussians(psf, lit):
    random = np.random.default_rng(3)
    threads = ndimage.gaussian_filter(1.0 * (np.abs(ndimage.sobel(leaves(seed=4))) > 0.3), 0.7)
    image = counts(fftconvolve(threads, psf, "same")) if lit else seen(psf)
    found = estimate_blur(image + random.normal(0, 1e-3, image.shape))
    assert found.family == "Gaussian"
    assert found.radius == found.length == 0


def test_pixels_that_are_not_square_and_volumes_have_gaussians_only():
    assert estimate_blur(seen(disc_psf(3)), spacing=(2, 1)).family in ("Gaussian", "none")
    volume = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(24, 48, 48)), 1)
    assert estimate_blur(volume, ndim=3).odds == np.inf


@pytest.mark.parametrize("part", [np.s_[200:456, 200:456], np.s_[300:556, 100:356]])
@pytest.mark.parametrize("sigma", [0.3, 2.0])
def test_softness_of_the_scene_is_not_taken_for_blur(part, sigma):
    found = estimate_blur(seen(gaussian_psf(sigma), 0.004, data.cell()[part] / 255.0))
    assert not found.confident
    assert max(found.narrow) <= sigma
    assert "guess" in str(found)


@pytest.mark.parametrize("sigma", [0.5, 1.2])
def test_beads_that_are_blurred_are_not_taken_for_discs(sigma):
    beads = convolve(points(), disc_psf(4.5))
    found = estimate_blur(counts(convolve(beads, gaussian_psf(sigma)), 1000))
    assert not found.confident
    assert found.psf().max() > 0.3


@pytest.mark.parametrize(("radius", "sigma"), [(1.2, 1.0), (1.6, 1.0), (2.0, 1.4)])
def test_the_interval_allows_for_small_objects_of_one_size(radius, sigma):
    """They look as points that are more blurred."""
    beads = fftconvolve(points(), disc_psf(radius), "same")
    found = estimate_blur(counts(ndimage.gaussian_filter(beads, sigma)))
    assert not found.confident
    assert all(low <= sigma <= high for low, high in found.interval)


def test_a_line_may_be_long_along_the_longer_side():
    image = seen(motion_psf(19, 25))[60:122]
    for turned, angle in ((image, 25), (image.T, 65)):
        found = estimate_blur(turned)
        assert found.family == "line"
        assert found.length == pytest.approx(19, rel=0.05)
        assert found.angle == pytest.approx(angle, abs=2)


@pytest.mark.parametrize(
    ("psf", "size"), [(disc_psf(3), 1.5), (motion_psf(9, 30), 9 / 12**0.5), (gaussian_psf(1), 1)]
)
def test_what_is_told_is_used_as_it_is(psf, size):
    found = estimate_blur(seen(psf, 0.003))
    assert found.confident
    assert max(found.narrow) == pytest.approx(size, rel=0.08)


def test_softly_compressed_images_are_told_by_what_is_missing():
    blurred = convolve(leaves(), gaussian_psf(4), boundary="reflect")
    blurred = 0.05 + 0.9 * blurred + np.random.default_rng(1).normal(0, 0.003, blurred.shape)
    for quality in (85, 95):
        values = jpeg(blurred, quality).astype(np.float32)
        assert estimate_jpeg_error(Pixels(values[None, None])) > 0
    assert estimate_jpeg_error(Pixels(np.rint(255 * blurred).astype(np.float32)[None, None])) == 0


def test_objects_of_one_size_are_not_taken_for_blur():
    found = estimate_blur(counts(convolve(points(), disc_psf(4))))
    assert found.family == "disc"
    assert not found.confident
    assert "one size" in str(found)
    assert found.psf().max() > 0.8  # hardly blurs


@pytest.mark.parametrize("quality", [80, 95])
@pytest.mark.parametrize("colours", [1, 3])
def test_jpeg(quality, colours):
    scene = leaves()
    if colours == 3:
        scene = np.stack([scene, 0.8 * leaves(seed=7), 0.5 + 0.3 * scene], axis=-1)
    psf, axis = gaussian_psf(2.2), -1 if colours == 3 else None
    blurred = convolve(scene, psf, boundary="reflect", channel_axis=axis)
    blurred = 0.05 + 0.9 * blurred + np.random.default_rng(1).normal(0, 0.003, scene.shape)
    found = estimate_blur(jpeg(blurred, quality), channel_axis=axis)
    assert found.sigma == pytest.approx(estimate_blur(blurred, channel_axis=axis).sigma, rel=0.15)
    assert found.confident or quality < 95


def test_jpeg_is_told_from_other_images():
    def error(image):
        return estimate_jpeg_error(
            Pixels(np.moveaxis(np.atleast_3d(image), -1, 0)[None].astype(np.float32))
        )

    picture = data.camera()[:256, :256]
    # Of scikit-image's pictures some went through JPEG before, such as coins.
    for other in (picture, data.gravel(), data.coffee(), data.moon(), picture.astype(float) / 255):
        assert error(other) == 0
    assert error(picture.astype(np.uint16) * 257) == 0
    assert error(np.random.default_rng(0).poisson(3, (256, 256))) == 0
    assert error(np.repeat(np.repeat(picture[:64, :64], 4, 0), 4, 1)) == 0
    spots = np.where(np.random.default_rng(1).uniform(size=(256, 256)) < 1e-3, 5.0, 0.1)
    assert error(spots) == error(convolve(spots, gaussian_psf(1))) == 0
    for quality, most in ((75, 5.0), (90, 2.0)):
        compressed = jpeg(picture / 255, quality)
        assert 0.3 < error(compressed) < most
        assert error(compressed[3:, 5:]) == pytest.approx(error(compressed), rel=0.5)
        assert error(compressed / 255.0) == pytest.approx(error(compressed) / 255, rel=1e-3)


@pytest.mark.finds_weight
def test_a_blurred_jpeg_gains_and_its_shared_noise_is_said():
    scene = leaves()
    image = jpeg(convolve(scene, gaussian_psf(2), boundary="reflect"), 75)
    result = deconvolve(image)
    assert SHARED_NOISE in result.warnings
    assert result.verdict.kind == "unknown"
    assert np.std(result.image - 255 * scene) < 0.9 * np.std(image - 255 * scene)


@pytest.mark.finds_weight
def test_blind_motion_gains():
    scene = leaves()
    psf = motion_psf(9, 30)
    image = seen(psf)
    result, known = deconvolve(image), deconvolve(image, psf)
    assert np.std(result.image - scene) < 1.06 * np.std(known.image - scene)


def test_a_calibration_keeps_the_blur():
    image = seen(disc_psf(3))
    found = calibrate(image)
    assert found.blur.family == "disc"
    assert calibrate(image) == found
    tile = image[:48, :48]  # too small to tell
    result = deconvolve(tile, None, found)
    assert result.blur == found.blur
    assert result.calibration == found
    assert deconvolve(tile, found.blur.psf(), found).blur is None
    whole = deconvolve(image, None, found).image[:24, :24]
    np.testing.assert_allclose(result.image[:24, :24], whole, atol=0.05)
    assert calibrate(image, disc_psf(3)).blur is None
    given = deconvolve(image, found.blur)
    assert given.blur == found.blur
    np.testing.assert_allclose(given.image, deconvolve(image, None, found).image, atol=0.01)
