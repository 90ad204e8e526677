"""The fields of a microscope: the values from files, the messages, and the PSF."""

from enum import Enum
from types import SimpleNamespace as Thing

import numpy as np
import pytest
from dock_fields import microscope, result_of

from napari_tf_deblur import Specimen, gaussian_psf, microscope_psf, microscope_sigma
from napari_tf_deblur._files.opening import FileImage
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._layers.psf_kinds import EstimatedPSF, MicroscopePSF, choose_psf
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._optics.microscope import pixel_sigma
from napari_tf_deblur._optics.optics import Optics
from napari_tf_deblur.methods import Wiener


class Unit(Enum):
    """A quantity as ome_types stores it."""

    NANOMETER = "nm"
    MICROMETER = "µm"


def ome(channels, aperture=1.4, index=1.518, mode="WideField", pixel=0.065, step=None):
    """An OME object as readers store it; channels are pairs of a name and an emission."""
    made = [
        Thing(
            id=f"Channel:0:{k}",
            name=name,
            emission_wavelength=emission,
            emission_wavelength_unit=Unit.NANOMETER,
            excitation_wavelength=None if emission is None else emission - 32,
            excitation_wavelength_unit=Unit.NANOMETER,
            acquisition_mode=mode,
        )
        for k, (name, emission) in enumerate(channels)
    ]
    pixels = Thing(
        channels=made,
        physical_size_x=pixel,
        physical_size_y=pixel,
        physical_size_z=step,
        physical_size_x_unit=Unit.MICROMETER,
        physical_size_y_unit=Unit.MICROMETER,
        physical_size_z_unit=Unit.MICROMETER,
    )
    objective = Thing(id="Objective:0", lens_na=aperture, immersion="Oil")
    settings = Thing(id="Objective:0", refractive_index=index, medium="Oil")
    return Thing(
        images=[Thing(id="Image:0", name="a", pixels=pixels, objective_settings=settings)],
        instruments=[Thing(objectives=[objective])],
    )


def as_user(dock):
    """Return the fields of the microscope in their initial state."""
    dock.fields.psf.kind.value = "Microscope"
    return microscope(dock)


@pytest.fixture
def fields(dock):
    return as_user(dock)


def values(fields):
    return (
        fields.microscope.value,
        fields.aperture.value,
        fields.immersion.value,
        fields.waves.emissions[0].value,
        fields.pixel.value,
        fields.step.value,
    )


def shown(*widgets):
    return all(not widget.native.isHidden() for widget in widgets)


# ---------------------------------------------------------------- nothing is known


def test_a_dock_that_knows_nothing_finds_the_blur_and_says_so(
    viewer, dock, fields, blurred, finished
):
    viewer.add_image(100 * blurred, name="cells")
    assert fields.missing_labels == ["NA", "Emission", "Pixel size"]
    assert fields.description.text() == "Not known: NA, Emission, Pixel size."
    said = dock.fields.psf.picture.description.text()
    assert said == "The blur is found from the image when it is deblurred."
    assert isinstance(fields.psf(), EstimatedPSF)
    dock.fields.methods.choice.value = Wiener
    dock.deblur()
    finished(dock)
    assert "sigma" in dock.fields.psf.picture.description.text()
    viewer.add_points(np.zeros((1, 2)))  # other layers do not matter
    assert "sigma" in dock.fields.psf.picture.description.text()
    assert not dock.fields.psf.picture._picture.isHidden()
    assert result_of(viewer, "cells").metadata["napari_tf_deblur"]["psf"]["kind"] == "estimated"
    viewer.add_image(100 * blurred, name="other")
    assert dock.fields.psf.picture.description.text() == said
    assert dock.fields.psf.picture._picture.isHidden()


