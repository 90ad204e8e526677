"""Memory after runs: compiled code remains, images do not."""

import ctypes
import gc
import sys

import numpy as np
import psutil
import pytest

from napari_tf_deblur import Hessian, TotalVariation, deconvolve, gaussian_psf

SIDES = (1300, 1340, 1390)
CODE = 16e6
"""Bytes that compiled code of one size may take."""


@pytest.mark.skipif(sys.platform != "linux", reason="needs malloc_trim")
@pytest.mark.parametrize("method", [TotalVariation, Hessian])
def test_images_of_each_size_do_not_stay(method):
    def taken(side):
        image = np.full((side, side), 100, np.float32)
        deconvolve(image, gaussian_psf(1.5), method(weight=1e-3, iterations=2))
        del image
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        return psutil.Process().memory_info().rss

    before = taken(200)
    grown = taken(SIDES[0]), taken(SIDES[1]), taken(SIDES[2])
    assert (grown[-1] - before) / len(SIDES) < CODE + 4 * SIDES[0] ** 2
