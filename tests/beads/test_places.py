"""PSFs with their places, from beads all over a picture."""

import numpy as np
import pytest
from scipy import ndimage

from napari_tf_deblur import RichardsonLucy, convolve, deconvolve, gaussian_psf, measured_psf
from napari_tf_deblur.errors import InvalidValueError


def width_at(column, n=240):
    return 1.2 + 1.6 * column / n


def bead_picture(seed=0, count=(6, 6), shape=(240, 240), noise=4.0, step=None, width=width_at):
    """Beads on a jittered grid; those farther to the right are wider."""
    rng = np.random.default_rng(seed)
    step = step or [n / c for n, c in zip(shape, count)]
    rows, columns = np.meshgrid(*(np.arange(c) for c in count), indexing="ij")
    centres = (np.stack([rows, columns], -1).reshape(-1, 2) + 0.5) * step
    centres += rng.uniform(-4, 4, centres.shape)
    y, x = np.indices(shape)
    picture = np.full(shape, 100.0)
    for row, column in centres:
        square = ((y - row) ** 2 + (x - column) ** 2) / (2 * width(column) ** 2)
        picture += rng.uniform(600, 1000) * np.exp(-square)
    return picture + rng.normal(0, noise, shape)


def sigma_of(psf):
    y, x = np.indices(psf.shape) - np.array(psf.shape).reshape(2, 1, 1) // 2
    return float(np.sqrt((psf * (y**2 + x**2)).sum() / 2))


def test_it_measures_the_width_at_each_place():
    psf, notes = measured_psf(bead_picture(), places=True)
    assert len(psf.psfs) >= 24
    assert notes[0].startswith(f"{len(psf.psfs)} places")
    for one, place in zip(psf.psfs, psf.places, strict=True):
        assert sigma_of(one) == pytest.approx(width_at(place[1]), rel=0.07)
        assert one.sum() == pytest.approx(1, abs=1e-5)
        assert np.argmax(one) == one.size // 2
    columns = psf.places[:, 1]
    assert columns.min() < 80
    assert columns.max() > 160


def test_beads_whose_width_differs_from_most_are_used():
    """The widths vary by a factor of two: far more than one PSF may."""
    _, notes = measured_psf(bead_picture())
    assert "of other width" in " ".join(notes)
    psf, _ = measured_psf(bead_picture(), places=True)
    widths = [sigma_of(one) for one in psf.psfs]
    assert max(widths) > 1.5 * min(widths)


def test_a_flipped_picture_has_flipped_places():
    picture = bead_picture(3)
    psf, _ = measured_psf(picture, places=True)
    other, _ = measured_psf(picture[:, ::-1], places=True)
    mirrored = np.array([0, 239]) + other.places * [1, -1]
    for place, one in zip(psf.places, psf.psfs, strict=True):
        nearest = int(np.argmin(np.sum((mirrored - place) ** 2, axis=1)))
        np.testing.assert_allclose(mirrored[nearest], place, atol=0.2)
        np.testing.assert_allclose(other.psfs[nearest][:, ::-1], one, atol=0.03 * one.max())


def test_places_are_in_pixels_of_the_image():
    picture = bead_picture()
    fine, _ = measured_psf(picture, places=True)
    psf, notes = measured_psf(picture, places=True, spacing=(50, 50), image_spacing=(100, 100))
    np.testing.assert_allclose(psf.places, (fine.places + 0.5) / 2 - 0.5)
    assert any("resampled" in note for note in notes)
    assert psf.shape[0] < fine.shape[0]


def test_a_picture_with_a_leading_axis():
    psf, _ = measured_psf(bead_picture()[np.newaxis], places=True)
    assert psf.ndim == 2


def test_the_result_is_better_than_with_the_mean_psf():
    psf, _ = measured_psf(bead_picture(), places=True)
    mean, _ = measured_psf(bead_picture())
    rng = np.random.default_rng(5)
    scene = np.zeros((240, 240))
    scene[tuple(rng.integers(5, 235, (2, 300)))] = rng.uniform(9e3, 2e4, 300)
    scene = ndimage.gaussian_filter(scene, 1.0)
    blurred = np.zeros(scene.shape)
    for column in range(240):
        alone = np.zeros(scene.shape)
        low, high = max(column - 12, 0), column + 13
        alone[:, column] = scene[:, column]
        part = convolve(alone[:, low:high], gaussian_psf(width_at(column), 25))
        blurred[:, low:high] += part
    image = rng.poisson(blurred + 5)
    errors = [
        float(np.mean((deconvolve(image, one, RichardsonLucy(iterations=20)).image - scene) ** 2))
        for one in (psf, mean)
    ]
    assert errors[0] < 0.8 * errors[1], errors


def test_too_few_beads_are_refused():
    with pytest.raises(InvalidValueError, match=r"shows 4 beads.* at least 8.*does not vary"):
        measured_psf(bead_picture(count=(2, 2)), places=True)
    with pytest.raises(InvalidValueError, match="at least 8"):
        measured_psf(gaussian_psf(2), places=True)


def test_neighbours_of_different_widths_are_refused():
    widths = iter(np.tile([0.9, 1.5, 2.5, 4.0], 10))
    picture = bead_picture(count=(3, 3), width=lambda column: next(widths))
    with pytest.raises(InvalidValueError, match="Neighbouring beads have different widths"):
        measured_psf(picture, places=True)


def test_beads_of_any_shape_are_not_measured_by_place():
    with pytest.raises(InvalidValueError, match="leave out window, or places"):
        measured_psf(np.ones((40, 40)), window=15, places=True)
