"""Layers as OME-Zarr, opened again here and by napari-ome-zarr 0.10.0 in napari 0.9.2."""

import json

import dask.array as da
import numpy as np
import pytest
import yaozarrs
from common import values
from napari.components import ViewerModel
from napari.layers import Image
from npe2 import PluginManager

from napari_tf_deblur import Wiener, deblur_layer, gaussian_psf
from napari_tf_deblur._core.errors import FileInTheWayError
from napari_tf_deblur._layers.zarr_layer import build_layer_data
from napari_tf_deblur._storage.ome_zarr import open_image
from napari_tf_deblur._storage.record_file import METADATA_KEY

UM = "micrometer"

LAYERS = {
    "plane": {
        "data": values((600, 530)), "scale": (0.1, 0.2), "units": (UM, UM), "translate": (5, -3),
        "contrast_limits": (0.25, 0.75), "colormap": "green", "gamma": 0.5, "blending": "additive",
    },
    "volume": {
        "data": values((5, 60, 70)), "scale": (0.3, 0.1, 0.1), "units": (UM,) * 3,
        "axis_labels": ("z", "y", "x"), "translate": (1, 2, 3),
    },
    "series of volumes": {
        "data": values((2, 3, 5, 20, 30), "uint16"), "scale": (2, 1, 0.3, 0.1, 0.1),
        "units": ("second", "pixel", UM, UM, UM), "axis_labels": ("t", "c", "z", "y", "x"),
        "colormap": "viridis", "translate": (0, 0, 1, 2, 3),
    },
    "other order": {
        "data": values((5, 3, 20, 30)), "scale": (0.3, 2, 0.1, 0.1),
        "units": (UM, "second", UM, UM), "axis_labels": ("z", "t", "y", "x"),
    },
    "colours": {
        "data": values((600, 530, 3), "uint8"), "rgb": True, "scale": (2, 2), "units": (UM, UM),
    },
    "colours of a series": {"data": values((2, 60, 53, 4)), "rgb": True},
    "no names": {"data": values((4, 60, 70))},
    "turned": {"data": values((60, 70)), "rotate": 30, "scale": (0.1, 0.2), "units": (UM, UM)},
    "sheared": {"data": values((6, 7, 8)), "shear": (0.1, 0, 0.2), "translate": (1, 2, 3)},
    "mirrored": {"data": values((60, 70)), "scale": (-0.1, 0.2), "units": (UM, UM)},
    "affine": {"data": values((60, 70)), "affine": [[2, 0.5, 3], [0, 1, 4], [0, 0, 1]]},
}  # fmt: skip

TURNED = ("turned", "sheared", "mirrored", "affine")


def layer_of(case):
    about = dict(LAYERS[case])
    return Image(about.pop("data"), name="cells", **about)


def pixels_of(layer):
    return np.asarray(layer.data[0] if layer.multiscale else layer.data)


def opened(path, **how):
    data, told, kind = build_layer_data(open_image(path), **how)
    return ViewerModel()._add_layer_from_data(data, told, kind)


@pytest.mark.parametrize("case", LAYERS)
def test_a_layer_comes_back_as_it_was(tmp_path, case):
    layer = layer_of(case)
    (path,) = layer.save(str(tmp_path / "a.ome.zarr"))
    (again,) = opened(path)
    assert (again.name, again.rgb, again.units) == (layer.name, layer.rgb, layer.units)
    assert again.multiscale == (max(layer.data.shape) > 512)
    assert isinstance(again.data[0] if again.multiscale else again.data, da.Array)
    np.testing.assert_array_equal(pixels_of(again), layer.data)
    assert pixels_of(again).dtype == layer.data.dtype
    for place in (np.zeros(layer.ndim), np.arange(1, layer.ndim + 1)):
        np.testing.assert_allclose(again.data_to_world(place), layer.data_to_world(place))
    labels = ("y", "x") if set(layer.axis_labels) == {"-2", "-1"} else layer.axis_labels
    if case not in ("no names", "sheared", "colours of a series"):
        assert again.axis_labels == labels
    assert again.axis_labels[:-2] == layer.axis_labels[:-2]
    for key in ("gamma", "blending", "opacity"):
        assert getattr(again, key) == getattr(layer, key)
    if not layer.rgb:
        assert again.colormap.name == layer.colormap.name
        assert tuple(again.contrast_limits) == tuple(layer.contrast_limits)
    yaozarrs.validate_zarr_store(path)


@pytest.mark.parametrize("case", [case for case in LAYERS if case not in TURNED])
def test_napari_ome_zarr_shows_the_same(tmp_path, case):
    layer = layer_of(case)
    (path,) = layer.save(str(tmp_path / "a.ome.zarr"))
    found = ViewerModel().open(path, plugin="napari-ome-zarr")
    channel = -1 if layer.rgb else None
    if "c" in layer.axis_labels:
        channel = layer.axis_labels.index("c")
    expected = np.moveaxis(layer.data, channel, 0) if channel is not None else [layer.data]
    assert len(found) == len(expected)
    kept = [k for k in range(layer.ndim) if k != channel]
    order = sorted(kept, key=lambda k: layer.axis_labels[k] != "t")  # time comes first
    for one, pixels in zip(found, expected):
        back = [sorted(order).index(k) for k in order]
        np.testing.assert_array_equal(pixels_of(one), pixels.transpose(back))
        np.testing.assert_allclose(one.scale, layer.scale[order])
        assert [str(unit) for unit in one.units] == [str(layer.units[k]) for k in order]
        if not layer.rgb:
            assert tuple(one.contrast_limits) == tuple(layer.contrast_limits)
    names = [one.name for one in found]
    if layer.rgb:
        colours = ["red", "green", "blue", "alpha"][: layer.data.shape[-1]]
        assert names == [f"cells: {colour}" for colour in colours]
        assert [one.colormap.name for one in found[:3]] == colours[:3]
    elif channel is None and case != "series of volumes":
        assert found[0].colormap.name == layer.colormap.name


