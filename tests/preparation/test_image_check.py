"""Warnings about an image: saturation, a blank image, a high background; no false alarms."""

import numpy as np
import pytest
from scipy import ndimage

from napari_tf_deblur._preparation.image_check import image_warnings


@pytest.fixture(scope="module")
def photo():
    """Smooth bright blobs on a dark ground, with noise, 100 to 1500."""
    rng = np.random.default_rng(11)
    blobs = ndimage.gaussian_filter(rng.uniform(size=(3, 96, 120)) ** 8, (0, 4, 4))
    blobs = (blobs - blobs.min()) / np.ptp(blobs)
    return 100 + 1400 * blobs + rng.normal(0, 10, blobs.shape)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.float64, ">u2"])
@pytest.mark.parametrize("part", [0.5, 0.8])
def test_a_plateau_at_the_maximum_is_saturation(photo, dtype, part):
    cut = np.minimum(photo, photo.min() + part * np.ptp(photo)).astype(dtype)
    (warning,) = image_warnings(cut)
    assert f"{cut.max():g}" in warning
    assert "saturated" in warning
    assert image_warnings(cut, valid=cut < cut.max()) == ()


def margin(photo):
    return np.pad(photo, [(0, 0), (9, 5), (3, 20)], constant_values=photo.max())


@pytest.mark.parametrize(
    "make",
    [
        lambda photo: photo,
        lambda photo: photo.astype(np.uint16),
        lambda photo: (photo / 6).astype(np.uint8),
        lambda photo: np.maximum(photo - 900, 0),  # mostly zeros
        lambda photo: photo > 800,
        lambda photo: 255.0 * (photo > 800),
        lambda photo: (photo // 500).astype(int),
        margin,
        lambda photo: np.where(photo > 0, photo, np.nan),
        lambda photo: np.random.default_rng(0).poisson(photo / 1000),
        lambda photo: np.zeros((0, 4)),
        lambda photo: np.where(
            np.random.default_rng(0).uniform(size=photo.shape) < 1e-3, 65535, photo
        ),
    ],
)
def test_no_false_alarm(photo, make):
    assert image_warnings(make(photo)) == ()


@pytest.mark.parametrize("value", [0, 7, -3.5])
def test_a_blank_image_is_said_to_be_blank(value):
    (warning,) = image_warnings(np.full((5, 8), value))
    assert f"every pixel is {value:g}" in warning


def test_a_background_above_the_image_is_warned_of(photo):
    assert image_warnings(photo, background=float(np.median(photo))) == ()
    (warning,) = image_warnings(photo, background=2e4)
    assert "background of 20000 is above 100 % of the pixels" in warning
