"""Planes of different brightness are divided by their factors, and the result multiplied again."""

import numpy as np
import pytest
from napari.layers import Image
from scipy import ndimage

from napari_tf_deblur import (
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    Wiener,
    convolve,
    deblur_layer,
    deconvolve,
    gaussian_psf,
)
from napari_tf_deblur._layers.script import write_script
from napari_tf_deblur._storage.record_file import METADATA_KEY
from napari_tf_deblur.errors import UserError

PSF = gaussian_psf((2.2, 1.2, 1.2))
SHAPE = (16, 40, 44)
METHODS = (TotalVariation(0.01), PoissonLikelihood(0.03), RichardsonLucy(10), Wiener(0.1))
FACTORS = tuple(np.exp(0.1 * np.random.default_rng(3).normal(size=SHAPE[0])))


def scene(seed=0):
    random = np.random.default_rng(seed)
    values = ndimage.gaussian_filter(random.normal(size=SHAPE), (1.5, 2, 2), mode="wrap")
    return np.exp(-((values / values.std() / 0.4) ** 2))


def observed(offset=0.0, seed=0, factors=FACTORS, border=0):
    values = scene(seed)
    values[:, :border] = values[:, -1 - border :] = 0
    light = 200 * convolve(values, PSF, boundary="reflect")
    light *= np.reshape(factors, (-1, 1, 1))
    return (np.random.default_rng(seed).poisson(light) + offset).astype(np.float32)


def ratio(a, b):
    return a.sum(axis=(1, 2)) / b.sum(axis=(1, 2))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_a_volume_divided_by_hand_gives_the_same_scene(method):
    """Only the weights of the planes differ."""
    factors = np.reshape(FACTORS / np.exp(np.log(FACTORS).mean()), (-1, 1, 1))
    image = observed()
    by_hand = deconvolve(image / factors, PSF, method, plane_brightness="equal").image * factors
    run = deconvolve(image, PSF, method, plane_brightness=FACTORS)
    assert np.abs(run.image - by_hand).mean() < 0.06 * np.abs(by_hand).mean()
    assert run.image.dtype == np.float32
    assert run.plane_factors == pytest.approx(factors.ravel(), rel=1e-5)
    assert "planes differ" in {notice.kind for notice in run.warnings}


@pytest.mark.parametrize("method", METHODS[:3], ids=lambda method: type(method).__name__)
def test_flicker_is_corrected_by_itself_and_planes_keep_their_flux(method):
    image = observed()
    runs = {
        name: deconvolve(image, PSF, method, plane_brightness=name) for name in ("auto", "equal")
    }
    truth = 200 * scene() * np.reshape(FACTORS, (-1, 1, 1))
    errors = {name: np.std(run.image + run.background - truth) for name, run in runs.items()}
    assert errors["auto"] < errors["equal"]
    flux = {name: np.std(ratio(run.image + run.background, truth)) for name, run in runs.items()}
    assert flux["auto"] < flux["equal"]
    assert runs["equal"].plane_factors is None
    assert runs["auto"].residual.std() < runs["equal"].residual.std()


def test_the_offset_of_the_camera_is_not_scaled():
    plain, raised = (
        deconvolve(observed(offset, border=12), PSF, TotalVariation(0.01), plane_brightness="auto")
        for offset in (0.0, 500.0)
    )
    assert raised.plane_factors == pytest.approx(plain.plane_factors, rel=0.02)
    assert raised.image - 500 == pytest.approx(plain.image, abs=10)


def test_each_volume_of_a_movie_has_its_own_factors_and_the_image_is_not_changed():
    movie = np.stack([observed(), observed(factors=1.0, seed=1)])
    before = movie.copy()
    run = deconvolve(movie, PSF, METHODS[0])
    assert np.array_equal(movie, before)
    assert run.plane_factors.shape == (2, SHAPE[0])
    assert np.std(run.plane_factors[0]) > 0.03
    assert np.all(run.plane_factors[1] == 1)


def test_planes_without_flicker_are_left_alone():
    image = observed(factors=1.0)
    auto, equal = (
        deconvolve(image, PSF, METHODS[0], plane_brightness=one) for one in ("auto", "equal")
    )
    assert auto.plane_factors is None
    assert np.array_equal(auto.image, equal.image)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ((1.0, 2.0), "has 2 factors, but the volume has 16 planes"),
        ((1.0, 0.0), "above 0"),
        ("bleached", "choose one of"),
        (3, "choose one of"),
    ],
)
def test_a_wrong_brightness_is_explained(value, words):
    with pytest.raises(UserError, match=words):
        deconvolve(observed(), PSF, METHODS[0], plane_brightness=value)


def test_planes_deblurred_each_by_itself_have_no_common_brightness():
    with pytest.raises(UserError, match="only in a volume"):
        deconvolve(observed(), gaussian_psf(1.2), METHODS[0], plane_brightness="bleaching")
    deconvolve(observed()[:2], gaussian_psf(1.2), METHODS[0])


def test_an_image_in_pieces_says_that_planes_are_not_corrected(tmp_path):
    with pytest.raises(UserError, match="in pieces"):
        deconvolve(
            observed(),
            PSF,
            METHODS[0],
            plane_brightness="bleaching",
            output=tmp_path / "sharp.ome.zarr",
        )


def test_a_layer_records_the_factors_and_a_script_repeats_them():
    layer = Image(observed(), name="cells")
    record = deblur_layer(layer, PSF, METHODS[0]).metadata[METADATA_KEY]
    assert len(record["plane_factors"]) == SHAPE[0]
    assert record["plane_brightness"] == "auto"
    given = deblur_layer(layer, PSF, METHODS[0], plane_brightness=list(FACTORS))
    assert "plane_brightness=(" in write_script(given.metadata[METADATA_KEY])