def test_the_place_is_in_the_file_though_napari_ome_zarr_leaves_it_out(tmp_path):
    """It uses only the first transformation of a level; see findings/napari_ome_zarr_place.sh."""
    layer = layer_of("plane")
    (path,) = layer.save(str(tmp_path / "a.ome.zarr"))
    said = json.loads((tmp_path / "a.ome.zarr" / "zarr.json").read_text())
    levels = said["attributes"]["ome"]["multiscales"][0]["datasets"]
    assert levels[0]["coordinateTransformations"] == [
        {"type": "scale", "scale": [0.1, 0.2]},
        {"type": "translation", "translation": [5.0, -3.0]},
    ]
    assert levels[1]["coordinateTransformations"] == [
        {"type": "scale", "scale": [0.2, 0.4]},
        {"type": "translation", "translation": [5.05, -2.9]},
    ]
    (one,) = ViewerModel().open(path, plugin="napari-ome-zarr")
    np.testing.assert_allclose(one.data_to_world((0, 0)), (0, 0))


def test_channels_become_layers(tmp_path):
    layer = layer_of("series of volumes")
    (path,) = layer.save(str(tmp_path / "a.ome.zarr"))
    found = opened(path, split=True)
    assert [one.name for one in found] == [f"channel {k} :: cells" for k in range(3)]
    for k, one in enumerate(found):
        np.testing.assert_array_equal(pixels_of(one), layer.data[:, k])
        np.testing.assert_allclose(one.scale, (2, 0.3, 0.1, 0.1))
        np.testing.assert_allclose(one.translate, (0, 1, 2, 3))
        assert one.axis_labels == ("t", "z", "y", "x")
        assert tuple(one.contrast_limits) == tuple(layer.contrast_limits)


def test_a_result_keeps_its_record_and_its_size(tmp_path):
    source = Image(values((40, 50)), scale=(0.1, 0.1), units=(UM, UM), name="cells")
    result = deblur_layer(source, gaussian_psf(1), Wiener(balance=0.1))
    (path,) = result.save(str(tmp_path / "a.ome.zarr"))
    (again,) = opened(path)
    record = again.metadata[METADATA_KEY]
    assert record["kind"] == "result"
    assert record["method"] == dict(result.metadata[METADATA_KEY]["method"])
    np.testing.assert_allclose(again.scale, (0.1, 0.1))
    np.testing.assert_array_equal(pixels_of(again), pixels_of(result))


def test_a_lazy_layer_is_written_shard_by_shard(tmp_path):
    asked = []

    def piece(block_info=None):
        asked.append(block_info[None]["chunk-location"])
        return np.ones(block_info[None]["chunk-shape"], "float32")

    lazy = da.map_blocks(piece, chunks=((1,) * 7, (2048, 500), (700,)), dtype="float32")
    (path,) = Image(lazy, contrast_limits=(0, 1)).save(str(tmp_path / "a.ome.zarr"))
    image = open_image(path)
    assert image.shard == (1, 2048, 1024)
    assert all(image.read(part, 1).min() == 1 for part in image.shard_regions(1))
    # napari itself looks at the first plane, the last and the one in the middle
    others = [place for place in asked if place[0] in (1, 2, 4, 5)]
    assert sorted(others) == [(k, row, 0) for k in (1, 2, 4, 5) for row in (0, 1)]


def test_which_writer_saves_what():
    writer = "napari-tf-deblur.write_ome_zarr"
    manager = PluginManager.instance()
    assert manager.get_writer("a.ome.zarr", ["image"])[0].command == writer
    assert manager.get_writer("a.ome.tif", ["image"])[0].command != writer
    for kinds in (["labels"], ["image", "image"]):
        found, _ = manager.get_writer("a.ome.zarr", kinds)
        assert found is None or found.command != writer


def test_another_folder_is_not_replaced(tmp_path):
    path = tmp_path / "a.ome.zarr"
    path.mkdir()
    (path / "notes.txt").write_text("mine")
    with pytest.raises(FileInTheWayError, match=r"notes\.txt"):
        layer_of("plane").save(str(path))
    assert [p.name for p in path.iterdir()] == ["notes.txt"]


def test_a_place_of_nonsense_is_passed_over(tmp_path):
    (path,) = layer_of("turned").save(str(tmp_path / "a.ome.zarr"))
    file = tmp_path / "a.ome.zarr" / "zarr.json"
    said = json.loads(file.read_text())
    own = said["attributes"]["napari_tf_deblur"]["layer"]
    for nonsense in (
        3,
        {"scale": 1},
        {**own["place"], "rotate": [[1]]},
        {**own["place"], "affine": "x"},
    ):
        own["place"] = nonsense
        file.write_text(json.dumps(said))
        (layer,) = opened(path)
        np.testing.assert_allclose(layer.data_to_world((1, 1)), (0.1, 0.2))
