"""The check of a given weight by trials with other weights."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from every_method import WITH_WEIGHT
from scipy import ndimage

from napari_tf_deblur import (
    Hessian,
    TotalVariation,
    Wiener,
    calibrate,
    convolve,
    deconvolve,
    gaussian_psf,
)
from napari_tf_deblur._core.steps import finish
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.prepared_run import PreparedRun
from napari_tf_deblur._run import whole_image
from napari_tf_deblur._run.weight_check import check_weight

pytestmark = pytest.mark.finds_weight

SIGMA = 1.5
PSF = gaussian_psf(SIGMA)


def observed(shape=(96, 112), noise=2.0, seed=0):
    """Return overlapping boxes of all sizes, blurred, with noise."""
    random = np.random.default_rng(seed)
    scene = np.full(shape, 20.0, np.float32)
    for _ in range(60):
        size = random.integers(3, 25, len(shape))
        start = [random.integers(0, n) for n in shape]
        box = tuple(slice(a, a + b) for a, b in zip(start, size))
        scene[box] = random.uniform(20, 220)
    image = convolve(scene, gaussian_psf(SIGMA, ndim=len(shape)), boundary="reflect")
    return image + random.normal(0, noise, shape).astype(np.float32)


@pytest.fixture(scope="module")
def image():
    return observed()


@pytest.fixture(scope="module", params=WITH_WEIGHT)
def found(request, image):
    return calibrate(image, PSF, request.param()).method


@pytest.fixture(scope="module")
def total_variation(image):
    return calibrate(image, PSF, TotalVariation())


@pytest.mark.parametrize(
    ("factor", "said"), [(1.0, "fits"), (8.0, "over-smoothed"), (1 / 8, "noise fitted")]
)
def test_a_wrong_weight_is_named_and_a_right_one_is_not(image, found, factor, said):
    given = found.scale_parameter("weight", factor)
    assert deconvolve(image, PSF, given).verdict.kind == said


@pytest.mark.parametrize("smoothing", [1.0, 10.0, 0.1])
def test_what_smoothing_makes_of_the_weight_counts(image, smoothing):
    kinds = {1.0: "fits", 10.0: "over-smoothed", 0.1: "noise fitted"}
    done = deconvolve(image, PSF, TotalVariation(), smoothing=smoothing)
    assert done.verdict.kind == kinds[smoothing]


@pytest.mark.parametrize(
    "turn",
    [
        pytest.param(lambda x: 1e-12 * x, id="small unit"),
        pytest.param(lambda x: 1e9 * x, id="large unit"),
        pytest.param(lambda x: x + 5e3, id="offset"),
        pytest.param(lambda x: x[::-1, ::-1], id="turned"),
    ],
)
@pytest.mark.parametrize(("factor", "said"), [(1, "suits"), (8, "too large"), (1 / 8, "too small")])
def test_what_is_said_does_not_depend_on_unit_offset_or_direction(
    image, total_variation, turn, factor, said
):
    given = total_variation.method.scale_parameter("weight", factor)
    assert check(turn(image), given) == said


def check(image, method, psf=PSF, stop=None, **options):
    arguments = Arguments(image, psf, method, **options)
    return finish(check_weight(PreparedRun.from_arguments(arguments), stop))


def test_nothing_is_said_where_trials_do_not_tell(image):
    given = TotalVariation(weight=0.01)
    assert check(image, Wiener(balance=0.01)) is None  # has no weight
    assert check(observed(noise=0.0), given) is None
    assert check(np.full((64, 64), 3.0), given) is None
    stop = threading.Event()
    stop.set()
    assert check(image, given, stop=stop) is None


def test_a_volume_is_checked_too():
    volume = observed((16, 40, 40))
    psf = gaussian_psf(SIGMA, ndim=3)
    found = calibrate(volume, psf, TotalVariation()).method
    assert check(volume, found, psf) == "suits"
    assert check(volume, found.scale_parameter("weight", 8), psf) == "too large"


def test_a_calibration_is_believed_and_planes_speak_for_themselves(
    image, total_variation, monkeypatch
):
    """A weight from the whole image is not checked again in each piece."""
    asked = []
    monkeypatch.setattr(
        whole_image, "check_weight", lambda *args: asked.append(1) or check_weight(*args)
    )
    found = total_variation
    deconvolve(image, PSF, found)
    deconvolve(np.stack([image, image]), PSF, found.method)
    assert not asked
    deconvolve(image, PSF, replace(found.method, weight=0.1))
    assert asked


def stripes(random):
    """Return sharp stripes with little noise."""
    scene = 100.0 * (np.arange(200) // 3 % 2) * np.ones((200, 1))
    return blurred(scene, 0.2, random), TotalVariation()


def grass(random):
    """Return a fine texture with much noise."""
    scene = ndimage.gaussian_filter(random.random((200, 200)), 0.7)
    scene = 100 * (scene - scene.min()) / np.ptp(scene)
    return blurred(scene, 5.0, random), Hessian()


def blurred(scene, noise, random):
    light = convolve(scene, PSF, boundary="reflect")
    return (light + random.normal(0, noise, scene.shape)).astype(np.float32)


@pytest.mark.parametrize("scene", [stripes, grass])
def test_the_residual_alone_calls_no_weight_of_a_calibration_wrong(scene):
    image, method = scene(np.random.default_rng(1))
    known = calibrate(image, PSF, method)
    assert deconvolve(image, PSF, known).verdict.kind == "fits"
    smoother = replace(known, method=known.method.with_smoothing(8))
    assert deconvolve(image, PSF, smoother).verdict.kind == "over-smoothed"
