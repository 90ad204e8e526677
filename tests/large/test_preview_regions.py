"""Previews of regions: what a run on the whole image shows there, and the newest request first."""

from threading import Event

import numpy as np
import pytest

from napari_tf_deblur import (
    PoissonLikelihood,
    TotalVariation,
    Wiener,
    convolve,
    deconvolve,
    estimate_blur,
    gaussian_psf,
)
from napari_tf_deblur._large import preview as preview_module
from napari_tf_deblur._large.preview import preview_regions
from napari_tf_deblur._large.preview_requests import RegionPicture, RegionRequest

PSF = gaussian_psf(1.5)
REGION = (slice(60, 124), slice(0, 64))
INNER = (slice(60, 124), slice(50, 114))
FIXED = TotalVariation(weight=0.003, tolerance=0.02)


def scene(shape, seed=0, colours=()):
    """Discs on a dark background, blurred, with noise."""
    random = np.random.default_rng(seed)
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"))
    image = np.full(shape, 20.0)
    for _ in range(40):
        centre = random.uniform(0, 1, len(shape)) * shape
        distance = np.sqrt(sum((p - c) ** 2 for p, c in zip(places, centre)))
        image += random.uniform(50, 200) * (distance < random.uniform(2, 9))
    if colours:
        image = np.stack([image * k for k in colours], axis=-1)
    psf = gaussian_psf((1.5,) * len(shape))
    blurred = convolve(image, psf, channel_axis=-1 if colours else None)
    return (blurred + random.normal(0, 2, blurred.shape)).astype(np.float32)


def start(image, mask=None, stop=None, **axes):
    axes = {"channel_axis": None, "alpha": False, "spacing": None, **axes}
    steps = preview_regions(image, mask, stop=stop or Event(), **axes)
    assert next(steps) == "ready"
    return steps


def ask(steps, request):
    """Return the pictures of a request, without that of the whole image."""
    pictures, state = [], steps.send(request)
    while state != "ready":
        if isinstance(state, RegionPicture) and not state.is_whole:
            pictures.append(state)
        state = steps.send(None)
    return pictures


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(preview_module, "WHOLE_PAUSE_SECONDS", 0.0)


@pytest.fixture(scope="module")
def image():
    return scene((200, 180))


@pytest.mark.parametrize("method", [FIXED, Wiener(), PoissonLikelihood(weight=0.003)])
def test_a_region_is_that_of_the_whole_run(image, method):
    whole = deconvolve(image, PSF, method).image
    (picture,) = ask(start(image), RegionRequest(REGION, PSF, method, {}))
    assert picture.is_final
    assert picture.image.dtype == np.float32
    assert picture.image.shape == (64, 64)
    difference = np.abs(picture.image - whole[REGION]) / np.ptp(whole)
    if isinstance(method, PoissonLikelihood):  # the iterations of a region end earlier
        assert np.sqrt(np.mean(difference**2)) < 0.02
    else:
        assert difference.max() < 0.01


@pytest.mark.finds_weight
@pytest.mark.parametrize("method", ["auto", PoissonLikelihood()])
def test_at_rest_the_preview_is_the_result(image, method):
    steps = start(image)
    options = {"smoothing": 2.0}
    state = steps.send(RegionRequest(REGION, PSF, method, options))
    while state != "ready":
        last, state = state, steps.send(None)
    whole = deconvolve(image, PSF, method, smoothing=2.0).image
    assert last.is_whole
    np.testing.assert_array_equal(last.image, whole[REGION])
    other = (slice(100, 164), slice(20, 84))
    moved = steps.send(RegionRequest(other, PSF, method, options))
    assert moved.is_whole
    np.testing.assert_array_equal(moved.image, whole[other])


@pytest.mark.finds_weight
@pytest.mark.parametrize("method", ["auto", TotalVariation()])
def test_the_settings_come_from_the_whole_image(image, method):
    whole = deconvolve(image, PSF, method)
    (picture,) = ask(start(image), RegionRequest(INNER, PSF, method, {}))
    assert np.abs(picture.image - whole.image[INNER]).max() < 0.04 * np.ptp(whole.image)
    assert np.sqrt(np.mean((picture.image - whole.image[INNER]) ** 2)) < 0.003 * np.ptp(whole.image)
    assert picture.offset == whole.method.offset


