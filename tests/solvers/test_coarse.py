"""Starting from the result in larger pixels."""

import numpy as np
import pytest

from napari_tf_deblur import PoissonLikelihood, convolve, deconvolve, gaussian_psf
from napari_tf_deblur._solvers import coarse
from napari_tf_deblur.forward import transfer_function

METHOD = PoissonLikelihood(weight=1, gain=1.0, background=0)


def test_larger_pixels_and_back_keep_light_and_place():
    rows = np.arange(32.0)[:, None] * np.ones(24)
    larger = coarse.mean_of_pairs(rows, (0, 1), 2)
    assert larger.shape == (16, 12)
    back = coarse.drawn_out(larger, (0, 1), 2)
    assert back.mean() == pytest.approx(rows.mean())
    np.testing.assert_allclose(back[2:-2], rows[2:-2])


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_the_transfer_function_is_that_of_a_smooth_scene(axes):
    scene = (64, 48)
    fine = transfer_function(gaussian_psf(2), scene)
    larger = coarse.spectrum_of(fine, scene, axes)
    assert larger[0, 0].real == pytest.approx(1, abs=1e-5)
    assert np.abs(larger.imag).max() < 1e-5  # no shift
    np.testing.assert_allclose(larger[:6, :6], fine[:6, :6], atol=0.08)


@pytest.mark.parametrize("boundary", ["unknown", "zero", "periodic"])
@pytest.mark.parametrize("masked", [False, True])
def test_the_result_is_the_same(monkeypatch, boundary, masked):
    random = np.random.default_rng(0)
    scene = 20 + 300.0 * (random.random((96, 96)) > 0.97)
    image = random.poisson(convolve(scene, gaussian_psf(2), boundary="reflect"))
    mask = np.zeros(image.shape, bool)
    mask[40:44, 30:35] = masked
    options = {"boundary": boundary, "mask": mask}
    direct = deconvolve(image, gaussian_psf(2), METHOD, **options)
    monkeypatch.setattr(coarse, "LEAST_PIXELS", 0)
    stepped = deconvolve(image, gaussian_psf(2), METHOD, **options)
    assert stepped.converged
    assert stepped.iterations < direct.iterations
    assert stepped.loss_history[-1] < 1.002 * direct.loss_history[-1]
    assert np.sqrt(np.mean((stepped.image - direct.image) ** 2)) < 0.05 * np.ptp(direct.image)
