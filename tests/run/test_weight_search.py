"""The search for the weight and the method before a run."""

import re
from dataclasses import replace
from functools import cache
from threading import Event

import numpy as np
import pytest
from scipy import ndimage
from skimage import data

from napari_tf_deblur import (
    Hessian,
    PoissonLikelihood,
    TotalVariation,
    calibrate,
    convolve,
    deconvolve,
    gaussian_psf,
    iter_deconvolve,
    microscope_psf,
)

PSF = gaussian_psf(1.6)


@cache
def scene(size=112):
    """Return cells: soft discs of all sizes, with texture."""
    random = np.random.default_rng(5)
    rows, columns = np.mgrid[:size, :size]
    light = np.full((size, size), 0.03)
    for _ in range(30):
        row, column, radius = *random.uniform(0, size, 2), random.uniform(3, 12)
        distance = np.hypot(rows - row, columns - column)
        light = np.maximum(light, np.clip(radius - distance, 0, 1) * random.uniform(0.2, 1))
    return light * (1 + 0.1 * ndimage.gaussian_filter(random.normal(size=light.shape), 1))


def observed(photons=200, psf=PSF):
    """Return the blurred cells with photon noise, relative to the brightest."""
    counts = np.random.default_rng(1).poisson(photons * convolve(scene(), psf, boundary="reflect"))
    return (counts / photons).astype(np.float32)


def decibels(image):
    return -10 * np.log10(np.mean((image - scene()) ** 2))


@pytest.mark.finds_weight
@pytest.mark.parametrize("method", [PoissonLikelihood(background=0), TotalVariation(), Hessian()])
def test_the_weight_is_nearly_the_best(method):
    image = observed()
    result = deconvolve(image, PSF, method)
    tried = [
        decibels(deconvolve(image, PSF, replace(result.method, weight=w)).image)
        for w in result.method.weight * 4.0 ** np.arange(-2, 3)
    ]
    assert decibels(result.image) > max(tried) - 0.25
    assert decibels(result.image) > min(tried) + 0.5  # it does matter


@pytest.mark.finds_weight
def test_units_do_not_matter():
    image = observed()
    weight = calibrate(image, PSF, TotalVariation()).method.weight
    for factor in (1e-20, 1e20):
        other = calibrate(factor * image, PSF, TotalVariation()).method.weight
        assert other == pytest.approx(weight, rel=0.05)


@pytest.mark.finds_weight
@pytest.mark.parametrize(
    ("method", "times"), [("auto", 1.25), ("auto", 1.6), (TotalVariation(), 1.6)]
)
def test_a_psf_that_is_too_wide_is_made_narrower_and_that_is_said(method, times):
    image = observed(1000, gaussian_psf(2.4))
    right = deconvolve(image, gaussian_psf(2.4), method)
    assert right.verdict.kind != "PSF too wide"
    assert right.calibration.psf_width == 1
    psf = gaussian_psf(times * 2.4)
    wide = deconvolve(image, psf, method)
    assert wide.verdict.kind == "PSF too wide"
    assert wide.calibration.psf_width == pytest.approx(1 / times, rel=0.12)
    assert any("times as wide as the one given" in said for said in wide.warnings)
    gained = decibels(right.image) - decibels(image)
    assert gained > 1
    assert decibels(wide.image) - decibels(image) > 0.7 * gained
    again = deconvolve(image, psf, wide.calibration)
    np.testing.assert_array_equal(again.image, wide.image)
    assert again.verdict == wide.verdict
    # Neither by a number for the weight, nor by other units.
    as_told = deconvolve(image, psf, wide.method)
    assert as_told.calibration.psf_width == 1
    assert calibrate(1e5 * image, psf, method).psf_width == wide.calibration.psf_width


def points(count=60, size=112, seed=0):
    """Return single bright pixels, like stars and molecules."""
    random = np.random.default_rng(seed)
    light = np.zeros((size, size))
    light[tuple(random.integers(6, size - 6, (2, count)))] = random.uniform(0.1, 1, count)
    return light


def tails(scale, size=25):
    rows, columns = np.mgrid[:size, :size] - size // 2
    psf = (1 + (rows**2 + columns**2) / scale**2) ** -2.0
    return psf / psf.sum()


