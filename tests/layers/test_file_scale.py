"""Layers get the scale and channels that their reader left out, and PSFs the optics of a file."""

import threading

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Image

from napari_tf_deblur import Wiener, deblur_layer
from napari_tf_deblur._core.errors import UserError
from napari_tf_deblur._files.opening import FileImage
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._layers.acquisition import (
    file_metadata,
    is_being_read,
    read_acquisition,
    wait_for_file,
)
from napari_tf_deblur._layers.file_scale import (
    apply_file_scale,
    find_channel_axis,
    lacks_scale,
    split_channels,
)
from napari_tf_deblur._layers.psf_kinds import EstimatedPSF, choose_psf
from napari_tf_deblur._layers.psf_kinds.microscope import WIDEFIELD_ASSUMED
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._storage.record_file import METADATA_KEY

CHANNELS = {"Name": ["DAPI", "GFP"], "EmissionWavelength": [461, 520]}


@pytest.fixture
def two_channels(tmp_path):
    """A TZCYX file with all optics except the aperture, as napari opens it."""
    pixels = np.random.default_rng(0).poisson(30, (2, 5, 2, 24, 20)).astype(np.uint16)
    about = {"axes": "TZCYX", "PhysicalSizeX": 80, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 80,
             "PhysicalSizeYUnit": "nm", "PhysicalSizeZ": 3000, "PhysicalSizeZUnit": "Å",
             "Channel": CHANNELS}  # fmt: skip
    tifffile.imwrite(tmp_path / "cells GFP.ome.tif", pixels, ome=True, metadata=about)
    (layer,) = ViewerModel().open(str(tmp_path / "cells GFP.ome.tif"), plugin="napari")
    return layer


def test_a_layer_takes_the_scale_that_its_file_says(two_channels):
    layer = two_channels
    layer.translate = (0, 1, 2, 3, 4)
    before = read_source(layer)
    assert lacks_scale(before)
    apply_file_scale(layer)
    assert layer.axis_labels == tuple("tzcyx")
    np.testing.assert_allclose(layer.scale, (1, 0.3, 1, 0.08, 0.08))
    np.testing.assert_array_equal(layer.translate, (0, 1, 2, 3, 4))
    units = [str(unit) for unit in layer.units]
    assert units == ["pixel", "micrometer", "pixel", "micrometer", "micrometer"]
    assert not lacks_scale(read_source(layer))
    for one, other in zip(read_source(layer).axes, before.axes):
        assert (one.name, one.unit) == (other.name, other.unit)
        assert one.spacing == pytest.approx(other.spacing)
    other = Image(np.zeros((8, 9)), scale=(2, 2))
    assert not lacks_scale(read_source(other))


def test_a_layer_takes_the_scale_that_its_reader_left_in_the_metadata():
    layer = Image(np.zeros((8, 9)), metadata=optics())
    assert lacks_scale(read_source(layer))
    apply_file_scale(layer)
    np.testing.assert_allclose(layer.scale, 0.08)
    assert not lacks_scale(read_source(layer))


def test_names_that_a_user_gave_stay(two_channels):
    two_channels.axis_labels = ("a", "z", "c", "y", "x")
    apply_file_scale(two_channels)
    assert two_channels.axis_labels == ("a", "z", "c", "y", "x")
    np.testing.assert_allclose(two_channels.scale, (1, 0.3, 1, 0.08, 0.08))


@pytest.mark.parametrize("placed", [False, True])
def test_channels_are_split(two_channels, placed):
    layer = two_channels
    assert find_channel_axis(read_source(layer)) == 2
    if placed:
        apply_file_scale(layer)
        layer.translate = (0, 1, 2, 3, 4)
    first, second = split_channels(layer)
    assert (first.name, second.name) == ("DAPI :: cells GFP.ome", "GFP :: cells GFP.ome")
    np.testing.assert_array_equal(second.data, layer.data[:, :, 1])
    assert np.shares_memory(second.data, layer.data)
    assert second.axis_labels == tuple("tzyx")
    assert read_source(second).is_volume
    assert [read_acquisition(each).emission for each in (first, second)] == [461, 520]
    if placed:
        np.testing.assert_allclose(second.scale, (1, 0.3, 0.08, 0.08))
        np.testing.assert_array_equal(second.translate, (0, 1, 3, 4))
    second.name = "DAPI"  # which channel it is does not depend on its name
    assert read_acquisition(second).emission == 520
    assert find_channel_axis(read_source(first)) is None
    assert split_channels(first) == []


