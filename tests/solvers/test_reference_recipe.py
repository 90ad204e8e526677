"""The recipe of the notebook is reproduced: its picture, its PSF, its losses."""

import numpy as np
import pytest
from skimage import color, data, transform

from napari_tf_deblur import GradientDescent, convolve, deconvolve, gaussian_psf

PUBLISHED = {1: 65.5996, 2: 65.3099, 102: 37.6846, 202: 14.9893, 302: 3.0613, 402: 2.2865}
MINIMUM = 2.16435


@pytest.fixture(scope="module")
def recipe():
    grey = color.rgb2gray(data.astronaut())
    truth = transform.rescale(grey, 1 / 3, mode="constant", anti_aliasing=False)
    psf = gaussian_psf((1, 3), 13)
    return truth, convolve(truth, psf, boundary="zero"), psf


@pytest.mark.parametrize("random_state", [0, 7])
def test_the_published_losses(recipe, random_state):
    truth, blurred, psf = recipe
    method = GradientDescent(random_state=random_state)
    result = deconvolve(blurred, psf, method, boundary="zero")
    assert len(result.loss_history) == result.iterations == 500
    for evaluation, loss in PUBLISHED.items():
        assert result.loss_history[evaluation - 1] == pytest.approx(loss, rel=0.015)
    assert 10 * np.log10(1 / np.mean((result.image - truth) ** 2)) == pytest.approx(21.6, abs=0.1)


@pytest.mark.parametrize("optimizer", ["adam", "adagrad"])
def test_keras_optimizers_come_down_too(recipe, optimizer):
    _, blurred, psf = recipe
    method = GradientDescent(optimizer=optimizer)
    result = deconvolve(blurred, psf, method, boundary="zero")
    assert result.loss_history[-1] < 5


def test_lbfgs_reaches_the_minimum_in_far_fewer_iterations(recipe):
    _, blurred, psf = recipe
    result = deconvolve(blurred, psf, GradientDescent(optimizer="lbfgs"), boundary="zero")
    assert result.converged
    assert result.iterations < 100
    assert result.loss_history[-1] == pytest.approx(MINIMUM, rel=2e-4)
    assert np.argmax(result.loss_history < 1.002 * MINIMUM) < 40
