"""Runs with a PSF that varies: against single PSFs, and what they keep."""

from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from scipy import ndimage

from napari_tf_deblur import (
    GradientDescent,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    VaryingPSF,
    Wiener,
    calibrate,
    convolve,
    deconvolve,
    gaussian_psf,
    iter_deconvolve,
)
from napari_tf_deblur._large import varying_run
from napari_tf_deblur._large.tiles import tiles_around
from napari_tf_deblur.errors import InvalidValueError

METHODS = [
    PoissonLikelihood(weight=0.02, iterations=20),
    RichardsonLucy(iterations=15),
    TotalVariation(weight=0.002),
    Wiener(balance=0.01),
]
FRAME = (60, 56)
SIGMAS = (1.0, 2.4)


def spots(shape=FRAME, seed=0):
    rng = np.random.default_rng(seed)
    scene = np.zeros(shape)
    places = np.stack(np.meshgrid(np.arange(8, 56, 11), np.arange(8, 50, 11)), -1).reshape(-1, 2)
    scene[tuple(places.T)] = rng.uniform(800, 1500, len(places))
    return ndimage.gaussian_filter(scene, 0.8), places


def psf_over_rows(n=FRAME[0]):
    return VaryingPSF([gaussian_psf(s, 15) for s in SIGMAS], [(0, 0), (n - 1, 0)])


def blur_rows(scene, psf):
    """Blur each row of a scene with the PSF that holds there."""
    total = np.zeros(scene.shape)
    for row in range(len(scene)):
        alone = np.zeros(scene.shape)
        alone[row] = scene[row]
        total += convolve(alone, psf.at((row, 0)))
    return total


@pytest.fixture(scope="module")
def picture():
    scene, places = spots()
    blurred = blur_rows(scene, psf_over_rows()) + 5
    return scene, np.random.default_rng(1).poisson(blurred).astype(np.float32), places


@pytest.mark.parametrize("method", METHODS, ids=lambda m: type(m).__name__)
def test_equal_psfs_in_tiles_give_what_one_psf_gives(method, monkeypatch):
    rng, frame, one = np.random.default_rng(4), (160, 48), gaussian_psf(1.2)
    scene = ndimage.gaussian_filter(rng.uniform(0, 1, (200, 88)) ** 8, 1.2)  # beyond the frame, too
    scene *= 1000 / scene.max()
    image = rng.poisson(convolve(scene, one)[20:180, 20:68] + 5)
    single = deconvolve(image, one, method)
    psf = VaryingPSF([one] * 4, [(0, 0), (0, 47), (159, 0), (159, 47)])
    np.testing.assert_array_equal(deconvolve(image, psf, method).image, single.image)
    centres = [np.linspace(0, 159, 6), np.array([0.0, 47])]
    monkeypatch.setattr(varying_run, "choose_centres", lambda psf, frame: centres)
    reads = [tile.input_region[0] for tile in tiles_around(psf, centres, frame, method)]
    assert max(read.stop - read.start for read in reads) < 0.7 * frame[0]
    tiled = deconvolve(image, psf, method)
    assert "12 overlapping tiles" in tiled.pieces
    assert tiled.calibration == single.calibration
    for name in ("image", "residual"):
        difference = np.abs(getattr(tiled, name) - getattr(single, name)) / np.ptp(single.image)
        assert difference[8:-8, 8:-8].max() < 0.005
        assert difference.max() < 0.04  # the scene beyond the frame is not known


@pytest.mark.parametrize("method", METHODS[:3], ids=lambda m: type(m).__name__)
def test_it_comes_nearer_to_the_scene_than_any_of_its_psfs(method, picture):
    scene, image, _ = picture
    psf = psf_over_rows()

    def error(one):
        return float(np.mean((deconvolve(image, one, method).image - scene) ** 2))

    singles = [error(psf.at((row, 0))) for row in (0, 20, 40, 59)]
    assert error(psf) < 0.8 * min(singles)


def test_spots_keep_their_light_and_place_everywhere(picture):
    scene, image, places = picture
    method = RichardsonLucy(iterations=15, background=5.0)
    result = deconvolve(image, psf_over_rows(), method).image
    offsets = np.arange(-3, 4)
    for row, column in places:
        box = np.s_[row - 3 : row + 4, column - 3 : column + 4]
        light = np.maximum(result[box], 0)
        assert light.sum() == pytest.approx(scene[box].sum(), rel=0.1)
        assert light.sum(1) @ offsets / light.sum() == pytest.approx(0, abs=0.25)
        assert light.sum(0) @ offsets / light.sum() == pytest.approx(0, abs=0.25)


def test_without_noise_all_light_is_kept():
    scene, _ = spots()
    image = blur_rows(scene, psf_over_rows())
    result = deconvolve(image, psf_over_rows(), RichardsonLucy(iterations=15, background=0.0))
    assert result.image.sum() == pytest.approx(scene.sum(), rel=0.005)


def test_a_flipped_image_gives_a_flipped_result(picture):
    image, psf = picture[1], psf_over_rows()
    method = TotalVariation(weight=0.002)
    flipped = VaryingPSF(psf.psfs, [(FRAME[0] - 1 - row, 0) for row, _ in psf.places])
    result = deconvolve(image, psf, method).image
    other = deconvolve(image[::-1], flipped, method).image[::-1]
    assert np.abs(result - other).max() < 2e-3 * np.ptp(result)