@pytest.mark.finds_weight
@pytest.mark.parametrize(
    "psf",
    [gaussian_psf(1.0), gaussian_psf((2, 1)), tails(2.0), np.eye(7) / 7],
    ids=["round", "elongated", "tails", "motion"],
)
def test_an_exact_psf_of_a_sharp_scene_stays(psf):
    light = convolve(4e3 * points(), psf) + 100
    image = np.random.default_rng(1).poisson(light)
    result = deconvolve(image, psf)
    assert result.calibration.psf_width == 1
    assert "PSF" not in result.verdict.kind


@pytest.mark.finds_weight
def test_an_exact_psf_stays_in_a_volume_of_flat_voxels():
    spacing, random = (300, 108, 108), np.random.default_rng(3)
    psf = microscope_psf(1.4, 580, spacing=spacing, shape=(7, 21, 21))
    light = np.zeros((10, 56, 56))
    light[tuple(random.integers(2, n - 2, 20) for n in light.shape)] = 4e4
    image = random.poisson(np.maximum(convolve(light, psf), 0) + 160)
    result = deconvolve(image, psf, spacing=spacing)
    assert result.calibration.psf_width == 1
    assert "PSF" not in result.verdict.kind


@pytest.mark.finds_weight
def test_the_ratio_of_two_colours_is_kept():
    """Each colour has its own PSF, and both PSFs are exact."""
    scene, fluxes = points(30), []
    for sigma, bright in ((1.2, 1.0), (1.6, 0.5)):
        psf = gaussian_psf(sigma)
        image = np.random.default_rng(2).poisson(convolve(4e4 * bright * scene, psf) + 50)
        found = deconvolve(image, psf).image
        near = ndimage.maximum_filter(scene, 5) > 0
        fluxes.append(np.sum(found[near]) - np.median(found) * near.sum())
    assert fluxes[1] / fluxes[0] == pytest.approx(0.5, rel=0.05)


@pytest.mark.finds_weight
@pytest.mark.parametrize(("noise", "left"), [(0.5, 0.33), (2, 0.4), (25, 0.45)])
def test_a_dark_ground_and_noise_that_is_not_of_photons(noise, left):
    """Such an image does not tell its number of photons, and any number gives a good result."""
    sharp = np.pad(5 + 250 * scene(80), 40, constant_values=12.5)
    random = np.random.default_rng(1)
    image = convolve(sharp, PSF, boundary="reflect") + random.normal(0, noise, sharp.shape)
    result = deconvolve(image, PSF, PoissonLikelihood())
    found = result.image + result.method.offset
    assert np.std(found - sharp) < left * np.std(image - sharp)
    assert result.verdict.kind not in ("over-smoothed", "noise fitted")


@pytest.mark.finds_weight
@pytest.mark.parametrize("width", [2.0, 3.0])
def test_hard_edges_and_little_noise_make_no_right_psf_too_wide(width):
    """A narrower PSF predicts such an image better, but the spectrum is evidence against it."""
    random = np.random.default_rng(3)
    sharp = 255 * np.kron(random.uniform(size=(17, 17)), np.ones((8, 8)))
    psf = gaussian_psf(width)
    image = convolve(sharp, psf, boundary="reflect") + random.normal(0, 0.5, sharp.shape)
    result = deconvolve(image, psf)
    assert result.verdict.kind != "PSF too wide"
    assert np.std(result.image - sharp) < 0.8 * np.std(image - sharp)


@pytest.mark.finds_weight
@pytest.mark.parametrize("blurred", [0.0, 0.6])
def test_noise_that_neighbours_share_is_said(blurred):
    """Such noise looks like detail that is finer than a PSF can pass."""
    random = np.random.default_rng(0)
    noise = ndimage.gaussian_filter(random.normal(0, 1, (112, 112)), blurred)
    psf = gaussian_psf(2.4)
    image = convolve(scene(), psf, boundary="reflect") + 0.005 * noise / noise.std()
    result = deconvolve(image, psf)
    assert any("share their noise" in said for said in result.warnings) == (blurred > 0)
    assert (result.verdict.kind == "unknown") == (blurred > 0)
    assert result.calibration.psf_width == 1
    assert decibels(result.image) > decibels(image)


