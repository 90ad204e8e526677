"""The button that finds how sure a result is, and the band of the profile."""

import numpy as np
import pytest
from dock_fields import result_of

from napari_tf_deblur._layers.uncertainty_layer import find_uncertainty_layer
from napari_tf_deblur.methods import RichardsonLucy, Wiener

KEY = "napari_tf_deblur"


@pytest.fixture
def result(viewer, dock, blurred, finished):
    """The result of a noisy image with a scale."""
    noise = np.random.default_rng(0).normal(0, 0.02, blurred.shape)
    viewer.add_image(np.float32(blurred + noise), name="cells", scale=(2, 2), translate=(3, 4))
    dock.fields.methods.choice.value = Wiener
    dock.fields.smoothing.value = 2.0
    dock.deblur()
    finished(dock)
    return result_of(viewer, "cells")


def press(dock, finished):
    dock.result_row.uncertainty.native.click()
    finished(dock)


def test_the_button_adds_a_layer_above_the_result(viewer, dock, result, finished):
    before, record = np.copy(result.data), result.metadata[KEY]
    press(dock, finished)
    layer = find_uncertainty_layer(result)
    assert viewer.layers.index(layer) == viewer.layers.index(result) + 1
    assert layer.visible
    assert (layer.data > 0).all()
    np.testing.assert_allclose(layer.scale, result.scale)
    np.testing.assert_allclose(layer.translate, result.translate)
    np.testing.assert_array_equal(result.data, before)
    assert result.metadata[KEY] is record
    assert all(words in dock.status.text() for words in ("noise only", "bias", "wrong PSF"))
    press(dock, finished)  # it is there already
    assert [x.metadata.get(KEY, {}).get("kind") for x in viewer.layers].count("uncertainty") == 1


def test_another_run_takes_the_standard_deviations_from_the_result(viewer, dock, result, finished):
    press(dock, finished)
    old = find_uncertainty_layer(result)
    dock.fields.smoothing.value = 8.0
    dock.deblur()
    finished(dock)
    assert result_of(viewer, "cells") is result
    assert find_uncertainty_layer(result) is None
    press(dock, finished)
    new = find_uncertainty_layer(result)
    assert new is not old
    assert new.data.mean() < old.data.mean()


def test_a_source_that_has_changed_is_said(viewer, dock, result, finished):
    viewer.layers["cells"].data = viewer.layers["cells"].data[::-1] * 2
    press(dock, finished)
    assert find_uncertainty_layer(result) is None
    assert "no longer what it was" in dock.status.text()


def test_stop_adds_nothing(qtbot, viewer, dock, blurred, finished):
    noise = np.random.default_rng(0).normal(0, 0.02, blurred.shape)
    viewer.add_image(np.float32(blurred + noise), name="cells")
    dock.fields.methods.choice.value = RichardsonLucy
    dock.fields.methods.forms[RichardsonLucy].iterations.value = 1500
    dock.deblur()
    finished(dock)
    layers = list(viewer.layers)
    dock.result_row.uncertainty.native.click()
    qtbot.waitUntil(lambda: "with new noise" in dock.status.text())
    dock.stop()
    finished(dock)
    assert list(viewer.layers) == layers
    assert "no standard deviations" in dock.status.text()
    assert dock.deblur_button.enabled


def test_a_result_of_another_session_cannot_be_repeated(viewer, dock, result):
    assert dock.result_row.uncertainty.enabled
    copy = type(result)(result.data, name="of a file", metadata={KEY: result.metadata[KEY]})
    viewer.add_layer(copy)
    viewer.layers.selection.active = copy
    assert not dock.result_row.uncertainty.enabled
    assert "this session" in dock.result_row.uncertainty.tooltip


def test_the_profile_has_a_band(qtbot, viewer, dock, result, finished):
    row = dock.result_row.compare
    row.profile.click()
    plot = row.plot
    qtbot.waitUntil(lambda: plot.profiles is not None)
    assert plot.profiles.deviation is None
    assert plot.fill.path().isEmpty()
    press(dock, finished)
    qtbot.waitUntil(lambda: plot.profiles.deviation is not None)
    lower, upper = (np.asarray(edge.yData) for edge in plot.band)
    inside = np.isfinite(plot.profiles.values[1])
    np.testing.assert_allclose((lower + upper) / 2, plot.profiles.values[1][inside], atol=1e-6)
    np.testing.assert_allclose((upper - lower) / 2, plot.profiles.deviation[inside], atol=1e-6)
    assert (upper > lower).all()
    assert plot.fill.path().boundingRect().height() >= upper.max() - lower.min()
    viewer.layers.remove(find_uncertainty_layer(result))
    qtbot.waitUntil(lambda: plot.profiles.deviation is None)
    assert plot.fill.path().boundingRect().isEmpty()
