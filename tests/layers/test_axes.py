"""The right axes are deblurred, in any order."""

import numpy as np
import pytest
from napari.layers import Image

from napari_tf_deblur import RichardsonLucy, Wiener, deblur_layer, deconvolve, gaussian_psf
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._storage.axes import is_length, is_time, short_unit

KEY = "napari_tf_deblur"


@pytest.mark.parametrize(
    ("labels", "units", "volume"),
    [
        (("-3", "-2", "-1"), ("pixel",) * 3, False),
        (("-3", "-2", "-1"), ("um",) * 3, True),
        (("-3", "-2", "-1"), ("s", "um", "um"), False),
        (("z", "y", "x"), ("pixel",) * 3, True),
        (("x", "y", "z"), ("pixel",) * 3, True),
        (("t", "y", "x"), ("um",) * 3, False),
        (("Channel", "y", "x"), ("um",) * 3, False),
        (("depth", "row", "column"), ("pixel",) * 3, False),
        (("depth", "row", "column"), ("nm",) * 3, True),
        (("t", "z", "c", "y", "x"), ("pixel",) * 5, True),
        (("z", "t", "y", "x"), ("pixel",) * 4, True),
        (("y", "x", "c"), ("um",) * 3, False),
    ],
)
def test_a_stack_is_a_volume_only_where_the_layer_says_so(labels, units, volume):
    layer = Image(np.zeros((5,) * len(labels)), axis_labels=labels, units=units, rgb=False)
    assert read_source(layer).is_volume == volume


@pytest.mark.parametrize(
    ("labels", "psf_shape", "order"),
    [
        (("t", "y", "x"), (3, 3), (0, 1, 2)),
        (("y", "x", "c"), (3, 3), (2, 0, 1)),
        (("y", "t", "x"), (3, 3), (1, 0, 2)),
        (("z", "c", "y", "x"), (3, 3, 3), (1, 0, 2, 3)),
        (("z", "y", "x", "t"), (3, 3, 3), (3, 0, 1, 2)),
        (("t", "y", "x"), (3, 3, 3), (0, 1, 2)),  # as the user says
    ],
)
def test_the_axes_of_space_are_deblurred_wherever_they_are(labels, psf_shape, order):
    rng = np.random.default_rng(3)
    image = rng.uniform(1, 2, (7, 8, 9, 10)[: len(labels)])
    psf = gaussian_psf(0.7, psf_shape)
    spacing = tuple(0.5 + k for k in range(len(labels)))
    layer = Image(image, axis_labels=labels, scale=spacing, rgb=False)
    marked = rng.uniform(size=image.shape) < 0.02
    result = deblur_layer(layer, psf, RichardsonLucy(iterations=2), mask=marked)
    core = deconvolve(
        image.transpose(order),
        psf,
        RichardsonLucy(iterations=2),
        spacing=[spacing[k] for k in order[-psf.ndim :]],
        mask=marked.transpose(order),
    )
    np.testing.assert_array_equal(result.data.transpose(order), core.image)
    record = result.metadata[KEY]
    names = {"deconvolve": deconvolve, "RichardsonLucy": RichardsonLucy}
    local = {"image": image, "psf": record["psf"]["array"], "mask": record["mask"]}
    np.testing.assert_array_equal(eval(record["python"], names, local).image, core.image)
    assert " ".join(labels[k] for k in order[-psf.ndim :]) in record["axes"]


def test_four_channels_on_the_last_axis_are_not_transparency(blurred):
    channels = np.stack([blurred, 2 * blurred, 3 * blurred, 4 * blurred], -1)
    layer = Image(channels, axis_labels=("y", "x", "c"), rgb=False)
    result = deblur_layer(layer, gaussian_psf(1.5), Wiener(balance=0.1)).data
    for k in range(4):
        alone = deblur_layer(Image(channels[..., k]), gaussian_psf(1.5), Wiener(balance=0.1)).data
        np.testing.assert_allclose(result[..., k], alone, atol=1e-4)


def test_units():
    assert is_length("um")
    assert is_time("second")
    assert not is_length("pixel")
    assert not is_time("parsnip")
    assert short_unit("pixel") == "px"
