"""Contrast limits stay the same, and are widened only if too many pixels would be saturated."""

import numpy as np
import pytest

from napari_tf_deblur._layers.contrast import match_contrast_limits


@pytest.fixture
def cells():
    """Cells of 50 to 150, 1/8 of the picture, on a dark background of 0 to 8."""
    rng = np.random.default_rng(0)
    picture = rng.uniform(0, 8, (128, 128))
    picture[32:64, 32:96] = rng.uniform(50, 150, (32, 64))
    return picture


@pytest.mark.parametrize("shown", [(0, 160), (0, 255), (20, 90), (-30, 400)])
def test_what_has_not_changed_looks_the_same(cells, shown):
    assert match_contrast_limits(cells, shown, cells) == pytest.approx(shown)


def test_a_few_negative_pixels_do_not_make_the_background_grey(cells):
    ringing = cells.copy()
    ringing[:2, :30] = -500.0
    assert match_contrast_limits(cells, (0, 160), ringing) == (0, 160)
    assert match_contrast_limits(cells, (5, 160), ringing) == pytest.approx((5, 160), abs=0.1)


def test_many_negative_pixels_do_not_either_if_the_source_has_none(cells):
    dark = cells - 5
    assert match_contrast_limits(cells, (0, 160), dark)[0] == 0


def test_a_bead_does_not_hide_the_cells(cells):
    with_bead = cells.copy()
    with_bead[100:103, 100:103] = 15_000.0
    assert match_contrast_limits(cells, (0, 160), with_bead) == (0, 160)


def test_white_follows_where_there_are_only_beads():
    source, result = np.zeros((64, 64)), np.zeros((64, 64))
    source[::8, ::8] = 10.0
    result[::8, ::8] = 100.0
    assert match_contrast_limits(source, (0, 10), result) == (0, 100)


def test_white_follows_cells_that_become_brighter(cells):
    low, high = match_contrast_limits(cells, (0, 160), 2 * cells)
    assert low == 0
    assert 290 < high <= 300


def test_as_much_is_saturated_as_was_before(cells):
    shown = (0, 90)  # the user looks at dim ones
    lit = cells > 9
    before = (cells[lit] > 90).mean()
    assert before > 0.3
    result = np.where(lit, 1.5 * cells, cells)
    _, high = match_contrast_limits(cells, shown, result)
    after = result[lit] > high
    assert after.mean() == pytest.approx(before, abs=0.02)


def test_the_background_that_a_method_takes_away_counts_for_nothing(cells):
    with_camera = cells + 1000
    expected = match_contrast_limits(cells, (10, 160), cells)
    assert match_contrast_limits(with_camera, (1010, 1160), cells, 1000) == pytest.approx(expected)


def test_black_is_not_below_all_that_is_left_without_the_background(cells):
    counted = np.clip(cells - 4, 0, None)
    low, high = match_contrast_limits(cells + 1000, (900, 1160), counted, 1004)
    assert (low, high) == (0, 156)


def test_dark_structures_on_a_bright_ground_are_not_lost(cells):
    bright = 1000 - cells
    low, high = match_contrast_limits(bright, (840, 1000), 1000 - 2 * cells)
    assert 700 <= low < 710
    assert high == 1000
    assert match_contrast_limits(0.2 + 0 * cells, (0.1, 0.3), -bright)[0] == 0  # never below zero


def test_a_source_with_negative_values_may_reach_further_down(cells):
    signed = cells - 80
    low, high = match_contrast_limits(signed, (-80, 80), 2 * signed)
    assert -160 <= low < -150
    assert high > 130


@pytest.mark.parametrize(
    ("source", "shown", "result"),
    [
        ([np.nan] * 4, (0, 1), [1.0, 2.0]),
        ([1.0, 2.0], (0, 1), [np.nan, np.inf]),
        ([1.0, 2.0], (1, 1), [3.0, 3.0]),
        ([], (0, 1), []),
        ([5, 5], (0, 10), [-7, -7]),
        ([True, False], (0, 1), [0.0, 1.0]),
    ],
)
@pytest.mark.parametrize("offset", [0.0, 3.0, 1e6])
def test_odd_images_have_two_different_limits(source, shown, result, offset):
    low, high = match_contrast_limits(source, shown, result, offset)
    assert np.isfinite([low, high]).all()
    assert low < high


def test_large_images_and_integers_of_both_byte_orders(cells):
    large = np.tile(np.rint(cells).astype(">u2"), (12, 12))
    assert match_contrast_limits(large, (0, 160), large) == (0, 160)
