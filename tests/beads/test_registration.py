"""PSFs from beads of any shape, which are registered to each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_tf_deblur import measured_psf
from napari_tf_deblur._beads.bead_windows import check_window
from napari_tf_deblur._beads.registration import MIN_AGREEMENT, register_beads
from napari_tf_deblur._core.errors import UserError
from napari_tf_deblur._core.psf_centre import light_centre
from napari_tf_deblur._core.psf_check import psf_warnings

few = settings(max_examples=8, deadline=None)
PLACES = [(22.3, 20.8), (24.6, 64.1), (21.0, 108.4), (66.2, 23.7), (70.5, 68.3), (63.9, 112.6)]


def helix(z, y, x):
    """Two spots, of which one is brighter, that turn with z."""
    across, along = 4.0 * np.sin(0.5 + 0.2 * z), 4.0 * np.cos(0.5 + 0.2 * z)
    one = np.exp(-((y - across) ** 2 + (x - along) ** 2) / (2 * 1.6**2))
    two = np.exp(-((y + across) ** 2 + (x + along) ** 2) / (2 * 1.6**2))
    return (one + 0.7 * two) * np.exp(-(z**2) / 18)


def astigmatic(z, y, x):
    """An ellipse that turns from lying to standing with z."""
    across, along = 1.5 + 0.25 * np.clip(z + 2, 0, 9), 1.5 + 0.25 * np.clip(2 - z, 0, 9)
    return np.exp(-((y / across) ** 2 + (x / along) ** 2 + (z / 3) ** 2) / 2) / (across * along)


def biplane(z, y, x):
    """A sharp spot and a wide one beside it."""
    one = np.exp(-((x - 6) ** 2 + y**2) / (2 * 1.5**2)) / 1.5**2
    two = np.exp(-((x + 6) ** 2 + y**2) / (2 * 2.2**2)) / 2.2**2
    return (one + two) * np.exp(-(z**2) / 18)


def tilted(z, y, x):
    """A single slanted ellipse: no axis of the picture is an axis of it."""
    return np.exp(-((x - y) ** 2 / 8 + (x + y) ** 2 / 40 + z**2 / 18))


SHAPES = {"helix": helix, "astigmatic": astigmatic, "biplane": biplane, "tilted": tilted}


def bead(psf, shape, place):
    """Return a bead; of two axes, the plane at z = 1."""
    grid = np.meshgrid(*(np.arange(n) - p for n, p in zip(shape, place)), indexing="ij")
    return psf(np.float64(1) if len(shape) == 2 else grid[0], grid[-2], grid[-1])


def picture(psf, places=PLACES, shape=(92, 136), noise=0.0, seed=0, lights=None):
    """Return beads of different brightness on a background of 100."""
    random = np.random.default_rng(seed)
    lights = random.uniform(0.6, 1.4, len(places)) if lights is None else lights
    light = sum(n * bead(psf, shape, p) for n, p in zip(lights, places))
    light = 1000 * light / bead(psf, shape, [n // 2 for n in shape]).max()
    return 100 + light + random.normal(0, max(noise, 1e-12), shape) * (noise > 0)


def true_psf(psf, shape):
    """Return the PSF with the centre of its light in the middle."""
    wide = tuple(n + 40 for n in shape)
    middle = np.array([n // 2 for n in wide], dtype=float)
    place = middle
    for _ in range(3):
        place = place + middle - light_centre(bead(psf, wide, place))
    true = bead(psf, wide, place)[tuple(slice(20, -20) for _ in shape)]
    return true / true.sum()


def error(found, psf):
    true = true_psf(psf, found.shape)
    return float(np.linalg.norm(found - true) / np.linalg.norm(true))


def embed(psf, shape):
    return np.pad(psf, [((n - m) // 2, (n - m) // 2) for n, m in zip(shape, psf.shape)])


def distance(one, other):
    shape = np.maximum(one.shape, other.shape)
    one, other = embed(one, shape), embed(other, shape)
    return float(np.linalg.norm(one - other) / np.linalg.norm(one))


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(("noise", "most"), [(0, 0.005), (10, 0.04), (60, 0.2)])
def test_planes(name, noise, most):
    psf, notes = measured_psf(picture(SHAPES[name], noise=noise), window=35)
    assert error(psf, SHAPES[name]) < most
    assert psf.dtype == np.float32
    assert psf.sum() == pytest.approx(1, abs=1e-5)
    assert psf.min() >= 0
    assert all(n % 2 for n in psf.shape)
    assert not psf_warnings(psf)
    assert notes[0].startswith("6 beads used, registered to each other")
    assert "correlation" in notes[1]


@pytest.mark.parametrize("name", SHAPES)
def test_volumes(name):
    shape, places = (22, 44, 84), [(11.3, 21.2, 20.6), (10.2, 22.5, 62.1)]
    psf, notes = measured_psf(picture(SHAPES[name], places, shape, noise=10), window=31)
    assert error(psf, SHAPES[name]) < 0.1
    assert notes[0].startswith("2 beads used")


def test_one_bead_says_that_nothing_confirms_it():
    psf, notes = measured_psf(picture(helix, [(30.3, 29.6)], (64, 60), noise=5), window=(31, 31))
    assert error(psf, helix) < 0.06
    assert notes[0].startswith("1 bead used")
    assert "no second bead" in notes[1]
    assert "correlation" not in " ".join(notes)


def test_more_beads_have_less_noise():
    errors = [
        np.mean(
            [
                error(
                    measured_psf(picture(helix, PLACES[:n], noise=50, seed=s), window=31)[0], helix
                )
                for s in range(3)
            ]
        )
        for n in (1, 6)
    ]
    assert errors[1] < 0.7 * errors[0]


@few
@given(
    scale=st.floats(1e-3, 1e4),
    offset=st.floats(-1e3, 1e4),
    rows=st.integers(0, 5),
    columns=st.integers(0, 5),
)
def test_scale_offset_and_place_do_not_change_the_psf(scale, offset, rows, columns):
    first = picture(helix, noise=20)
    psf, _ = measured_psf(first, window=31)
    moved = np.roll(first, (rows, columns), axis=(0, 1)) * scale + offset
    assert distance(psf, measured_psf(moved, window=31)[0]) < 0.02


@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
def test_a_turned_picture_has_the_turned_psf(axis):
    first = picture(biplane, noise=20)
    psf = measured_psf(first, window=31)[0]
    turned = measured_psf(np.flip(first, axis), window=31)[0]
    assert distance(np.flip(psf, axis), turned) < 0.02


def test_a_transposed_picture_has_the_transposed_psf():
    first = picture(helix, noise=20)
    psf = measured_psf(first, window=(31, 27))[0]
    assert distance(psf.T, measured_psf(first.T, window=(27, 31))[0]) < 0.02


def test_a_slope_of_the_background_does_not_change_the_psf():
    slope = np.add.outer(np.linspace(0, 200, 92), np.linspace(0, 300, 136))
    psf = measured_psf(picture(helix, noise=10), window=31)[0]
    assert distance(psf, measured_psf(picture(helix, noise=10) + slope, window=31)[0]) < 0.02


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_types_of_numbers(dtype):
    counts = np.rint(picture(helix, noise=10) / 10).astype(dtype)
    kept = counts.copy()
    psf, _ = measured_psf(counts, window=31)
    assert psf.dtype == np.float32
    assert error(psf, helix) < 0.06
    np.testing.assert_array_equal(counts, kept)


def test_leading_axes_of_length_1():
    first = picture(helix, noise=10)
    psf, _ = measured_psf(first, window=31)
    np.testing.assert_array_equal(psf, measured_psf(first[None, None], window=31)[0])
    single = measured_psf(first[None], window=(1, 31, 31), image_spacing=(1, 1, 1))[0]
    np.testing.assert_array_equal(psf[None], single)


def test_it_is_resampled():
    psf, notes = measured_psf(
        picture(helix), window=31, spacing=(0.1, 0.1), image_spacing=(0.05, 0.05)
    )
    coarse, _ = measured_psf(picture(helix), window=31)
    ratio = np.array(psf.shape) / coarse.shape
    assert np.all(np.abs(ratio - 2) < 0.2)
    assert "resampled" in " ".join(notes)


def test_a_hot_pixel_and_an_odd_object_are_left_out():
    scene = picture(helix, noise=10)
    clean = measured_psf(scene, window=31)[0]
    hot, odd = scene.copy(), scene.copy()
    hot[45, 45] += 30_000
    assert distance(clean, measured_psf(hot, window=31)[0]) < 0.02
    odd[50:84, 98:130] = 100 + 900 * (np.hypot(*(np.indices((34, 32)) - 16)) < 9)
    psf, notes = measured_psf(odd, window=31)
    assert distance(clean, psf) < 0.05
    assert "1 unlike the others" in " ".join(notes)


def test_beads_at_the_frame_and_saturated_beads_are_left_out():
    places = [*PLACES[:5], (64.0, 132.0)]
    scene = picture(helix, places, noise=10, lights=[1, 1, 1, 1, 3, 1])
    notes = " ".join(measured_psf(np.minimum(scene, 1900), window=31)[1])
    assert "1 cut by the frame" in notes
    assert "1 saturated" in notes
    assert notes.startswith("4 beads")


@pytest.mark.parametrize(
    ("scene", "window", "words"),
    [
        (picture(helix, noise=10), 200, "no more than the picture"),
        (picture(helix, noise=10), 3, "5 or more"),
        (picture(helix, noise=10), 8.5, "whole number"),
        (picture(helix, noise=10), "31", "whole number"),
        (np.stack([picture(helix)] * 9), (-3, 31, 31), "5 or more"),
        (picture(helix, noise=10), (31,), "one for each axis"),
        (picture(helix, noise=10), 61, "closer to a neighbour"),
        (picture(helix, PLACES[:1], noise=10), 11, "neighbour|larger window|rim"),
        (picture(tilted, noise=10), 9, "larger window"),
        (np.random.default_rng(0).normal(100, 5, (90, 90)), 31, "nothing brighter"),
        (np.full((90, 90), 7.0), 31, "nothing brighter"),
        (picture(helix, [(2.0, 40.0)], (60, 80), noise=5), 31, "cut by the frame"),
        (np.minimum(picture(helix, PLACES, noise=10), 300), 31, "saturated"),
    ],
)
def test_refusals_say_what_to_do(scene, window, words):
    with pytest.raises(UserError, match=words):
        measured_psf(scene, window=window)


def test_beads_of_different_focus_are_refused():
    scene = 100 + sum(
        picture(lambda z, y, x, k=k: helix(z + 5 * k, y, x), [place], lights=[1.0]) - 100
        for k, place in enumerate(PLACES)
    )
    with pytest.raises(UserError, match="one focus"):
        measured_psf(scene + np.random.default_rng(0).normal(0, 5, scene.shape), window=31)


def test_beads_are_registered_to_a_fraction_of_a_pixel():
    size = check_window(31, (92, 136))
    scene = picture(helix, noise=30).astype(np.float32)
    beads = register_beads(scene, np.rint(PLACES) + np.array([1, -2]), size)
    offsets = beads.centres - np.array(PLACES)
    assert np.abs(offsets - offsets.mean(axis=0)).max() < 0.1
    assert beads.used.all()
    assert beads.agreement.min() > MIN_AGREEMENT
    assert np.all(beads.correlation <= beads.agreement)


def test_noise_lowers_the_correlation_but_not_the_agreement():
    size = check_window(31, (92, 136))
    found = [
        register_beads(picture(helix, noise=n).astype(np.float32), np.array(PLACES), size)
        for n in (5, 80)
    ]
    assert found[1].correlation.mean() < found[0].correlation.mean() - 0.02
    assert abs(found[1].agreement.mean() - found[0].agreement.mean()) < 0.02


def test_widths_that_differ_do_not_agree():
    size = check_window(31, (92, 136))
    wide = picture(helix)
    wide[:, 90:] = ndimage.gaussian_filter(picture(helix), 2.5)[:, 90:]
    beads = register_beads(wide.astype(np.float32), np.array(PLACES), size)
    assert list(beads.used) == [True, True, False, True, True, False]


def test_light_that_the_stack_cuts_is_told():
    places = [(5.5, 21.2, 20.6), (6.2, 22.5, 62.1)]
    told = "reaches the first or last plane"
    cut = picture(astigmatic, places, (12, 44, 84), noise=5)
    assert told in " ".join(measured_psf(cut, window=31)[1])
    whole = picture(astigmatic, np.add(places, (6, 0, 0)), (24, 44, 84), noise=5)
    assert told not in " ".join(measured_psf(whole, window=31)[1])
    with pytest.raises(UserError, match="first or last plane"):
        measured_psf(whole[13:], window=31)


def test_a_helix_that_is_equally_bright_in_all_planes():
    def bright(z, y, x):
        return helix(z, y, x) * np.exp(z**2 / 18)

    scene = picture(bright, [(5, 21.2, 20.6), (5, 22.5, 62.1)], (11, 44, 84), noise=20)
    psf, notes = measured_psf(scene, window=31)
    assert notes[0].startswith("2 beads used")
    assert psf.shape == (11, 31, 31)
    place = np.array([5.0, 15.0, 15.0])
    for _ in range(3):
        place = place + np.array([5, 15, 15]) - light_centre(bead(bright, psf.shape, place))
    true = bead(bright, psf.shape, place)
    assert np.linalg.norm(psf - true / true.sum()) < 0.1 * np.linalg.norm(psf)


@pytest.mark.parametrize("noise", [0, 20])
def test_noise_is_told_only_where_there_is_some(noise):
    notes = " ".join(measured_psf(picture(helix, noise=noise), window=31)[1])
    assert ("times its noise" in notes) == (noise > 0)