def test_a_turned_layer_is_split_in_its_place(two_channels):
    two_channels.affine = np.array(
        [[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 2, 5],
         [0, 0, 0, 3, 0, 1], [0, 0, 0, 0, 0, 1]], float,
    )  # fmt: skip
    first, _ = split_channels(two_channels)
    where = two_channels.data_to_world((1, 2, 0, 3, 4))
    np.testing.assert_allclose(first.data_to_world((1, 2, 3, 4)), np.delete(where, 2))


def test_dask_and_resolutions_are_split_as_they_are():
    import dask.array as da

    levels = [da.zeros((3, n, n), chunks=32) for n in (64, 32)]
    layer = Image(levels, multiscale=True, axis_labels="cyx", contrast_limits=(0, 1), name="a")
    parts = split_channels(layer)
    assert [part.name for part in parts] == [f"Channel {k} :: a" for k in range(3)]
    assert [level.shape for level in parts[1].data] == [(64, 64), (32, 32)]
    assert all(isinstance(level, da.Array) for level in parts[1].data)


# ---------------------------------------------------------------- files that are far away


def test_a_slow_file_holds_nothing_up(two_channels, monkeypatch):
    ready = threading.Event()
    path = two_channels.source.path

    def slowly(asked):
        ready.wait(30)
        return read_tiff(asked)

    read_tiff = file_metadata.read_tiff
    monkeypatch.setattr(file_metadata, "read_tiff", slowly)
    monkeypatch.setattr(file_metadata, "READ_TIMEOUT", 0.0)
    layer = Image(two_channels.data)
    layer._source = layer.source.model_copy(update={"path": path})
    assert is_being_read(layer)
    assert read_acquisition(layer).pixel_size == (None, None, None)
    assert not read_source(layer).is_volume
    ready.set()
    wait_for_file(layer)
    assert not is_being_read(layer)
    assert read_acquisition(layer).pixel_size == pytest.approx((0.3, 0.08, 0.08))
    assert read_source(layer).is_volume


@pytest.mark.parametrize("spoil", ["gone", "folder", "cut", "no TIFF", "web", "entities"])
def test_a_file_that_cannot_be_read_is_no_error(tmp_path, spoil):
    path = tmp_path / "a.ome.tif"
    about = {"axes": "ZYX", "PhysicalSizeX": 0.08, "PhysicalSizeY": 0.08}
    tifffile.imwrite(path, np.zeros((3, 8, 9)), ome=True, metadata=about)
    whole = path.read_bytes()
    if spoil == "gone":
        path.unlink()
    elif spoil == "folder":
        path.unlink()
        path.mkdir()
    elif spoil == "cut":
        path.write_bytes(whole[:40])
    elif spoil == "no TIFF":
        path.write_bytes(b"P5 8 9 255 " + bytes(72))
    elif spoil == "entities":
        xml = b"<!DOCTYPE OME [<!ENTITY a '0.08'>]><OME"
        where = whole.index(b"<?xml")
        end = whole.index(b"<OME") + 4
        path.write_bytes(whole[:where] + xml.ljust(end - where)[: end - where] + whole[end:])
    layer = Image(np.zeros((3, 8, 9)))
    told = "https://example.org/a.ome.tif" if spoil == "web" else str(path)
    layer._source = layer.source.model_copy(update={"path": told})
    assert read_acquisition(layer).pixel_size == (None, None, None)
    assert {axis.unit for axis in read_source(layer).axes} == {"pixel"}


# ---------------------------------------------------------------- optics in the console


