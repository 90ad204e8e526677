"""Results are saved and read again, with pixel sizes, axes and record."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel
from napari.layers import Image
from npe2 import PluginManager

from napari_tf_deblur import Wiener, deblur_layer, gaussian_psf
from napari_tf_deblur._layers.file_scale import adopt_record, apply_file_scale
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._layers.writer import write_image
from napari_tf_deblur._storage.axes import convert_length
from napari_tf_deblur._storage.record_file import METADATA_KEY, record_from_json, record_to_json
from napari_tf_deblur._storage.tiff_metadata import WRITABLE_DTYPES

QUICK = Wiener(balance=0.1)
PLUGIN = "napari-tf-deblur"
TITLE = "OME-TIFF with pixel size, axes, and how it was deblurred"


def reopened(path):
    """Open a file as napari does, and give the layer the scale of the file."""
    (layer,) = ViewerModel().open(str(path), plugin="napari")
    apply_file_scale(layer)
    return layer


def values(shape, dtype="float32"):
    return np.random.default_rng(0).uniform(0, 200, shape).astype(dtype)


@pytest.mark.parametrize(
    ("labels", "units", "scale"),
    [
        ("yx", ("um", "um"), (0.1, 0.08)),
        ("zyx", ("nm", "nm", "nm"), (300, 80, 80)),
        ("tzyx", ("s", "mm", "mm", "mm"), (5, 3e-4, 8e-5, 8e-5)),
        ("tczyx", ("pixel", "pixel", "um", "um", "um"), (1, 1, 0.3, 0.08, 0.08)),
        (("-3", "-2", "-1"), ("pixel", "um", "um"), (1, 0.08, 0.08)),
        (("-3", "-2", "-1"), ("um", "um", "um"), (0.3, 0.08, 0.08)),
    ],
)
def test_scale_units_and_axes_come_back(tmp_path, labels, units, scale):
    pixels = values(tuple(range(3, 3 + len(labels))))
    layer = Image(pixels, axis_labels=labels, units=units, scale=scale)
    (path,) = layer.save(str(tmp_path / "a"), plugin=PLUGIN)
    assert Path(path).name == "a.ome.tif"
    again = reopened(path)
    np.testing.assert_array_equal(again.data, pixels)
    before, after = read_source(layer), read_source(again)
    assert [axis.name for axis in after.axes] == [axis.name for axis in before.axes]
    for one, other in zip(before.axes, after.axes):
        if other.unit != "pixel":
            assert other.unit == "micrometer"
            size = convert_length(one.spacing, one.unit, "um")
            assert other.spacing == pytest.approx(size)
    assert after.is_volume == before.is_volume
    with tifffile.TiffFile(path) as file:  # for programs that do not read OME's description
        per_cm = file.pages.first.get_resolution("CENTIMETER")
    assert 1e4 / per_cm[0] == pytest.approx(read_source(again).axes[-1].spacing, rel=1e-3)


@pytest.mark.parametrize(("labels", "order"), [("yxt", (2, 0, 1)), ("xyz", (2, 1, 0))])
def test_axes_in_an_order_that_ome_has_not_are_turned(tmp_path, labels, order):
    pixels = values((4, 5, 6))
    layer = Image(pixels, axis_labels=labels, units=("um",) * 3, scale=(1, 2, 3), rgb=False)
    again = reopened(layer.save(str(tmp_path / "a.ome.tif"))[0])
    np.testing.assert_array_equal(again.data, pixels.transpose(order))


def test_axes_that_ome_cannot_tell_apart_are_saved_as_napari_does(tmp_path):
    pixels = values((2, 3, 8, 9))
    (path,) = Image(pixels).save(str(tmp_path / "a.ome.tif"))
    np.testing.assert_array_equal(tifffile.imread(path), pixels)


@pytest.mark.parametrize("name", ["cells", "cells.ome deblurred (sigma 1.5)", "a.png"])
def test_a_name_without_the_ending_of_a_tiff_file_is_given_one(tmp_path, name):
    (path,) = write_image(str(tmp_path / name), values((8, 9)), {})
    assert Path(path).name == f"{name}.ome.tif"
    assert Path(path).exists()


def test_a_scale_without_a_unit_stays_without(tmp_path):
    layer = Image(values((3, 8, 9)), axis_labels="zyx", scale=(0.3, 0.1, 0.1))
    (path,) = layer.save(str(tmp_path / "a.ome.tif"))
    assert tifffile.tiffcomment(path).count("reference frame") == 3
    assert {axis.unit for axis in read_source(reopened(path)).axes} == {"pixel"}


@pytest.mark.parametrize("dtype", [*sorted(WRITABLE_DTYPES), "int64", "float16"])
def test_pixels_are_saved_as_they_are(tmp_path, dtype):
    pixels = values((8, 9), dtype)
    (path,) = write_image(str(tmp_path / "a.tif"), pixels, {"name": "it's <\x01>", "scale": (2, 2)})
    again = tifffile.imread(path)
    assert again.dtype == pixels.dtype
    np.testing.assert_array_equal(again, pixels)


def test_colours_and_resolutions(tmp_path):
    colours = values((40, 41, 3), np.uint8)
    (path,) = Image(colours, rgb=True).save(str(tmp_path / "a.ome.tif"))
    np.testing.assert_array_equal(reopened(path).data, colours)
    assert reopened(path).rgb
    levels = [values((16, 18)), values((8, 9))]
    (path,) = Image(levels, multiscale=True).save(str(tmp_path / "b.ome.tif"))
    np.testing.assert_array_equal(reopened(path).data, levels[0])


@pytest.mark.parametrize("name", ["r.ome.tif", "r.tif"])
def test_a_result_keeps_its_size_and_record(tmp_path, blurred, name):
    """The pixel size is that of the file; napari's own reader had left it out."""
    about = {"axes": "YX", "PhysicalSizeX": 80, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 80,
             "PhysicalSizeYUnit": "nm"}  # fmt: skip
    tifffile.imwrite(tmp_path / "a.tif", blurred, ome=True, metadata=about)
    (layer,) = ViewerModel().open(str(tmp_path / "a.tif"), plugin="napari")
    result = deblur_layer(layer, gaussian_psf(1.5), QUICK)
    (path,) = result.save(str(tmp_path / name), plugin=PLUGIN)
    again = reopened(path)
    np.testing.assert_array_equal(again.data, result.data)
    np.testing.assert_allclose(again.scale, 0.08)
    record, told = result.metadata[METADATA_KEY], read_source(again).acquisition.record
    assert adopt_record(again, told)
    assert not adopt_record(again, told)
    for key in ("source", "method", "boundary", "verdict", "warnings", "order", "psf_width"):
        assert again.metadata[METADATA_KEY][key] == record[key]
    assert again.metadata[METADATA_KEY]["origin"]["shape"] == blurred.shape
    assert "python" not in str(told)


