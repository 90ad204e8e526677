"""Spots of beads that belong together."""

import numpy as np
import pytest

from napari_tf_deblur import gaussian_psf, measured_psf
from napari_tf_deblur._core.errors import UserError

PLACES = [(30, 30), (35, 95), (80, 40), (90, 110), (130, 70)]


def spots(shape, places, sigma=1.6, peak=1000.0):
    grid = np.indices(shape)
    widths = np.broadcast_to(sigma, len(shape))
    exponents = [sum(((x - c) / s) ** 2 for x, c, s in zip(grid, p, widths)) for p in places]
    return sum(peak * np.exp(-exponent / 2) for exponent in exponents)


def notes_of(picture, noise=5):
    noisy = picture + np.random.default_rng(0).normal(100, noise, picture.shape)
    return " ".join(measured_psf(noisy)[1])


@pytest.mark.parametrize("second", [400, 700, 1000])
def test_beads_with_two_images_each_are_told(second):
    picture = spots((160, 150), PLACES)
    picture += spots((160, 150), [(y + 3, x + 18) for y, x in PLACES], peak=second)
    assert "most beads have a second spot 18.2 pixels away" in notes_of(picture)


@pytest.mark.parametrize("seed", range(5))
def test_neighbours_by_chance_are_not(seed):
    places = np.random.default_rng(seed).uniform(10, 140, (12, 2))
    assert "second spot" not in notes_of(spots((150, 150), places))


def test_single_beads_are_not():
    assert "second spot" not in notes_of(spots((160, 150), PLACES))


@pytest.mark.parametrize("ground", [0, 100])
def test_several_beads_without_noise_are_no_psf(ground):
    places = [(10, y, x) for y, x in [(20, 20), (25, 70), (70, 30)]]
    picture = spots((20, 90, 90), places, sigma=(8, 1.6, 1.6)) + ground
    with pytest.raises(UserError, match="cut by the frame"):
        measured_psf(picture)


def test_beads_without_noise():
    psf, notes = measured_psf(spots((160, 150), PLACES))
    assert notes[0].startswith("5 beads used")
    true = gaussian_psf(1.6, psf.shape)
    assert np.abs(psf - true).max() < 0.01 * true.max()
