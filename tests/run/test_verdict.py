"""The verdict on a result: each kind on a small image, and on what it must not depend."""

import threading
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from napari_tf_deblur import (
    Hessian,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    Verdict,
    Wiener,
    convolve,
    deblur_layer,
    deconvolve,
    gaussian_psf,
    iter_deconvolve,
)
from napari_tf_deblur._core.pixels import Pixels
from napari_tf_deblur._core.steps import finish
from napari_tf_deblur._noise.noise_line import measure_level_and_line
from napari_tf_deblur._run.judge import judge_result
from napari_tf_deblur._run.residual_spectrum import ResidualSpectrum
from napari_tf_deblur._run.verdict import (
    FOUND_BLUR_SENTENCES,
    KINDS,
    PSF_SENTENCES,
    SENTENCES,
    summarise_verdicts,
)

SIGMA = 1.6
PSF = gaussian_psf(SIGMA)
RIGHT = PoissonLikelihood(weight=1.0, background=0.0)


@cache
def leaves(size=160):
    """Return overlapping discs of all sizes, with many edges and a spectrum like a photograph."""
    random = np.random.default_rng(5)
    rows, columns = np.mgrid[:size:0.5, :size:0.5]
    scene = np.zeros(rows.shape)
    for radius in np.sort(3 / random.power(2, 500))[::-1]:
        row, column = random.uniform(0, size, 2)
        scene[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = random.uniform(0.05, 1)
    scene = 200 * scene.reshape(size, 2, size, 2).mean((1, 3))
    scene.flags.writeable = False  # all tests have the same
    return scene


def observed(sigma=SIGMA, gain=1.0, seed=0):
    """Return the middle of the blurred scene, with photon noise."""
    blurred = convolve(leaves(), gaussian_psf(sigma), boundary="reflect")[16:-16, 16:-16]
    return gain * np.random.default_rng(seed).poisson(blurred / gain).astype(np.float32)


@pytest.fixture(scope="module")
def image():
    return observed()


def kind(image, psf=PSF, method=RIGHT, **options):
    return deconvolve(image, psf, method, **options).verdict.kind


def test_every_kind_says_what_to_do():
    assert set(SENTENCES) == set(KINDS)
    for name in KINDS:
        sentence = str(Verdict(name))
        assert sentence.endswith(".")
        assert sentence[0].isupper()
        if name != "fits":
            words = "try take mark check compare measure".split()
            assert any(f" {word} " in sentence for word in words), name
    assert len({str(Verdict(name)) for name in KINDS}) == len(KINDS)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (RIGHT, "fits"),
        (PoissonLikelihood(weight=60.0), "over-smoothed"),
        (PoissonLikelihood(weight=0.02), "noise fitted"),
        (TotalVariation(), "fits"),
        (TotalVariation(weight=0.3), "over-smoothed"),
        (TotalVariation(weight=1e-4), "noise fitted"),
        (Hessian(weight=1e-5), "noise fitted"),
        (RichardsonLucy(iterations=200), "noise fitted"),
        (Wiener(balance=20.0), "over-smoothed"),
        (Wiener(balance=1e-5), "noise fitted"),
    ],
)
def test_a_wrong_weight_is_named(image, method, expected):
    assert kind(image, method=method) == expected


@pytest.mark.parametrize("method", [RIGHT, TotalVariation()])
def test_a_wrong_psf_is_named(method):
    """A spectrum alone does not tell a PSF that is too narrow from a soft scene."""
    image = observed(gain=0.1)
    assert deconvolve(image, gaussian_psf(2.3), method).verdict.kind == "PSF too wide"
    assert deconvolve(image, gaussian_psf(1.0), method).verdict.psf == "seems soft"


def test_a_psf_that_hardly_blurs_is_named(image):
    assert kind(image, gaussian_psf(0.3)) == "hardly blurred"


