"""Layers of standard deviations: where they lie, and which result they belong to."""

import numpy as np
import pytest
from napari.layers import Image

from napari_tf_deblur import Wiener, deblur_layer, gaussian_psf
from napari_tf_deblur._layers.uncertainty_layer import find_uncertainty_layer

KEY = "napari_tf_deblur"


def noisy(*shape):
    random = np.random.default_rng(0)
    return random.poisson(200 + 150 * np.sin(np.indices(shape)[-1] / 4))


@pytest.mark.parametrize("multiscale", [False, True])
def test_it_lies_on_its_source(multiscale):
    image = noisy(3, 40, 40)
    layer = Image(
        [image, image[:, ::2, ::2]] if multiscale else image,
        name="cells",
        multiscale=multiscale,
        scale=(2, 0.5, 0.5),
        translate=(1, 2, 3),
        units=("um",) * 3,
        axis_labels=("t", "y", "x"),
    )
    result, deviation = deblur_layer(layer, gaussian_psf(1), Wiener(), uncertainty=True)
    assert deviation.data.shape == image.shape
    assert deviation.data.dtype == np.float32
    assert (deviation.data > 0).all()
    np.testing.assert_allclose(deviation.scale, layer.scale)
    np.testing.assert_allclose(deviation.translate, layer.translate)
    assert deviation.units == layer.units
    assert deviation.name == f"{result.name} standard deviation"
    record = deviation.metadata[KEY]
    assert record["kind"] == "uncertainty"
    assert record["source"] == "cells"
    assert all(word in record["meaning"] for word in ("noise only", "bias", "wrong PSF"))


def test_colours_are_one_grey_image():
    rgb = np.stack([noisy(40, 40)] * 3, axis=-1).clip(0, 255).astype(np.uint8)
    layers = deblur_layer(
        Image(rgb, rgb=True), gaussian_psf(1), Wiener(), residual=True, uncertainty=True
    )
    assert [layer.metadata[KEY]["kind"] for layer in layers] == [
        "result",
        "residual",
        "uncertainty",
    ]
    assert layers[2].data.shape == (40, 40)
    assert not layers[2].rgb


def test_it_belongs_to_its_result_until_that_is_replaced():
    layer = Image(noisy(40, 40))
    result, deviation = deblur_layer(layer, gaussian_psf(1), Wiener(), uncertainty=True)
    assert find_uncertainty_layer(result) is deviation
    result.name = "renamed"
    assert find_uncertainty_layer(result) is deviation
    result.metadata = {KEY: dict(result.metadata[KEY])}  # as another run does
    assert find_uncertainty_layer(result) is None
    assert find_uncertainty_layer(layer) is None
    assert find_uncertainty_layer(None) is None


def test_without_it_the_result_is_alone():
    assert isinstance(deblur_layer(Image(noisy(40, 40)), gaussian_psf(1), Wiener()), Image)


def test_it_is_refused_for_a_result_in_a_file(tmp_path):
    with pytest.raises(ValueError, match="pieces"):
        deblur_layer(
            Image(noisy(40, 40)),
            gaussian_psf(1),
            Wiener(),
            uncertainty=True,
            output=tmp_path / "a.ome.zarr",
        )
    assert not any(tmp_path.iterdir())
