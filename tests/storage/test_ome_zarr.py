"""Writing OME-Zarr: shards, levels, missing pixels, and what is refused.

Checked with zarr 3.1.6 (Python 3.11) and 3.4.2 (Python 3.12), yaozarrs 0.3.4, dask 2026.8.0.
"""

import json
import pickle
import warnings

import numpy as np
import pytest
import yaozarrs
import zarr
from common import values

from napari_tf_deblur._core.errors import FileInTheWayError, InvalidValueError
from napari_tf_deblur._storage.downsampling import downsample
from napari_tf_deblur._storage.image_description import (
    ImageDescription,
    StoredAxis,
    StoredChannel,
    assign_axis_types,
)
from napari_tf_deblur._storage.journal import Journal
from napari_tf_deblur._storage.ome_units import OME_LENGTHS, OME_TIMES, ome_unit
from napari_tf_deblur._storage.ome_zarr import check_free, create_image, open_image
from napari_tf_deblur._storage.pyramid import default_chunk, default_shard, plan_levels

Y, X = StoredAxis("y", unit="um", scale=0.1, translation=5.0), StoredAxis("x", unit="um", scale=0.1)
Z = StoredAxis("z", unit="um", scale=0.3, translation=-2.0)
T, C = StoredAxis("t", "time", "s", 2.5), StoredAxis("c", "channel")


def described(*axes, **more):
    return ImageDescription(
        "cells", axes, **{"channels": (StoredChannel("GFP", "00FF00", (1, 9)),), **more}
    )


def filled(path, pixels, description, shard, **how):
    """Return an image with all its shards and levels written."""
    image = create_image(path, pixels.shape, pixels.dtype, description, shard, **how)
    for part in image.shard_regions():
        image.write(part, pixels[part])
    image.build_levels()
    return image