def test_pixels_that_are_too_large_are_named():
    coarse = observed(sigma=1.0, gain=0.1)[::2, ::2]
    psf = gaussian_psf(0.5)
    result = deconvolve(coarse, psf, RIGHT)
    assert result.verdict.kind == "undersampled"
    found = shells(coarse[None, None], result.residual[None, None], result.calibration.scale, psf)
    assert judge_result(found, blur_is_found=True).kind == "undersampled"
    assert judge_result(found, blur_is_found=False).kind == "hardly blurred"  # a narrow guess


def test_saturated_pixels_are_named_unless_they_are_masked(image):
    cut = np.minimum(image, np.quantile(image, 0.95)).astype(np.uint16)
    assert kind(cut) == "saturated"
    assert kind(cut, mask=cut == cut.max()) != "saturated"


def test_nothing_is_claimed_where_nothing_is_known(image):
    assert kind(np.full((128, 128), 7.0)) == "unknown"
    stop = threading.Event()
    stop.set()
    steps = iter_deconvolve(image, PSF, RIGHT, stop=stop)
    assert finish(steps).verdict.kind == "unknown"
    assert judge_result(None).kind == "unknown"


def shells(image, residual, scale=200.0, psf=PSF):
    noise = measure_level_and_line(Pixels(image))
    found = ResidualSpectrum.from_residual(image, residual, None, psf, scale, noise)
    assert found is not None
    return found


def test_what_is_known_of_the_psf_is_said_beside_the_fit(image):
    result = deconvolve(image, PSF, RIGHT)
    found = shells(image[None, None], result.residual[None, None], result.calibration.scale)
    assert str(judge_result(found, "untested")).endswith("this image does not tell.")
    assert "this one is not too wide; whether it is too narrow" in str(
        judge_result(found, "not too wide")
    )
    assert judge_result(found, "too wide") == Verdict("PSF too wide")
    assert judge_result(found, "too narrow") == Verdict("PSF too narrow")
    assert judge_result(found, "short along z") == Verdict("PSF too short along z")


def test_of_a_weight_trials_say_more_than_the_residual(image):
    for weight, kind in ((1.0, "fits"), (60.0, "over-smoothed"), (0.02, "noise fitted")):
        method = PoissonLikelihood(weight=weight, background=0.0)
        result = deconvolve(image, PSF, method)
        found = shells(image[None, None], result.residual[None, None], result.calibration.scale)
        assert judge_result(found).kind == kind
        assert judge_result(found, weight="suits").kind == "fits"
        assert judge_result(found, weight="too large").kind == "over-smoothed"
        assert judge_result(found, weight="too small").kind == "noise fitted"
        assert judge_result(found, "too narrow", weight="suits").kind == "PSF too narrow"
        assert judge_result(found, "too wide", weight="too large").kind == "PSF too wide"


def test_nobody_is_asked_for_another_sigma_where_nobody_gave_one(image):
    """The verdict says whether the blur was found in the image, or guessed."""
    result = deconvolve(image, PSF, RIGHT)
    found = shells(image[None, None], result.residual[None, None], result.calibration.scale)
    for evidence in ("untested", "too narrow", "short along z", "seems soft", "not too wide"):
        assert str(judge_result(found, evidence, blur_is_found=True)).endswith(
            "found in the image."
        )
        assert "guessed" in str(judge_result(found, evidence, blur_is_found=False))
    assert "that was found in the image is too wide" in str(
        judge_result(found, "too wide", blur_is_found=True)
    )
    assert "blur that was guessed is too wide" in str(
        judge_result(found, "too wide", blur_is_found=False)
    )
    assert "guessed" in str(deconvolve(image[:40, :40]).verdict)  # too small to tell
    assert "hardly blurred" not in str(Verdict("hardly blurred", "guessed"))  # narrow on purpose


def test_planes_are_judged_one_by_one():
    """The verdict on a frame does not depend on the number of frames."""
    one = observed(gain=0.93)
    smooth = Wiener(20.0)
    for count in (1, 3, 12):
        verdict = deconvolve(np.stack([one] * count), PSF, smooth).verdict
        assert (verdict.kind, verdict.others) == ("over-smoothed", ())
    noise = np.random.default_rng(0).normal(100, 3, one.shape)
    mixed = deconvolve(np.stack([noise, one, one, one]), PSF, smooth).verdict
    assert mixed.kind == "over-smoothed"
    assert "This holds for 3 of 4 planes; unknown: plane 0." in str(mixed)


