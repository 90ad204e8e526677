"""Hot and dead pixels are found; light through a PSF is not mistaken for them."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_tf_deblur import TotalVariation, convolve, deconvolve, gaussian_psf
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._noise import bad_pixels
from napari_tf_deblur._noise.bad_pixels import find_bad_pixels


def observed(shape=(60, 70), sigma=1.0, seed=0, photons=None):
    """Points on a mottled background, from 0.1 to about 1."""
    random = np.random.default_rng(seed)
    scene = ndimage.gaussian_filter(random.normal(size=shape), 1.0)
    scene = 0.3 + 0.1 * scene / scene.std()
    for _ in range(12):
        scene[tuple(random.integers(0, n) for n in shape)] += random.uniform(2, 8)
    psf = gaussian_psf((sigma,) * len(shape))
    light = convolve(np.maximum(scene, 0.02), psf, boundary="reflect")
    if photons:
        return (random.poisson(photons * light) / photons).astype(np.float32)
    return (light + random.normal(0, 0.01, shape)).astype(np.float32)


def found(image, psf):
    broken = find_bad_pixels(Pixels(image[None, None]), [0], psf)
    return set() if broken is None else set(zip(*(map(int, p) for p in np.nonzero(broken[0, 0]))))


@given(
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 34)), max_size=6, unique=True),
    st.sampled_from(["hot", "dead"]),
    st.sampled_from([1e-20, 1.0, 1e15]),
    st.sampled_from([0.0, 3.0]),
)
@example([(20, 20), (20, 21)], "hot", 1e-20, 0.0)
@example([(20, 20), (20, 21), (21, 20), (21, 21)], "hot", 1.0, 0.0)
@settings(max_examples=40, deadline=None)
def test_all_are_found_and_nothing_else(halves, kind, scale, offset):
    image = observed()
    places = {(2 * row, 2 * column) for row, column in halves}
    around = ndimage.maximum_filter(image, 3)  # the dark beside a point may be dark
    bright = {p for p in places if kind == "hot" or 0.25 < around[p] < 1.25 * image[p]}
    for place in bright:
        image[place] = 5.0 if kind == "hot" else 0.0
    image = (np.float64(scale) * (image + offset)).astype(np.float32)
    assert found(image, gaussian_psf(1)) == bright


@pytest.mark.parametrize("place", [(0, 0), (0, 31), (1, 1), (59, 69), (30, 0), (1, 30)])
def test_at_the_edge_too(place):
    image = observed()
    image[place] = 6.0
    assert found(image, gaussian_psf(1)) == {place}


@pytest.mark.parametrize("sigma", [0.55, 0.8, 1.5])
@pytest.mark.parametrize("photons", [None, 3, 30, 1000])
def test_points_and_photons_are_not_bad_pixels(sigma, photons):
    for seed in range(5):
        image = observed(sigma=sigma, seed=seed, photons=photons)
        assert found(image, gaussian_psf(sigma)) == set()


def test_in_volumes_stacks_and_colours():
    volume = observed((14, 30, 32))
    volume[5, 10, 11] = 6.0
    assert found(volume, gaussian_psf((1, 1, 1))) == {(5, 10, 11)}
    volume[7, 10, 11] = 6.0  # and a usual one between them
    assert found(volume, gaussian_psf((1, 1, 1))) == {(5, 10, 11), (7, 10, 11)}
    stack = np.stack([observed(seed=k) for k in range(3)])[:, None]
    stack[1, 0, 20, 22] = 6.0
    places = np.nonzero(find_bad_pixels(Pixels(stack), [0, 1, 2], gaussian_psf(1)))
    assert [tuple(map(int, p)) for p in zip(*places)] == [(1, 0, 20, 22)]
    assert find_bad_pixels(Pixels(stack), [0, 2], gaussian_psf(1)) is None
    colour = np.moveaxis(stack, 0, 1)
    places = np.nonzero(find_bad_pixels(Pixels(colour), [0], gaussian_psf(1)))
    assert [tuple(map(int, p)) for p in zip(*places)] == [(0, 0, 20, 22)]


def test_a_psf_that_hardly_blurs_makes_single_pixels_itself():
    image = observed()
    image[20, 22] = 6.0
    assert found(image, gaussian_psf(0.3)) == set()


def test_a_run_ignores_them_and_warns():
    image = observed()
    spoilt = image.copy()
    mask = np.zeros(image.shape, bool)
    mask[10, 12] = mask[40, 0] = True
    spoilt[mask] = 9.0
    method = TotalVariation(weight=1e-3)
    result = deconvolve(spoilt, gaussian_psf(1), method)
    assert any(said.startswith("2 single pixel(s)") for said in result.warnings)
    masked = deconvolve(spoilt, gaussian_psf(1), method, mask=mask)
    np.testing.assert_array_equal(result.image, masked.image)
    assert not masked.warnings
    assert not result.residual[mask].any()
    assert np.std(result.image - deconvolve(image, gaussian_psf(1), method).image) < 0.05


@pytest.mark.parametrize("shape", [(400,), (60, 70), (7, 30, 40), (1, 50, 9)])
def test_the_prediction_does_not_depend_on_slabs(shape, monkeypatch):
    image = np.random.default_rng(0).random(shape, np.float32)
    whole = bad_pixels._prediction_error(image)
    monkeypatch.setattr(bad_pixels, "CACHED_PIXELS", 3 * image[0].size)
    assert np.array_equal(bad_pixels._prediction_error(image), whole)
