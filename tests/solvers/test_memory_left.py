"""Memory after runs: compiled code remains, images do not."""

import ctypes
import gc
import sys

import numpy as np
import psutil
import pytest

from napari_tf_deblur import Hessian, TotalVariation, deconvolve, gaussian_psf

SMALL = (300, 400, 520)
LARGE = (1300, 1390, 1500)
"""Sides of which each has a compiled program of its own."""


@pytest.mark.skipif(sys.platform != "linux", reason="needs malloc_trim")
@pytest.mark.parametrize("method", [TotalVariation, Hessian])
def test_images_of_each_size_do_not_stay(method):
    def use(side):
        image = np.full((side, side), 100, np.float32)
        deconvolve(image, gaussian_psf(1.5), method(weight=1e-3, iterations=2))
        del image
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        return psutil.Process().memory_info().rss

    start = use(200)
    after_small = [use(side) for side in SMALL][-1]
    after_large = [use(side) for side in LARGE][-1]
    left_by_small, left_by_large = after_small - start, after_large - after_small
    assert left_by_large < left_by_small + len(LARGE) * 4 * LARGE[0] ** 2
