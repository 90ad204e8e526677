"""The dock with images from files that napari's own reader opened."""

import threading

import numpy as np
import pytest
import tifffile
from dock_fields import microscope, results_of

from napari_tf_deblur import deblur_layer
from napari_tf_deblur._layers.acquisition import file_metadata
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._storage.record_file import METADATA_KEY
from napari_tf_deblur.methods import Wiener

ABOUT = {
    "axes": "ZCYX",
    "PhysicalSizeX": 80, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 80, "PhysicalSizeYUnit": "nm",
    "PhysicalSizeZ": 300, "PhysicalSizeZUnit": "nm",
    "Channel": {"Name": ["DAPI", "GFP"], "EmissionWavelength": [461, 520]},
}  # fmt: skip


@pytest.fixture
def file(tmp_path):
    """A volume of two channels."""
    pixels = np.random.default_rng(0).poisson(50, (5, 2, 24, 20)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "cells.ome.tif", pixels, ome=True, metadata=ABOUT)
    return str(tmp_path / "cells.ome.tif")


def shown(*buttons):
    return [not button.native.isHidden() for button in buttons]


def test_scale_and_channels_in_one_click_each(viewer, dock, file):
    dock.fields.psf.kind.value = "Microscope"
    fields, images = microscope(dock), dock.fields.images
    (layer,) = viewer.open(file, plugin="napari")
    assert images.dims.value == 3
    assert "Each channel by itself: z y x as one volume" in images.description.text()
    assert (fields.pixel.value, fields.step.value) == (80, 300)
    assert "Read from the file: Pixel size, z step." in fields.description.text()
    assert shown(images.buttons.scale, images.buttons.split) == [True, True]
    images.buttons.scale.native.click()
    assert str(layer.units[0]) == "micrometer"
    assert (fields.pixel.value, fields.step.value) == (80, 300)
    assert shown(images.buttons.scale, images.buttons.split) == [False, True]
    below, above = viewer.add_points(np.zeros((1, 2))), viewer.add_points(np.zeros((1, 2)))
    viewer.layers.move(1, 0)
    viewer.layers.selection = {layer}
    images.buttons.split.native.click()
    names = [each.name for each in viewer.layers]
    assert names == [below.name, "DAPI :: cells.ome", "GFP :: cells.ome", above.name]
    assert len(images.chosen) == 2
    by_name = dict(zip((x.source.name for x in images.chosen), fields.waves.emissions))
    assert {name: field.value for name, field in by_name.items()} == {
        "DAPI :: cells.ome": 461,
        "GFP :: cells.ome": 520,
    }
    assert shown(images.buttons.scale, images.buttons.split) == [False, False]


def test_an_image_without_a_file_has_no_buttons(viewer, dock, blurred):
    viewer.add_image(np.stack([blurred] * 3), scale=(3, 1, 1))
    assert dock.fields.images.buttons.isHidden()


def test_a_file_that_is_far_away_is_followed_when_it_is_read(
    qtbot, viewer, dock, file, monkeypatch
):
    ready, read_tiff = threading.Event(), file_metadata.read_tiff

    def slowly(path):
        ready.wait(30)
        return read_tiff(path)

    monkeypatch.setattr(file_metadata, "read_tiff", slowly)
    viewer.open(file, plugin="napari")
    assert dock.fields.images.dims.value == 2
    ready.set()
    qtbot.waitUntil(lambda: dock.fields.images.dims.value == 3, timeout=20_000)
    assert shown(dock.fields.images.buttons.split) == [True]


ODD = [
    {"scale": (5, 1, 1), "units": ("mm",) * 3},
    {"scale": (5000, 1, 1), "units": ("um",) * 3, "axis_labels": "tyx"},
    {"scale": (1e9, 1e9, 1e9), "units": ("km",) * 3},
    {"scale": (1, 1, 1), "units": ("pixel", "cm", "cm")},
    {"scale": (1, 1, 1), "units": ("s", "degree", "degree")},
]
"""Tomographs, maps, movies: images that are not from a light microscope, or without a z step."""


def test_no_scale_makes_adding_an_image_an_error(viewer, dock, blurred, told):
    dock.fields.psf.kind.value = "Microscope"
    for place in ODD:
        viewer.add_image(np.stack([blurred] * 3), **place)
        for ndim in (3, 2):
            dock.fields.images.dims.value = ndim
            assert microscope(dock).step.value == 0
        viewer.layers.clear()
    assert told == []


def test_what_is_not_believed_is_said(viewer, dock, blurred):
    dock.fields.psf.kind.value = "Microscope"
    said = microscope(dock).description
    viewer.add_image(blurred, scale=(1, 1), units=("cm", "cm"))
    assert "The layer says 1 cm, which is not possible for a light microscope" in said.text()
    viewer.add_image(blurred, scale=(0.1, 0.1))
    assert "The layer's scale has no unit" in said.text()
    viewer.add_image(blurred)
    assert "scale" not in said.text()


def test_the_dock_and_the_console_use_the_same_optics(viewer, dock, tmp_path, blurred):
    about = {
        "axes": "YX", "PhysicalSizeX": 0.08, "PhysicalSizeY": 0.08,
        "Channel": {"Name": "GFP", "EmissionWavelength": 520, "ExcitationWavelength": 488,
                    "AcquisitionMode": "LaserScanningConfocalMicroscopy"},
    }  # fmt: skip
    tifffile.imwrite(tmp_path / "a.tif", 100 * blurred, ome=True, metadata=about)
    xml = tifffile.tiffcomment(tmp_path / "a.tif")
    optics = '<Instrument ID="Instrument:0"><Objective ID="Objective:0" LensNA="1.2"'
    optics += ' Immersion="Water"/></Instrument><Image '
    tifffile.tiffcomment(tmp_path / "a.tif", xml.replace("<Image ", optics, 1).encode())
    (layer,) = viewer.open(str(tmp_path / "a.tif"), plugin="napari")
    dock.fields.psf.kind.value = "Microscope"
    dock.fields.methods.choice.value = Wiener
    (job,) = dock.fields.jobs()
    record = deblur_layer(layer, method=job.method).metadata[METADATA_KEY]
    assert record["psf"]["kind"] == "microscope"
    assert record["psf"]["call"] == job.psf.record(job.source)["call"]
    assert record["psf"]["optics"]["numerical_aperture"] == 1.2
    assert record["psf"]["optics"]["excitation"] == 488


def test_a_saved_result_is_known_when_it_is_opened_again(viewer, dock, file, tmp_path):
    (layer,) = viewer.open(file, plugin="napari")
    result = deblur_layer(layer, np.ones((3, 3)), Wiener(balance=0.1))
    (path,) = result.save(str(tmp_path / "r.ome.tif"))
    (again,) = viewer.open(path, plugin="napari")
    assert results_of(viewer, layer.name) == [again]
    assert dock.fields.images.layer.value is layer
    assert read_source(again).frame(3).spacing == (0.3, 0.08, 0.08)
    assert again.metadata[METADATA_KEY]["method"] == {"name": "Wiener", "balance": 0.1}