def test_a_colour_picture_is_taken_for_a_photograph(viewer, make_napari_viewer, blurred):
    _, dock = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")
    assert dock.fields.psf.kind.value == "Microscope"
    grey = viewer.add_image(blurred)
    viewer.add_image(np.stack([blurred] * 3, -1).clip(0, 1), rgb=True)
    assert dock.fields.psf.kind.value == "From the image"
    viewer.layers.selection.active = grey
    assert dock.fields.psf.kind.value == "Microscope"
    dock.fields.psf.kind.value = "Gaussian"  # by hand, which stays
    viewer.layers.selection.active = viewer.layers[1]
    assert dock.fields.psf.kind.value == "Gaussian"


def test_a_gaussian_without_sigmas_is_found_too(make_napari_viewer, blurred):
    viewer = make_napari_viewer(strict_qt="raise")
    _, dock = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")
    viewer.add_image(blurred)
    dock.fields.psf.kind.value = "Gaussian"
    assert isinstance(dock.fields.psf.chosen.psf(), EstimatedPSF)
    said = dock.fields.psf.picture.description.text()
    assert said == "The blur is found from the image when it is deblurred."
    dock.fields.psf.fields_by_title["Gaussian"].sigmas[2].value = 1.5
    assert dock.fields.psf.chosen.psf().sigma == (0, 1.5)


# ---------------------------------------------------------------- three numbers


def test_three_numbers_make_the_psf(viewer, dock, fields, blurred):
    viewer.add_image(blurred, name="cells")
    fields.aperture.value = 1.4
    fields.waves.emissions[0].value = 520
    fields.pixel.value = 65
    psf = fields.psf()
    assert isinstance(psf, MicroscopePSF)
    assert fields.description.text().startswith("Mounting medium not given: in water, 5 µm deep")
    assert dock.fields.psf.picture.description.text() == "FWHM 210 nm = 3.2 px."
    made, _ = psf.array(dock.fields.source())
    expected = microscope_psf(1.4, 520, spacing=(65, 65), within=blurred.shape)
    np.testing.assert_array_equal(made, expected)
    fields.microscope.value = "confocal"
    sigma = pixel_sigma(microscope_sigma(1.4, 520, microscope="confocal"), (65, 65))
    made, _ = fields.psf().array(dock.fields.source())
    np.testing.assert_allclose(made, gaussian_psf(sigma), atol=1e-6)
    assert not dock.fields.psf.picture._picture.isHidden()


def test_impossible_numbers_are_told(viewer, dock, fields, blurred, told, finished):
    viewer.add_image(blurred, name="cells")
    fields.aperture.value = 1.6
    fields.waves.emissions[0].value = 520
    fields.pixel.value = 65
    assert "immersion" in dock.fields.psf.picture.description.text()
    dock.deblur_button.native.click()
    finished(dock)
    assert len(told) == 1
    assert "1.6" in told[0]
    assert result_of(viewer, "cells") is None


def test_too_large_pixels_are_said_at_once(viewer, dock, fields, blurred):
    viewer.add_image(blurred)
    fields.aperture.value = 1.4
    fields.waves.emissions[0].value = 520
    fields.pixel.value = 200
    assert "larger than the" in dock.fields.psf.picture.description.text()


@pytest.mark.parametrize(
    ("kind", "there"),
    [
        ("widefield", {"emission"}),
        ("confocal", {"emission", "excitation", "pinhole"}),
        ("light sheet", {"emission", "sheet"}),
        ("multiphoton", {"excitation"}),
    ],
)
def test_each_microscope_asks_for_what_it_needs(viewer, dock, fields, blurred, kind, there):
    viewer.add_image(np.stack([blurred] * 4), units=("um",) * 3, scale=(0.3, 0.1, 0.1))
    fields.microscope.value = kind
    asked = {
        "emission": not fields.waves.emissions[0].native.isHidden(),
        "excitation": shown(fields.waves.excitations[0]),
        "pinhole": shown(fields.pinhole),
        "sheet": shown(fields.sheet),
    }
    assert {name for name, is_asked in asked.items() if is_asked} == there
    assert shown(fields.step)
    fields.aperture.value = 0.8
    field = fields.waves.excitations[0] if kind == "multiphoton" else fields.waves.emissions[0]
    field.value = 900 if kind == "multiphoton" else 520
    assert fields.missing_labels == []
    psf = fields.psf()
    assert psf.optics.microscope == kind
    source = dock.fields.source()
    psf.check(source)
    assert psf.array(source)[0].ndim == 3
    dock.fields.images.dims.value = 2
    assert not shown(fields.step)
    assert fields.psf().array(dock.fields.source())[0].ndim == 2


