"""Fixtures for tests of large images: small pieces."""

import numpy as np
import pytest

from napari_tf_deblur import convolve, gaussian_psf
from napari_tf_deblur._large import plan

PSF = gaussian_psf(1.0)


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces of at most 64 x 64 pixels, or 32 along each of three axes."""
    monkeypatch.setitem(plan.PIECE_SIZE_UNIT, 1, 64)
    monkeypatch.setitem(plan.PIECE_SIZE_UNIT, 2, 64)
    monkeypatch.setitem(plan.MAX_PIECE_PIXELS, 1, 64)
    monkeypatch.setitem(plan.MAX_PIECE_PIXELS, 2, 64 * 64)


@pytest.fixture(scope="session")
def spots():
    """Blurred spots on a background of 10, with noise: 120 x 150 pixels, float32."""
    rng = np.random.default_rng(0)
    scene = 10 + 1000 * rng.random((140, 170)).astype(np.float32) ** 20
    image = convolve(scene, PSF)[10:-10, 10:-10] + rng.standard_normal((120, 150))
    return image.astype(np.float32)
