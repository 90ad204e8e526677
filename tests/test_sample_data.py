import socket

import numpy as np
import pytest
from napari.layers import Image
from scipy import ndimage

from napari_tf_deblur import _sample_data, estimate_blur, gaussian_psf


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    def refuse(*_):
        raise AssertionError("a sample used the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def layer(sample):
    ((data, options, kind),) = sample()
    assert kind == "image"
    return Image(data, **options)


def test_astronaut_is_the_reference_recipe():
    astronaut = layer(_sample_data.blurred_astronaut)
    assert astronaut.data.shape == (171, 171)
    assert not astronaut.rgb
    assert 0 <= astronaut.data.min() < astronaut.data.max() <= 1
    from skimage import color, data, transform

    sharp = transform.rescale(
        color.rgb2gray(data.astronaut()), 1 / 3, mode="constant", anti_aliasing=False
    )
    noise = np.mean((astronaut.data - sharp) ** 2)
    assert 10 * np.log10(1 / noise) == pytest.approx(18.96, abs=0.05)  # methods.md, section 1


def test_the_blur_of_the_astronaut_is_not_taken_for_motion():
    """Its Gaussian is cut off at two sigmas, so that its spectrum has zeros."""
    blurred = layer(_sample_data.blurred_astronaut).data
    for noise in (0, 1 / 255):
        found = estimate_blur(blurred + np.random.default_rng(0).normal(0, noise, blurred.shape))
        assert (found.family, found.confident) == ("Gaussian", False)
        assert found.sigma == pytest.approx((1, 2.8), rel=0.15)


def test_coffee_is_in_colour_and_repeatable():
    coffee = layer(_sample_data.blurred_coffee)
    assert coffee.rgb
    assert coffee.data.dtype == np.uint8
    np.testing.assert_array_equal(coffee.data, layer(_sample_data.blurred_coffee).data)
    flat = coffee.data[..., 0].astype(float)
    rest = flat - ndimage.gaussian_filter(flat, 2)
    assert 1.0 < 1.4826 * np.median(np.abs(rest)) < 4.0  # the noise


def test_cells_have_anisotropic_voxels_and_bright_beads():
    cells = layer(_sample_data.blurred_cells)
    assert cells.ndim == 3
    np.testing.assert_allclose(cells.scale, (0.4, 0.2, 0.2))
    assert [str(unit) for unit in cells.units] == ["micrometer"] * 3
    assert cells.axis_labels == ("z", "y", "x")
    assert cells.data.dtype == np.uint16
    assert cells.data.max() > 1.8 * np.percentile(cells.data, 99)


@pytest.mark.parametrize("name", ["blurred_astronaut", "blurred_coffee", "blurred_cells"])
def test_each_says_how_it_was_blurred(name):
    sample = layer(getattr(_sample_data, name))
    blur = sample.metadata["blur"]
    assert len(blur["sigma in pixels"]) == sample.ndim
    assert gaussian_psf(blur["sigma in pixels"], blur["size"]).ndim == sample.ndim