def test_a_widefield_volume_gets_the_diffraction_psf(viewer, dock, fields, blurred):
    viewer.add_image(np.stack([blurred] * 9), units=("um",) * 3, scale=(0.3, 0.1, 0.1))
    fields.aperture.value, fields.waves.emissions[0].value = 1.2, 520
    made, _ = fields.psf().array(dock.fields.source())
    assert made.shape[0] == 9
    light = made.sum(axis=(1, 2))
    assert light.min() > 0.8 * light.max()  # each plane has its light, where the frame holds it
    fields.microscope.value = "confocal"
    made, _ = fields.psf().array(dock.fields.source())
    light = made.sum(axis=(1, 2))
    assert light.min() < 0.1 * light.max()


# ---------------------------------------------------------------- mounting medium and depth


def fill_in(fields):
    """Fill in an oil objective of NA 1.4."""
    fields.aperture.value, fields.immersion.value = 1.4, 1.515
    fields.waves.emissions[0].value = 520


def mounted(fields):
    return fields.mounting.value, fields.depth.value, fields.first_plane.value


def test_without_a_mounting_medium_nothing_changes(viewer, dock, fields, blurred):
    viewer.add_image(blurred, units=("um",) * 2, scale=(0.065, 0.065))
    fill_in(fields)
    assert not shown(fields.depth)
    assert not shown(fields.first_plane)
    before = fields.psf()
    assert before.optics == Optics(1.4, 520.0, 1.515)
    assert before.record(dock.fields.source())["call"]["function"] == "microscope_psf"
    fields.depth.value, fields.first_plane.value = 9000, "deepest"  # no matter
    assert fields.psf() == before
    assert fields.settings().defaults == {
        "numerical_aperture": 1.4,
        "emission": 520.0,
        "refractive_index": 1.515,
        "microscope": "widefield",
    }
    assert "focus" not in fields.description.text()
    fields.mounting.value = 1.515  # what the objective is made for
    assert not fields.psf().describe_focus(dock.fields.source())
    source = dock.fields.source()
    np.testing.assert_array_equal(fields.psf().array(source)[0], before.array(source)[0])


