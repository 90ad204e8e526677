"""A calibration of a whole image gives its pieces the result of the whole."""

from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
from scipy import ndimage

from napari_tf_deblur import (
    METHODS,
    Hessian,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    Wiener,
    calibrate,
    convolve,
    deconvolve,
    gaussian_psf,
)

PSF = gaussian_psf(1.2)

LONG = [
    TotalVariation(iterations=300, tolerance=0.01),
    Hessian(iterations=300, tolerance=0.01),
    PoissonLikelihood(iterations=400, tolerance=1e-4),
    RichardsonLucy(iterations=12, accelerate=False),
    Wiener(),
]
"""Methods with fixed or enough iterations, so that the end of a run does not matter. Gradient
descent is left out, because it has one line search for the whole image."""


def photos(*lead):
    """Planes of 64 x 64 pixels: dim on the left, bright on the right."""
    random = np.random.default_rng(8)
    scene = ndimage.gaussian_filter(random.random((*lead, 64, 64)), (*(0,) * len(lead), 3, 3))
    scene = (scene - scene.min()) / np.ptp(scene) * np.linspace(50, 800, 64)
    scene[..., 20:30, 8:14] += 100
    blurred = convolve(scene, PSF, boundary="periodic") + 10
    return random.poisson(blurred).astype(np.float32)


@pytest.mark.parametrize("method", LONG, ids=lambda m: type(m).__name__)
def test_a_cut_out_comes_out_as_in_the_whole(method):
    whole = photos()
    found = calibrate(whole, PSF, method)
    expected = deconvolve(whole, PSF, method)
    assert expected.calibration == found
    cut = (slice(0, 48), slice(0, 44))  # the dim part
    piece = deconvolve(whole[cut], PSF, found)
    assert piece.calibration == found
    assert (
        deconvolve(whole[cut], PSF, method).calibration != found
    )  # without it, the part is calibrated differently
    inner = (slice(12, 36), slice(12, 32))
    difference = np.abs(piece.image[inner] - expected.image[inner]).max()
    assert difference < 0.02 * np.ptp(expected.image)


@pytest.mark.parametrize("method", [LONG[0], *LONG[3:]], ids=lambda m: type(m).__name__)
def test_a_plane_comes_out_as_in_the_series(method):
    """One plane of a stack of time points and depths, deblurred plane by plane."""
    series = photos(2, 2)[..., 16:, 16:] * np.array([1, 4])[:, None, None, None]
    found = calibrate(series, PSF, method)
    expected = deconvolve(series, PSF, method)
    assert expected.calibration == found
    for index in ((0, 1), (1,)):
        piece = deconvolve(series[index], PSF, found).image
        apart = np.abs(piece - expected.image[index]).max()
        assert apart < 0.02 * np.ptp(expected.image)


@pytest.mark.parametrize("method", METHODS)
def test_a_calibration_has_everything_filled_in_and_cannot_be_changed(method):
    image = photos()
    found = calibrate(image, PSF, method())
    for field in fields(found):
        with pytest.raises(FrozenInstanceError):
            setattr(found, field.name, getattr(found, field.name))
    assert type(found.method) is method
    assert found.scale > 0
    # A second calibration with the first one changes nothing.
    assert calibrate(image, PSF, found.method) == found
    np.testing.assert_array_equal(
        deconvolve(image, PSF, found).image, deconvolve(image, PSF, found.method).image
    )


def test_the_scale_is_used_and_not_found_again():
    """The weight is relative to the scale, so another scale gives another result."""
    image = photos()
    found = calibrate(image, PSF, TotalVariation(weight=0.005))
    other = replace(found, scale=found.scale / 10)
    same, different = (deconvolve(image, PSF, c).image for c in (found, other))
    assert np.abs(same - different).max() > 0.02 * np.ptp(same)


@pytest.mark.parametrize("method", METHODS)
def test_inputs_are_left_as_they_are(method):
    image, psf = photos()[:32, :32], 3 * PSF
    mask = np.zeros(image.shape, bool)
    mask[3:5, 7] = True
    image[mask] = np.nan
    copies = [a.copy() for a in (image, psf, mask)]
    for array in (image, psf, mask):
        array.flags.writeable = False
    found = calibrate(image, psf, method(), mask=mask)
    result = deconvolve(image, psf, found, mask=mask)
    assert result.calibration is found
    result.image[:] = -1
    for array, copy in zip((image, psf, mask), copies):
        np.testing.assert_array_equal(array, copy)


def test_the_background_is_said_with_how_sure_it_is():
    image = 100 + np.random.default_rng(0).poisson(200 * np.eye(64)).astype(np.float32)
    image = convolve(image, PSF, boundary="reflect")
    image += np.random.default_rng(1).normal(0, 3, image.shape).astype(np.float32)
    method = PoissonLikelihood(weight=1, iterations=3)
    found = deconvolve(image, PSF, method)
    assert found.background == found.method.background > 0
    assert abs(found.background - 100) <= 2 * found.background_error
    level, error = found.calibration.about_background.split()[1:4:2]
    assert float(level) == pytest.approx(found.background, abs=found.background_error)
    assert float(error) == pytest.approx(found.background_error, rel=0.1)
    told = deconvolve(image, PSF, PoissonLikelihood(weight=1, iterations=3, background=100))
    assert (told.background, told.background_error) == (100, None)
    assert told.calibration.about_background == "Background 100 subtracted."
    assert deconvolve(image, PSF, Wiener(balance=0.1)).calibration.about_background == ""
