"""Layers that are deblurred with a PSF that varies, and their records."""

import numpy as np
import pytest
from napari.layers import Image

from napari_tf_deblur import VaryingPSF, Wiener, convolve, deblur_layer, deconvolve, gaussian_psf
from napari_tf_deblur._layers.record import describe_outcome, describe_settings
from napari_tf_deblur._layers.script import write_script
from napari_tf_deblur._storage.record_file import METADATA_KEY, record_from_json, record_to_json
from napari_tf_deblur.errors import InvalidTypeError, InvalidValueError

METHOD = Wiener(balance=0.01)
PSF = VaryingPSF([gaussian_psf(1), gaussian_psf(2.5)], [(0, 0), (39, 0)])


@pytest.fixture
def image():
    scene = np.zeros((40, 36))
    scene[8::12, 6::12] = 1000
    return np.random.default_rng(0).poisson(convolve(scene, gaussian_psf(1.6)) + 5)


def test_a_layer_comes_out_as_the_array_does(image):
    layer = Image(image, scale=(2, 2), translate=(5, 7), name="beads")
    result = deblur_layer(layer, PSF, METHOD)
    np.testing.assert_array_equal(result.data, deconvolve(image, PSF, METHOD).image)
    np.testing.assert_array_equal(result.scale, layer.scale)
    np.testing.assert_array_equal(result.translate, layer.translate)


def test_the_last_axes_of_a_stack_are_deblurred_plane_by_plane(image):
    layer = Image(np.stack([image, image]), axis_labels=("t", "y", "x"))
    result = deblur_layer(layer, PSF, METHOD)
    np.testing.assert_allclose(result.data[0], result.data[1])


def test_the_record_says_what_it_lacks_and_makes_no_script(image):
    result = deblur_layer(Image(image, name="beads"), PSF, METHOD)
    record = result.metadata[METADATA_KEY]
    assert "array" not in record["psf"]
    assert record["psf"]["places"] == ((0.0, 0.0), (39.0, 0.0))
    for one in (record, record_from_json(record_to_json(record))):
        assert "2 PSFs at different places" in describe_settings(one)
        assert "overlapping tiles" in describe_outcome(one)
        with pytest.raises(InvalidValueError, match="does not contain its PSF"):
            write_script(one)


def test_a_result_in_a_file_is_refused_and_nothing_is_written(image, tmp_path):
    with pytest.raises(InvalidTypeError, match="image in memory"):
        deblur_layer(Image(image), PSF, METHOD, output=tmp_path / "deblurred.ome.zarr")
    assert not list(tmp_path.iterdir())


def test_a_psf_of_too_many_axes_is_refused(image):
    psf = VaryingPSF.along_z([gaussian_psf((1, 1, 1)), gaussian_psf((2, 1, 1))], [0, 9])
    with pytest.raises(InvalidValueError):
        deblur_layer(Image(image), psf, METHOD)