CASES = {
    "plane": ((Y, X), (700, 1301), (256, 512)),
    "smaller than a chunk": ((Y, X), (40, 30), (2048, 2048)),
    "volume": ((Z, Y, X), (9, 601, 530), (4, 256, 256)),
    "of all": ((T, C, Z, Y, X), (2, 3, 5, 600, 70), (1, 1, 5, 256, 256)),
    "other order": ((Z, C, T, Y, X), (3, 2, 4, 600, 70), (3, 1, 1, 256, 256)),
    "a line": ((Y, X), (1, 5000), (1, 2048)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_pixels_come_back(tmp_path, case, dtype):
    axes, shape, shard = CASES[case]
    pixels = values(shape, dtype)
    image = filled(tmp_path / "a.ome.zarr", pixels, described(*axes), shard)
    again = open_image(tmp_path / "a.ome.zarr")
    assert (again.shape, again.dtype, again.is_own_image) == (shape, np.dtype(dtype), True)
    for level, lazy in zip(again.levels, again.dask_levels(), strict=True):
        assert lazy.shape == level.shape
    np.testing.assert_array_equal(again.dask_levels()[0].compute(), pixels)
    assert [level.factors for level in again.levels] == [
        level.factors for level in plan_levels(shape, image.description.axes, shard)
    ]


@pytest.mark.parametrize("case", CASES)
def test_yaozarrs_and_zarr_find_it_valid(tmp_path, case):
    axes, shape, shard = CASES[case]
    filled(tmp_path / "a.ome.zarr", values(shape), described(*axes), shard)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        group = yaozarrs.validate_zarr_store(str(tmp_path / "a.ome.zarr"))
    image = group.ome_metadata()
    kinds = [axis.type for axis in image.multiscales[0].axes]
    assert kinds == sorted(kinds, key=["time", "channel", "space"].index)
    for data in image.multiscales[0].datasets:
        array = zarr.open_array(tmp_path / "a.ome.zarr" / data.path, mode="r")
        assert all(s % c == 0 for s, c in zip(array.shards, array.chunks))
        assert np.isnan(array.fill_value)


def test_each_level_is_the_mean_and_lies_in_the_middle_of_its_pixels(tmp_path):
    pixels = values((4, 1030, 1027))
    image = filled(tmp_path / "a.ome.zarr", pixels, described(Z, Y, X), (4, 512, 512))
    assert [level.shape for level in image.levels] == [
        (4, 1030, 1027),
        (4, 515, 514),
        (4, 258, 257),
    ]
    first = image.dask_levels()[1].compute()
    whole = pixels[:, :1026, :1026].reshape(4, 513, 2, 513, 2).mean((2, 4))
    np.testing.assert_allclose(first[:, :513, :513], whole, rtol=1e-5)
    last = pixels[:, :1030, 1026].reshape(4, 515, 2).mean(2)  # the odd one, by itself
    np.testing.assert_allclose(first[:, :, 513], last, rtol=1e-5)
    said = json.loads((tmp_path / "a.ome.zarr" / "zarr.json").read_text())["attributes"]["ome"]
    for k, data in enumerate(said["multiscales"][0]["datasets"]):
        scale, shift = (list(t.values())[-1] for t in data["coordinateTransformations"])
        np.testing.assert_allclose(scale, [0.3, 0.1 * 2**k, 0.1 * 2**k])
        np.testing.assert_allclose(shift, [-2, 5 + 0.05 * (2**k - 1), 0.05 * (2**k - 1)])


def test_a_ramp_has_the_same_values_at_the_same_places_in_all_levels(tmp_path):
    ramp = np.add.outer(np.arange(1024.0), 3 * np.arange(2048.0)).astype("float32")
    description = described(
        StoredAxis("y", unit="um", scale=0.5), StoredAxis("x", unit="um", scale=0.25)
    )
    image = filled(tmp_path / "a.ome.zarr", ramp, description, (512, 512))
    said = json.loads((tmp_path / "a.ome.zarr" / "zarr.json").read_text())["attributes"]["ome"]
    assert len(image.levels) == 3
    for lazy, data in zip(image.dask_levels(), said["multiscales"][0]["datasets"], strict=True):
        scale = data["coordinateTransformations"][0]["scale"]
        shift = (data["coordinateTransformations"] + [{"translation": [0, 0]}])[1]["translation"]
        y, x = (start + step * np.arange(n) for start, step, n in zip(shift, scale, lazy.shape))
        np.testing.assert_allclose(lazy.compute(), np.add.outer(y / 0.5, 3 * x / 0.25), rtol=1e-6)


def test_planes_become_fewer_only_where_they_lie_as_close_as_pixels():
    plane = (StoredAxis("y", unit="um", scale=0.1), StoredAxis("x", unit="um", scale=0.1))
    coarse = plan_levels(
        (64, 4096, 4096), (StoredAxis("z", unit="um", scale=0.3), *plane), (64, 512, 512)
    )
    assert [level.factors for level in coarse] == [(1, 1, 1), (1, 2, 2), (1, 4, 4), (2, 8, 8)]
    fine = plan_levels(
        (256, 2048, 2048), (StoredAxis("z", unit="um", scale=0.1), *plane), (64, 512, 512)
    )
    assert [level.shape[0] for level in fine] == [256, 128, 64]
    for scale, planes in ((0.105, 128), (0.108, 256)):  # 0.105 may have been rounded to 0.1
        about = plan_levels(
            (256, 2048, 2048), (StoredAxis("z", unit="um", scale=scale), *plane), (64, 512, 512)
        )
        assert about[1].shape[0] == planes
    series = plan_levels((9, 2048, 2048), (T, *plane), (1, 2048, 2048))
    assert [level.shape for level in series] == [(9, 2048, 2048), (9, 1024, 1024), (9, 512, 512)]
    other = plan_levels(
        (64, 4096, 4096), (StoredAxis("z"), *plane), (64, 512, 512)
    )  # no unit: unknown
    assert {level.shape[0] for level in other} == {64}
    assert len(plan_levels((9000, 9000), plane, (512, 512), levels=2)) == 2


def test_only_space_is_halved(tmp_path):
    for axes, shape, coarsest in [
        ((T, X), (3000, 2000), (3000, 500)),  # a kymograph, whose axes OME-Zarr takes for space
        ((StoredAxis("q", None), C, Y, X), (6, 3, 900, 900), (6, 3, 450, 450)),
    ]:
        image = create_image(
            tmp_path / "a.ome.zarr", shape, "uint8", described(*axes), default_shard(shape, axes)
        )
        assert image.levels[-1].shape == coarsest
        assert image.levels[0].chunk[-2:] == (500, 500) or image.levels[0].chunk[-2:] == (512, 512)


@pytest.mark.parametrize(
    ("shard", "shape", "chunk"),
    [
        ((2048, 2048), (9000, 9000), (512, 512)),
        ((1536, 1280), (9000, 9000), (512, 640)),
        ((2039, 2048), (9000, 9000), (2039, 512)),
    ],
)
def test_a_chunk_is_a_part_of_a_shard(shard, shape, chunk):
    assert default_chunk(shard, (Y, X), shape) == chunk


def test_shards_that_suit_an_image():
    assert default_shard((9000, 9000), (Y, X)) == (2048, 2048)
    assert default_shard((7, 3, 40, 900, 900), (T, C, Z, Y, X)) == (1, 1, 64, 512, 512)
    assert default_shard((7, 900, 900, 3), (T, Y, X, C), rgb=True) == (1, 2048, 2048, 3)


# ---------------------------------------------------------------- what is missing


def test_what_is_not_written_is_seen_as_such(tmp_path):
    image = create_image(
        tmp_path / "a.ome.zarr", (512, 512), "float32", described(Y, X), (256, 256)
    )
    first, *_, last = image.shard_regions()
    assert np.isnan(image.read(first)).all()
    image.write(first, np.zeros((256, 256), "float32"))  # nothing, yet written
    assert image.is_written(first)
    assert not image.is_written(last)
    assert (image.read(first) == 0).all()
    assert np.isnan(image.read(last)).all()
    whole = create_image(tmp_path / "b.ome.zarr", (64, 64), "uint8", described(Y, X), (32, 32))
    whole.write(whole.shard_regions()[0], np.zeros((32, 32), "uint8"))
    assert [whole.is_written(part) for part in whole.shard_regions()] == [True, False, False, False]
    assert whole.read((slice(None), slice(None))).max() == 0


def test_means_leave_out_what_is_not_finite():
    image = np.array([[1, 3, np.nan, np.nan], [5, np.inf, np.nan, np.nan]], "float32")
    np.testing.assert_array_equal(downsample(image, (2, 2)), np.array([[3, np.nan]], "float32"))
    np.testing.assert_array_equal(downsample(np.array([[1, 2, 2]], "uint8"), (1, 2)), [[2, 2]])
    np.testing.assert_array_equal(
        downsample(np.array([[250, 254, 9]], "uint8"), (2, 2)), [[252, 9]]
    )
    assert downsample(np.ones((3, 4, 5), "float64"), (1, 2, 2)).shape == (3, 2, 3)


def test_levels_of_an_unfinished_image_are_those_of_what_is_there(tmp_path):
    image = create_image(
        tmp_path / "a.ome.zarr", (1024, 1024), "float32", described(Y, X), (512, 512)
    )
    image.write(image.shard_regions()[0], np.full((512, 512), 7, "float32"))
    image.build_level_part(1, image.shard_regions(1)[0])
    level = image.read(image.shard_regions(1)[0], 1)
    assert (level[:256, :256] == 7).all()
    assert np.isnan(level[256:]).all()


def test_a_flipped_byte_is_seen(tmp_path):
    image = filled(tmp_path / "a.ome.zarr", values((64, 64)), described(Y, X), (64, 64))
    file = tmp_path / "a.ome.zarr" / "0" / "c" / "0" / "0"
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(data)
    with pytest.raises(ValueError, match="checksum"):
        image.read(image.shard_regions()[0])


def test_what_a_power_cut_may_leave_is_not_taken_for_finished(tmp_path):
    """zarr 3.1.6 reads an empty shard as one that was never written, without an error."""
    image = filled(
        tmp_path / "a.ome.zarr", values((64, 64)), described(Y, X), (32, 32), chunk=(8, 8)
    )
    first, second, *_ = image.shard_regions()
    file = tmp_path / "a.ome.zarr" / "0" / "c" / "0" / "0"
    whole = file.read_bytes()
    n = len(whole)
    assert image.is_intact((slice(None), slice(None)))
    for damage in (b"", b"abc", whole[: n // 2], whole[:-1], bytes(n), whole[:99] + bytes(n - 99)):
        file.write_bytes(damage)
        assert not image.is_intact(first)
        assert image.is_written(first) == bool(damage)
        assert image.is_intact(second)
    file.unlink()
    assert not image.is_intact(first)


def test_a_damaged_shard_at_the_end_is_replaced(tmp_path):
    pixels = values((50, 50))
    image = filled(tmp_path / "a.ome.zarr", pixels, described(Y, X), (32, 32), chunk=(8, 8))
    file = tmp_path / "a.ome.zarr" / "0" / "c" / "1" / "1"
    for damage in (b"", file.read_bytes()[:-9]):
        file.write_bytes(damage)
        image.write(image.shard_regions()[-1], pixels[image.shard_regions()[-1]])
        np.testing.assert_array_equal(image.read((slice(None), slice(None))), pixels)


# ---------------------------------------------------------------- what is refused


def test_parts_of_shards_are_refused(tmp_path):
    image = create_image(
        tmp_path / "a.ome.zarr", (100, 90), "float32", described(Y, X), (32, 32), (8, 8)
    )
    for region in [
        (slice(0, 31), slice(0, 32)), (slice(8, 32), slice(0, 32)), (slice(0, 32), slice(64, 89)),
        (slice(0, 0), slice(0, 32)),
    ]:  # fmt: skip
        shape = [part.stop - part.start for part in region]
        with pytest.raises(ValueError, match="shards"):
            image.write(region, np.zeros(shape, "float32"))
    with pytest.raises(ValueError, match="shape"):
        image.write((slice(0, 32), slice(0, 32)), np.zeros((32, 31), "float32"))
    with pytest.raises(ValueError, match="region"):
        image.write((slice(0, 32),), np.zeros((32, 90), "float32"))
    assert not any(image.is_written(part) for part in image.shard_regions())
    image.write((slice(0, 64), slice(64, 90)), np.ones((64, 26), "float32"))  # to the end
    assert [image.is_written(part) for part in image.shard_regions()] == [
        False,
        False,
        True,
    ] * 2 + [False] * 6
    whole = create_image(tmp_path / "b.ome.zarr", (32, 32), "uint8", described(Y, X), (32, 32))
    with pytest.raises(TypeError, match="uint8"):
        whole.write(whole.shard_regions()[0], np.zeros((32, 32), "float32"))


def test_only_what_was_written_here_is_replaced(tmp_path):
    path = tmp_path / "a.ome.zarr"
    assert not check_free(path)
    pixels = values((40, 30))
    make = lambda: create_image(path, (40, 30), "float32", described(Y, X), (32, 32))  # noqa: E731
    filled(path, pixels, described(Y, X), (32, 32))
    Journal.for_image(path).begin({})
    assert check_free(path)
    assert np.isnan(make().read((slice(None), slice(None)))).all()
    (path / "labels").mkdir()
    with pytest.raises(FileInTheWayError, match="labels"):
        make()
    (path / "labels").rmdir()
    said = json.loads((path / "zarr.json").read_text())
    del said["attributes"]["napari_tf_deblur"]
    (path / "zarr.json").write_text(json.dumps(said))
    with pytest.raises(FileInTheWayError, match="not written"):
        make()
    file, folder, empty = tmp_path / "b.zarr", tmp_path / "c.zarr", tmp_path / "d.zarr"
    file.write_text("mine")
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    empty.mkdir()
    for taken, said_so in ((file, "no folder"), (folder, "notes.txt")):
        with pytest.raises(FileInTheWayError, match=said_so):
            create_image(taken, (40, 30), "float32", described(Y, X), (32, 32))
    assert (file.read_text(), (folder / "notes.txt").read_text()) == ("mine", "mine")
    assert create_image(empty, (40, 30), "float32", described(Y, X), (32, 32)).is_own_image
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "a.ome.zarr",
        "b.zarr",
        "c.zarr",
        "d.zarr",
    ]


def test_an_image_that_cannot_be_made_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a.ome.zarr"
    filled(path, values((40, 30)), described(Y, X), (32, 32))

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zarr, "create_array", full)
    with pytest.raises(OSError, match="No space"):
        create_image(path, (40, 30), "float32", described(Y, X), (32, 32))
    assert open_image(path).is_written((slice(None), slice(None)))
    assert [p.name for p in tmp_path.iterdir()] == ["a.ome.zarr"]


def test_what_a_killed_maker_left_is_removed(tmp_path):
    mine = tmp_path / f".a.ome.zarr.{'0a' * 16}.replaced"
    others = [tmp_path / f".b.ome.zarr.{'0a' * 16}.replaced", tmp_path / ".a.ome.zarr.mine"]
    for folder in (mine, *others):
        folder.mkdir()
    create_image(tmp_path / "a.ome.zarr", (4, 5), "uint8", described(Y, X), (4, 5))
    assert not mine.exists()
    assert all(folder.exists() for folder in others)


@pytest.mark.parametrize("case", CASES)
def test_each_part_is_computed_from_those_that_name_it(tmp_path, case):
    axes, shape, shard = CASES[case]
    image = create_image(tmp_path / "a.ome.zarr", shape, "uint8", described(*axes), shard)
    for level in range(len(image.levels) - 1):
        for part in image.shard_regions(level):
            named = image.coarser_shard_regions(level, part)
            for above in image.shard_regions(level + 1):
                below = image.finer_region(level + 1, above)
                common = all(a.start < b.stop and b.start < a.stop for a, b in zip(part, below))
                assert common == (above in named)
    assert (
        image.coarser_shard_regions(
            len(image.levels) - 1, image.shard_regions(len(image.levels) - 1)[0]
        )
        == []
    )


def test_what_is_no_image_is_said(tmp_path):
    with pytest.raises(InvalidValueError, match="no OME-Zarr"):
        open_image(tmp_path / "nothing.zarr")
    zarr.open_group(tmp_path / "a.zarr", mode="w")
    with pytest.raises(InvalidValueError, match="multiscales"):
        open_image(tmp_path / "a.zarr")
    zarr.open_group(
        tmp_path / "b.zarr", mode="w", attributes={"ome": {"multiscales": [{"axes": 3}]}}
    )
    with pytest.raises(InvalidValueError, match=r"no valid image of OME-Zarr 0\.5: axes"):
        open_image(tmp_path / "b.zarr")
    image = filled(tmp_path / "c.zarr", values((9, 9)), described(Y, X), (9, 9))
    (tmp_path / "c.zarr" / "0" / "zarr.json").unlink()
    with pytest.raises(InvalidValueError, match="'0' is missing"):
        open_image(image.path)


# ---------------------------------------------------------------- axes and units


def test_axes_that_ome_zarr_has_no_place_for_are_said():
    for axes, said in [
        ((Y,), "two to five"),
        ((T, C, Z, StoredAxis("w"), Y, X), "two to five"),
        ((StoredAxis("x"), X), "different name"),
        ((T, StoredAxis("s", "time"), Y, X), "one axis of time"),
        ((StoredAxis("w"), Z, Y, X), "three of space"),
    ]:
        with pytest.raises(InvalidValueError, match=said):
            assign_axis_types(axes)


def test_axes_without_a_type_find_one():
    kinds = lambda *axes: [axis.type for axis in assign_axis_types(axes)]  # noqa: E731
    assert kinds(StoredAxis("q", None), Y, X) == [None, "space", "space"]
    assert kinds(C, StoredAxis("q", None), Y, X) == ["channel", "space", "space", "space"]
    assert kinds(T, X) == ["space", "space"]  # a kymograph
    assert kinds(T, StoredAxis("q", None)) == ["space", "space"]


def test_units_are_those_of_ome_zarr():
    assert ome_unit("um", "space") == ome_unit("µm", "space") == ("micrometer", 1.0)
    assert ome_unit("micron", "space") == ("micrometer", 1.0)
    assert ome_unit("min", "time") == ("minute", 1.0)
    assert ome_unit("thou", "space") == ("micrometer", 25.4)
    assert ome_unit("s", "space") == ome_unit("pixel", "space") == (None, 1.0)
    assert ome_unit("kelvin", None) == ("kelvin", 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind, names in (
            (yaozarrs.v05.SpaceAxis, OME_LENGTHS),
            (yaozarrs.v05.TimeAxis, OME_TIMES),
        ):
            assert {kind(name="a", unit=name).unit for name in names} == names


@pytest.mark.parametrize("name", ["a#b%20 [1] µ.ome.zarr", "a::b.zip", "..zarr", "*?.ome.zarr"])
def test_names_may_hold_what_files_may(tmp_path, name):
    pixels = values((40, 30), "bool")
    image = filled(tmp_path / "new folder" / name, pixels, described(Y, X), (32, 32))
    np.testing.assert_array_equal(image.dask_levels()[0].compute(), pixels)
    assert filled(image.path, values((4, 5)), described(Y, X), (4, 5)).shape == (4, 5)
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == [name]


def test_it_travels_as_its_path(tmp_path):
    description = described(Y, X, layer={"gamma": 0.5})
    image = filled(tmp_path / "a.ome.zarr", values((40, 30)), description, (32, 32))
    again = pickle.loads(pickle.dumps(image))
    assert (again.path, again.description, again.levels) == (
        image.path,
        image.description,
        image.levels,
    )
    assert pickle.loads(pickle.dumps(description)) == description
    assert len(pickle.dumps(image)) < 300


def test_a_record_is_kept_as_json(tmp_path):
    image = filled(tmp_path / "a.ome.zarr", values((40, 30)), described(Y, X), (32, 32))
    assert image.read_record() is None
    image.set_record({"kind": "result", "psf": {"array": np.eye(3)}, "loss": np.float32("nan")})
    again = open_image(image.path)
    assert again.read_record() == {
        "kind": "result",
        "psf": {"array": np.eye(3).tolist()},
        "loss": None,
    }
    yaozarrs.validate_zarr_store(image.path)
    again.set_record({"kind": "result"})
    assert image.read_record() == {"kind": "result"}
    image.set_record(None)
    assert again.read_record() is None
    assert again.is_own_image
    assert not list((tmp_path / "a.ome.zarr").glob("*.partial"))