def test_napari_asks_this_writer_where_it_is_chosen(tmp_path):
    manager = PluginManager.instance()
    command = f"{PLUGIN}.write_image"
    assert manager.get_writer("a.ome.tif", ["image"])[0].command == command
    assert manager.get_writer("a.tif", ["image"], PLUGIN)[0].command == command
    assert manager.get_writer("a.tif", ["image"])[0].plugin_name == "napari"
    assert manager.get_writer("a.png", ["image"])[0].plugin_name == "napari"
    for others in (["labels"], ["image", "image"], ["image", "labels"]):
        writer, _ = manager.get_writer("a.ome.tif", others)
        assert writer is None or writer.plugin_name == "napari"


def test_a_file_is_replaced_only_by_a_whole_one(tmp_path, monkeypatch):
    path = tmp_path / "a.ome.tif"
    path.write_bytes(b"old")

    def fail(part, *_, **__):
        Path(part).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(tifffile, "imwrite", fail)
    with pytest.raises(OSError, match="disk full"):
        write_image(str(path), values((4, 5)), {})
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.ome.tif"]


# ---------------------------------------------------------------- records are data

RESULT = {
    "kind": "result",
    "source": "cells",
    "order": (0, 1),
    "psf": {"kind": "gaussian", "python": "gaussian_psf(1)", "array": np.eye(3, dtype="float32")},
    "psf_width": np.float64(0.8),
    "mask": np.ones((9, 9), bool),
    "loss_history": np.array([3.0, np.nan, 2.0]),
    "method": {"name": "Wiener", "prior": len},
}


def test_a_record_comes_back_without_code_and_pixels():
    found = record_from_json(record_to_json(RESULT))
    assert found["order"] == (0, 1)
    assert found["psf_width"] == 0.8
    assert found["method"] == {"name": "Wiener", "prior": None}
    assert set(found["psf"]) == {"kind", "array"}
    np.testing.assert_array_equal(found["psf"]["array"], np.eye(3))
    np.testing.assert_array_equal(found["loss_history"], [3, np.nan, 2])
    assert "mask" not in found
    large = {**RESULT, "psf": {"array": np.zeros((99, 99))}}
    assert record_from_json(record_to_json(large))["psf"]["array"] is None


@pytest.mark.parametrize(
    "text",
    [
        "", "ImageJ=1.54f", "{", "[]", "{}",
        json.dumps({METADATA_KEY: []}), json.dumps({METADATA_KEY: {}}),
        json.dumps({METADATA_KEY: {"kind": "else"}}),
        json.dumps({METADATA_KEY: {"kind": "result", "order": "x"}}),
        json.dumps({METADATA_KEY: {"kind": "result", "psf": "gaussian_psf(1)"}}),
        json.dumps({METADATA_KEY: {"kind": "result", "source": "x" * 200_000}}), "{" * 50_000,
        '{"' + METADATA_KEY + '": ' + "[" * 40_000, "null", '{"a": 1}',
        '{"' + METADATA_KEY + '": {"kind": "result", "psf_width": NaN}}',
    ],
)  # fmt: skip
def test_text_that_is_no_record_is_passed_over(text):
    assert record_from_json(text) is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.dictionaries(st.sampled_from([*RESULT, "array", "python", "shape"]), parts, max_size=4)
    ),
    max_leaves=10,
)


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.sampled_from([*RESULT, "verdict", "warnings"]), anything))
@example({"kind": None, "order": [], "loss_history": [3.5e38]})
def test_no_record_is_an_error_and_none_holds_code(record):
    found = record_from_json(json.dumps({METADATA_KEY: {**record, "kind": "result"}}))
    assert found is None or (found["kind"] == "result" and "'python':" not in repr(found))
