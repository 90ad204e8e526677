"""The PSF in a specimen of another index, compared with psfmodels and with plain sums over rays."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._layers.psf_kinds.microscope import MicroscopeSettings
from napari_tf_deblur._layers.psf_kinds.microscope_numbers import MicroscopeNumbers
from napari_tf_deblur._optics.lens import Lens, find_focus
from napari_tf_deblur._optics.microscope import microscope_psf, microscope_sigma
from napari_tf_deblur._optics.normalised_optics import NormalisedOptics
from napari_tf_deblur._optics.optics import Optics
from napari_tf_deblur._optics.specimen import Specimen

WAVELENGTH = 520.0
WATER = Specimen(refractive_index=1.33, depth=5000)


def width_at_half(places, light):
    """Full width at half maximum, by linear interpolation on both sides."""
    top = light.argmax()
    half = light[top] / 2
    left = top - np.argmax(light[top::-1] < half)
    right = top + np.argmax(light[top:] < half)
    start = np.interp(half, light[left : left + 2], places[left : left + 2])
    end = np.interp(-half, -light[right - 1 : right + 1], places[right - 1 : right + 1])
    return end - start


def light_by_rays(aperture, immersion, sample, place, radius, travels, count=6000):
    """Light at a radius for some travels of the focus: a sum over many rays, straight away."""
    edge = np.arcsin(aperture / immersion)
    angle = (np.arange(count) + 0.5) / count * edge
    ray = immersion * np.sin(angle)
    inside = np.sqrt(np.asarray(1 - (ray / sample) ** 2, complex))
    outside = np.cos(angle)
    across = 2 * immersion * outside / (immersion * outside + sample * inside)
    along = 2 * immersion * outside / (sample * outside + immersion * inside)
    wave = 2 * np.pi / WAVELENGTH
    field = np.sqrt(outside) * np.sin(angle)
    field = field * np.exp(1j * wave * sample * place * inside)
    phases = np.exp(-1j * wave * immersion * np.outer(travels, outside))
    at = wave * ray * radius
    zeroth = phases @ (field * special.j0(at) * (across + along * inside))
    first = phases @ (field * special.j1(at) * along * ray / sample)
    second = phases @ (field * special.jv(2, at) * (across - along * inside))
    return np.abs(zeroth) ** 2 + 2 * np.abs(first) ** 2 + np.abs(second) ** 2


@pytest.mark.parametrize(
    ("aperture", "immersion", "sample", "place", "across", "along"),
    [
        (1.4, 1.515, 1.33, 3926.745, 247.7, 938.8),
        (1.4, 1.515, 1.33, 8097.842, 263.4, 1182.7),
        (1.4, 1.515, 1.443, 9102.066, 230.0, 758.9),
        (1.2, 1.33, 1.443, 11586.306, 247.7, 928.4),
        (0.8, 1.0, 1.33, 14820.857, 347.4, 1262.5),
        (1.49, 1.515, 1.33, 707.959, 229.9, 610.0),
        (1.3, 1.406, 1.33, 27503.99, 277.1, 1286.9),
    ],
)
def test_widths_at_half_are_those_of_psfmodels(aperture, immersion, sample, place, across, along):
    """Made with psfmodels 0.3.3, vectorial, for points at the same distance from the coverslip."""
    unit = WAVELENGTH / immersion
    lens = Lens(aperture / immersion, sample / immersion, place=place / unit)
    setup = NormalisedOptics("widefield", replace(lens, focus=find_focus(lens)))
    depths = np.linspace(-6000, 6000, 2401)
    assert width_at_half(depths, setup.light(np.zeros(1), depths / unit)[0]) == pytest.approx(
        along, rel=0.025
    )
    radii = np.linspace(0, 0.8 * WAVELENGTH / aperture, 400)
    light = setup.light(radii / unit, np.zeros(1))[:, 0]
    found = width_at_half(np.append(-radii[:0:-1], radii), np.append(light[:0:-1], light))
    assert found == pytest.approx(across, rel=0.005)


def test_the_focus_of_an_oil_objective_in_water():
    """At NA 1.4 it lies at 0.816 of the nominal depth, not at the 0.878 of paraxial rays."""
    specimen = Specimen(refractive_index=1.33, depth=12258.5)
    assert Optics(1.4, 520, specimen=specimen).focus_depth == pytest.approx(10_000, rel=1e-3)
    few_rays = Optics(0.1, 520, 1.515, specimen=specimen)
    assert few_rays.focus_depth == pytest.approx(12258.5 * 1.33 / 1.515, rel=2e-3)


@given(
    st.sampled_from([(0.5, 1.0), (1.2, 1.33), (1.4, 1.515)]),
    st.sampled_from([1.33, 1.443, 1.52]),
    st.floats(200, 12_000),
    st.floats(0, 600),
)
@settings(max_examples=10, deadline=None)
def test_light_is_a_sum_over_rays(objective, sample, depth, radius):
    specimen = Specimen(refractive_index=sample, depth=depth)
    optics = Optics(objective[0], WAVELENGTH, objective[1], specimen=specimen)
    lens = optics.normalised.lens
    travels = np.linspace(-2000, 2000, 41)
    places = np.array([0.0, radius])
    found = optics.normalised.light(places / optics.unit, travels / optics.unit)
    expected = [
        light_by_rays(*objective, sample, optics.focus_depth, r, travels + lens.focus * optics.unit)
        for r in places
    ]
    np.testing.assert_allclose(found / found.max(), expected / np.max(expected), atol=5e-3)


@pytest.mark.parametrize("specimen", [None, Specimen(), Specimen(1.515, 9000), {"depth": 3000}])
def test_a_specimen_of_the_same_index_changes_nothing(specimen):
    assert microscope_sigma(1.4, 520, specimen=specimen) == microscope_sigma(1.4, 520)
    given = {"spacing": (300, 80, 80), "shape": (9, 15, 15)}
    expected = microscope_psf(1.4, 520, **given)
    np.testing.assert_array_equal(microscope_psf(1.4, 520, specimen=specimen, **given), expected)


def test_only_a_coverslip_of_another_thickness_changes_the_psf():
    right = Specimen(coverslip=170e3, design_coverslip=170e3)
    thick = Specimen(coverslip=190e3, design_coverslip=170e3)
    assert microscope_sigma(0.8, 520, specimen=right) == microscope_sigma(0.8, 520)
    assert microscope_sigma(0.8, 520, specimen=thick)[0] > 1.1 * microscope_sigma(0.8, 520)[0]
    hot = Specimen(design_index=1.518, working_distance=130e3)
    assert microscope_sigma(1.4, 520, specimen=hot)[0] > 1.1 * microscope_sigma(1.4, 520)[0]


@pytest.mark.parametrize(
    "kind",
    [
        {"microscope": "widefield"},
        {"microscope": "confocal", "excitation": 488.0},
        {"microscope": "light sheet", "sheet": 900.0},
        {"microscope": "multiphoton", "excitation": 900.0},
    ],
    ids=lambda kind: kind["microscope"],
)
def test_an_array_in_water_is_centred_and_lopsided(kind):
    psf = microscope_psf(
        1.4, 520, spacing=(150, 60, 60), shape=(41, 41, 41), specimen=WATER, **kind
    )
    assert psf.min() >= 0
    assert psf.sum(dtype=float) == pytest.approx(1, abs=1e-5)
    assert np.unravel_index(psf.argmax(), psf.shape) == (20, 20, 20)
    for axis in (1, 2):
        np.testing.assert_array_equal(psf, np.flip(psf, axis))
    axial = psf[:, 20, 20]
    assert np.abs(axial - axial[::-1]).max() > 0.02 * axial.max()


def test_a_deeper_focus_is_wider_and_lies_deeper():
    depths = (0, 1000, 3000, 10_000)
    specimens = [Specimen(1.33, depth) for depth in depths]
    along = [microscope_sigma(1.2, 520, refractive_index=1.515, specimen=s)[0] for s in specimens]
    assert np.all(np.diff(along) > 0)
    foci = [Optics(1.2, 520, 1.515, specimen=s).focus_depth for s in specimens]
    assert all(0.7 * d <= f <= 0.88 * d for f, d in zip(foci, depths))


def test_units_of_length_do_not_matter():
    nm = microscope_psf(1.4, 520, spacing=(200, 70, 70), shape=(9, 9, 9), specimen=WATER)
    um = Specimen(refractive_index=1.33, depth=5)
    um = microscope_psf(1.4, 0.52, spacing=(0.2, 0.07, 0.07), shape=(9, 9, 9), specimen=um)
    np.testing.assert_allclose(nm, um, rtol=1e-5)


def test_optics_come_back_from_their_record():
    optics = Optics(1.4, 520, specimen=WATER)
    assert Optics(**asdict(optics)) == optics


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"refractive_index": 0.5}, "refractive index of the mounting medium is 0.5"),
        ({"depth": -1}, "depth of the focus is -1; it must be 0 or more"),
        ({"depth": np.inf}, "depth of the focus is inf"),
        ({"coverslip": 160e3}, "give both, such as coverslip=150e3"),
        ({"design_index": 1.52}, "give the working_distance with the design_index"),
        ({"first_plane": "last"}, "first plane is 'last'; it is the 'nearest'"),
        ({"coverslip": 0.0, "design_coverslip": 1.0}, "thickness is 0.0"),
    ],
)
def test_impossible_specimens_are_refused(values, words):
    with pytest.raises(InvalidValueError, match=words):
        Specimen(**values)


@pytest.mark.parametrize("value", ["water", 1.33, {"index": 1.33}])
def test_what_is_no_specimen(value):
    with pytest.raises(InvalidTypeError, match="give Specimen"):
        Optics(1.4, 520, specimen=value)
    with pytest.raises(InvalidTypeError, match="depth of the focus is '5'"):
        Specimen(depth="5")


def test_the_deepest_plane_may_come_first():
    given = {"spacing": (200, 70, 70), "shape": (9, 9, 9)}
    psf = microscope_psf(1.4, 520, specimen=WATER, **given)
    turned = microscope_psf(1.4, 520, specimen=replace(WATER, first_plane="deepest"), **given)
    np.testing.assert_array_equal(turned, psf[::-1])
    assert not np.array_equal(turned, psf)


@pytest.mark.parametrize("aperture", [0.4, 1.4])
def test_a_focus_that_is_too_deep_to_be_computed_is_refused(aperture):
    with pytest.raises(InvalidValueError, match="check the depth and its unit"):
        microscope_sigma(aperture, 520, specimen=Specimen(1.4, depth=1e12))


def test_the_numbers_of_a_microscope_have_those_of_the_specimen():
    specimen = replace(WATER, first_plane="deepest")
    record = {
        "ndim": 3,
        "optics": {**asdict(Optics(1.4, 520)), "specimen": specimen.to_dict()},
        "spacing": (200, 65, 65),
    }
    numbers = MicroscopeNumbers.from_record(record)
    assert numbers.optics == Optics(1.4, 520, specimen=specimen)
    assert numbers.specimen == specimen
    settings = MicroscopeSettings.from_record({"kind": "microscope", **record})
    assert settings == MicroscopeSettings.from_record(settings.record())
    assert settings.complete(MicroscopeNumbers(), 0, 1).specimen == specimen


@pytest.mark.parametrize("specimen", [{"coverslip": 1e5}, {"depth": -1.0}, {"index": 1.3}, 3])
def test_a_specimen_in_a_record_that_the_dock_does_not_have_is_refused(specimen):
    optics = {**asdict(Optics(1.4, 520)), "specimen": specimen}
    if isinstance(specimen, dict):
        optics["specimen"] = {"refractive_index": 1.33, **specimen}
    record = {"kind": "microscope", "ndim": 3, "optics": optics}
    with pytest.raises((InvalidValueError, InvalidTypeError)):
        MicroscopeNumbers.from_record(record)
    with pytest.raises((InvalidValueError, InvalidTypeError)):
        MicroscopeSettings.from_record(record)
