"""Faults of a PSF that is given as an array: there is a warning if, and only if, it has one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, special

from napari_tf_deblur import Specimen, Wiener, convolve, deconvolve, gaussian_psf, microscope_psf
from napari_tf_deblur._core.psf_background import find_psf_background
from napari_tf_deblur._core.psf_centre import light_centre
from napari_tf_deblur._core.psf_check import psf_warnings, refuse_partial_psf

few = settings(max_examples=40, deadline=None)


def radius(shape, centre=None):
    places = [n // 2 for n in shape] if centre is None else centre
    return np.sqrt(sum((i - c) ** 2 for i, c in zip(np.indices(shape), places)))


def beam(shape, centre):
    """Widefield light: the same in each plane, in a soft-edged disc that widens with depth."""
    z, y, x = (i - c for i, c in zip(np.indices(shape), centre))
    square = 2.0 + 0.8 * z**2
    return np.exp(-(y**2 + x**2) / square) / square


def airy(r, wide=1.2):
    return (2 * special.j1(r / wide + 1e-9) / (r / wide + 1e-9)) ** 2


def true_psfs():
    """PSFs without a background, many with light at the rim."""
    found = {}
    for n in (9, 15, 41):
        r = radius((n, n))
        for s in (1.0, 3.0, 15.0):
            found[f"rational {s}, {n}"] = 1 / (1 + (r / s) ** 2)
            found[f"moffat {s}, {n}"] = (1 + (r / s) ** 2) ** -2.5
            found[f"gaussian {s}, {n}"] = np.exp(-((r / s) ** 2) / 2)
        for s in (3.0, 6.0, 30.0):
            found[f"disc {s}, {n}"] = np.clip(s + 0.5 - r, 0, 1)
            found[f"soft disc {s}, {n}"] = ndimage.gaussian_filter(np.clip(s + 0.5 - r, 0, 1), 1)
        found[f"box, {n}"] = np.ones((n, n))
        found[f"motion, {n}"] = np.eye(n)[n // 2] * np.ones((n, 1))
        found[f"slanted motion, {n}"] = np.eye(n)
        found[f"airy, {n}"] = airy(r)
    kinds = ({}, {"microscope": "confocal", "excitation": 488.0}, {"microscope": "multiphoton"})
    kinds[2]["excitation"] = 900.0
    for kind in kinds:
        for aperture in (0.5, 1.4):
            for shape in ((15, 41, 41), (31, 21, 21), (5, 41, 41)):
                name = f"{kind.get('microscope', 'widefield')} {aperture} {shape}"
                found[name] = microscope_psf(
                    aperture, 580, spacing=(300, 108, 108), shape=shape, **kind
                )
    return found


TRUE = true_psfs()


@pytest.mark.parametrize("name", TRUE)
def test_a_correct_psf_gives_no_warning(name):
    for scale in (1.0, 1e-20, 1e5):
        assert psf_warnings(scale * TRUE[name]) == ()
    refuse_partial_psf(TRUE[name])


TAILED = [
    "rational 1.0, 41", "moffat 3.0, 41", "gaussian 3.0, 41", "disc 3.0, 15", "airy, 41",
    "slanted motion, 15", "widefield 1.4 (15, 41, 41)", "confocal 0.5 (5, 41, 41)",
]  # fmt: skip


@pytest.mark.parametrize("part", [0.2, 0.87])
@pytest.mark.parametrize("name", TAILED)
def test_the_warning_of_a_background_has_its_part_of_the_light(name, part):
    light = np.asarray(TRUE[name], float)
    ground = part / (1 - part) * light.mean()
    assert find_psf_background(light + ground) == pytest.approx(ground, rel=0.3)
    (said,) = psf_warnings(light + ground)
    assert "measured_psf" in said
    assert float(said.split(" %")[0]) == pytest.approx(100 * part, rel=0.3)


def test_a_background_of_little_light_gives_no_warning():
    light = np.asarray(TRUE["gaussian 3.0, 41"], float)
    assert find_psf_background(light + 0.015 * light.mean()) > 0
    assert psf_warnings(light + 0.015 * light.mean()) == ()


@few
@given(
    ground=st.sampled_from([0.0, 100.0]),
    noise=st.sampled_from([5.0, 30.0]),
    seed=st.integers(0, 99),
)
def test_noise_neither_hides_a_ground_nor_makes_one(ground, noise, seed):
    picture = ground + 1000 * np.exp(-(radius((48, 49)) ** 2) / 8)
    picture += np.random.default_rng(seed).normal(0, noise, picture.shape)
    assert len(psf_warnings(picture)) == bool(ground)


@few
@given(
    off=st.lists(st.floats(-6, 6), min_size=2, max_size=2),
    ground=st.sampled_from([0.0, 0.2]),
    tail=st.sampled_from(["gaussian", "rational", "ring"]),
    turn=st.integers(0, 3),
)
def test_the_centre_of_the_light_is_found(off, ground, tail, turn):
    shape = (36, 41)
    centre = np.add(off, (17.5, 20))
    r = radius(shape, centre)
    light = {
        "gaussian": np.exp(-(r**2) / 5),
        "rational": 1 / (1 + r**2 / 4),
        "ring": np.exp(-((r - 3) ** 2) / 2),
    }[tail]
    found = light_centre(light + ground)
    np.testing.assert_allclose(found, centre, atol=0.05)
    turned = light_centre(np.rot90(light + ground, turn))
    expected = [found, (40 - found[1], found[0]), (35, 40) - found, (found[1], 35 - found[0])][turn]
    np.testing.assert_allclose(turned, expected, atol=1e-3)


MADE = {
    "psfmodels 0.3.3, even width": (
        (17, 32, 32),
        (8, 15.33, 15.33),
        "-0.7 pixels along y and -0.7",
    ),
    "psfmodels 0.3.3, even planes": ((16, 31, 31), (7.5, 15, 15), "-0.5 pixels along z from"),
    "psfmodels 0.3.3, even oversampling": ((17, 31, 31), (8, 14.75, 14.75), "-0.2 pixels along y"),
    "pyotf 0.0.3, odd planes": ((17, 33, 33), (9, 16, 16), "+1.0 pixels along z from"),
    "pyotf 0.0.3, even planes": ((16, 32, 32), (8, 16, 16), None),
    "microsim 0.0.12, even sizes": (
        (16, 32, 32),
        (7.5, 15.5, 15.5),
        "z and -0.5 pixels along y and",
    ),
    "eight planes off": ((33, 31, 31), (8, 15, 15), "-8.0 pixels along z from"),
}
"""Arrays that PSF programs make: shape, index of the point, text of the warning."""


@pytest.mark.parametrize("name", MADE)
def test_arrays_of_psf_programs_give_a_warning_of_their_offset(name):
    shape, centre, words = MADE[name]
    said = psf_warnings(beam(shape, centre))
    assert len(said) == (words is not None)
    assert words is None or words in said[0]


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize(("aperture", "step", "depth"), [(1.3, 250, 8e3), (1.4, 200, 1e4)])
def test_a_lopsided_psf_with_its_peak_in_the_middle_gives_no_warning(aperture, step, depth, turn):
    """The image of a point is brightest where the point is."""
    water = Specimen(refractive_index=1.33, depth=depth)
    psf = microscope_psf(aperture, 520, spacing=(step, 90, 90), shape=(41, 31, 31), specimen=water)[
        ::turn
    ]
    assert abs(light_centre(psf)[0] - 20) > 0.3
    assert not psf_warnings(psf)
    (said,) = psf_warnings(np.roll(psf, 2, 0))
    assert "pixels along z" in said


@pytest.mark.parametrize("off", [(6, 0), (0, -4), (2, 3)])
def test_the_result_is_shifted_the_other_way_as_the_warning_says(off):
    image = np.zeros((48, 48))
    image[24, 22] = 1000
    image = convolve(image, gaussian_psf(2)) + 5
    beside = np.roll(np.pad(gaussian_psf(2, 17), 6), off, (0, 1))
    result = deconvolve(image, beside, Wiener(balance=0.01))
    peak = np.unravel_index(result.image.argmax(), image.shape)
    assert peak == tuple(np.subtract((24, 22), off))
    (said,) = (warning for warning in result.warnings if "shifted" in warning)
    for name, shift in zip("yx", off):
        assert (f"{shift:+.1f} pixels along {name}" in said) == (shift != 0)


@pytest.mark.parametrize("axes", [2, 3])
def test_a_quarter_or_an_octant_is_refused(axes):
    """The package psf 2026.1.18 makes a quarter, (z, r), with the focus at [0, 0]."""
    whole = beam((25, 31, 31), (12, 15, 15))[(slice(None),) * axes + (15,) * (3 - axes)]
    quarter = whole[tuple(slice(n // 2, None) for n in whole.shape)]
    image = np.ones((32,) * axes)
    for part in (quarter, np.flip(quarter), quarter[..., ::-1]):
        with pytest.raises(ValueError, match="in a corner") as caught:
            deconvolve(image, part)
        assert ".volume()" in str(caught.value)
    refuse_partial_psf(whole)


@pytest.mark.parametrize("psf", [np.eye(9), np.pad([[1.0]], ((0, 8), (0, 8))), [[1, 0], [0, 0]]])
def test_a_line_or_a_single_pixel_in_a_corner_is_no_quarter(psf):
    refuse_partial_psf(np.asarray(psf, float))


@pytest.mark.parametrize("colours", [3, 4])
def test_colours_are_no_third_axis(colours):
    psf = np.repeat(gaussian_psf(2)[..., None], colours, -1)
    for image in (np.ones((32, 32)), np.ones((20, 32, 32)), np.ones((32, 32, 3))):
        axis = -1 if image.shape[-1] == 3 else None
        with pytest.raises(ValueError, match="as a colour picture has"):
            deconvolve(image, psf, Wiener(), channel_axis=axis)