def test_scale_and_dtype(picture):
    image, psf = picture[1], psf_over_rows()
    method = TotalVariation(weight=0.002)
    result = deconvolve(image.astype(np.uint16), psf, method)
    assert result.image.dtype == np.float32
    assert result.image.shape == image.shape
    assert np.isfinite(result.image).all()
    other = deconvolve(8 * image, psf, method).image
    assert np.abs(other - 8 * result.image).max() < 1e-3 * np.ptp(other)


def test_leading_axes_colours_and_transparency(picture):
    image, psf = picture[1], psf_over_rows()
    method = Wiener(balance=0.01)
    alpha = np.random.default_rng(0).uniform(0, 1, FRAME).astype(np.float32)
    colours = np.stack([image, 0.5 * image, alpha], -1)
    result = deconvolve(colours, psf, method, channel_axis=-1, alpha=True)
    np.testing.assert_array_equal(result.image[..., -1], alpha)
    assert result.residual.shape == (*FRAME, 2)
    stack = np.stack([image, np.full(FRAME, np.nan), image])
    blank = np.isnan(stack)
    planes = deconvolve(stack, psf, method, mask=blank)
    assert np.isnan(planes.image[1]).all()
    np.testing.assert_allclose(planes.image[0], planes.image[2])


def test_ignored_pixels_do_not_matter(picture):
    image, psf = picture[1], psf_over_rows()
    mask = np.zeros(FRAME, bool)
    mask[25:28, 30:33] = True
    method = TotalVariation(weight=0.002)
    broken = np.where(mask, np.nan, image)
    other = np.where(mask, 1e4, image)
    one, two = (deconvolve(image, psf, method, mask=mask).image for image in (broken, other))
    np.testing.assert_allclose(one, two, atol=1e-3 * np.ptp(one))
    assert np.isfinite(one).all()


@pytest.mark.finds_weight
def test_one_calibration_holds_for_all_tiles(picture):
    image, psf = picture[1], psf_over_rows()
    calibration = calibrate(image, psf, TotalVariation())
    assert calibration.psf_width == 1
    result = deconvolve(image, psf, TotalVariation())
    assert result.calibration == calibration
    again = deconvolve(image, psf, calibration)
    np.testing.assert_allclose(again.image, result.image, atol=1e-4 * np.ptp(result.image))
    assert not [notice for notice in result.warnings if notice.kind == "PSF narrowed"]


def test_the_verdict_counts_tiles(picture):
    result = deconvolve(picture[1], psf_over_rows(), METHODS[0])
    assert result.verdict.unit == "tile"
    assert result.verdict.planes == int(result.pieces.split()[2]) > 1


def test_steps_show_a_whole_image_and_progress(picture):
    fractions, tile_steps = [], 0
    for step in iter_deconvolve(picture[1], psf_over_rows(), METHODS[0]):
        fractions.append(step.fraction)
        tile_steps += step.message.startswith("tile ")
    assert tile_steps > 1
    assert fractions == sorted(fractions)
    assert step.image().shape == FRAME


def test_stop_keeps_the_tiles_that_are_done(picture):
    image, psf, method = picture[1], psf_over_rows(), METHODS[1]
    whole = deconvolve(image, psf, method)
    stop = Event()
    steps = iter_deconvolve(image, psf, method, stop=stop)
    message = ""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result = end.value
            break
        if step.message.startswith("tile 2"):
            message = step.message
            stop.set()
    assert message
    assert result.warnings[0].kind == "stopped"
    assert "One tile is deblurred" in result.warnings[0]
    assert not result.converged
    first = deconvolve(image, psf.at(((FRAME[0] - 1) / 2, 0)), method).image
    np.testing.assert_allclose(result.image[0], whole.image[0], atol=1e-3)
    np.testing.assert_allclose(result.image[-1], first[-1], atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": GradientDescent()}, "GradientDescent cannot be used with a PSF that varies"),
        ({"boundary": "zero"}, "boundary='unknown'"),
        ({"output": "deblurred.ome.zarr"}, "image in memory"),
        ({"channel_axis": 5}, "channel axis is 5"),
    ],
)
def test_what_tiles_cannot_do_is_said(picture, changes, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidValueError, match=words):
        deconvolve(picture[1], psf_over_rows(), **{"method": METHODS[0], **changes})
    assert not list(tmp_path.iterdir())


def test_lazy_images_are_refused(picture):
    array = pytest.importorskip("dask.array").from_array(picture[1])
    with pytest.raises(InvalidValueError, match="image in memory"):
        deconvolve(array, psf_over_rows(), METHODS[0])


def test_a_psf_of_more_axes_than_the_image_is_refused(picture):
    psf = VaryingPSF.along_z([gaussian_psf((s, 1, 1)) for s in (1, 2)], [0, 9])
    with pytest.raises(InvalidValueError, match="3 axes"):
        deconvolve(picture[1], psf, METHODS[0])


def test_faults_of_the_psfs_are_told(picture):
    psf = psf_over_rows()
    off = replace(psf, psfs=[np.roll(one, 1, axis=0) for one in psf.psfs])
    kinds = [notice.kind for notice in deconvolve(picture[1], off, METHODS[3]).warnings]
    assert kinds.count("PSF off centre") == 1
