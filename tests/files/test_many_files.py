"""A batch of many files: each gets a result or an error, and no image is overwritten."""

import csv
import errno
import json
from threading import Event

import numpy as np
import pytest
import tifffile
from image_files import BAD, GOOD, spots, write
from napari.components import ViewerModel
from npe2 import PluginManager

from napari_tf_deblur import RichardsonLucy, deblur_layer, gaussian_psf
from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.steps import finish
from napari_tf_deblur._files.batch import run_batch
from napari_tf_deblur._files.batch_options import BatchOptions
from napari_tf_deblur._files.opening import open_images
from napari_tf_deblur._files.psf_settings import psf_settings_from_record
from napari_tf_deblur._files.saving import OMETIFF, OMEZarr, find_stamp
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._layers.psf_kinds import FixedPSFSettings, GaussianPSF
from napari_tf_deblur._layers.zarr_writer import write_ome_zarr
from napari_tf_deblur._storage.ome_zarr import open_image

QUICK = Settings(
    FixedPSFSettings(GaussianPSF((1.5, 1.5))),
    RichardsonLucy(iterations=3, background=0.0),
    axes="planes",
)


def batch(paths, output, settings=QUICK, stop=None, **options):
    return finish(run_batch(paths, output, settings, BatchOptions(**options), stop))


