"""Images in plates and collections, of OME-Zarr 0.4 and 0.5; made by yaozarrs 0.3.4 and zarr."""

import numpy as np
import pytest
import zarr
from yaozarrs import v05
from yaozarrs.write.v05 import Bf2RawBuilder, PlateBuilder

from napari_tf_deblur._core.errors import FileInTheWayError, InvalidValueError
from napari_tf_deblur._storage.image_description import ImageDescription, StoredAxis
from napari_tf_deblur._storage.ome_zarr import create_image, open_image
from napari_tf_deblur._storage.zarr_collection import list_images

AXES = [{"name": "y", "type": "space", "unit": "nanometer"}, {"name": "x", "type": "space"}]
STEP = {"type": "scale", "scale": [2.0, 3.0]}
SHIFT = {"type": "translation", "translation": [5.0, 7.0]}


def multiscale(name=None, **more):
    data = {"path": "0", "coordinateTransformations": [STEP, SHIFT]}
    return {"axes": AXES, "datasets": [data], **({"name": name} if name else {}), **more}


def image_of(name=None):
    return v05.Image(multiscales=[v05.Multiscale.model_validate(multiscale(name))])


def of_version_4(path, attributes, pixels=None):
    group = zarr.open_group(path, mode="a", zarr_format=2)
    group.attrs.update(attributes)
    if pixels is not None:
        array = group.create_array("0", shape=pixels.shape, dtype=pixels.dtype, chunks=(8, 8))
        array[:] = pixels
    return group


def test_one_image(tmp_path):
    axes = (StoredAxis("y"), StoredAxis("x"))
    create_image(tmp_path / "a.ome.zarr", (4, 5), "u1", ImageDescription("cells", axes), (4, 5))
    create_image(tmp_path / "b.ome.zarr", (4, 5), "u1", ImageDescription("", axes), (4, 5))
    assert list_images(tmp_path / "a.ome.zarr") == [("cells", str(tmp_path / "a.ome.zarr"))]
    assert list_images(f"{tmp_path}/b.ome.zarr/") == [("b", str(tmp_path / "b.ome.zarr"))]


def test_fields_of_a_plate(tmp_path):
    path = tmp_path / "plate.ome.zarr"
    builder = PlateBuilder(path, writer="zarr")
    for row, column, fields in (("A", "1", "01"), ("B", "3", "0")):
        images = {f: (image_of(), np.full((4, 5), ord(row), np.uint8)) for f in fields}
        builder.write_well(row=row, col=column, images=images)
    found = list_images(path)
    assert [name for name, _ in found] == ["A1 field 0", "A1 field 1", "B3 field 0"]
    for name, where in found:
        pixels = open_image(where).read((slice(None), slice(None)))
        assert (pixels == ord(name[0])).all()
    assert list_images(path / "A" / "1") == [(f"1 field {k}", f"{path}/A/1/{k}") for k in "01"]


def test_a_plate_of_version_4_with_a_well_that_is_missing(tmp_path):
    path = tmp_path / "plate.zarr"
    wells = [{"path": "A/1", "rowIndex": 0, "columnIndex": 0}, {"path": "A/2"}]
    of_version_4(path, {"plate": {"wells": wells, "version": "0.4"}, "bioformats2raw.layout": 3})
    of_version_4(path / "A" / "1", {"well": {"images": [{"path": "0"}], "version": "0.4"}})
    pixels = np.arange(20, dtype="uint16").reshape(4, 5)
    of_version_4(path / "A" / "1" / "0", {"multiscales": [multiscale(version="0.4")]}, pixels)
    found = list_images(path)
    assert found == [("A1 field 0", f"{path}/A/1/0"), ("A2", f"{path}/A/2")]
    image = open_image(found[0][1])
    np.testing.assert_array_equal(image.dask_levels()[0].compute(), pixels)
    with pytest.raises(InvalidValueError, match="A/2"):
        open_image(found[1][1])


@pytest.mark.parametrize("named", [True, False])
def test_images_of_a_collection(tmp_path, named):
    path = tmp_path / "many.ome.zarr"
    builder = Bf2RawBuilder(path, writer="zarr")
    for k in range(3):
        name = ("left", "right", "left")[k] if named else None
        builder.write_image(str(k), image_of(name), np.full((4, 5), k, np.uint8))
    names = ["left 0", "right", "left 2"] if named else ["image 0", "image 1", "image 2"]
    assert list_images(path) == [(name, f"{path}/{k}") for k, name in enumerate(names)]
    (path / "OME" / "zarr.json").unlink()  # then they are numbered
    assert [where for _, where in list_images(path)] == [f"{path}/{k}" for k in range(3)]


def test_what_is_none_of_these_is_said(tmp_path):
    zarr.open_group(tmp_path / "a.zarr", mode="w")
    with pytest.raises(InvalidValueError, match="no image, plate or collection"):
        list_images(tmp_path / "a.zarr")
    zarr.open_group(tmp_path / "b.zarr", mode="w", attributes={"ome": {"plate": {"wells": 3}}})
    with pytest.raises(InvalidValueError, match="lists no wells"):
        list_images(tmp_path / "b.zarr")
    (tmp_path / "c.zarr").mkdir()
    (tmp_path / "c.zarr" / "zarr.json").write_text("{")
    (tmp_path / "d.txt").write_text("text")
    for name in ("c.zarr", "d.txt", "e.zarr"):
        with pytest.raises(InvalidValueError, match="no OME-Zarr"):
            list_images(tmp_path / name)


def test_version_4_is_read_and_never_written(tmp_path):
    pixels = np.arange(20, dtype="uint16").reshape(4, 5)
    channel = {"label": "GFP", "color": "00FF00", "window": {"start": 1, "end": 9}}
    attributes = {
        "multiscales": [multiscale("cells", version="0.4", coordinateTransformations=[STEP])],
        "omero": {"channels": [channel]},
    }
    of_version_4(tmp_path / "a.zarr", attributes, pixels)
    image = open_image(tmp_path / "a.zarr")
    y, x = image.description.axes
    assert (y.scale, x.scale, y.translation, x.translation) == (4, 9, 10, 21)  # of both levels
    assert (y.unit, x.unit, image.description.channels[0].window) == ("nanometer", None, (1, 9))
    assert (image.is_own_image, image.read_record(), image.shard) == (False, None, (8, 8))
    with pytest.raises(FileInTheWayError, match="not written by this program"):
        image.write((slice(0, 4), slice(0, 5)), pixels)
    with pytest.raises(FileInTheWayError, match="not written by this program"):
        image.set_record({"kind": "result"})
    np.testing.assert_array_equal(image.read((slice(None), slice(None))), pixels)


@pytest.mark.parametrize(
    "omero",
    [
        None,
        3,
        {},
        {"channels": None},
        {"channels": [3, {"color": "green", "window": {"start": 1}}]},
    ],
)
def test_channels_that_make_no_sense_are_passed_over(tmp_path, omero):
    attributes = {"multiscales": [multiscale(version="0.4")], "omero": omero}
    of_version_4(tmp_path / "a.zarr", attributes, np.zeros((4, 5), "uint8"))
    for channel in open_image(tmp_path / "a.zarr").description.channels:
        assert (channel.colour, channel.window) == ("FFFFFF", None)
