"""Smoothing in float32 agrees with SciPy."""

import numpy as np
import pytest
from scipy import ndimage

from napari_tf_deblur._core.smoothing import gaussian_kernel, mean_kernel, smooth


@pytest.mark.parametrize("shape", [(50,), (1, 30), (40, 33), (5, 20, 21)])
def test_it_agrees_with_scipy(shape):
    image = np.random.default_rng(0).random(shape, np.float32)
    mean = ndimage.uniform_filter(image, 3, mode="nearest")
    assert smooth(image, mean_kernel(3)) == pytest.approx(mean, abs=1e-6)
    for sigma in (1.0, 1.3):
        filtered = ndimage.gaussian_filter(image, sigma, mode="nearest")
        assert smooth(image, gaussian_kernel(sigma)) == pytest.approx(filtered, abs=1e-6)


def test_it_turns_with_the_image():
    image = np.random.default_rng(0).random((40, 40), np.float32)
    kernel = gaussian_kernel(1.0)
    assert np.array_equal(smooth(image[::-1], kernel), smooth(image, kernel)[::-1])
    assert smooth(image.T, kernel) == pytest.approx(smooth(image, kernel).T, abs=1e-6)