@pytest.mark.finds_weight
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_a_point_without_noise_comes_back_sharp(scale):
    """Without noise, trials measure the convergence of a run, not the width of the PSF."""
    point = np.zeros((64, 64))
    point[30, 33] = 1
    result = deconvolve(scale * convolve(point, gaussian_psf(2)), gaussian_psf(2))
    assert result.calibration.psf_width == 1
    assert result.verdict.kind != "PSF too wide"
    assert result.image.max() > 0.7 * scale
    assert np.unravel_index(result.image.argmax(), point.shape) == (30, 33)


@pytest.mark.finds_weight
@pytest.mark.parametrize("shape", [(64, 64), (128, 128), (10, 32, 32)])
@pytest.mark.parametrize("seed", [0, 3])
def test_of_noise_alone_nothing_is_said(shape, seed):
    random = np.random.default_rng(seed)
    for image in (random.normal(100, 5, shape), random.poisson(8, shape)):
        result = deconvolve(image, gaussian_psf((2.0,) * len(shape)))
        assert result.verdict.kind == "unknown"
        assert result.calibration.psf_width == 1
        assert np.std(result.image) < 0.2 * np.std(image)


@pytest.mark.finds_weight
@pytest.mark.parametrize("seed", range(3))
def test_few_photons_in_a_sparse_picture_get_a_weight_that_suits_them(seed):
    """Dark areas say little of their noise; it must not be assumed to be the same everywhere."""
    random = np.random.default_rng(seed)
    light = np.zeros((160, 160))
    light[tuple(random.integers(0, 160, (2, 60)))] = 400 * random.uniform(0.2, 1, 60)
    psf = gaussian_psf(1.2)
    sharp = 0.3 + ndimage.gaussian_filter(light, 0.8)
    image = random.poisson(convolve(sharp, psf, boundary="reflect"))
    result = deconvolve(image, psf)
    found = result.image + result.method.offset
    assert np.std(found - sharp) < 0.8 * np.std(image - sharp)


def filaments(size=160, seed=0, count=5):
    """Return winding filaments, one pixel wide, with values 0 and 1."""
    random = np.random.default_rng(seed)
    light = np.zeros((size, size))
    for _ in range(count):
        place, way = random.uniform(0, size, 2), random.uniform(0, 2 * np.pi)
        for _ in range(250):
            way += 0.1 * random.normal()
            place = (place + 0.5 * np.array([np.cos(way), np.sin(way)])) % size
            light[tuple(place.astype(int))] = 1
    return light


@pytest.mark.finds_weight
@pytest.mark.parametrize(
    ("method", "photons", "ground"),
    [
        (PoissonLikelihood(), 1000, 10),
        (TotalVariation(), 1000, 10),
        (PoissonLikelihood(), 6, 0.01),
        (TotalVariation(), 6, 0.01),
    ],
)
def test_where_the_scene_is_thin_the_weight_suits_what_is_bright(method, photons, ground):
    """This holds even if most of the image is dark: with 6 photons, most pixels have none."""
    psf = gaussian_psf(1.5)
    sharp = photons * filaments() + ground
    image = np.random.default_rng(1).poisson(convolve(sharp, psf, boundary="reflect").clip(0))
    result = deconvolve(image, psf, method)
    assert result.calibration.psf_width == 1
    assert result.verdict.kind != "over-smoothed"

    def decibels_off(result):
        return 10 * np.log10(np.mean((result.image + result.method.offset - sharp) ** 2))

    tried = [
        decibels_off(deconvolve(image, psf, replace(result.method, weight=weight)))
        for weight in result.method.weight * 4.0 ** np.arange(-2, 2)
    ]
    assert decibels_off(result) < min(tried) + 0.35


@pytest.mark.finds_weight
@pytest.mark.parametrize("method", [PoissonLikelihood(), TotalVariation(), Hessian()])
@pytest.mark.parametrize("kind", ["cells", "filaments", "photograph"])
def test_the_weight_turns_with_the_image(method, kind):
    """The noise is split alike, and the same part of the image is used."""
    light = {
        "cells": lambda: 60 * scene(150)[:, :140],
        "filaments": lambda: 100 * filaments(150) + 1,
        "photograph": lambda: data.camera()[150:300, 150:290].astype(float),
    }[kind]()
    random = np.random.default_rng(5)
    image = convolve(light, PSF, boundary="reflect").clip(0)
    image = random.poisson(image) if kind != "photograph" else random.normal(image, 3)
    straight = deconvolve(image, PSF, method)
    # Of these two, all turns and mirrors are made.
    for there, back in ((np.flipud, np.flipud), (np.rot90, lambda x: np.rot90(x, -1))):
        turned = deconvolve(there(image), PSF, method)
        assert abs(np.log2(turned.method.weight / straight.method.weight)) < 0.1
        apart = np.std(back(turned.image) - straight.image)
        assert apart < 0.005 * np.ptp(straight.image)


