"""The dialog for many files: the settings of the dock, progress, stop, and the report."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari.layers import Image
from qtpy.QtGui import QDesktopServices, QGuiApplication

from napari_tf_deblur import RichardsonLucy, deblur_layer, gaussian_psf
from napari_tf_deblur._dock.files_dialog import FilesDialog
from napari_tf_deblur._files.saving import FORMATS, OMETIFF, OMEZarr
from napari_tf_deblur._files.settings import Settings
from napari_tf_deblur._layers.psf_kinds import (
    DefocusPSF,
    EstimatedPSFSettings,
    FixedPSFSettings,
    GaussianPSF,
)
from napari_tf_deblur._preparation.layer_options import LayerOptions

OPTICS = {"numerical_aperture": 1.2, "emission": 520.0}


@pytest.fixture
def folder(tmp_path, blurred):
    """Three small images, one of them empty."""
    images = tmp_path / "images"
    images.mkdir()
    for name in ("a", "b"):
        tifffile.imwrite(images / f"{name}.tif", np.rint(1000 * blurred).astype(np.uint16))
    (images / "c.tif").write_bytes(b"")
    return images


@pytest.fixture
def dialog(dock):
    """The dialog of the dock, which closes with it."""
    dock.fields.methods.choice.value = RichardsonLucy
    for field in dock.fields.methods.forms[RichardsonLucy]:
        if field.name == "iterations":
            field.value = 2
    dock.open_batch()
    return dock._files_dialog


@pytest.fixture
def ended(qtbot):
    """Wait for a batch to end."""
    return lambda dialog: qtbot.waitUntil(lambda: dialog.start.isEnabled())


def test_a_folder_is_deblurred_with_the_settings_of_the_dock(dock, dialog, folder, ended, told):
    dock.fields.smoothing.value = 2.0
    dialog.add([str(folder)])
    assert dialog.output.text() == str(folder / "deblurred")
    dialog.start.click()
    assert not dialog.start.isEnabled()
    assert dialog.stop.isEnabled()
    ended(dialog)
    assert dialog.status.text().startswith("2 done, 1 failed. The results are in ")
    lines = [dialog.rows.item(k).text() for k in range(dialog.rows.count())]
    assert [line.split(". ")[0] for line in lines] == [
        "a.tif: done",
        "b.tif: done",
        "c.tif: failed",
    ]
    record = OMETIFF().read_record(folder / "deblurred" / "a_deblurred.ome.tif")
    assert record["psf"]["sigma"] == [2.0, 2.0]
    assert record["smoothing"] == 2.0
    assert record["asked"]["iterations"] == 2
    assert told == []
    assert len(dock._viewer.layers) == 0


def test_the_report_is_opened_in_a_browser(dialog, folder, ended, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    assert not dialog.open_report.isEnabled()
    dialog.add([str(folder / "a.tif")])
    dialog.start.click()
    ended(dialog)
    dialog.open_report.click()
    (path,) = opened
    assert Path(path).read_text("utf-8").count("data:image/png") == 2


def test_stop_ends_it_and_keeps_what_is_finished(dialog, folder, ended, monkeypatch):
    on_step = dialog._on_step

    def stop_after_the_first(step):
        on_step(step)
        if step.row is not None:
            dialog.stop.click()

    monkeypatch.setattr(FilesDialog, "_on_step", lambda _self, step: stop_after_the_first(step))
    for _ in range(30):  # enough for the window to have a word
        dialog.add([str(path) for path in many(folder)])
    dialog.start.click()
    ended(dialog)
    assert "not begun" in dialog.status.text()
    done = [dialog.rows.item(k).text() for k in range(dialog.rows.count())]
    saved = list((folder / "deblurred").glob("*_deblurred.ome.tif"))
    assert len(saved) == sum(": done." in line for line in done) < 30
    assert (folder / "deblurred" / "report.html").is_file()


def many(folder):
    """Thirty files with the same image."""
    first = (folder / "a.tif").read_bytes()
    paths = [folder / f"many {k}.tif" for k in range(30)]
    for path in paths:
        if not path.exists():
            path.write_bytes(first)
    return paths


def test_results_that_are_there_are_left_where_that_is_asked_for(dialog, folder, ended):
    dialog.add([str(folder / "a.tif")])
    dialog.resume.setChecked(True)
    for status in ("done", "there already"):
        dialog.start.click()
        ended(dialog)
        assert dialog.status.text().startswith(f"1 {status}.")


def test_results_are_saved_in_the_format_that_is_chosen(dialog, folder, ended):
    titles = [dialog.file_format.itemText(k) for k in range(dialog.file_format.count())]
    assert {dialog.file_format.itemData(k) for k in range(len(titles))} == set(FORMATS)
    dialog.add([str(folder / "a.tif")])
    dialog.file_format.setCurrentIndex(titles.index("OME-Zarr"))
    dialog.start.click()
    ended(dialog)
    assert (
        OMEZarr()
        .read_record(folder / "deblurred" / "a_deblurred.ome.zarr")["name"]
        .startswith("a ")
    )


def test_what_is_missing_is_said(dialog, folder, told):
    dialog.start.click()
    assert "add files" in dialog.status.text()
    dialog.add([str(folder / "a.tif")])
    dialog.output.setText(" ")
    dialog.start.click()
    assert "no folder for the results" in dialog.status.text()
    assert len(told) == 2
    assert dialog.start.isEnabled()


def test_a_folder_with_somebody_elses_report_is_left_alone(dialog, folder, ended, told):
    output = folder.parent / "out"
    output.mkdir()
    (output / "report.html").write_text("mine")
    dialog.add([str(folder)])
    dialog.output.setText(str(output))
    dialog.start.click()
    ended(dialog)
    assert "was not written by napari-tf-deblur" in dialog.status.text()
    assert len(told) == 1
    assert (output / "report.html").read_text() == "mine"


def test_closing_the_viewer_ends_a_batch(viewer, dialog, folder, qtbot):
    dialog.add([str(path) for path in many(folder)])
    dialog.start.click()
    worker = dialog._worker
    viewer.close()
    qtbot.waitUntil(lambda: not worker._worker.is_running)


def test_the_settings_of_the_fields(viewer, dock, blurred):
    fields = dock.fields
    assert fields.settings().psf == FixedPSFSettings(GaussianPSF((2.0, 2.0)))
    assert fields.settings().axes == "auto"
    fields.psf.kind.value = "From the image"
    assert fields.settings().psf == EstimatedPSFSettings()
    fields.psf.kind.value = "Out of focus"
    assert fields.settings().psf == EstimatedPSFSettings()  # no radius is set
    fields.psf.fields_by_title["Out of focus"].radius.value = 2.5
    assert fields.settings().psf == FixedPSFSettings(DefocusPSF(2.5))
    fields.options["boundary"].value = "zero"
    fields.ignore.saturated.value = True
    assert fields.settings().options == LayerOptions(boundary="zero", ignore_saturated=True)
    viewer.add_image(np.stack([blurred] * 4), name="stack")
    fields.images.dims.value = 3
    assert fields.settings().axes == "volume"


def test_the_optics_that_the_dock_shows_hold_for_files(dock, viewer, blurred):
    viewer.add_image(blurred, name="cells", scale=(0.1, 0.1), units=("um", "um"))
    fields = dock.fields
    fields.psf.kind.value = "Microscope"
    microscope = fields.psf.fields_by_title["Microscope"]
    microscope.aperture.value = 1.2
    psf = fields.settings().psf
    assert psf.defaults["numerical_aperture"] == 1.2
    assert psf.default_spacing == (100.0, 100.0)
    assert psf.given == {}
    assert psf.estimate_if_incomplete
    microscope.waves.emissions[0].value = 520.0
    microscope.pixel.value = 65.0
    psf = fields.settings().psf
    assert psf.given == {"emission": (520.0,)}
    assert psf.pixel == 65.0
    again = Settings.from_json(fields.settings().as_json())
    assert again.psf == psf


def test_a_bead_that_is_in_no_file_is_refused_in_words(dock, viewer, blurred, folder, told):
    viewer.add_image(gaussian_psf(1.5), name="bead")
    dock.fields.psf.kind.value = "Bead image"
    dock.open_batch()
    dock._files_dialog.add([str(folder)])
    dock._files_dialog.start.click()
    assert "has no file: save that image" in dock._files_dialog.status.text()
    assert len(told) == 1
    dock._files_dialog.close()


def test_the_settings_of_a_result_are_copied(dock, viewer, blurred, finished):
    viewer.add_image(blurred, name="cells")
    dock.fields.smoothing.value = 2.0
    dock.deblur()
    finished(dock)
    dock.result_row.copy_settings.native.click()
    text = QGuiApplication.clipboard().text()
    settings = Settings.from_json(text)
    assert settings.psf == FixedPSFSettings(GaussianPSF((2.0, 2.0)))
    assert settings.options.smoothing == 2.0
    assert settings.method == dock.fields.methods.method()
    assert json.loads(text)["napari_tf_deblur"]["kind"] == "settings"


def test_copying_the_settings_of_an_old_record_says_what_is_missing(dock, viewer, blurred, told):
    viewer.add_image(blurred, name="cells")
    layer = deblur_layer(Image(blurred, name="cells"), gaussian_psf(1.0), RichardsonLucy(2))
    del layer.metadata["napari_tf_deblur"]["psf"]
    viewer.add_layer(layer)
    viewer.layers.selection = {layer}
    dock.result_row.copy_settings.native.click()
    assert any("The record has no 'psf'" in words for words in told)
