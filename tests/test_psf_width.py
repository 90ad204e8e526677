"""What a spectrum says of a PSF's width, and what that may not depend on."""

import numpy as np
import pytest

from napari_tf_deblur import PoissonLikelihood, Wiener, convolve, gaussian_psf
from napari_tf_deblur._preparation.arguments import Arguments
from napari_tf_deblur._preparation.prepared import Prepared
from napari_tf_deblur.psf_width import PSFWidth


def scene(shape, seed=0):
    """Noise whose amplitudes fall with frequency, as those of photographs."""
    frequency = np.sqrt(sum(f**2 for f in np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij")))
    white = np.fft.fftn(np.random.default_rng(seed).normal(size=shape))
    values = np.fft.ifftn(white / np.maximum(frequency, 1 / max(shape)) ** 1.1).real
    return 40 + 200 * (values - values.min()) / np.ptp(values)


def observed(psf, shape=(144, 160), noise=0.5):
    blurred = convolve(scene(shape), psf, boundary="periodic")
    return blurred + np.random.default_rng(1).normal(0, noise, shape)


def width(image, psf, **options):
    return PSFWidth.of(Prepared.of(Arguments(image, psf, Wiener(1.0), **options)))


@pytest.mark.parametrize(
    ("sigma", "shape"),
    [
        (1.0, (144, 160)),
        (1.6, (144, 160)),
        (2.5, (144, 160)),
        ((3.0, 1.2), (144, 160)),
        ((1.5, 1.0, 1.0), (32, 48, 56)),
        (2.0, (600,)),
    ],
)
def test_the_ratio_is_that_of_the_variances(sigma, shape):
    sigmas = np.broadcast_to(sigma, len(shape))
    image = observed(gaussian_psf(tuple(sigmas)), shape)
    for factor in (0.75, 1.0, 1.3):
        found = width(image, gaussian_psf(tuple(factor * sigmas)))
        error = found.log_ratio + 2 * np.log(factor)
        assert abs(error) < max(0.16, 3 * found.doubt), factor
        assert found.doubt < 0.5


def test_a_psf_of_any_shape_is_right_at_its_own_width():
    line = np.eye(9, dtype=np.float32) / 9
    assert width(observed(line), line).log_ratio == pytest.approx(0, abs=0.1)


def words(found):
    flags = {name for name in ("is_narrow", "is_wide", "is_right") if getattr(found, name)}
    return flags | ({"may_be_wide"} if found.may_be_wide(False) else set())


def test_words_for_the_width():
    image = observed(gaussian_psf(1.6))
    right, wide, narrow = (width(image, gaussian_psf(1.6 * f)) for f in (1, 1.3, 0.75))
    assert words(right) <= {"is_right"}
    assert words(wide) == {"is_wide", "may_be_wide"}
    assert words(narrow) == {"is_narrow", "is_right"}  # as it is not too wide


def test_a_residual_is_heard_unless_the_psf_seems_narrow():
    assert not PSFWidth(0.05, 0.2, of_points=False).may_be_wide(False)
    assert PSFWidth(0.05, 0.2, of_points=False).may_be_wide(True)
    assert not PSFWidth(0.2, 0.2, of_points=False).may_be_wide(True)
    assert not PSFWidth(0.05, 0.05, of_points=False).may_be_wide(True)


@pytest.mark.parametrize(
    "turn",
    [
        pytest.param(lambda x: 1e-20 * x, id="small unit"),
        pytest.param(lambda x: 1e15 * x, id="large unit"),
        pytest.param(lambda x: x + 1e4, id="offset"),
        pytest.param(lambda x: x[::-1], id="mirror"),
        pytest.param(lambda x: x.T, id="transpose"),
        pytest.param(lambda x: np.stack([x, x]), id="stack"),
    ],
)
def test_unit_offset_and_direction_do_not_matter(turn):
    psf, image = gaussian_psf(2.0), observed(gaussian_psf(1.6))
    before, after = width(image, psf), width(turn(image), psf)
    assert after.log_ratio == pytest.approx(before.log_ratio, abs=0.02)


def test_ignored_pixels_do_not_matter():
    psf, image = gaussian_psf(1.6), observed(gaussian_psf(1.6))
    before = width(image, psf)
    mask = np.zeros(image.shape, bool)
    mask[20:26, 30:38] = True
    image[mask] = 1e6
    assert width(image, psf, mask=mask).log_ratio == pytest.approx(before.log_ratio, abs=0.1)


@pytest.mark.parametrize("image", [np.full((64, 64), 3.0), scene((16, 16))])
def test_nothing_is_said_of_flat_and_of_small_images(image):
    found = width(image, gaussian_psf(1.5))
    assert found.doubt == np.inf
    assert words(found) == set()


def test_what_the_method_is_does_not_matter():
    psf, image = gaussian_psf(1.6), observed(gaussian_psf(1.6))
    prepared = Prepared.of(Arguments(image, psf, PoissonLikelihood(weight=1.0)))
    assert PSFWidth.of(prepared).log_ratio == pytest.approx(width(image, psf).log_ratio, abs=0.01)