def opened(path):
    PluginManager.instance().discover(include_npe1=True)
    (layer,) = ViewerModel().open(str(path))
    return layer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write a file of each kind, one of the same name in a subfolder, and one without an image."""
    top = tmp_path_factory.mktemp("images")
    for kind in (*GOOD, *BAD):
        write(top, kind)
    (top / "below").mkdir()
    write(top / "below", "uint16", (24, 24))
    (top / "notes.txt").write_text("Not an image.")
    (top / "script.py").write_text("raise SystemExit('this must never be run')")
    return top


@pytest.fixture(scope="module")
def done(folder, tmp_path_factory):
    return batch([folder], tmp_path_factory.mktemp("results"), max_projection=True)


def test_every_file_has_a_row_and_bad_ones_stop_no_other(folder, done):
    status = {str(row.file.relative_to(folder)): row.status for row in done.rows}
    good = {path: s for path, s in status.items() if not path.startswith(BAD)}
    assert len(done.rows) == len(GOOD) + len(BAD) + 1
    assert set(good.values()) == {"done"}
    assert status["corrupt.tif"] == status["empty.tif"] == "failed"
    assert not done.has_all_results
    assert done.summarize() == "8 done, 2 failed."
    for row in done.rows:
        assert row.sentence.endswith(".")
        assert (row.result is not None and row.result.is_file()) == (row.status == "done")
    said = {row.file.stem: row.sentence for row in done.rows}
    assert said["empty"] == "The file is empty."
    assert said["corrupt"].startswith("The file cannot be opened: it is damaged")


def test_results_have_the_size_the_channels_and_the_values_of_their_source(folder, done):
    by_name = {
        row.result.relative_to(done.output).as_posix(): row for row in done.rows if row.result
    }
    assert {"uint16_deblurred.ome.tif", "below/uint16_deblurred.ome.tif"} <= set(by_name)
    source, result = folder / "uint16.tif", done.output / "uint16_deblurred.ome.tif"
    expected = deblur_layer(opened(source), gaussian_psf(1.5), QUICK.method)
    np.testing.assert_array_equal(tifffile.imread(result), expected.data)
    with tifffile.TiffFile(done.output / "channels_deblurred.ome.tif") as file:
        assert file.series[0].axes == "CYX"
        assert 'Name="DAPI"' in file.ome_metadata
        assert 'Name="GFP"' in file.ome_metadata
        assert 'PhysicalSizeX="0.1"' in file.ome_metadata
    with tifffile.TiffFile(done.output / "volume_deblurred.ome.tif") as file:
        assert file.series[0].axes == "ZYX"
        assert 'PhysicalSizeZ="0.3"' in file.ome_metadata
        volume = file.asarray()
    flat = tifffile.imread(done.output / "volume_deblurred_max.ome.tif")
    np.testing.assert_array_equal(flat, volume.max(0))
    assert len(list(done.output.rglob("*_max.ome.tif"))) == 1  # of what has an axis z
    with tifffile.TiffFile(done.output / "series_deblurred.ome.tif") as file:
        assert file.series[0].axes == "TYX"
    colour = tifffile.imread(done.output / "colour_deblurred.ome.tif")
    assert (colour.dtype, colour.shape) == (np.uint8, (32, 40, 3))


def test_each_channel_has_its_own_run_and_record(done):
    record = OMETIFF().read_record(done.output / "channels_deblurred.ome.tif")
    assert [one["name"] for one in record["channels"]] == ["DAPI", "GFP"]
    assert all(one["record"]["method"]["name"] == "RichardsonLucy" for one in record["channels"])
    layer = opened(done.output / "channels_deblurred.ome.tif")
    assert layer.data.shape == (2, 32, 40)


def test_the_table_and_the_report_say_what_came_of_each_file(folder, done):
    with done.summary.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [str(row.file) for row in done.rows]
    assert {row["status"] for row in rows} == {"done", "failed"}
    assert all(row["sentence"] for row in rows)
    page = done.report.read_text("utf-8")
    assert page.count("<article>") == len(rows)
    assert page.count("data:image/png;base64,") == 2 * (8 + 1)  # two channels have two pairs
    assert "http" not in page
    assert "The file is empty." in page


def test_text_of_files_is_no_html_and_no_formula(tmp_path):
    path = write(tmp_path, "uint8")
    evil = path.rename(tmp_path / "=1+1<img src=x onerror=alert(1)>.tif")
    table = batch([evil], tmp_path / "out")
    assert "<img src=x" not in table.report.read_text("utf-8")
    with table.summary.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["status"] == "done"
    assert not row["file"].startswith("=")


def test_many_images_have_no_pictures_but_rows(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_tf_deblur._files.batch.MAX_PICTURES", 1)
    monkeypatch.setattr("napari_tf_deblur._files.report.MAX_PICTURES", 1)
    paths = [write(tmp_path, kind) for kind in ("uint8", "uint16")]
    table = batch(paths, tmp_path / "out")
    page = table.report.read_text("utf-8")
    assert page.count("data:image/png") == 2
    assert "The first 1 have pictures." in page
    assert len(table.summary.read_text("utf-8").splitlines()) == 3


def test_resume_does_only_what_is_missing_or_has_changed(tmp_path, monkeypatch):
    paths = [write(tmp_path, kind) for kind in ("uint8", "uint16")]
    paths.append(write(tmp_path, "volume"))
    output = tmp_path / "out"
    options = {"resume": True, "max_projection": True}
    first = batch(paths, output, **options)
    assert [row.status for row in first.rows] == ["done"] * 3
    times = {row.result: row.result.stat().st_mtime_ns for row in first.rows}
    again = batch(paths, output, **options)
    assert [row.status for row in again.rows] == ["there already"] * 3
    assert [row.sentence for row in again.rows] == [row.sentence for row in first.rows]
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert again.report.read_text("utf-8").count("data:image/png") == 6

    tifffile.imwrite(paths[0], spots(32, 44).astype(np.uint8))
    assert [row.status for row in batch(paths, output, **options).rows][:2] == [
        "done",
        "there already",
    ]
    other = Settings(QUICK.psf, RichardsonLucy(iterations=4, background=0.0), axes="planes")
    assert {row.status for row in batch(paths, output, other, **options).rows} == {"done"}
    monkeypatch.setattr("napari_tf_deblur._files.result_stamp.__version__", "99")
    assert {row.status for row in batch(paths, output, other, **options).rows} == {"done"}
    (output / "volume_deblurred_max.ome.tif").unlink()
    last = batch(paths, output, other, **options)
    assert [row.status for row in last.rows] == ["there already", "there already", "done"]


def test_what_no_batch_has_written_is_never_overwritten(tmp_path):
    path, output = write(tmp_path, "uint8"), tmp_path / "out"
    output.mkdir()
    foreign = output / "uint8_deblurred.ome.tif"
    tifffile.imwrite(foreign, np.zeros((4, 4), np.uint8))
    before = foreign.read_bytes()
    (row,) = batch([path], output).rows
    assert row.status == "failed"
    assert "was not written by a batch" in row.sentence
    assert foreign.read_bytes() == before
    by_hand = deblur_layer(opened(path), gaussian_psf(1.5), QUICK.method)
    by_hand.save(str(foreign), plugin="napari-tf-deblur")  # a result, but of no batch
    before = foreign.read_bytes()
    assert batch([path], output).rows[0].status == "failed"
    assert foreign.read_bytes() == before


@pytest.mark.parametrize("name", ["summary.csv", "report.html"])
def test_a_table_or_report_of_somebody_else_is_left_alone(tmp_path, name):
    path, output = write(tmp_path, "uint8"), tmp_path / "out"
    output.mkdir()
    (output / name).write_text("mine")
    with pytest.raises(InvalidValueError, match=f"{name}' exists already"):
        batch([path], output)
    assert (output / name).read_text() == "mine"
    assert [one.name for one in output.iterdir()] == [name]


def test_a_source_is_never_overwritten_and_results_are_no_sources(tmp_path):
    path = write(tmp_path, "uint8")
    first = batch([path], tmp_path)
    assert first.rows[0].status == "done"
    own = first.rows[0].result
    second = batch([tmp_path], tmp_path)  # both in one folder
    before = path.read_bytes(), own.read_bytes()
    assert [row.file for row in second.rows] == [path]
    both = batch([path, own], tmp_path)
    assert [row.status for row in both.rows] == ["failed", "done"]
    assert "is one of the images" in both.rows[0].sentence
    assert (path.read_bytes(), own.read_bytes()) == before


def test_a_dry_run_writes_nothing_and_says_what_it_takes(folder, tmp_path):
    table = batch([folder], tmp_path / "out", dry_run=True)
    assert not (tmp_path / "out").exists()
    planned = [row for row in table.rows if row.status == "planned"]
    assert len(planned) == len(GOOD) + 1
    assert all(row.seconds > 0 and 0 < row.gigabytes < 2 for row in planned)
    assert all(row.blur for row in planned)
    assert [row.status for row in table.rows if row not in planned] == ["failed", "failed"]


@pytest.mark.parametrize("moment", ["opening", "reading", "preparing"])
def test_stop_keeps_what_is_finished_and_nothing_half_done(tmp_path, moment):
    paths = [write(tmp_path, kind) for kind in ("uint8", "uint16", "float32")]
    stop = Event()
    steps = run_batch(paths, tmp_path / "out", QUICK, BatchOptions(), stop)
    table = None
    while table is None:
        try:
            step = next(steps)
        except StopIteration as end:
            table = end.value
        else:
            if step.number == 2 and step.message == moment:
                stop.set()
    assert [row.status for row in table.rows] == ["done", "stopped"]
    assert table.left == 1
    assert not table.has_all_results
    assert [path.name for path in (tmp_path / "out").glob("*.tif*")] == ["uint8_deblurred.ome.tif"]
    assert table.report.is_file()


def test_a_full_disk_is_said_and_leaves_no_half_file(tmp_path, monkeypatch):
    paths = [write(tmp_path, kind) for kind in ("uint8", "uint16")]
    imwrite = tifffile.imwrite

    def full(file, *args, **kwargs):
        imwrite(file, *args, **kwargs)
        if "uint8" in str(file):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tifffile, "imwrite", full)
    table = batch(paths, tmp_path / "out")
    assert [row.status for row in table.rows] == ["failed", "done"]
    assert "no room left on the disk" in table.rows[0].sentence
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["report.html", "summary.csv", "uint16_deblurred.ome.tif"]


def test_a_batch_knows_its_own_results_by_their_record(done, folder):
    for row in done.rows:
        if row.status == "done":
            stamp = find_stamp(OMETIFF().read_record(row.result))
            assert stamp["source"] == row.file.name
            assert stamp["settings"] == QUICK.digest
    assert OMETIFF().read_record(folder / "uint16.tif") is None
    assert OMETIFF().read_record(folder / "corrupt.tif") is None


@pytest.mark.parametrize("given", ["nothing.tif", "*.tif", "empty folder"])
def test_what_is_not_there_is_said_at_once(tmp_path, given):
    (tmp_path / "empty folder").mkdir()
    with pytest.raises(InvalidValueError, match="There is no"):
        batch([tmp_path / given], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_wavelength_of_each_channel_makes_its_own_psf(tmp_path):
    path = write(tmp_path, "channels")
    optics = {"given": {"numerical_aperture": [1.2], "emission": [450.0, 610.0]}}
    psf = psf_settings_from_record({"kind": "microscope", **optics})
    table = batch([path], tmp_path / "out", Settings(psf, QUICK.method))
    assert table.rows[0].status == "done"
    record = OMETIFF().read_record(table.rows[0].result)
    waves = [one["emission"] for one in record["channels"]]
    assert waves == [450.0, 610.0]
    with tifffile.TiffFile(table.rows[0].result) as file:
        assert 'EmissionWavelength="610.0"' in file.ome_metadata
    other = psf_settings_from_record(
        {"kind": "microscope", "given": {**optics["given"], "emission": [1, 2, 3]}}
    )
    (row,) = batch([path], tmp_path / "other", Settings(other, QUICK.method)).rows
    assert "3 values of 'emission' are given, and the image has 2 channels" in row.sentence


def test_a_picture_of_beads_is_the_psf(tmp_path):
    path, bead = write(tmp_path, "uint16"), tmp_path / "bead.tif"
    tifffile.imwrite(bead, np.rint(1e4 * gaussian_psf(1.5, 21)).astype(np.uint16))
    psf = psf_settings_from_record({"kind": "measured", "path": str(bead)})
    (row,) = batch([path], tmp_path / "out", Settings(psf, QUICK.method)).rows
    assert row.status == "done", row.sentence
    assert OMETIFF().read_record(row.result)["psf"]["kind"] == "measured"
    (again,) = batch([path], tmp_path / "out", Settings(psf, QUICK.method), resume=True).rows
    assert again.status == "there already"
    tifffile.imwrite(bead, np.rint(1e4 * gaussian_psf(2.0, 23)).astype(np.uint16))
    (other,) = batch([path], tmp_path / "out", Settings(psf, QUICK.method), resume=True).rows
    assert other.status == "done"


def test_a_table_that_cannot_be_written_stops_no_file(tmp_path, monkeypatch):
    path = write(tmp_path, "uint8")

    def full(path, text):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("napari_tf_deblur._files.batch.replace_text", full)
    table = batch([path], tmp_path / "out")
    assert table.rows[0].status == "done"
    assert not table.has_all_results
    assert "summary.csv' could not be written. There is no room left" in table.summarize()
    assert "report.html' could not be written." in table.summarize()


@pytest.fixture(scope="module")
def in_zarr(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("zarr")
    return batch([folder], output, file_format="ome-zarr", max_projection=True)


def test_results_in_ome_zarr_are_those_in_ome_tiff(done, in_zarr):
    assert in_zarr.summarize() == done.summarize()
    for one, other in zip(done.rows, in_zarr.rows):
        if one.status == "done":
            assert other.result.name == one.result.name.replace(".ome.tif", ".ome.zarr")
            expected, saved = opened(one.result), open_images(other.result)[0].layer
            pixels = saved.data[0] if saved.multiscale else saved.data
            np.testing.assert_array_equal(np.asarray(pixels), expected.data)
            assert other.sentence == one.sentence
    names = sorted(path.name for path in in_zarr.output.iterdir())
    assert len(names) == 7 + 1 + 3  # results, the projection; folder below, report, table
    image = open_image(in_zarr.output / "channels_deblurred.ome.zarr")
    assert [(one.name, one.colour) for one in image.description.channels] == [
        ("DAPI", "FF00FF"),
        ("GFP", "00FF00"),
    ]
    assert [axis.name for axis in image.description.axes] == ["c", "y", "x"]
    assert image.description.axes[-1].scale == 0.1


def test_ome_zarr_is_resumed_replaced_and_read(in_zarr, tmp_path):
    source = in_zarr.output / "channels_deblurred.ome.zarr"
    output = tmp_path / "out"
    options = {"file_format": "ome-zarr", "resume": True}
    (row,) = batch([source], output, **options).rows
    assert (row.status, row.image) == ("done", "")
    record = OMEZarr().read_record(row.result)
    assert [one["name"] for one in record["channels"]] == ["DAPI", "GFP"]
    (again,) = batch([source], output, **options).rows
    assert again.status == "there already"
    assert len(again.pictures) == 2
    other = Settings(QUICK.psf, RichardsonLucy(iterations=4, background=0.0))
    (changed,) = batch([source], output, other, **options).rows
    assert changed.status == "done"
    assert OMEZarr().read_record(row.result)["batch"]["settings"] == other.digest
    assert sorted(path.name for path in output.iterdir()) == [
        "channels_deblurred_deblurred.ome.zarr",
        "report.html",
        "summary.csv",
    ]


def test_a_foreign_zarr_is_left_alone(tmp_path):
    path = write(tmp_path, "uint8")
    foreign = tmp_path / "out" / "uint8_deblurred.ome.zarr"
    foreign.mkdir(parents=True)
    (foreign / "zarr.json").write_text("{}")
    (row,) = batch([path], tmp_path / "out", file_format="ome-zarr").rows
    assert row.status == "failed"
    assert "was not written by a batch" in row.sentence
    assert [one.name for one in foreign.iterdir()] == ["zarr.json"]


def test_each_field_of_a_plate_has_its_own_result(tmp_path):
    plate = tmp_path / "plate.ome.zarr"
    (plate / "A" / "1").mkdir(parents=True)
    layer = opened(write(tmp_path, "uint16"))
    for field in ("0", "1"):
        write_ome_zarr(str(tmp_path / "one.ome.zarr"), layer.data, {"name": f"field {field}"})
        (tmp_path / "one.ome.zarr").rename(plate / "A" / "1" / field)
    wells = [{"path": "A/1", "rowIndex": 0, "columnIndex": 0}]
    rows, columns = [{"name": "A"}], [{"name": "1"}]
    about = {"plate": {"wells": wells, "rows": rows, "columns": columns, "version": "0.5"}}
    group(plate, about)
    group(plate / "A", {})
    group(plate / "A" / "1", {"well": {"images": [{"path": "0"}, {"path": "1"}]}})
    table = batch([plate], tmp_path / "out")
    names = [row.result.relative_to(tmp_path / "out").as_posix() for row in table.rows]
    assert names == [f"plate/A1 field {k}_deblurred.ome.tif" for k in (0, 1)]
    assert [row.status for row in table.rows] == ["done", "done"]


def group(folder, about):
    """Make a folder a Zarr group with metadata in OME-Zarr 0.5."""
    told = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {**about}}}
    (folder / "zarr.json").write_text(json.dumps(told))
