"""The balance of the Wiener filter, for images of all kinds, sizes and units."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_tf_deblur import Wiener, convolve, deconvolve, gaussian_psf
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._preparation import wiener_balance
from napari_tf_deblur._preparation.wiener_balance import estimate_wiener_balance


def scene(shape=(96, 90), noise=0.02, seed=0):
    random = np.random.default_rng(seed)
    image = ndimage.gaussian_filter(random.random(shape), 2)
    image = (image - image.min()) / np.ptp(image) + random.normal(0, noise, shape)
    return image.astype(np.float32)[None, None]


@given(shape=st.lists(st.integers(1, 12), min_size=1, max_size=3), seed=st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_images_of_any_size_have_a_balance(shape, seed):
    random = np.random.default_rng(seed)
    planes = random.normal(0, 1, (2, 1, *shape)).astype(np.float32)
    valid = random.random(planes.shape) > 0.3
    psf = gaussian_psf((0.4,) * len(shape))
    for mask in (None, valid, np.zeros_like(valid)):
        assert 0 < estimate_wiener_balance(Pixels(planes, mask), psf) <= 100


@pytest.mark.parametrize("periodic", [False, True])
@given(factor=st.sampled_from([1e-30, 1e-26, 1e10, 1e17, 1e30]))
@settings(max_examples=5, deadline=None)
def test_the_balance_does_not_depend_on_units(periodic, factor):
    image, psf = scene(noise=0.05), gaussian_psf(1.5)
    found = estimate_wiener_balance(Pixels(image), psf, periodic)
    assert estimate_wiener_balance(Pixels(image * np.float32(factor)), psf, periodic) == found
    assert estimate_wiener_balance(Pixels(image + np.float32(10)), psf, periodic) == found


@pytest.mark.parametrize("periodic", [False, True])
def test_blank_planes_do_not_change_the_balance(periodic):
    image, psf = scene(noise=0.1), gaussian_psf(1.5)
    found = estimate_wiener_balance(Pixels(image), psf, periodic)
    assert found > 0.005
    for blank in (0.0, 7.0):
        planes = np.full((9, *image.shape[1:]), blank, np.float32)
        planes[1] = image[0]
        assert estimate_wiener_balance(Pixels(planes), psf, periodic) == found
    planes[4] = np.nan
    assert estimate_wiener_balance(Pixels(planes, np.isfinite(planes)), psf, periodic) == found
    blank = np.zeros_like(image)
    assert estimate_wiener_balance(Pixels(blank), psf, periodic) == wiener_balance.MIN_BALANCE


def test_the_balance_comes_from_where_there_is_something_to_see(monkeypatch):
    monkeypatch.setitem(wiener_balance.LARGEST_LOOK, 2, 96)
    psf = gaussian_psf(1.5)
    image = 20 * scene((96, 90), 0.02)
    found = estimate_wiener_balance(Pixels(image), psf)
    assert found < 0.1
    planes = np.random.default_rng(5).normal(0, 0.4, (12, 1, 300, 310)).astype(np.float32)
    assert estimate_wiener_balance(Pixels(planes), psf) > 1
    for plane, y, x in [(6, 110, 120), (3, 0, 0), (9, 200, 210)]:
        sparse = planes.copy()
        sparse[plane, :, y : y + 96, x : x + 90] += image[0] - image.mean()
        assert estimate_wiener_balance(Pixels(sparse), psf) < 8 * found


def test_masked_pixels_hardly_change_the_balance():
    image, psf = scene((150, 140), noise=0.05), gaussian_psf(1.5)
    valid = np.random.default_rng(3).random(image.shape) > 0.05
    broken = np.where(valid, image, np.nan)
    ratio = estimate_wiener_balance(Pixels(broken, valid), psf) / estimate_wiener_balance(
        Pixels(image), psf
    )
    assert 0.4 < ratio < 2.5


@pytest.mark.parametrize("noise", [0.01, 0.1])
@pytest.mark.parametrize("boundary", ["periodic", "unknown"])
def test_the_balance_is_nearly_the_best_there_is(noise, boundary):
    random = np.random.default_rng(3)
    truth = ndimage.gaussian_filter(random.random((150, 140)), 1.5, mode="wrap")
    truth = (truth - truth.mean()) / truth.std()
    psf = gaussian_psf((2, 1))
    blurred = convolve(truth, psf, boundary="periodic") + random.normal(0, noise, truth.shape)
    if boundary == "unknown":
        truth, blurred = truth[20:-20, 20:-20], blurred[20:-20, 20:-20]

    def error(balance):
        result = deconvolve(blurred, psf, Wiener(balance=balance), boundary=boundary)
        return np.sqrt(np.mean((result.image - truth) ** 2))

    found = deconvolve(blurred, psf, Wiener(), boundary=boundary).method.balance
    assert found == estimate_wiener_balance(
        Pixels(blurred.astype(np.float32)[None, None]), psf, boundary == "periodic"
    )
    best = min(error(balance) for balance in np.logspace(-5, 1, 13))
    assert error(found) < 1.1 * best
