"""Images of a batch that are larger than memory: their pieces and their results."""

import numpy as np
import pytest
from image_files import spots
from napari.layers import Image

from napari_tf_deblur import RichardsonLucy
from napari_tf_deblur._core.steps import finish
from napari_tf_deblur._files import partial_result
from napari_tf_deblur._files.batch import run_batch
from napari_tf_deblur._files.batch_options import BatchOptions
from napari_tf_deblur._files.opening import FileImage, open_images
from napari_tf_deblur._files.partial_result import PartialResult
from napari_tf_deblur._files.saving import OMEZarr
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._layers import large_job
from napari_tf_deblur._layers.psf_kinds import FixedPSFSettings, GaussianPSF
from napari_tf_deblur._layers.zarr_writer import write_ome_zarr
from napari_tf_deblur._preparation.layer_options import LayerOptions
from napari_tf_deblur._storage.ome_zarr import open_image

QUICK = Settings(
    FixedPSFSettings(GaussianPSF((1.5, 1.5))), RichardsonLucy(iterations=3, background=0.0)
)


@pytest.fixture
def image(tmp_path):
    """Return a lazy image of two channels, in a file."""
    path = tmp_path / "cells.ome.zarr"
    write_ome_zarr(
        str(path),
        spots(2, 64, 72).astype(np.uint16),
        {"name": "cells", "axis_labels": ("c", "y", "x")},
    )
    return path


@pytest.mark.usefixtures("client")
def test_an_image_that_exceeds_the_budget_has_the_same_result(image, tmp_path, monkeypatch):
    options = BatchOptions(file_format="ome-zarr", resume=True)
    (whole,) = finish(run_batch([image], tmp_path / "whole", QUICK, options)).rows
    monkeypatch.setattr(large_job, "exceeds_budget", lambda *_: True)
    output = tmp_path / "pieces"
    (row,) = finish(run_batch([image], output, QUICK, options)).rows
    assert row.status == "done", row.sentence
    expected, found = (np.asarray(open_image(one.result).dask_levels()[0]) for one in (whole, row))
    assert abs(found - expected).max() < 0.01 * np.ptp(expected)
    record = OMEZarr().read_record(row.result)
    assert all("Deblurred in" in one["record"]["pieces"] for one in record["channels"])
    assert [one["name"] for one in record["channels"]] == ["channel 0", "channel 1"]
    assert len(row.pictures) == 2
    assert sorted(path.name for path in output.iterdir()) == [
        "cells_deblurred.ome.zarr",
        "report.html",
        "summary.csv",
    ]
    (again,) = finish(run_batch([image], output, QUICK, options)).rows
    assert again.status == "there already"


def test_pieces_of_other_settings_are_deleted_and_those_of_the_same_are_kept(
    image, tmp_path, monkeypatch
):
    monkeypatch.setattr(partial_result, "is_large", lambda _: True)
    jobs = QUICK.jobs(open_images(image)[0])
    first = PartialResult(tmp_path / "out" / "cells", {"settings": "a"})
    places = [job.output for job in first.assign_outputs(jobs)]
    assert len(set(places)) == 2
    assert {place.parent for place in places} == {tmp_path / "out" / ".cells.unfinished"}
    places[0].mkdir()
    assert [job.output for job in first.assign_outputs(jobs)] == places
    assert places[0].is_dir()
    other = PartialResult(tmp_path / "out" / "cells", {"settings": "b"})
    assert not set(places) & {job.output for job in other.assign_outputs(jobs)}
    assert not places[0].exists()
    other.delete()
    assert not other.folder.exists()


def test_small_images_have_no_place_for_pieces(image, tmp_path):
    jobs = QUICK.jobs(open_images(image)[0])
    found = PartialResult(tmp_path / "cells", {}).assign_outputs(jobs)
    assert [job.output for job in found] == [None, None]
    assert not (tmp_path / ".cells.unfinished").exists()


def test_other_memory_makes_no_other_result():
    settings = [Settings(options=LayerOptions(memory=memory)) for memory in ("auto", 2.0)]
    assert settings[0].digest == settings[1].digest
    assert Settings(options=LayerOptions(smoothing=2.0)).digest != settings[0].digest
    assert Settings.from_json(settings[1].as_json()) == settings[1]


def test_only_what_is_lazy_is_done_in_pieces(monkeypatch):
    monkeypatch.setattr(large_job, "exceeds_budget", lambda *_: True)
    (job,) = QUICK.jobs(FileImage(Image(spots(32, 40), name="cells")))
    assert not large_job.is_large(job)
