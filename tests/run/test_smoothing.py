"""The option `smoothing`: the ratio of the weight to the one that suits the image."""

import numpy as np
import pytest

from napari_tf_deblur import (
    METHODS,
    GradientDescent,
    RichardsonLucy,
    Wiener,
    convolve,
    deconvolve,
    gaussian_psf,
)
from napari_tf_deblur._core.errors import UserError

PSF = gaussian_psf(1.5)
NAMES = {Wiener: "balance", RichardsonLucy: "iterations", GradientDescent: "mu"}


@pytest.fixture(scope="module")
def blurred():
    random = np.random.default_rng(5)
    scene = np.zeros((48, 48))
    scene[10:30, 12:20], scene[25:40, 25:42] = 400.0, 150.0
    return random.poisson(convolve(scene, PSF) + 20).astype(np.float32)


def method_of(method):
    return GradientDescent(iterations=30) if method is GradientDescent else method()


def roughness(image):
    return float(np.abs(np.diff(image)).sum())


@pytest.mark.parametrize("method", METHODS)
def test_more_smoothing_is_smoother_and_as_much_more_as_it_says(blurred, method):
    plain, smooth = (deconvolve(blurred, PSF, method_of(method), smoothing=s) for s in (1.0, 3.0))
    assert roughness(smooth.image) < roughness(plain.image)
    name = NAMES.get(method, "weight")
    ratio = getattr(smooth.method, name) / getattr(plain.method, name)
    if name == "iterations":
        assert smooth.method.iterations == max(1, round(plain.method.iterations / 3))
    else:
        assert ratio == pytest.approx(3.0, rel=1e-6)


def test_a_result_is_repeated_by_its_calibration_which_holds_the_smoothing(blurred):
    result = deconvolve(blurred, PSF, smoothing=0.5)
    again = deconvolve(blurred, PSF, result.calibration)
    assert np.array_equal(again.image, result.image)


def test_a_calibration_can_be_smoothed_without_another_search(blurred):
    found = deconvolve(blurred, PSF).calibration
    quick = deconvolve(blurred, PSF, found, smoothing=4.0)
    assert np.array_equal(quick.image, deconvolve(blurred, PSF, smoothing=4.0).image)


@pytest.mark.parametrize("wrong", [0, -1, np.nan, np.inf, "more", None])
def test_what_is_no_ratio_is_refused_in_words(blurred, wrong):
    with pytest.raises(UserError, match=r"'smoothing' is .*2 is twice as much"):
        deconvolve(blurred, PSF, smoothing=wrong)