@pytest.mark.parametrize("microscope", ["widefield", "confocal"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_medium_and_depth_make_the_psf_of_the_specimen(
    viewer, dock, fields, blurred, ndim, microscope
):
    viewer.add_image(np.stack([blurred] * 9), units=("um",) * 3, scale=(0.3, 0.1, 0.1))
    dock.fields.images.dims.value = ndim
    fill_in(fields)
    fields.microscope.value = microscope
    fields.mounting.value = 1.33
    assert shown(fields.depth)
    assert shown(fields.first_plane) == (ndim == 3)
    assert "Depth 0: the focus is taken to lie at the coverslip." in fields.description.text()
    fields.depth.value = 5000
    specimen = Specimen(1.33, 5000)
    focus = Optics(1.4, 520, 1.515, microscope, specimen=specimen).focus_depth
    said = fields.description.text()
    assert f"The focus is {focus / 1000:.3g} µm below the coverslip, not 5 µm" in said
    assert ("distances along z are 0.82 times" in said) == (ndim == 3)
    source, numbers = dock.fields.source(), {"spacing": (300, 100, 100)[-ndim:]}
    made, notes = fields.psf().array(source)
    numbers |= {"refractive_index": 1.515, "microscope": microscope, "specimen": specimen}
    expected = microscope_psf(1.4, 520, **numbers, within=source.frame(ndim).shape)
    np.testing.assert_array_equal(made, expected)
    assert notes[1].startswith("the focus is")
    fields.first_plane.value = "deepest"
    turned = fields.psf().array(source)[0]
    np.testing.assert_array_equal(turned, made[::-1] if ndim == 3 else made)


def test_any_index_can_be_typed(fields):
    assert not shown(fields.mounting.other)
    fields.mounting.medium.value = fields.mounting.medium.choices[-1]
    assert shown(fields.mounting.other)
    fields.mounting.other.value = 1.40
    assert fields.numbers().mounting_index == 1.4
    fields.mounting.value = 1.33
    assert fields.mounting.medium.current_choice == "water (1.33)"
    assert not shown(fields.mounting.other)
    assert fields.numbers().mounting_index == 1.33
    fields.mounting.value = 1.37
    assert fields.mounting.value == 1.37
    fields.mounting.value = 0
    assert fields.numbers().mounting_index is None


def test_a_specimen_goes_through_record_and_settings(viewer, dock, fields, blurred):
    layer = viewer.add_image(np.stack([blurred] * 9), units=("um",) * 3, scale=(0.3, 0.1, 0.1))
    fill_in(fields)
    fields.mounting.value, fields.depth.value, fields.first_plane.value = 1.4, 5000, "deepest"
    psf = fields.psf()
    record = psf.record(dock.fields.source())
    (job,) = Settings(fields.settings()).jobs(FileImage(layer))
    assert job.psf == psf
    fields.restore({**record, "optics": {**record["optics"], "specimen": None}})
    assert (fields.mounting.value, fields.depth.value, fields.first_plane.value) == (
        0,
        0,
        "nearest",
    )
    fields.restore(record)
    assert fields.psf() == psf


def test_impossible_depths_are_told(viewer, dock, fields, blurred):
    viewer.add_image(blurred, units=("um",) * 2, scale=(0.065, 0.065))
    fill_in(fields)
    fields.mounting.value, fields.depth.value = 1.33, 1e6
    assert "check the depth and its unit" in dock.fields.psf.picture.description.text()
    assert "focus" not in fields.description.text()


# ---------------------------------------------------------------- what the file says


def test_what_the_file_says_is_filled_in_and_said(viewer, fields, blurred):
    viewer.add_image(blurred, metadata={"ome_metadata": ome([("GFP", 520)])}, name="GFP")
    assert values(fields) == ("widefield", 1.4, 1.515, 520, 65, 0)
    assert mounted(fields) == (0, 0, "nearest")  # a file's index is that of the immersion
    assert fields.missing_labels == []
    said, medium = fields.description.text().split("\n")
    assert (
        said == "Read from the file: Microscope, NA, Immersion, Emission, Excitation, Pixel size."
    )
    assert medium.startswith("Mounting medium not given")
    fields.waves.emissions[0].value = 510  # and can be overruled
    assert "Emission" not in fields.description.text()
    assert fields.psf().optics.emission == 510


@pytest.mark.parametrize(
    ("mode", "step"),
    [
        ("WideField", None),
        ("WideField", 0.3),
        ("SpinningDiskConfocal", 0.3),
        ("MultiPhotonMicroscopy", 0.3),
    ],
)
def test_dock_console_and_command_line_make_the_same_psf_of_a_file(
    viewer, dock, fields, blurred, mode, step
):
    described = ome([("GFP", 520)], 1.2, 1.33, mode, 0.1, step)
    pixels = np.stack([blurred] * 4) if step else blurred
    labels = ("z", "y", "x")[-pixels.ndim :]
    options = {"metadata": {"ome_metadata": described}, "axis_labels": labels}
    layer = viewer.add_image(pixels, name="GFP", **options)
    psf = choose_psf("microscope", read_source(layer))
    assert isinstance(psf, MicroscopePSF)
    assert fields.psf().optics == psf.optics
    assert fields.psf().ndim == psf.ndim
    (job,) = Settings().jobs(FileImage(layer))
    assert job.psf == psf
    shown, _ = fields.psf().array(dock.fields.source())
    np.testing.assert_array_equal(shown, psf.array(read_source(layer))[0])


def test_the_second_kind_of_file_fills_the_fields_too(viewer, fields, blurred):
    """Readers of the bioio family store the OME object under another key."""
    described = ome([("DAPI", 460), ("Cy5", 670)], 1.2, 1.33, "SpinningDiskConfocal", 0.1, 0.3)
    described.images[0].objective_settings.medium = "Water"
    viewer.add_image(
        np.stack([blurred] * 4),
        name="Cy5",
        metadata={"bioimage": object(), "ome_types": described, "raw_image_metadata": None},
        axis_labels=("z", "y", "x"),
    )
    assert values(fields) == ("confocal", 1.2, 1.33, 670, 100, 300)
    assert fields.waves.excitations[0].value == 638
    assert fields.missing_labels == []


def test_the_pinhole_that_a_file_says(viewer, fields, blurred):
    """Files of Zeiss state the pinhole in Airy units."""
    described = ome([("GFP", 520)], mode="LaserScanningConfocalMicroscopy")
    described.images[0].pixels.channels[0].pinhole_size_airy = 0.6
    viewer.add_image(blurred, metadata={"ome_metadata": described}, name="GFP")
    assert shown(fields.pinhole)
    assert fields.pinhole.value == 0.6
    assert fields.psf().optics.pinhole == 0.6
    assert "Pinhole" in fields.description.text()
    viewer.add_image(blurred, name="other")
    assert fields.pinhole.value == 1


def test_what_was_read_for_another_image_does_not_stay(viewer, fields, blurred):
    viewer.add_image(blurred, metadata={"ome_metadata": ome([("GFP", 520)])}, name="GFP")
    other = viewer.add_image(blurred, name="other")
    assert values(fields) == ("widefield", 0, 0, 0, 0, 0)
    viewer.layers.selection.active = viewer.layers["GFP"]
    assert fields.waves.emissions[0].value == 520
    viewer.layers.selection.active = other
    assert fields.waves.emissions[0].value == 0


def test_what_is_typed_for_an_image_goes_with_it(viewer, dock, fields, blurred):
    """Typed values are not used for the next image."""
    gauss = dock.fields.psf.fields_by_title["Gaussian"]
    first = viewer.add_image(blurred, name="first")
    typed = {fields.pixel: 65.0, fields.waves.emissions[0]: 600.0, fields.sheet: 900.0}
    typed |= {gauss.sigmas[1]: 3.5, gauss.angle: 30.0}
    empty = {field: field.value for field in typed}
    for field, value in typed.items():
        field.value = value
    marks = viewer.add_labels(np.zeros(blurred.shape, int))
    dock.fields.ignore.mask.value = marks
    fields.aperture.value = 1.4
    second = viewer.add_image(blurred, name="second", scale=(2, 2), units=("um", "um"))
    assert fields.pixel.value == 2000  # as its own layer says
    assert {field: field.value for field in typed if field is not fields.pixel} == {
        field: value for field, value in empty.items() if field is not fields.pixel
    }
    assert dock.fields.ignore.mask.value is None
    assert fields.aperture.value == 1.4  # which is the microscope's
    assert "Same as last time: NA." in fields.description.text()
    fields.pixel.value = 80.0
    viewer.layers.selection.active = first
    assert {field: field.value for field in typed} == typed
    assert dock.fields.ignore.mask.value is marks
    assert "Same as last time" not in fields.description.text()
    viewer.layers.selection.active = second
    assert fields.pixel.value == 80.0  # what was typed counts more than what was read
    second.scale = (3, 3)
    assert fields.pixel.value == 3000  # until another is read
    viewer.layers.clear()
    viewer.add_image(blurred, name="third")
    assert {field: field.value for field in typed} == empty


@pytest.mark.parametrize(
    "options", [{"scale": (5000.0,) * 3, "units": ("mm",) * 3}, {"scale": (1e9, 1, 1)}]
)
@pytest.mark.parametrize("labels", [("z", "y", "x"), ("t", "y", "x")])
def test_no_size_of_a_layer_raises_out_of_add_image(viewer, fields, blurred, options, labels, told):
    stack = np.stack([blurred] * 3)
    layer = viewer.add_image(stack, axis_labels=labels, **options)
    layer.scale = (1e12, 1e-12, 1e12)
    assert fields.pixel.value <= fields.pixel.max
    assert fields.step.value <= fields.step.max
    assert told == []


def test_an_uncertain_channel_has_no_emission(viewer, fields, blurred):
    described = ome([("DAPI", 460), ("GFP", 520)])
    viewer.add_image(blurred, metadata={"ome_metadata": described}, name="cells")
    assert fields.waves.emissions[0].value == 0
    assert fields.missing_labels == ["Emission"]
    assert fields.aperture.value == 1.4


@pytest.mark.parametrize(
    ("options", "pixel", "step", "origin"),
    [
        ({"scale": (0.3, 0.1, 0.1), "units": ("um",) * 3}, 100, 300, "the layer's scale"),
        ({"scale": (300, 65, 65), "units": ("nm",) * 3}, 65, 300, "the layer's scale"),
        ({"scale": (1, 0.1, 0.1)}, 0, 0, None),  # which may mean anything
        ({}, 0, 0, None),
    ],
)
def test_the_pixel_size_of_the_layer(viewer, dock, fields, blurred, options, pixel, step, origin):
    layer = viewer.add_image(np.stack([blurred] * 3), **options)
    dock.fields.images.dims.value = 3
    assert (fields.pixel.value, fields.step.value) == (pixel, step)
    if origin:
        assert f"Read from {origin}: Pixel size, z step." in fields.description.text()
    layer.scale = (0.5, 0.2, 0.2)
    layer.units = ("um",) * 3
    assert (fields.pixel.value, fields.step.value) == (200, 500)


def test_the_pixel_size_of_the_fields_is_used_and_the_layer_stays(viewer, dock, fields, blurred):
    layer = viewer.add_image(np.stack([blurred] * 3), scale=(3, 1, 1), units=("um",) * 3)
    fields.aperture.value, fields.waves.emissions[0].value = 1.2, 520
    fields.pixel.value, fields.step.value = 100, 250
    (job,) = dock.fields.jobs()
    assert job.source.frame(3).spacing == (250, 100, 100)
    np.testing.assert_array_equal(layer.scale, (3, 1, 1))
    np.testing.assert_array_equal(job.source.world_transform.scale, (3, 1, 1))


# ---------------------------------------------------------------- several channels


def test_each_channel_has_its_own_emission(viewer, dock, fields, blurred):
    described = ome([("DAPI", 460), ("GFP", 520), ("Cy5", None)])
    for name in ("DAPI", "GFP", "Cy5"):
        viewer.add_image(blurred, name=name, metadata={"ome_metadata": described})
    viewer.layers.selection = {viewer.layers[name] for name in ("DAPI", "GFP", "Cy5")}
    assert [x.source.name for x in dock.fields.images.chosen] == ["Cy5", "DAPI", "GFP"]
    assert "DAPI, GFP" in dock.fields.images.description.text()
    assert [field.value for field in fields.waves.emissions] == [0, 460, 520]
    labels = [fields.waves.form._labels[id(field)].text() for field in fields.waves.emissions]
    assert labels == ["Emission of Cy5", "Emission of DAPI", "Emission of GFP"]
    assert fields.missing_labels == ["Emission of Cy5"]
    fields.waves.emissions[0].value = 670
    jobs = dock.fields.jobs()  # in the order of the layers, as their results come
    assert [job.source.name for job in jobs] == ["DAPI", "GFP", "Cy5"]
    assert [job.psf.optics.emission for job in jobs] == [460, 520, 670]
    fields.waves.emissions[1].value = 0
    jobs = dock.fields.jobs()
    assert [job.psf.name for job in jobs] == ["estimated", "microscope", "microscope"]
    assert "The blur of DAPI is found from the image." in fields.description.text()
    fields.waves.emissions[1].value = 460
    viewer.layers.selection = {viewer.layers["DAPI"]}
    assert [job.psf.optics.emission for job in dock.fields.jobs()] == [460]
    assert [shown(field) for field in fields.waves.emissions] == [True, False, False]


# ---------------------------------------------------------------- what is remembered


def test_what_is_printed_on_the_objective_is_remembered(at_rest, viewer, dock, fields, blurred):
    viewer.add_image(blurred, name="cells")
    fields.aperture.value = 1.2
    fields.immersion.value = 1.33
    fields.microscope.value = "confocal"
    fields.waves.emissions[0].value = 520
    fields.mounting.value, fields.depth.value = 1.4, 3000
    viewer.window.remove_dock_widget(dock.native.parent())
    dock.native.deleteLater()
    at_rest()
    _, again = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")
    fields = as_user(again)
    assert values(fields) == ("confocal", 1.2, 1.33, 0, 0, 0)
    assert (fields.mounting.value, fields.depth.value) == (1.4, 3000)
    assert "Same as last time: Depth, " in fields.description.text()
    fields.mounting.value = 0
    assert "Depth" not in fields.description.text()


def test_what_a_file_says_is_not_remembered(viewer, dock, fields, blurred):
    fields.aperture.value = 0.8
    viewer.add_image(blurred, metadata={"ome_metadata": ome([("GFP", 520)])}, name="GFP")
    assert fields.aperture.value == 1.4
    viewer.add_image(blurred, name="other")
    assert fields.aperture.value == 0.8


@pytest.mark.parametrize("spoilt", ["", "much", "-3", "[]"])
def test_settings_that_are_spoilt_are_passed_over(viewer, spoilt):
    from qtpy.QtCore import QSettings

    from napari_tf_deblur._dock.field_defaults import QT_SETTINGS_NAME

    settings = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, *QT_SETTINGS_NAME)
    for name in ("na", "immersion", "microscope", "mounting", "depth", "first_plane"):
        settings.setValue(name, spoilt)
    settings.sync()
    _, dock = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")
    fields = microscope(dock)
    assert values(fields) == ("widefield", 0, 0, 0, 0, 0)
    assert (fields.mounting.value, fields.depth.value, fields.first_plane.value) == (
        0,
        0,
        "nearest",
    )


def test_a_stack_is_deblurred_with_a_psf_for_each_depth(viewer, dock, fields, finished):
    pixels = np.random.default_rng(3).poisson(20, (12, 24, 20)).astype(np.uint16)
    viewer.add_image(pixels, name="cells", units=("um",) * 3, scale=(0.5, 0.1, 0.1))
    dock.fields.images.dims.value = 3
    fill_in(fields)
    fields.mounting.value, fields.depth.value = 1.33, 3000
    assert "the FWHM of the PSF along z grows from" in fields.description.text()
    dock.fields.options["varying_psf"].value = True
    dock.fields.methods.choice.value = Wiener
    dock.deblur()
    finished(dock)
    record = result_of(viewer, "cells").metadata["napari_tf_deblur"]
    assert record["psf"]["call"]["function"] == "microscope_psf_by_depth"
    assert "overlapping tiles" in dock.status.text()
    assert "12 PSFs, one for each depth" in dock.fields.psf.picture.description.text()
    assert not dock.fields.psf.picture._picture.isHidden()


def test_a_psf_for_each_depth_without_a_medium_is_told(viewer, dock, fields, blurred, told):
    viewer.add_image(
        np.stack([blurred] * 9), name="cells", units=("um",) * 3, scale=(0.3, 0.1, 0.1)
    )
    fill_in(fields)
    dock.fields.options["varying_psf"].value = True
    dock.deblur()
    assert "This PSF cannot vary" in told[0]
    assert dock.deblur_button.enabled
