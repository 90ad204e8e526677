import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_tf_deblur import gaussian_psf
from napari_tf_deblur._core.psf import check_psf

sigmas = st.floats(0.3, 4)


def test_the_recipes_psf():
    impulse = np.zeros((13, 13))
    impulse[6, 6] = 1
    recipe = ndimage.gaussian_filter(impulse, (1, 3))
    psf = gaussian_psf((1, 3), 13)
    assert psf.dtype == np.float32
    np.testing.assert_allclose(psf, recipe / recipe.sum(), atol=1e-7)


@given(st.lists(sigmas, min_size=1, max_size=3))
def test_the_automatic_size_is_the_smallest_that_holds_four_sigma(sigma):
    psf = gaussian_psf(sigma)
    assert psf.shape == tuple(2 * int(np.ceil(4 * s - 1e-9)) + 1 for s in sigma)
    assert psf.sum() == pytest.approx(1, abs=1e-5)
    assert np.unravel_index(psf.argmax(), psf.shape) == tuple(n // 2 for n in psf.shape)


@given(sigma=st.lists(st.floats(1, 4), min_size=2, max_size=2), angle=st.floats(-180, 180))
def test_a_rotated_psf_has_the_covariance_it_was_asked_for(sigma, angle):
    psf = gaussian_psf(sigma, 33 + 2 * 10, angle=angle)
    rows, columns = np.indices(psf.shape) - 26
    turn = np.radians(angle)
    # The axis that sigma[1] lies along, turned counter-clockwise where rows run down.
    along = columns * np.cos(turn) - rows * np.sin(turn)
    across = columns * np.sin(turn) + rows * np.cos(turn)
    assert np.sum(psf * along**2) == pytest.approx(sigma[1] ** 2, rel=0.02)
    assert np.sum(psf * across**2) == pytest.approx(sigma[0] ** 2, rel=0.02)


def test_number_of_axes():
    assert gaussian_psf(1).ndim == 2
    assert gaussian_psf(1, ndim=3).ndim == 3
    assert gaussian_psf(1, (3, 5, 7)).shape == (3, 5, 7)
    assert gaussian_psf([2]).shape == (17,)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (((0, 1),), ValueError, "sigma is \\(0, 1\\)"),
        ((-1,), ValueError, "above 0"),
        ((np.nan,), ValueError, "above 0"),
        ((1, 4), ValueError, "odd"),
        ((1, 3.5), ValueError, "odd"),
        ((1, -3), ValueError, "odd"),
        (((1, 1), (3, 3, 3)), ValueError, "fit together"),
        (((1, 1, 1, 1),), ValueError, "1 to 3"),
        (("wide",), TypeError, "sigma is 'wide'"),
    ],
)
def test_bad_gaussians(arguments, error, says):
    with pytest.raises(error, match=says):
        gaussian_psf(*arguments)


def test_an_angle_is_for_two_axes():
    with pytest.raises(ValueError, match="2 axes only"):
        gaussian_psf((1, 2, 3), angle=10)


@pytest.mark.parametrize(
    ("psf", "error", "says"),
    [
        (np.zeros((3, 3)), ValueError, "sum to 0"),
        (-np.ones((3, 3)), ValueError, "sum to -9"),
        (np.array([1, np.nan]), ValueError, "NaN"),
        (np.ones((2, 1, 1, 1)), ValueError, "1 to 3 axes"),
        (np.ones((0, 3)), ValueError, "none empty"),
        (np.ones((3, 3), complex), TypeError, "complex128"),
        (np.array(["a"]), TypeError, "real numbers"),
    ],
)
def test_bad_psfs(psf, error, says):
    with pytest.raises(error, match=says):
        check_psf(psf)
