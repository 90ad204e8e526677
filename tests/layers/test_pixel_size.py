"""A pixel size that the user gives replaces that of the layer."""

import numpy as np
import pytest
from napari.layers import Image

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._layers.masks import count_saturated, with_saturated
from napari_tf_deblur._layers.pixel_size import with_pixel_size
from napari_tf_deblur._layers.psf_display import make_thumbnail
from napari_tf_deblur._layers.psf_kinds import MicroscopePSF
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._optics.optics import Optics


def test_pixels_that_are_not_square_stay_so():
    layer = Image(np.zeros((3, 4, 5, 6)), scale=(1, 5, 2, 1), axis_labels=("t", "z", "y", "x"))
    source = with_pixel_size(read_source(layer), 3, 100, 400)
    assert [axis.spacing for axis in source.axes] == [1, 400, 200, 100]
    assert [axis.unit for axis in source.axes] == ["pixel", *["nanometer"] * 3]
    flat = with_pixel_size(read_source(layer), 2, 100, None)
    assert [axis.spacing for axis in flat.axes] == [1, 5, 200, 100]


def test_a_microscope_needs_the_size_of_a_pixel():
    psf = MicroscopePSF(Optics(1.4, 520), 2)
    with pytest.raises(
        InvalidValueError, match=r"The pixel size of 'cells' is not known: give it in nanometres"
    ):
        psf.check(read_source(Image(np.zeros((8, 9)), name="cells")))


@pytest.mark.parametrize("shape", [(1,), (9,), (1, 1), (5, 9), (9, 5), (3, 7, 7), (33, 1, 1)])
def test_a_thumbnail_is_a_square_grey_picture_with_the_peak_in_its_middle(shape):
    psf = np.zeros(shape, np.float32)
    psf[tuple(n // 2 for n in shape)] = 1
    picture = make_thumbnail(psf)
    assert picture.dtype == np.uint8
    assert picture.shape[0] == picture.shape[1]
    assert picture[picture.shape[0] // 2, picture.shape[1] // 2] == 255


def test_a_thumbnail_leaves_out_what_is_dark_and_keeps_directions():
    psf = np.zeros((41, 41), np.float32)
    psf[20, 15:26] = 1.0
    picture = make_thumbnail(psf)
    assert picture.shape == (11, 11)
    assert (picture[5] == 255).all()
    assert picture.sum() == 255 * 11


def saturated_picture(dtype=np.uint8):
    random = np.random.default_rng(0)
    picture = random.integers(20, 200, (60, 60)).astype(dtype)
    picture[10:14, 10:14] = 255
    return picture


def test_saturated_pixels_are_counted_in_any_colour_but_not_in_transparency():
    grey = saturated_picture()
    assert count_saturated(grey, rgb=False) == 16
    alpha = np.full_like(grey, 255)
    other = np.random.default_rng(1).integers(20, 200, grey.shape).astype(np.uint8)
    assert count_saturated(np.stack([other, grey, other, alpha], -1), rgb=True) == 16
    assert count_saturated(other, rgb=False) == 0
    assert count_saturated(np.full((8, 8), 7), rgb=False) == 0
    assert count_saturated(np.full((8, 8), np.nan), rgb=False) == 0


def test_saturated_pixels_are_added_to_a_mask():
    grey = saturated_picture()
    mask = np.zeros(grey.shape, bool)
    mask[0, 0] = True
    assert with_saturated(mask, grey, rgb=False).sum() == 17
    assert mask.sum() == 1
    assert with_saturated(None, grey, rgb=False).sum() == 16
    assert with_saturated(None, grey[30:], rgb=False) is None
