"""Runs of several images, one after another, and the buttons for their results."""

import numpy as np
import pytest
from dock_fields import gaussian, result_of, results_of
from qtpy.QtGui import QGuiApplication

from napari_tf_deblur.methods import GradientDescent, RichardsonLucy, TotalVariation, Wiener

NAMES = ("DAPI", "GFP", "Cy5")


@pytest.fixture
def channels(viewer, dock, blurred):
    """Three images, selected together."""
    for k, name in enumerate(NAMES):
        viewer.add_image((k + 1) * blurred, name=name, colormap=("blue", "green", "red")[k])
    viewer.layers.selection = {viewer.layers[name] for name in NAMES}
    dock.fields.methods.choice.value = Wiener
    return [viewer.layers[name] for name in NAMES]


# ---------------------------------------------------------------- several images


def test_selected_images_are_deblurred_one_after_another(viewer, dock, channels, finished, told):
    came, heard = [], []
    dock._panel.progress.valueChanged.connect(heard.append)
    viewer.layers.events.inserted.connect(lambda event: came.append(event.value.name))
    dock.deblur()
    finished(dock)
    assert told == []
    results = [result_of(viewer, name) for name in NAMES]
    for k, (result, layer) in enumerate(zip(results, channels)):
        assert result.colormap.name == layer.colormap.name
        np.testing.assert_allclose(result.data, (k + 1) * results[0].data, atol=1e-3)
    assert len([name for name in came if "deblurred" in name]) == 3
    rising = heard[: int(np.argmax(heard)) + 1]
    assert rising == sorted(rising)


def test_one_stop_ends_them_all(qtbot, viewer, dock, channels, finished):
    dock.fields.methods.choice.value = GradientDescent
    dock.fields.methods.forms[GradientDescent].iterations.value = 100_000
    dock.deblur()
    qtbot.waitUntil(lambda: len(dock.plot.losses) > 5)
    assert "(1 of 3)" in dock.status.text()
    dock.stop_button.native.click()
    finished(dock)
    assert sum(len(results_of(viewer, name)) for name in NAMES) == 1
    assert dock._runs is None


def test_an_error_when_a_result_is_shown_does_not_block_the_dock(
    qtbot, viewer, dock, channels, finished, monkeypatch
):
    def fail(*_):
        raise RuntimeError("not shown")

    monkeypatch.setattr(dock._psf_view, "show_run_psf", fail)
    with qtbot.capture_exceptions() as errors:
        dock.deblur()
        finished(dock)
    assert [str(value) for _, value, _ in errors] == ["not shown"] * 3
    assert all(result_of(viewer, name) is not None for name in NAMES)
    assert dock._runs is None


def test_one_that_fails_does_not_keep_the_others_from_being_done(
    viewer, dock, channels, finished, told
):
    channels[1].data = np.full_like(channels[1].data, np.nan)
    dock.deblur()
    finished(dock)
    assert len(told) == 1
    assert "GFP" in told[0]
    assert [len(results_of(viewer, name)) for name in NAMES] == [1, 0, 1]


def test_an_image_alone_is_alone(viewer, dock, channels, finished):
    viewer.layers.selection = {channels[1]}
    dock.deblur()
    finished(dock)
    assert [len(results_of(viewer, name)) for name in NAMES] == [0, 1, 0]


def test_results_that_are_selected_too_are_not_deblurred(viewer, dock, channels, finished):
    dock.deblur()
    finished(dock)
    viewer.layers.select_all()
    assert sorted(x.source.name for x in dock.fields.images.chosen) == sorted(NAMES)


# ---------------------------------------------------------------- results


@pytest.fixture
def deblurred(viewer, dock, blurred, finished):
    """One image and its result."""
    layer = viewer.add_image(blurred, name="cells")
    gaussian(dock).sigmas[1].value = 1.25
    gaussian(dock).size.value = "9, 11"
    dock.fields.methods.choice.value = RichardsonLucy
    dock.fields.methods.forms[RichardsonLucy].iterations.value = 4
    dock.fields.smoothing.value = 2.0
    dock.fields.options["boundary"].value = "zero"
    dock.fields.ignore.not_a_number.value = True
    dock.deblur()
    finished(dock)
    return layer, result_of(viewer, "cells")


def test_before_there_is_a_result_there_is_no_row_for_it(dock):
    assert dock.result_row.isHidden()


def test_a_result_that_is_selected_puts_its_settings_back(viewer, dock, deblurred, finished):
    layer, result = deblurred
    words = dock.status.text()
    before = dock.fields.jobs()[0]
    gaussian(dock).sigmas[1].value = 3.0
    gaussian(dock).size.value = ""
    dock.fields.methods.choice.value = TotalVariation
    dock.fields.methods.forms[RichardsonLucy].iterations.value = 20
    dock.fields.smoothing.value = 1.0
    dock.fields.options["boundary"].value = "unknown"
    dock.fields.ignore.not_a_number.value = False
    dock.deblur()
    finished(dock)
    viewer.layers.selection.active = layer
    viewer.layers.selection.active = result
    settings, said = dock.status.text().split("\n")
    assert said == words
    assert settings == "cells. Blur: Gaussian. Method: Richardson-Lucy. Smoothing x 2."
    assert dock.fields.images.layer.value is layer
    dock.result_row.settings.native.click()
    after = dock.fields.jobs()[0]
    for name in ("psf", "method", "options"):
        assert getattr(after, name) == getattr(before, name)


def test_the_script_of_a_result_is_copied(viewer, dock, deblurred):
    dock.result_row.copy.native.click()
    text = QGuiApplication.clipboard().text()
    compile(text, "script", "exec")
    assert "RichardsonLucy(iterations=2" in text  # half as many, for twice the smoothing
    assert "gaussian_psf(sigma=(1.25, 2.0), size=(9, 11)" in text
    assert "boundary='zero'" in text


def test_the_row_goes_with_its_result(viewer, dock, deblurred):
    assert not dock.result_row.isHidden()
    viewer.layers.remove(deblurred[1])
    assert dock.result_row.isHidden()


def test_a_result_looks_like_its_source(viewer, dock, blurred, finished):
    layer = viewer.add_image(100 + 1000 * blurred, name="cells", contrast_limits=(100, 1100))
    dock.fields.methods.choice.value = Wiener
    dock.deblur()
    finished(dock)
    result = result_of(viewer, "cells")
    assert result.contrast_limits[0] >= 0
    assert layer.contrast_limits[1] <= result.contrast_limits[1] < 2 * layer.contrast_limits[1]
