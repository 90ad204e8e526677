"""Richardson-Lucy: values below zero are noise; a few far below it are dead pixels."""

import numpy as np
import pytest

from napari_tf_deblur import RichardsonLucy, convolve, deconvolve, gaussian_psf

PSF = gaussian_psf(1.5)


def bar(shape=(96, 96)):
    truth = np.zeros(shape, np.float32)
    truth[30:66, 40:45] = 100
    return truth


@pytest.mark.parametrize("background", [0.0, 1000.0])
@pytest.mark.parametrize("depth", [50.0, 30000.0])
def test_a_dead_pixel_costs_the_image_no_contrast(background, depth):
    image = np.maximum(convolve(bar(), PSF), 0) + background
    method = RichardsonLucy(15, background=background)
    expected = deconvolve(image, PSF, method).image
    image[8, 80] -= depth
    result = deconvolve(image, PSF, method).image
    np.testing.assert_allclose(result[25:], expected[25:], atol=0.01 * expected.max())


def test_read_noise_about_zero_is_not_taken_for_light():
    noise = np.random.default_rng(5).normal(0, 3, (96, 96))
    image = convolve(bar(), PSF) + noise
    result = deconvolve(image, PSF, RichardsonLucy(15, background=0)).image
    cut = deconvolve(np.maximum(image, 0), PSF, RichardsonLucy(15, background=0)).image
    dark = np.s_[:, 60:]
    assert result[dark].mean() < 0.15 * 3 < 0.5 * cut[dark].mean()