@pytest.mark.finds_weight
@pytest.mark.parametrize("cut", [0.1, 0.36])
def test_saturated_pixels_say_nothing_of_the_psf(cut):
    light = data.astronaut()[20:180, 140:300].mean(axis=-1)
    blurred = convolve(light, PSF, boundary="reflect")
    blurred *= 255 / np.quantile(blurred, 1 - cut)
    image = np.round(blurred + np.random.default_rng(0).normal(0, 2, blurred.shape))
    result = deconvolve(image.clip(0, 255).astype(np.uint8), PSF)
    assert result.calibration.psf_width == 1
    assert result.verdict.kind == "saturated"


@pytest.mark.finds_weight
def test_the_search_is_told_of_and_can_be_stopped():
    stop, messages = Event(), []
    steps = iter_deconvolve(observed(), PSF, TotalVariation(weight="cross-validated"), stop=stop)
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result = end.value
            break
        messages.append(step.message)
        if "trials 1 to 3" in step.message:
            assert len(step.loss_history) == 0
            assert 0 <= step.fraction < 0.5
            np.testing.assert_allclose(step.image(), observed(), atol=1e-6)
            stop.set()
    assert any("finding the weight, trials 1 to 3" in message for message in messages)
    assert stop.is_set()
    assert not any("trial 4" in message or "trials 4" in message for message in messages)
    assert "stopped" in result.warnings[-1]
    assert result.method.weight > 0


@pytest.mark.finds_weight
def test_each_step_of_the_search_names_trials_that_are_run():
    steps = iter_deconvolve(observed(), gaussian_psf(2.5), TotalVariation())
    named = [re.search(r"trials? (\d+)(?: to (\d+))?", step.message) for step in steps]
    ranges = [(int(n[1]), int(n[2] or n[1])) for n in named if n]
    assert ranges == sorted(ranges)
    assert all(first <= last for first, last in ranges)
    assert ranges[-1][1] > 7


@pytest.mark.finds_weight
def test_what_has_no_noise_or_nothing_else_gets_a_weight_without_trials():
    for image in (np.zeros((24, 24)), np.full((24, 24), 5.0)):
        assert np.isfinite(calibrate(image, PSF, TotalVariation()).method.weight)


@pytest.mark.parametrize(
    ("image", "psf", "kind"),
    [
        (observed(), PSF, PoissonLikelihood),
        (observed() - 0.5, PSF, TotalVariation),
        (observed(psf=gaussian_psf(0.4)), gaussian_psf(0.4), Hessian),
    ],
    ids=["light", "below zero", "narrow"],
)
def test_the_method_follows_from_the_image_and_says_why(image, psf, kind):
    result = deconvolve(image, psf)
    assert type(result.method) is kind
    assert result.reason.endswith(".")
    assert deconvolve(image, psf, kind()).reason == ""
    assert deconvolve(image, psf, result.calibration).reason == result.reason


def test_the_residual_is_what_the_result_does_not_explain():
    image = observed()
    result = deconvolve(image, PSF, TotalVariation(weight=1e-3), boundary="periodic")
    again = convolve(result.image, PSF, boundary="periodic")
    np.testing.assert_allclose(result.residual, image - again, atol=1e-5)
    mask = np.zeros(image.shape, bool)
    mask[5:9, 5:9] = True
    masked = deconvolve(image, PSF, TotalVariation(weight=1e-3), mask=mask)
    assert not masked.residual[mask].any()
    assert masked.residual[~mask].any()


@pytest.mark.finds_weight
@pytest.mark.parametrize("number", [np.float32, np.float64, np.int64, float, int])
def test_a_weight_that_is_told_is_not_looked_for(number):
    told = TotalVariation(weight=number(1))
    assert calibrate(observed(), PSF, told).method == told
