"""Results do not depend on direction, place, order of channels, units, offset or surroundings."""

from dataclasses import replace

import numpy as np
import pytest
from every_method import COUNTING, LOCAL, WITH_WEIGHT, examples, of_each
from scipy import ndimage

from napari_tf_deblur import (
    GradientDescent,
    Hessian,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    convolve,
    deconvolve,
    gaussian_psf,
)

PSF = gaussian_psf(1.5)

METHODS = examples(
    TotalVariation(weight=5e-4),
    Hessian(weight=3e-4),
    PoissonLikelihood(weight=1, background=0),
    RichardsonLucy(15, background=0),
    RichardsonLucy(15, background=0, tv_weight=0.002),
    of=LOCAL,
)
"""All methods except the recipe, which is tested for units only."""

every_method = pytest.mark.parametrize("method", METHODS, ids=repr)


def picture(*shape, noise=5.0):
    """Blobs, a box and a bead, 0 to about 1000, blurred, with noise."""
    random = np.random.default_rng(11)
    scene = ndimage.gaussian_filter(random.random(shape), 2)
    scene = 500 * (scene - scene.min()) / np.ptp(scene)
    scene[tuple(slice(n // 3, n // 2) for n in shape)] += 400
    scene[tuple(n * 3 // 4 for n in shape)] += 3000
    return convolve(scene, PSF, boundary="periodic") + random.normal(0, noise, shape) + 20


def apart(a, b):
    """Largest difference, as a part of the range."""
    return np.abs(a.astype(np.float64) - b).max() / np.ptp(b.astype(np.float64))


WAYS = {
    "flipped": (lambda x: x[::-1], lambda x: x[::-1]),
    "mirrored": (lambda x: x[:, ::-1], lambda x: x[:, ::-1]),
    "transposed": (np.transpose, np.transpose),
    "shifted": (lambda x: np.roll(x, (5, 11), (0, 1)), lambda x: np.roll(x, (-5, -11), (0, 1))),
}


def bead(*shape):
    """The photons of a point of light on a dim background."""
    scene = np.full(shape, 5.0)
    scene[13, 22] += 2000
    return np.random.default_rng(0).poisson(convolve(scene, PSF, boundary="reflect").clip(0))


UNFINISHED = PoissonLikelihood(weight=1, gain=1.0, background=0, iterations=15)


@pytest.mark.parametrize("method", [*METHODS, UNFINISHED], ids=repr)
@pytest.mark.parametrize("kind", [picture, bead])
def test_a_result_turns_and_moves_with_its_image(method, kind):
    image = kind(36, 36)
    straight = deconvolve(image, PSF, method, boundary="periodic").image
    assert apart(straight, image) > 0.1  # the method changed the image
    for there, back in WAYS.values():
        turned = deconvolve(there(image), PSF, method, boundary="periodic").image
        assert apart(back(turned), straight) < 0.02


def lopsided(axes):
    """A PSF of odd sizes whose light reaches farther on one side."""
    narrow = gaussian_psf((1.2,) * axes)
    psf = np.zeros([n + 4 for n in narrow.shape])
    psf[tuple(slice(0, n) for n in narrow.shape)] += narrow
    psf[tuple(slice(4, None) for n in narrow.shape)] += 0.3 * narrow
    return psf / psf.sum()


@of_each(
    TotalVariation(weight=5e-4, iterations=30, tolerance=0),
    Hessian(weight=3e-4, iterations=30, tolerance=0),
    PoissonLikelihood(weight=1, background=0, iterations=30, tolerance=0),
    RichardsonLucy(15, background=0),
    of=LOCAL,
)
@pytest.mark.parametrize("shaped", [lambda axes: gaussian_psf((1.2,) * axes), lopsided])
@pytest.mark.parametrize(
    ("shape", "boundary"),
    # With both PSFs, all pictures have scenes of 60 x 60 pixels, and all volumes have those of one
    # shape, so that they share compiled code.
    [((48, 48), "unknown"), ((47, 48), "unknown"), ((13, 25, 34), "unknown"), ((45, 46), "zero")],
)
def test_a_result_is_mirrored_with_its_image_up_to_the_frame(method, shape, boundary, shaped):
    """There is structure at the frame, and the scene beyond it is not known."""
    psf = shaped(len(shape))
    random = np.random.default_rng(5)
    scene = 500 * ndimage.gaussian_filter(random.random(shape), 2)
    scene[tuple(random.integers(0, n, 8) for n in shape)] += 3000
    image = convolve(scene, psf, boundary="reflect") + random.normal(0, 5, shape) + 20
    straight = deconvolve(image, psf, method, boundary=boundary).image
    assert apart(straight, image) > 0.1
    for axes in (-1, tuple(range(len(shape)))):
        turned = deconvolve(np.flip(image, axes), np.flip(psf, axes), method, boundary=boundary)
        assert apart(np.flip(turned.image, axes), straight) < 1e-3


@every_method
def test_the_order_of_channels_does_not_matter(method):
    image = np.stack([picture(36, 36), picture(36, 36)[::-1] / 2, picture(36, 36).T / 4])
    order = [2, 0, 1]
    straight = deconvolve(image, PSF, method, channel_axis=0).image
    turned = deconvolve(image[order], PSF, method, channel_axis=0).image
    assert apart(turned, straight[order]) < 0.02


@of_each(
    TotalVariation(weight=5e-4),
    Hessian(weight=3e-4),
    PoissonLikelihood(weight=1, gain=1.0, iterations=300, background=0),
    of=WITH_WEIGHT,
)
def test_lines_are_as_bright_wherever_they_lie(method):
    """Vertical and horizontal lines at neighbouring positions."""
    peaks = []
    noise = np.random.default_rng(0).normal(0, 1, (64, 64))
    for place in (28, 29, 30, 31):
        scene = np.zeros((64, 64), np.float32)
        scene[:, place : place + 2] = 1000
        blurred = convolve(scene, PSF, boundary="reflect")
        # The same noise relative to the line.
        image = blurred + np.roll(noise, place, axis=1)
        for turned in (image, image.T)[place % 2 :]:
            result = deconvolve(turned, PSF, method)
            assert result.converged
            peaks.append(result.image.max())
    assert np.ptp(peaks) < 0.02 * np.mean(peaks)
    assert np.mean(peaks) > 800


@pytest.mark.parametrize("method", [*METHODS, GradientDescent(iterations=60)], ids=repr)
@pytest.mark.parametrize("factor", [1e-26, 1e17])
def test_units_of_intensity_do_not_matter(method, factor):
    image = picture(36, 40)
    expected = deconvolve(image, PSF, method).image
    result = deconvolve(image * factor, PSF, method).image
    assert result.dtype == np.float32
    assert apart(result.astype(np.float64) / factor, expected) < 0.02


@of_each(PoissonLikelihood(), PoissonLikelihood(weight=1, gain=1.0), of=COUNTING)
@pytest.mark.parametrize(
    ("background", "dtype"),
    [(-1000, "f4"), (100, "f4"), (10_000, "f4"), (100, "u2"), (10_000, "u2"), (10_000, "f8")],
)
def test_a_declared_background_changes_nothing(method, background, dtype):
    image = np.round(np.maximum(picture(36, 40), 0))
    expected = deconvolve(image, PSF, replace(method, background=0)).image
    told = replace(method, background=background)
    result = deconvolve((image + background).astype(dtype), PSF, told)
    assert apart(result.image, expected) < 0.01


@every_method
def test_dark_surroundings_change_neither_flux_nor_background(method):
    """A bead of noise-free light in read noise, fields of 64 and 192 pixels."""
    noises = [np.random.default_rng(seed).normal(0, 2, (192, 192)) for seed in (1, 2, 3)]
    fluxes, dark = [], []
    for size in (64, 192):
        scene = np.zeros((size, size))
        middle = slice(size // 2 - 2, size // 2 + 3)
        scene[middle, middle] = 800
        around = slice(96 - size // 2, 96 + size // 2)
        light = convolve(scene, PSF)
        far = np.ones((48, 48), bool)
        far[12:-12, 12:-12] = False
        middle = slice(size // 2 - 24, size // 2 + 24)
        cuts = [
            deconvolve(light + noise[around, around], PSF, method).image[middle, middle]
            for noise in noises
        ]
        fluxes.append([cut[~far].sum() for cut in cuts])
        dark.append(np.mean([cut[far].std() for cut in cuts]))
    assert np.allclose(fluxes, 25 * 800, rtol=0.05)
    assert np.all(np.ptp(fluxes, axis=0) < 0.02 * np.mean(fluxes))
    assert np.ptp(dark) < max(0.2 * np.mean(dark), 0.2)


@every_method
def test_the_dtype_does_not_matter(method):
    image = np.round(np.maximum(picture(36, 36) / 2.6, 0))  # whole numbers: exact in all
    assert 200 < image.max() < 256
    expected = deconvolve(image.astype(np.float32), PSF, method)
    for dtype in ("u1", "u2", ">u2", "i4", ">i4", "f2", "f8", ">f8"):
        given = image.astype(dtype)
        result = deconvolve(given, PSF, method)
        np.testing.assert_array_equal(given, image)
        assert result.image.dtype == np.float32
        assert result.iterations == pytest.approx(expected.iterations, rel=0.2)
        assert apart(result.image, expected.image) < 0.005, dtype
