"""The PSF of a microscope, compared with Fourier transformed pupils and fits by SciPy."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft, ndimage, optimize, signal, special

from napari_tf_deblur._beads.averaging import BACKGROUND_ZONE_SIGMAS
from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._core.gaussian_psf import DIFFRACTION_REACH
from napari_tf_deblur._optics.microscope import (
    microscope_psf,
    microscope_sigma,
    pixel_sigma,
    undersampling,
)
from napari_tf_deblur._optics.optics import IMMERSIONS, Optics
from napari_tf_deblur._optics.sampling import nyquist_spacing
from napari_tf_deblur._optics.specimen import Specimen
from napari_tf_deblur._optics.widths import fit_profile_sigma

FOUR = (
    {"microscope": "widefield"},
    {"microscope": "confocal", "excitation": 488.0, "pinhole": 1.0},
    {"microscope": "light sheet", "sheet": 900.0},
    {"microscope": "multiphoton", "excitation": 900.0},
)
GLASS = 1.5255
OBJECTIVES = ((0.1, 1.0), (0.5, 1.0), (0.95, 1.0), (1.2, 1.33), (1.4, 1.515), (1.49, 1.515))

few = settings(max_examples=20, deadline=None)


@st.composite
def optics(draw):
    """Any microscope, emission 520."""
    index = draw(st.sampled_from([1.0, 1.33, 1.515]))
    aperture = draw(st.floats(0.1, index - 0.025))
    return Optics(aperture, 520.0, index, **draw(st.sampled_from(FOUR)))


def pupil_light(aperture, index, wavelength, depths, rows, columns, samples=201):
    """Light at some depths, rows and columns, by the Fourier transform of the pupil."""
    frequency = np.linspace(-1, 1, samples) * aperture / wavelength
    radius = np.hypot(frequency[:, None], frequency) * wavelength
    edge = np.clip((aperture - radius) / (frequency[1] - frequency[0]) / wavelength + 0.5, 0, 1)
    cosine = np.sqrt(1 - (np.minimum(radius, aperture) / index) ** 2)
    phase = 2 * np.pi * index / wavelength * (cosine - 1)
    down = np.exp(2j * np.pi * np.outer(rows, frequency))
    across = np.exp(2j * np.pi * np.outer(frequency, columns))
    angle = np.arctan2(frequency[:, None], frequency[None, :])
    radial, ring = (np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))
    sine = np.minimum(radius, aperture) / index
    # Both sides of the coverslip, by Fresnel's equations.
    glass = np.sqrt(1 - (np.minimum(radius, aperture) / GLASS) ** 2)
    towards = 4 * index * GLASS * cosine * glass / (GLASS * cosine + index * glass) ** 2
    beside = 4 * index * GLASS * cosine * glass / (index * cosine + GLASS * glass) ** 2
    # Along each direction of a dipole: what is polarised towards the axis, and around it.
    dipoles = (
        (cosine * np.cos(angle), -np.sin(angle)),
        (cosine * np.sin(angle), np.cos(angle)),
        (-sine, 0 * angle),
    )
    light = np.zeros((len(depths), len(rows), len(columns)))
    for along, around in dipoles:
        for r, t in zip(radial, ring):
            field = edge / np.sqrt(cosine) * (towards * along * r + beside * around * t)
            for depth, plane in zip(depths, light):
                plane += np.abs(down @ (field * np.exp(1j * phase * depth)) @ across) ** 2
    return light


def seen(o, depths, rows, columns):
    """Image of a point in a microscope; the disc of a pinhole is sampled on a grid of points."""
    lens = o.numerical_aperture, o.index
    if o.microscope == "multiphoton":
        return pupil_light(*lens, o.excitation, depths, rows, columns) ** 2
    if o.microscope == "confocal":
        radius = 0.61 * o.emission / o.numerical_aperture * o.pinhole
        pixel = radius / 20
        rows, columns = np.asarray(rows), np.asarray(columns)
        count = [21 + int(np.ceil(np.max(places) / pixel)) for places in (rows, columns)]
        grid = [pixel * np.arange(-n, n + 1) for n in count]
        disc = np.hypot(*np.ix_(pixel * np.arange(-21, 22), pixel * np.arange(-21, 22)))
        disc = np.clip((radius - disc) / pixel + 0.5, 0, 1)
        light = pupil_light(*lens, o.emission, depths, *grid)
        passed = [signal.fftconvolve(plane, disc, "same") for plane in light]
        points = np.stack(
            np.meshgrid(*(p / pixel + n for p, n in zip((rows, columns), count)), indexing="ij")
        )
        passed = [ndimage.map_coordinates(plane, points, order=3) for plane in passed]
        return np.array(passed) * pupil_light(*lens, o.excitation, depths, rows, columns)
    sheet = o.sheet if o.microscope == "light sheet" and o.sheet else np.inf
    sheet = np.exp(-4 * np.log(2) * (np.asarray(depths) / sheet) ** 2)
    return pupil_light(*lens, o.emission, depths, rows, columns) * sheet[:, None, None]


def fitted(places, profile):
    """Sigma of a Gaussian of any height, by SciPy."""

    def gaussian(x, height, sigma):
        return height * np.exp(-((x / sigma) ** 2) / 2)

    start = (1.0, places[np.argmax(profile < profile[0] / 2)])
    (_, sigma), _ = optimize.curve_fit(gaussian, places, profile / profile[0], start)
    return abs(sigma)


def independent_sigma(o):
    """Sigmas along z and across, by pupil and SciPy."""
    places = np.linspace(0, 1.2 * o.wavelength / o.numerical_aperture, 40)
    zero = o.unit / (1 - np.sqrt(1 - (o.numerical_aperture / o.index) ** 2))
    far = 1.5 * zero if o.sheet is None else min(1.5 * zero, 2 * o.sheet)
    depths = np.linspace(0, far, 24)
    across = fitted(places, seen(o, [0.0], [0.0], places)[0, 0])
    return fitted(depths, seen(o, depths, [0.0], [0.0])[:, 0, 0]), across


@pytest.mark.parametrize(
    ("aperture", "index", "across", "along"),
    [
        (0.3, 1.0, 368.1, 4071.3),
        (0.5, 1.0, 224.5, 1401.4),
        (0.8, 1.0, 148.4, 477.1),
        (0.95, 1.0, 133.9, 297.1),
        (1.2, 1.33, 101.5, 257.2),
        (1.4, 1.515, 87.4, 208.8),
        (1.49, 1.515, 84.5, 166.1),
    ],
)
def test_widths_are_those_of_a_vectorial_program(aperture, index, across, along):
    """Gaussians fitted to profiles that psfmodels 0.3.3 made with its vectorial model.

    Its coverslip has the index 1.5255, and there is no mismatch.
    """
    sigma = microscope_sigma(aperture, 520, refractive_index=index)
    assert sigma[1] == sigma[2] == pytest.approx(across, rel=0.002)
    assert sigma[0] == pytest.approx(along, rel=0.002)


@pytest.mark.parametrize(("aperture", "index"), [(1.57, 1.78), (1.65, 1.78), (1.53, 1.6)])
def test_an_aperture_above_the_index_of_glass_has_a_coverslip_like_the_immersion(aperture, index):
    glass = Specimen(coverslip_index=index, design_coverslip_index=index)
    sigma = microscope_sigma(aperture, 520, refractive_index=index)
    matched = microscope_sigma(aperture, 520, refractive_index=index, specimen=glass)
    assert sigma == pytest.approx(matched, rel=1e-6)


def test_an_unknown_laser_is_that_of_the_usual_pair():
    given = {"microscope": "confocal", "pinhole": 0.5}
    known, unknown = (microscope_sigma(1.4, 520, excitation=e, **given) for e in (488, None))
    assert unknown == pytest.approx(known, rel=0.003)


@pytest.mark.parametrize("kind", FOUR, ids=lambda kind: kind["microscope"])
@pytest.mark.parametrize(("aperture", "index"), OBJECTIVES)
def test_widths_agree_with_an_independent_fit(aperture, index, kind):
    o = Optics(aperture, 520.0, index, **kind)
    along, across, _ = microscope_sigma(**asdict(o))
    expected = independent_sigma(o)
    assert across == pytest.approx(expected[1], rel=0.01)
    assert along == pytest.approx(expected[0], rel=0.02)


@given(optics(), st.floats(1e-9, 1e9), st.integers(-30, 30))
@few
def test_widths_scale_with_the_unit_of_length(o, factor, power):
    sigma = np.array(microscope_sigma(**asdict(o)))

    def scaled(factor):
        lengths = {k: v * factor for k in ("excitation", "sheet") if (v := getattr(o, k))}
        return microscope_sigma(**asdict(replace(o, emission=520 * factor, **lengths)))

    np.testing.assert_allclose(scaled(factor), sigma * factor, rtol=1e-10)
    assert np.all(scaled(2.0**power) == sigma * 2.0**power)


@given(optics(), st.floats(1.01, 1.3))
@few
def test_a_larger_aperture_makes_a_narrower_psf(o, ratio):
    larger = o.numerical_aperture * ratio
    if larger < o.index:
        widths = zip(
            microscope_sigma(**asdict(o)),
            microscope_sigma(**asdict(replace(o, numerical_aperture=larger))),
        )
        assert all(wide > narrow for wide, narrow in widths)


@given(optics())
@few
def test_how_the_microscopes_compare(o):
    given = asdict(replace(o, microscope="widefield", excitation=None, sheet=None))
    del given["microscope"], given["excitation"], given["sheet"], given["pinhole"]
    wide = np.array(microscope_sigma(**given))

    def confocal(pinhole, excitation=520.0):
        return np.array(
            microscope_sigma(**given, microscope="confocal", pinhole=pinhole, excitation=excitation)
        )

    def sheet(thickness):
        return microscope_sigma(**given, microscope="light sheet", sheet=thickness)

    two_photons = microscope_sigma(**given, microscope="multiphoton", excitation=520.0)
    np.testing.assert_allclose(two_photons, wide * np.sqrt(0.5), rtol=0.05)
    np.testing.assert_allclose(confocal(1e-3), two_photons, rtol=1e-3)
    assert np.all(confocal(0.5) < confocal(1.0))
    assert np.all(confocal(1.0) < wide)
    np.testing.assert_allclose(confocal(50.0), wide, rtol=5e-3)
    np.testing.assert_allclose(confocal(50.0, 488.0), wide * 488 / 520, rtol=5e-3)
    assert np.all(sheet(None) == wide)
    np.testing.assert_allclose(sheet(100 * wide[0]), wide, rtol=1e-3)
    thin = sheet(max(0.2 * wide[0], 60.0))
    assert thin[1:] == tuple(wide[1:])
    if wide[0] > 300:
        assert thin[0] == pytest.approx(0.2 * wide[0] / 2.3548, rel=0.01)


@pytest.mark.parametrize(
    ("aperture", "immersion"),
    [(0.1, "air"), (0.95, "air"), (1.0, "water"), (1.27, "water"), (1.3, "oil"), (1.49, "oil")],
)
def test_the_usual_immersion(aperture, immersion):
    assert Optics(aperture, 520).index == IMMERSIONS[immersion]
    assert Optics(aperture, 520, 1.6).index == 1.6


@given(optics(), st.floats(0.3, 2), st.floats(0.3, 3), st.sampled_from([2, 3]))
@few
def test_an_array_is_centred_and_the_same_from_all_sides(o, fine, step, axes):
    pixel = fine * o.wavelength / o.numerical_aperture / 4
    planes = step * microscope_sigma(**asdict(o))[0]
    psf = microscope_psf(**asdict(o), spacing=(planes, pixel, pixel)[-axes:])
    assert psf.dtype == np.float32
    assert psf.ndim == axes
    assert all(n % 2 for n in psf.shape)
    assert psf.min() >= 0
    assert psf.sum(dtype=float) == pytest.approx(1, abs=1e-5)
    for axis in range(axes):
        np.testing.assert_array_equal(psf, np.flip(psf, axis))
        places = np.arange(psf.shape[axis]) - psf.shape[axis] // 2
        assert abs(np.tensordot(psf.astype(float), places, ([axis], [0])).sum()) < 1e-6
    np.testing.assert_allclose(psf, np.swapaxes(psf, -1, -2), rtol=1e-5)
    assert np.unravel_index(psf.argmax(), psf.shape) == tuple(n // 2 for n in psf.shape)


@pytest.mark.parametrize("kind", FOUR, ids=lambda kind: kind["microscope"])
def test_an_array_agrees_with_the_pupil(kind):
    o = Optics(1.2, 520.0, 1.33, **kind)
    psf = microscope_psf(**asdict(o), spacing=(400, 90, 90), shape=(3, 15, 15))
    places = 10.0 * (np.arange(135) - 67)
    fine = seen(o, [400.0, 0.0, 400.0], places, places)
    expected = fine.reshape(3, 15, 9, 15, 9).sum(axis=(2, 4))
    np.testing.assert_allclose(psf, expected / expected.sum(), atol=2e-3 * psf.max())


@pytest.mark.parametrize("kind", FOUR, ids=lambda kind: kind["microscope"])
@pytest.mark.parametrize(("aperture", "spacing"), [(0.3, (108, 108)), (0.8, (50, 50, 50))])
def test_light_is_never_negative(kind, aperture, spacing):
    psf = microscope_psf(aperture, 580, spacing=spacing, **kind)
    assert not np.signbit(psf).any()  # no -0.0 either


@pytest.mark.parametrize("pixel", [30.0, 200.0, 1500.0])
def test_pixels_integrate(pixel):
    fine = microscope_psf(0.8, 520, spacing=(pixel / 3, pixel), shape=(63, 15))
    coarse = microscope_psf(0.8, 520, spacing=(pixel, pixel), shape=(21, 15))
    np.testing.assert_allclose(coarse, fine.reshape(21, 3, 15).sum(axis=1), atol=2e-5)


def test_each_plane_of_a_widefield_psf_holds_the_same_light():
    for aperture, spacing in ((1.4, (200, 65, 65)), (0.5, (800, 200, 200)), (1.49, (90, 90, 90))):
        light = microscope_psf(aperture, 520, spacing=spacing).sum(axis=(1, 2))
        assert light.min() > 0.95 * light.max()
    light = microscope_psf(1.4, 520, spacing=(200, 65, 65), shape=(9, 501, 501)).sum(axis=(1, 2))
    np.testing.assert_allclose(light, 1 / 9, rtol=0.005)
    for kind in FOUR[1:]:
        light = microscope_psf(1.4, 520, spacing=(200, 65, 65), **kind).sum(axis=(1, 2))
        assert light[0] < 0.3 * light.max()


def test_rings_are_kept_as_far_as_the_third_dark_one():
    def airy(radii):
        return (2 * special.j1(radii + 1e-9) / (radii + 1e-9)) ** 2

    second, third = special.jn_zeros(1, 3)[1:]
    radii, phases = np.linspace(0, second, 80), np.linspace(0, 2 * np.pi, 80)
    across = fit_profile_sigma(radii, airy(radii))
    along = fit_profile_sigma(phases, np.sinc(phases / np.pi) ** 2)
    assert third / across < DIFFRACTION_REACH < 3 * np.pi / along
    zone = BACKGROUND_ZONE_SIGMAS * across
    assert second < zone < third
    assert airy(np.linspace(zone, 3 * third, 99)).max() < 0.005


def test_automatic_sizes():
    assert microscope_psf(1.4, 520, spacing=(200, 65, 65)).size < 500_000
    whole = microscope_psf(1.4, 520, spacing=(65, 65), shape=(601, 601))
    rows, columns = microscope_psf(1.4, 520, spacing=(65, 65)).shape
    middle = whole[300 - rows // 2 :, 300 - columns // 2 :][:rows, :columns]
    assert 0.945 < middle.sum() < 0.97
    coarse = microscope_psf(0.8, 520, spacing=(5000, 300, 300))
    assert coarse.shape[0] == 3  # also planes far apart see the light of their neighbours


def test_a_given_shape_cuts_the_same_psf():
    small = microscope_psf(0.8, 0.52, spacing=(0.3, 0.1, 0.15), shape=(5, 9, 7))
    large = microscope_psf(0.8, 0.52, spacing=(0.3, 0.1, 0.15), shape=(9, 31, 21))
    middle = large[2:-2, 11:-11, 7:-7]
    np.testing.assert_allclose(small, middle / middle.sum(), rtol=1e-4)


@pytest.mark.parametrize("kind", FOUR, ids=lambda kind: kind["microscope"])
@pytest.mark.parametrize(("aperture", "index"), [(0.5, 1.0), (1.2, 1.33), (1.4, 1.515)])
def test_an_array_is_as_wide_as_the_widths_say(aperture, index, kind):
    o = Optics(aperture, 520.0, index, **kind)
    sigma = microscope_sigma(**asdict(o))
    for pixel in (0.5 * sigma[2], 1.2 * sigma[2]):
        spacing = (sigma[0] / 3, pixel, pixel)
        psf = microscope_psf(**asdict(o), spacing=spacing[1:])
        row = psf[len(psf) // 2, len(psf) // 2 :][:8]
        expected = pixel_sigma(sigma, spacing)
        assert fitted(np.arange(len(row)), row) == pytest.approx(expected[2], rel=0.05)
    psf = microscope_psf(**asdict(o), spacing=(*spacing[:1], 10, 10), shape=(23, 1, 1))
    assert fitted(np.arange(12), psf[11:, 0, 0]) == pytest.approx(3, rel=0.02)


def test_sigmas_in_pixels():
    assert pixel_sigma((300, 100, 100), (100, 50, 200)) == pytest.approx(
        (np.sqrt(9 + 1 / 12), np.sqrt(4 + 1 / 12), np.sqrt(0.25 + 1 / 12))
    )
    assert pixel_sigma((300, 100, 100), (50, 50)) == pytest.approx((np.sqrt(4 + 1 / 12),) * 2)


@pytest.mark.parametrize("kind", FOUR, ids=lambda kind: kind["microscope"])
@pytest.mark.parametrize(("aperture", "index"), [(0.5, 1.0), (1.4, 1.515)])
def test_pixels_that_are_small_enough_lose_next_to_nothing(aperture, index, kind):
    o = Optics(aperture, 520.0, index, **kind)
    step, pixel = nyquist_spacing(o)
    spacing = (step / 4, pixel / 4, pixel / 4)
    psf = microscope_psf(**asdict(o), spacing=spacing, shape=(129, 129, 129))
    spectrum = np.abs(fft.fftn(psf.astype(float)))
    across = np.abs(fft.fftfreq(129)) > 1.05 / 8
    assert spectrum[:, across].max() < 0.03
    assert spectrum[across].max() < 0.03


def test_undersampling_in_words():
    o = Optics(1.4, 520)
    assert undersampling(o, (65, 65)) == ""
    assert undersampling(o, (280, 95, 95)) == ""
    words = undersampling(o, (65, 200))
    assert words.startswith("The pixels of 200 nm are larger than the 93 nm that record all detail")
    assert "planes" not in words
    words = undersampling(Optics(1.4, 0.52), (1, 0.065, 0.065), unit="µm")
    assert words.startswith(
        "The planes are 1 µm apart, and recording all detail along z needs a distance of 0.28 µm"
    )
    words = undersampling(o, (1000, 200, 200))
    assert "The pixels of 200 nm" in words
    assert "the planes are 1000 nm apart" in words
    confocal = Optics(1.4, 520, microscope="confocal", excitation=488)
    assert "larger than the 59 nm" in undersampling(confocal, (80, 80))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"numerical_aperture": 0.0}, "numerical aperture is 0.0; it must be a number above 0"),
        ({"numerical_aperture": -1.4}, "numerical aperture is -1.4"),
        ({"numerical_aperture": np.nan}, "numerical aperture is nan"),
        ({"refractive_index": 1.0}, r"NA 1.4 needs an immersion .* such as oil \(1.515\)"),
        ({"numerical_aperture": 1.6}, "NA 1.6 needs an immersion .* higher than oil's"),
        ({"refractive_index": 1515.0}, "refractive index of the immersion is 1515"),
        ({"refractive_index": 0.9}, "from 1 to 3, such as 1.515 for oil"),
        ({"emission": 0}, "emission wavelength is 0; .* such as 520"),
        ({"emission": np.inf}, "emission wavelength is inf"),
        ({"excitation": -488}, "excitation wavelength is -488"),
        ({"pinhole": 0}, "pinhole's diameter is 0; .* 1 is usual"),
        ({"sheet": 0}, "light sheet's thickness is 0"),
        ({"microscope": "tirf"}, "microscope is 'tirf'; choose one of 'widefield', 'confocal', "),
        ({"microscope": "multiphoton"}, "give the excitation, such as 900"),
        ({"microscope": "confocal", "excitation": 0.488}, "both in the same unit"),
        ({"microscope": "light sheet", "sheet": 3.0}, "no sheet of light is that thin"),
    ],
)
def test_impossible_numbers_are_refused(given, words):
    with pytest.raises(InvalidValueError, match=words):
        microscope_sigma(**{"numerical_aperture": 1.4, "emission": 520, **given})


@pytest.mark.parametrize("name", ["numerical_aperture", "emission", "pinhole", "sheet"])
@pytest.mark.parametrize("value", ["1.4", True, (1, 2)])
def test_what_is_no_number(name, value):
    with pytest.raises(InvalidTypeError, match="must be a number above 0"):
        Optics(**{"numerical_aperture": 1.4, "emission": 520, name: value})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"spacing": 65}, "give two numbers, along y and x, or three"),
        ({"spacing": (65,)}, "give two numbers"),
        ({"spacing": (65, 0)}, "pixel size is 65 x 0; each must be a number above 0"),
        ({"spacing": (65, np.nan)}, "each must be a number above 0"),
        ({"spacing": (0.065, 0.065)}, "Give both in the same unit, or give the shape"),
        ({"spacing": (200, 0.065, 65)}, "Give both in the same unit, or give the shape"),
        ({"spacing": (0.0002, 65, 65)}, "Give both in the same unit, or give the shape"),
        ({"spacing": (65e3, 65e3)}, "times as large as the wavelength of 520"),
        ({"spacing": (65, 65), "shape": (8, 9)}, "every size must be an odd number of pixels"),
        ({"spacing": (65, 65), "shape": (9, 9, 9)}, "one number for each axis"),
    ],
)
def test_impossible_arrays_are_refused(given, words):
    with pytest.raises(InvalidValueError, match=words):
        microscope_psf(1.4, 520, **given)


def test_arrays_of_no_numbers():
    with pytest.raises(InvalidTypeError, match="one number for each of 2 or 3 axes"):
        microscope_psf(1.4, 520, spacing="small")
    with pytest.raises(InvalidTypeError, match="one whole number for each axis"):
        microscope_psf(1.4, 520, spacing=(65, 65), shape="small")
