"""OME-TIFF from OME-Zarr, read by tifffile 2026.3.3 and ome-types 0.7.0."""

import numpy as np
import ome_types
import pytest
import tifffile

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._storage import tiff_export
from napari_tf_deblur._storage.image_description import (
    RGB_CHANNELS,
    ImageDescription,
    StoredAxis,
    StoredChannel,
)
from napari_tf_deblur._storage.ome_zarr import create_image
from napari_tf_deblur._storage.record_file import record_from_json
from napari_tf_deblur._storage.tiff_export import write_ome_tiff

Y, X = StoredAxis("y", unit="nm", scale=100.0), StoredAxis("x", unit="um", scale=0.2)
Z = StoredAxis("z", unit="um", scale=0.3, translation=-1.5)
T, C = StoredAxis("t", "time", "min", 0.5), StoredAxis("c", "channel")


def filled(path, shape, axes, shard, dtype="float32", **more):
    image = create_image(path, shape, dtype, ImageDescription("cells µ", axes, **more), shard)
    pixels = (200 * np.random.default_rng(0).random(shape)).astype(dtype)
    for part in image.shard_regions():
        image.write(part, pixels[part])
    image.build_levels()
    return image, pixels


CASES = {
    "plane": ("YX", (1301, 700), (Y, X), (512, 512)),
    "small": ("YX", (13, 7), (Y, X), (64, 64)),
    "volume": ("ZYX", (40, 130, 150), (Z, Y, X), (32, 64, 64)),
    "all": ("TCZYX", (2, 3, 5, 130, 150), (T, C, Z, Y, X), (1, 1, 5, 64, 64)),
    "other order": ("CTYX", (3, 2, 530, 600), (C, T, Y, X), (1, 1, 256, 256)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("slab", [2**26, 2**16, 2**12])
def test_pixels_and_levels_come_back(tmp_path, monkeypatch, case, dtype, slab):
    letters, shape, axes, shard = CASES[case]
    monkeypatch.setattr(tiff_export, "SLAB_BYTES", slab)
    image, pixels = filled(tmp_path / "a.ome.zarr", shape, axes, shard, dtype)
    write_ome_tiff(image, tmp_path / "a.ome.tif")
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        (series,) = file.series
        assert (series.axes, series.shape, series.dtype) == (letters, shape, dtype)
        assert file.is_bigtiff
        np.testing.assert_array_equal(series.asarray(), pixels)
        assert [level.shape for level in series.levels] == [level.shape for level in image.levels]
        for level, lazy in zip(series.levels, image.dask_levels()):
            np.testing.assert_array_equal(level.asarray(), lazy.compute())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.ome.tif", "a.ome.zarr"]


def test_ome_types_reads_sizes_channels_and_place(tmp_path):
    channels = tuple(StoredChannel(name, colour, (0, 1)) for name, colour in RGB_CHANNELS[:3])
    _, shape, axes, shard = CASES["all"]
    image, _ = filled(tmp_path / "a.ome.zarr", shape, axes, shard, channels=channels)
    record = {"kind": "result", "source": "cells", "order": (0, 1)}
    image.set_record(record)
    write_ome_tiff(image, tmp_path / "a.ome.tif")
    (found,) = ome_types.from_tiff(tmp_path / "a.ome.tif").images
    pixels = found.pixels
    assert found.name == "cells µ"
    assert record_from_json(found.description) == {**record, "scheduler": ""}  # a file names none
    assert (pixels.size_t, pixels.size_c, pixels.size_z, pixels.size_y) == (2, 3, 5, 130)
    sizes = (pixels.physical_size_z, pixels.physical_size_y, pixels.physical_size_x)
    np.testing.assert_allclose(sizes, (0.3, 0.1, 0.2))
    assert pixels.physical_size_y_unit.value == "µm"
    assert (pixels.time_increment, pixels.time_increment_unit.value) == (30, "s")
    assert [c.name for c in pixels.channels] == ["red", "green", "blue"]
    colours = [c.color.as_rgb_tuple()[:3] for c in pixels.channels]
    assert colours == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    assert len(pixels.planes) == 2 * 3 * 5
    for plane in pixels.planes:
        assert plane.position_z == pytest.approx(-1.5 + 0.3 * plane.the_z)
        assert (plane.position_y, plane.position_z_unit.value) == (0, "µm")
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        tags = file.pages[0].tags
        assert tags["ResolutionUnit"].value == 3  # per centimetre
        assert tags["XResolution"].value == (50_000, 1)


def test_colours_stay_together(tmp_path):
    shape, axes = (530, 600, 3), (Y, X, C)
    image, pixels = filled(tmp_path / "a.ome.zarr", shape, axes, (256, 256, 3), "uint8", rgb=True)
    write_ome_tiff(image, tmp_path / "a.ome.tif")
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        (series,) = file.series
        assert (series.axes, len(series.levels)) == ("YXS", 2)
        assert file.pages[0].photometric == tifffile.PHOTOMETRIC.RGB
        np.testing.assert_array_equal(series.asarray(), pixels)
        np.testing.assert_array_equal(series.levels[1].asarray(), image.dask_levels()[1].compute())


def test_levels_with_fewer_planes_are_left_out(tmp_path):
    axes = tuple(StoredAxis(name, unit="um", scale=0.1) for name in "zyx")
    image, pixels = filled(tmp_path / "a.ome.zarr", (8, 530, 600), axes, (8, 256, 256))
    assert image.levels[1].shape[0] == 4
    write_ome_tiff(image, tmp_path / "a.ome.tif")
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        assert len(file.series[0].levels) == 1
        np.testing.assert_array_equal(file.series[0].asarray(), pixels)


def test_a_file_that_fails_leaves_the_old_one(tmp_path):
    image, _ = filled(tmp_path / "a.ome.zarr", (530, 600), (Y, X), (256, 256))
    path = tmp_path / "a.ome.tif"
    path.write_bytes(b"old")
    shard = tmp_path / "a.ome.zarr" / "0" / "c" / "2" / "2"
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(ValueError, match="checksum"):
        write_ome_tiff(image, path)
    assert path.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.ome.tif", "a.ome.zarr"]


def test_what_ome_tiff_has_no_place_for_is_said(tmp_path):
    image, _ = filled(tmp_path / "a.ome.zarr", (5, 6), (Y, X), (5, 6), "int64")
    with pytest.raises(InvalidValueError, match="int64"):
        write_ome_tiff(image, tmp_path / "a.ome.tif")
    image, _ = filled(tmp_path / "b.ome.zarr", (5, 6), (StoredAxis("a"), X), (5, 6))
    with pytest.raises(InvalidValueError, match="axes a, x"):
        write_ome_tiff(image, tmp_path / "a.ome.tif")
    assert not (tmp_path / "a.ome.tif").exists()