def test_smoothing_uses_the_same_settings(image, monkeypatch):
    steps = start(image)
    ask(steps, RegionRequest(REGION, PSF, FIXED, {}))
    monkeypatch.setattr(preview_module, "find_calibration", None)  # not asked for again
    picture = steps.send(RegionRequest(REGION, PSF, FIXED, {"smoothing": 4.0}))
    whole = deconvolve(image, PSF, FIXED, smoothing=4.0).image
    assert picture.is_final
    assert np.abs(picture.image - whole[REGION]).max() < 0.01 * np.ptp(whole)


def test_another_psf_is_first_shown_with_the_last_settings(image, monkeypatch):
    monkeypatch.setattr(preview_module, "PAUSE_SECONDS", 0.05)
    steps = start(image)
    ask(steps, RegionRequest(REGION, PSF, FIXED, {}))
    narrow = gaussian_psf(1.2)
    first, last = ask(steps, RegionRequest(REGION, narrow, FIXED, {}))
    assert not first.is_final
    assert last.is_final
    whole = deconvolve(image, narrow, FIXED).image
    assert np.abs(last.image - whole[REGION]).max() < 0.01 * np.ptp(whole)
    assert len(ask(steps, RegionRequest(REGION, PSF, FIXED, {}))) == 1  # still known


def test_the_newest_request_replaces_the_present_one(image):
    steps = start(image)
    ask(steps, RegionRequest(REGION, PSF, FIXED, {}))
    first = steps.send(RegionRequest(REGION, gaussian_psf(1.3), FIXED, {}))
    assert isinstance(first, RegionPicture)
    assert steps.send(None) == "busy"  # it waits for another request
    other = (slice(0, 64), slice(64, 128))
    newest = steps.send(RegionRequest(other, PSF, FIXED, {}))
    assert newest.is_final
    assert newest.region == other


def test_a_preview_that_is_stopped_ends(image):
    stop = Event()
    steps = start(image, stop=stop)
    stop.set()
    with pytest.raises(StopIteration):
        steps.send(RegionRequest(REGION, PSF, FIXED, {}))


def test_the_blur_is_found_in_the_whole_image(image):
    (picture,) = ask(start(image), RegionRequest(REGION, 2, Wiener(), {}))
    np.testing.assert_array_equal(picture.psf, estimate_blur(image).psf())


def test_colours_masks_planes_and_volumes():
    colour = scene((120, 110), colours=(1.0, 0.5, 0.2))
    region = (slice(20, 84), slice(30, 94), slice(0, 3))
    (picture,) = ask(start(colour, channel_axis=-1), RegionRequest(region, PSF, FIXED, {}))
    whole = deconvolve(colour, PSF, FIXED, channel_axis=-1).image
    assert np.abs(picture.image - whole[region]).max() < 0.01 * np.ptp(whole)

    stack = np.stack([scene((120, 110), seed) for seed in range(3)])
    mask = np.zeros(stack.shape, bool)
    mask[1, 50:55, 50:55] = True
    region = (slice(1, 2), slice(20, 84), slice(30, 94))
    (picture,) = ask(start(stack, mask), RegionRequest(region, PSF, FIXED, {}))
    whole = deconvolve(stack, PSF, FIXED, mask=mask).image
    assert np.abs(picture.image - whole[region]).max() < 0.015 * np.ptp(whole)

    volume = scene((40, 64, 60))
    psf = gaussian_psf((1.5, 1.5, 1.5))
    region = (slice(20, 21), slice(0, 48), slice(10, 58))
    (picture,) = ask(start(volume), RegionRequest(region, psf, FIXED, {}))
    whole = deconvolve(volume, psf, FIXED).image
    assert np.abs(picture.image - whole[region]).max() < 0.015 * np.ptp(whole)
