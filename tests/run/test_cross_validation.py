from dataclasses import replace

import numpy as np
import pytest
from skimage import data

from napari_tf_deblur import (
    Hessian,
    PoissonLikelihood,
    TotalVariation,
    calibrate,
    convolve,
    deconvolve,
    gaussian_psf,
)

pytestmark = pytest.mark.finds_weight
PSF = gaussian_psf(1.6)


def observed(noise, channels=False, psf=PSF):
    """Return a part of a photograph, sharp, and as a camera records it; intensities 0 to 255."""
    scene = data.astronaut()[40:200, 140:300].astype(np.float32)
    scene = scene if channels else scene.mean(axis=-1)
    axis = -1 if channels else None
    random = np.random.default_rng(0)
    blurred = convolve(scene, psf, boundary="reflect", channel_axis=axis)
    frame = (slice(16, -16), slice(16, -16))
    return scene[frame], (blurred + random.normal(0, noise, scene.shape))[frame]


def cross_validated(image, psf, method=None, **settings):
    method = method or TotalVariation()
    return calibrate(image, psf, replace(method, weight="cross-validated"), **settings).method


def error(image, truth):
    return float(np.sqrt(np.mean((image - truth) ** 2)))


@pytest.mark.parametrize("method", [TotalVariation(), Hessian()])
@pytest.mark.parametrize("noise", [2, 20])
def test_weight_is_nearly_the_best(method, noise):
    truth, blurred = observed(noise)
    found = cross_validated(blurred, PSF, method)
    errors = [
        error(deconvolve(blurred, PSF, type(method)(weight=weight)).image, truth)
        for weight in found.weight * 4.0 ** np.arange(-2, 3)
    ]
    assert errors[2] < 1.03 * min(errors)
    assert errors[2] < 0.95 * max(errors)


def test_more_noise_means_more_weight():
    weights = [cross_validated(observed(noise)[1], PSF).weight for noise in (1, 5, 25)]
    assert weights[0] < weights[1] / 3 < weights[2] / 9


def test_other_values_and_the_image_are_kept():
    _, blurred = observed(5)
    before = blurred.copy()
    found = cross_validated(blurred, PSF, TotalVariation(nonnegative=True, iterations=30))
    assert found.nonnegative
    assert found.iterations == 30
    np.testing.assert_array_equal(blurred, before)


def test_units_of_intensity_do_not_matter():
    blurred = np.clip(observed(5)[1], 0, 255).astype(np.uint8)
    weight = cross_validated(blurred, PSF).weight
    assert cross_validated(257 * blurred.astype(np.uint16), PSF).weight == pytest.approx(
        weight, rel=1e-3
    )


def test_the_narrowest_psf_loses_little_by_the_weight():
    """With sigma 0.4: compared with the best of other weights, and better than the image."""
    narrow = gaussian_psf(0.4)
    truth, image = observed(8, psf=narrow)
    weight = cross_validated(image, narrow).weight
    errors = [
        error(deconvolve(image, narrow, TotalVariation(weight=weight * 4.0**k)).image, truth)
        for k in (0, -2, -1, 1, 2)
    ]
    assert errors[0] < 1.2 * min(errors)
    assert errors[0] < error(image, truth)


def test_narrow_psf_gets_a_weight_that_suits_the_noise():
    narrow = gaussian_psf(0.7)
    truth, image = observed(0.5, psf=narrow)
    found = cross_validated(image, narrow)
    assert error(deconvolve(image, narrow, found).image, truth) < error(image, truth) / 2
    photons = PoissonLikelihood(weight=1.5)
    results = [
        deconvolve(image, narrow, method).image
        for method in (cross_validated(image, narrow, photons), photons)
    ]
    assert error(results[0], truth) < 1.03 * error(results[1], truth)


def test_colour_mask_and_stack():
    truth, colour = observed(10, channels=True)
    apart = cross_validated(colour, PSF, channel_axis=-1)
    assert error(deconvolve(colour, PSF, apart, channel_axis=-1).image, truth) < error(
        colour, truth
    )
    spoilt = colour.copy()
    mask = np.random.default_rng(2).random(colour.shape[:2]) < 0.03
    spoilt[mask] = np.nan
    masked = cross_validated(spoilt, PSF, channel_axis=-1, mask=mask)
    assert masked.weight == pytest.approx(apart.weight, rel=0.5)
    stack = np.moveaxis(colour, -1, 0)
    assert 1e-4 < cross_validated(stack, PSF).weight < 0.1


def test_a_mask_of_any_kind_is_as_one_of_true_and_false():
    spoilt = observed(10)[1]
    mask = np.random.default_rng(2).random(spoilt.shape) < 0.03
    spoilt[mask] = 1e4
    expected = cross_validated(spoilt, PSF, mask=mask).weight
    for found in (
        cross_validated(np.ma.array(spoilt, mask=mask), PSF),
        cross_validated(spoilt, PSF, mask=2 * mask),  # labels
        cross_validated(spoilt, PSF, mask=0.5 * mask),
    ):
        assert found.weight == pytest.approx(expected)


def test_a_psf_that_is_too_wide_is_not_paid_for_with_noise():
    """The PSF is made narrower. If the image does not tell, the verdict says so."""
    wide, method = gaussian_psf(1.25 * 1.6), TotalVariation(weight="cross-validated")
    truth, blurred = observed(1)
    found = calibrate(blurred, wide, method)
    assert found.psf_width < 1
    assert found.method.weight > 0.3 * cross_validated(blurred, PSF).weight
    assert error(deconvolve(blurred, wide, found).image, truth) < 0.9 * error(blurred, truth)
    assert deconvolve(observed(5)[1], wide, method).verdict.psf == "untested"


def test_image_smaller_than_the_psf_reaches():
    image = np.random.default_rng(0).random((15, 15))
    assert 0 < cross_validated(image, gaussian_psf(1.6)).weight <= 1
