"""A PSF that varies: what it accepts, and what it is between its places."""

import numpy as np
import pytest

from napari_tf_deblur import VaryingPSF, convolve, disc_psf, gaussian_psf
from napari_tf_deblur._core.varying_psf import linear_weights
from napari_tf_deblur.errors import InvalidTypeError, InvalidValueError

NARROW, MIDDLE, WIDE = (gaussian_psf(sigma) for sigma in (1, 1.5, 2.5))


def grid_of_four():
    return VaryingPSF([NARROW, MIDDLE, WIDE, disc_psf(3)], [(10, 10), (10, 50), (40, 10), (40, 50)])


def scattered():
    return VaryingPSF([NARROW, MIDDLE, WIDE], [(5, 5), (30, 12), (18, 44)])


def test_sizes_become_odd_and_equal_and_the_origin_stays():
    even = np.zeros((4, 6))
    even[2, 3] = 1
    psf = VaryingPSF([even, WIDE], [(0, 0), (9, 9)])
    assert psf.shape == WIDE.shape
    np.testing.assert_array_equal(
        psf.psfs[0], np.eye(1, WIDE.size, WIDE.size // 2).reshape(psf.shape)
    )
    larger = VaryingPSF([even, gaussian_psf(0.4, (3, 3))], [(0, 0), (9, 9)])
    assert larger.shape == (5, 7)
    assert np.unravel_index(np.argmax(larger.psfs[0]), (5, 7)) == (2, 3)


@pytest.mark.parametrize("psf", [grid_of_four(), scattered()], ids=["grid", "scattered"])
def test_weights_are_a_partition_of_one_and_one_at_the_places(psf):
    points = np.random.default_rng(0).uniform(-20, 80, (200, 2))
    weights = psf.weights_at(points)
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(1), 1)
    np.testing.assert_allclose(psf.weights_at(psf.places), np.eye(len(psf.psfs)), atol=1e-12)
    assert psf.at((22, 31)).sum() == pytest.approx(1, abs=1e-6)


def test_between_the_points_of_a_grid_it_is_linear_and_beyond_the_nearest():
    psf = grid_of_four()
    np.testing.assert_allclose(psf.at((25, 30)), np.mean(psf.psfs, 0), atol=1e-7)
    np.testing.assert_allclose(psf.at((-5, 20)), 0.75 * psf.psfs[0] + 0.25 * psf.psfs[1], atol=1e-7)
    np.testing.assert_allclose(psf.at((100, 100)), psf.psfs[3], atol=1e-7)


def test_the_order_of_the_psfs_does_not_matter():
    psf = scattered()
    turned = VaryingPSF(psf.psfs[::-1], psf.places[::-1])
    np.testing.assert_allclose(turned.at((20, 20)), psf.at((20, 20)), atol=1e-8)


def test_along_z_varies_along_the_first_axis_only():
    psfs = [gaussian_psf((s, 1, 1)) for s in (1, 3)]
    psf = VaryingPSF.along_z(psfs, [0, 20])
    np.testing.assert_allclose(
        psf.at((5, 7, 9)), 0.75 * psf.psfs[0] + 0.25 * psf.psfs[1], atol=1e-7
    )


def test_it_is_not_changed_by_what_it_was_made_of():
    given, places = np.array(NARROW), np.zeros((1, 2))
    psf = VaryingPSF([given], places)
    given[:], places[:] = 7, 7
    np.testing.assert_array_equal(psf.psfs[0], NARROW)
    np.testing.assert_array_equal(psf.places, [[0, 0]])
    with pytest.raises(ValueError, match="read-only"):
        psf.psfs[0][0, 0] = 1


@pytest.mark.parametrize(
    ("psfs", "places", "words"),
    [
        ([], [], "at least one PSF"),
        ([NARROW, [1, 2, 1]], [(0, 0), (1, 1)], "same number of axes"),
        ([NARROW, WIDE], [(0, 0)], r"must be \(2, 2\)"),
        ([NARROW, WIDE], [0, 1], r"must be \(2, 2\)"),
        ([NARROW, WIDE], [(0, 0), (0, np.nan)], "NaN"),
        ([NARROW, WIDE], [(0, 0), (0, 0)], "same place"),
        ([NARROW, -NARROW], [(0, 0), (0, 1)], "positive sum"),
        (
            [NARROW, WIDE[WIDE.shape[0] // 2 :, WIDE.shape[1] // 2 :]],
            [(0, 0), (0, 1)],
            "in a corner",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(psfs, places, words):
    with pytest.raises(InvalidValueError, match=words):
        VaryingPSF(psfs, places)


def test_places_that_are_no_numbers_are_refused():
    with pytest.raises(InvalidTypeError, match="one pixel index along each axis"):
        VaryingPSF([NARROW], [("here", "there")])


def test_functions_that_need_one_psf_say_so():
    with pytest.raises(InvalidTypeError, match=r"psf\.at\(place\)"):
        convolve(np.eye(16), scattered())


def test_faults_of_the_psfs_are_told_once_of_each_kind():
    off = np.roll(WIDE, 1, axis=0)
    psf = VaryingPSF([off, np.roll(WIDE, 2, axis=0), WIDE], [(0, 0), (0, 9), (9, 9)])
    assert [notice.kind for notice in psf.warnings] == ["PSF off centre"]
    assert not scattered().warnings


def test_linear_weights_of_one_node():
    np.testing.assert_array_equal(linear_weights(np.arange(3.0), np.array([1.0])), np.ones((3, 1)))