def test_several_verdicts_are_told_together():
    fits, noisy = Verdict("fits", "untested"), Verdict("noise fitted", "untested")
    all_of_them = summarise_verdicts({"0": fits, "1": noisy, "2": fits, "3": noisy, "4": fits})
    assert str(all_of_them) == (
        f"{SENTENCES['fits']} This holds for 3 of 5 planes; noise fitted: planes 1, 3. "
        f"{PSF_SENTENCES['untested']}"
    )
    assert summarise_verdicts({"0": fits, "1": noisy}).kind == "noise fitted"
    assert summarise_verdicts({"()": fits}) == fits


def test_words_suit_the_dock_and_scripts_alike():
    """Both have an option for smoothing; not all have weights, sigmas and beads."""
    for words in (*SENTENCES.values(), *FOUND_BLUR_SENTENCES.values(), *PSF_SENTENCES.values()):
        assert not {"weight", "sigma", "beads", "iterations"} & set(words.replace(",", "").split())


def same(a, b, tolerance=1e-3):
    for name in ("passed_power", "count", "data_power", "residual_power", "followed_part"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), tolerance, tolerance)


@pytest.mark.parametrize("unit", [1e-20, 1e20, 3.0])
def test_units_do_not_matter(image, unit):
    image = np.asarray(image, np.float32)[None, None]
    residual = image - ndimage.gaussian_filter(image, (0, 0, 1, 1))
    unit = np.float32(unit)
    same(shells(image, residual), shells(image * unit, residual * unit, 200 * unit))


@pytest.mark.parametrize("turn", [lambda x: x[..., ::-1], lambda x: np.swapaxes(x, -1, -2)])
def test_directions_do_not_matter(image, turn):
    image = np.asarray(image, np.float32)[None, None]
    residual = image - ndimage.gaussian_filter(image, (0, 0, 1, 1))
    turned = [np.ascontiguousarray(turn(part)) for part in (image, residual)]
    same(shells(image, residual), shells(*turned), 0.05)


def test_the_noise_is_the_unit_of_power(image):
    """Pure noise has power 1 at all frequencies, in data and in residual."""
    noise = np.random.default_rng(1).normal(0, 3, (2, 1, 128, 128)).astype(np.float32)
    found = shells(noise, noise)
    np.testing.assert_allclose(np.average(found.residual_power, weights=found.count), 1, atol=0.1)
    np.testing.assert_allclose(found.followed_part, 0, atol=1e-3)


def test_signal_in_all_shells_is_not_taken_for_noise():
    """The shell of least power then holds more than noise."""
    image = observed(gain=2.0)[None, None]
    assert shells(image, image - image.mean(), psf=gaussian_psf(0.3)).has_signal


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float64])
def test_the_dtype_does_not_matter(image, dtype):
    for method in (Wiener(0.03), Wiener(1e-5)):
        assert kind(image.astype(dtype), method=method) == kind(image, method=method)


def test_stacks_colours_and_masks(image):
    stack = np.stack([image, observed(seed=1)])
    few = np.random.default_rng(2).random(image.shape) < 0.01
    for balance, expected in ((0.03, "fits"), (20.0, "over-smoothed"), (1e-5, "noise fitted")):
        method = Wiener(balance)
        assert kind(stack, method=method) == expected
        assert kind(np.moveaxis(stack, 0, -1), method=method, channel_axis=-1) == expected
        assert kind(image, method=method, mask=few) == expected


def test_the_layers_record_has_it(image):
    from napari.layers import Image

    layer = deblur_layer(Image(image), PSF, Wiener(20.0))
    verdict = layer.metadata["napari_tf_deblur"]["verdict"]
    assert verdict["kind"] == "over-smoothed"
    assert verdict["sentence"].startswith(SENTENCES["over-smoothed"])