def optics(aperture=1.4, mode="WideField", emission=520, pixel=80, step=300, **channel):
    """An OME dictionary as napari-tiff stores it."""
    about = {"ID": "Channel:0:0", "Name": "GFP", "AcquisitionMode": mode, **channel}
    if emission:
        about["EmissionWavelength"] = emission
    pixels = {"Channel": about, "PhysicalSizeZ": step, "PhysicalSizeZUnit": "nm"}
    for axis in "XY":
        pixels |= {f"PhysicalSize{axis}": pixel, f"PhysicalSize{axis}Unit": "nm"}
    objective = {"ID": "Objective:0", "LensNA": aperture, "Immersion": "Oil"}
    return {
        "ome_metadata": {
            "OME": {
                "Instrument": {"Objective": objective},
                "Image": {"ID": "Image:0", "Pixels": pixels},
            }
        }
    }


def test_a_layer_is_deblurred_with_the_optics_of_its_file(blurred):
    flat = Image(100 * blurred, metadata=optics())
    record = deblur_layer(flat, method=Wiener(balance=0.1)).metadata[METADATA_KEY]
    assert record["psf"]["kind"] == "microscope"
    told = record["psf"]["optics"]
    assert (told["numerical_aperture"], told["emission"], told["refractive_index"]) == (
        1.4,
        520,
        1.515,
    )
    assert record["warnings"] == ()
    assert record["origin"]["arguments"]["scale"] == [0.08, 0.08]
    volume = Image(np.stack([100 * blurred] * 4), metadata=optics(mode=None), axis_labels="zyx")
    psf = choose_psf(None, read_source(volume))
    assert (psf.ndim, psf.optics.microscope) == (3, "widefield")
    assert WIDEFIELD_ASSUMED in psf.warnings(read_source(volume))


@pytest.mark.parametrize(
    "told",
    [
        optics(aperture=None), optics(emission=None), optics(pixel=None), optics(pixel=80e6),
        optics(emission=None, mode="MultiPhotonMicroscopy"), {},
    ],
)  # fmt: skip
def test_optics_that_leave_a_number_open_are_not_used(blurred, told):
    assert choose_psf(None, read_source(Image(blurred, metadata=told))) == EstimatedPSF(2)


def test_a_word_asks_for_the_optics_of_the_file_or_for_the_blur_of_the_image(blurred):
    """PSFs by the words of the command line; without a word, a missing number is not an error."""
    flat = Image(100 * blurred, name="cells", metadata=optics())
    method = Wiener(balance=0.1)
    by_default, asked, found = (
        deblur_layer(flat, psf, method).metadata[METADATA_KEY]["psf"]
        for psf in (None, "microscope", "estimated")
    )
    assert asked["optics"] == by_default["optics"]
    np.testing.assert_array_equal(asked["array"], by_default["array"])
    assert found["kind"] == "estimated"
    unknown = Image(blurred, name="cells", metadata=optics(aperture=None))
    with pytest.raises(UserError, match="needs the numerical aperture, which the file of 'cells'"):
        deblur_layer(unknown, "microscope", method)
    with pytest.raises(UserError, match="'gauss'; give 'microscope' or 'estimated', an array, or"):
        deblur_layer(flat, "gauss", method)


def test_numbers_of_a_file_that_do_not_go_together_are_not_used(blurred):
    tiny = read_source(Image(blurred[:4, :4], metadata=optics(aperture=0.05)))
    assert choose_psf(None, tiny) == EstimatedPSF(2)
    (job,) = Settings().jobs(FileImage(Image(blurred[:4, :4], metadata=optics(aperture=0.05))))
    assert job.psf == EstimatedPSF(2)
    with pytest.raises(UserError, match="pixels, but the image has only 4 along this axis"):
        choose_psf("microscope", tiny).check(tiny)


def test_a_volume_needs_the_step_of_its_planes(blurred):
    volume = Image(np.stack([blurred] * 4), metadata=optics(step=None), axis_labels="zyx")
    assert choose_psf(None, read_source(volume)) == EstimatedPSF(3)
    colours = Image(np.stack([blurred] * 3, -1), metadata=optics(), rgb=True)
    assert choose_psf(None, read_source(colours)) == EstimatedPSF(2)
