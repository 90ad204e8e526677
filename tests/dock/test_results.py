"""Results among the layers: their place in the view, their names and their records."""

import json

import numpy as np
import pytest
from dock_fields import gaussian, result_of, results_of
from napari.layers import Image
from qtpy.QtGui import QGuiApplication

from napari_tf_deblur.methods import RichardsonLucy, TotalVariation, Wiener

KEY = "napari_tf_deblur"


def deblur(dock, finished):
    dock.deblur()
    finished(dock)


def composite(viewer):
    """The visible layers, from below: their pixels, colormap and blending."""
    shown = [layer for layer in viewer.layers if layer.visible]
    covering = [k for k, x in enumerate(shown) if x.blending.startswith(("opaque", "translucent"))]
    return [
        (x.metadata.get(KEY, {}).get("source", x.name), x.blending)
        for x in shown[covering[-1] if covering else 0 :]
    ]


@pytest.mark.parametrize("lowest", ["translucent_no_depth", "additive"])
@pytest.mark.parametrize("upper_is_active", [True, False])
def test_two_colours_before_are_two_colours_after(
    viewer, dock, blurred, finished, lowest, upper_is_active
):
    red = viewer.add_image(blurred, name="red", colormap="red", blending=lowest)
    green = viewer.add_image(blurred[::-1], name="green", colormap="green", blending="additive")
    viewer.add_points([[3, 4]])
    viewer.layers.selection = {red, green}
    viewer.layers.selection.active = green if upper_is_active else red
    viewer.layers.selection = {red, green}
    before = composite(viewer)
    dock.fields.methods.choice.value = Wiener
    for keep in (False, False, True):
        dock.result_row.keep.value = keep
        dock.fields.smoothing.value *= 2
        deblur(dock, finished)
        assert composite(viewer) == before
        viewer.layers.selection = {red, green}
    assert viewer.layers[-1].name == "Points"


def test_a_result_that_another_image_hides_is_on_top(viewer, dock, blurred, finished):
    first = viewer.add_image(blurred, name="first")
    viewer.add_image(blurred, name="second")
    viewer.layers.selection.active = first
    deblur(dock, finished)
    assert viewer.layers[-1] is result_of(viewer, "first")
    assert all(layer.visible for layer in viewer.layers)


def test_what_was_hidden_is_shown_again_after_a_run_that_fails(
    viewer, dock, blurred, finished, told
):
    layer = viewer.add_image(blurred, name="cells", blending="additive")
    layer.data = np.full_like(blurred, np.nan)
    deblur(dock, finished)
    assert layer.visible
    assert len(viewer.layers) == 1


# ---------------------------------------------------------------- names


def test_kept_results_differ_by_their_settings(viewer, dock, blurred, finished):
    viewer.add_image(blurred, name="cells")
    dock.fields.methods.choice.value = Wiener
    deblur(dock, finished)
    dock.result_row.keep.value = True
    dock.fields.smoothing.value = 2.0
    deblur(dock, finished)
    dock.fields.smoothing.value = 1.0
    gaussian(dock).sigmas[1].value = 1.5
    deblur(dock, finished)
    names = [layer.name for layer in results_of(viewer, "cells")]
    assert names[0] == "cells deblurred (Wiener)"
    assert "cells deblurred, smoothing x 2 (Wiener)" in names
    assert "[" not in "".join(names)
    assert any("sigma 1.5 2" in name for name in names)


@pytest.mark.parametrize("again", [False, True])
def test_a_layer_renamed_during_a_run_keeps_its_name(qtbot, viewer, dock, blurred, finished, again):
    viewer.add_image(blurred, name="cells")
    dock.fields.methods.choice.value = RichardsonLucy
    if again:
        deblur(dock, finished)
    dock.fields.methods.forms[RichardsonLucy].iterations.value = 100_000
    dock.deblur()
    qtbot.waitUntil(lambda: len(dock.plot.losses) > 3, timeout=60_000)
    qtbot.waitUntil(lambda: result_of(viewer, "cells") is not None, timeout=60_000)
    result_of(viewer, "cells").name = "mine"
    dock.stop()
    finished(dock)
    result = result_of(viewer, "cells")
    assert result.name == result.metadata[KEY]["name"] == "mine"


# ---------------------------------------------------------------- what belongs to an image


def test_what_is_said_of_an_image_goes_with_it(qtbot, viewer, dock, blurred, finished):
    first = viewer.add_image(blurred, name="first")
    deblur(dock, finished)
    words = dock.status.text()
    second = viewer.add_image(blurred[::2], name="second")
    assert dock.status.text() == "Ready."
    assert dock.result_row.isHidden()
    viewer.layers.selection.active = first
    assert words in dock.status.text()
    assert not dock.result_row.isHidden()
    dock.fields.images.layer.value = second  # in the dock's own list
    assert dock.status.text() == "Ready."
    dock.fields.images.layer.value = first
    viewer.layers.remove(result_of(viewer, "first"))
    qtbot.waitUntil(lambda: dock.status.text() == "Ready.")
    deblur(dock, finished)
    viewer.layers.remove(first)
    qtbot.waitUntil(lambda: dock.status.text() == "Ready.")
    assert dock.fields.images.layer.value is second


# ---------------------------------------------------------------- another dock, another session


def open_again(at_rest, viewer, dock):
    """Close the dock and open it again, as the menu does."""
    viewer.window.remove_dock_widget(dock.native.parent())
    dock.native.deleteLater()
    at_rest()
    _, again = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")
    assert again is not dock
    return again


def test_a_dock_that_is_opened_where_the_source_is_gone_shows_the_result(
    at_rest, viewer, dock, blurred, finished
):
    source, other = (viewer.add_image(k * blurred, name=f"{k}") for k in (1, 2))
    dock.fields.images.layer.value = source
    deblur(dock, finished)
    result = result_of(viewer, "1")
    viewer.layers.remove(source)
    viewer.layers.selection = {result}
    again = open_again(at_rest, viewer, dock)
    assert again.fields.images.layer.value is other
    again.fields.select(source)  # a removed layer is no choice
    assert again.fields.images.layer.value is other


def as_from_a_file(layer):
    """The same image with the metadata that a file can hold."""
    record = json.loads(json.dumps(layer.metadata[KEY], default=lambda x: np.asarray(x).tolist()))
    return Image(layer.data, name=layer.name, metadata={KEY: record})


@pytest.mark.parametrize("session", ["same", "later"])
def test_a_dock_that_is_opened_again_knows_the_results(
    at_rest, viewer, dock, blurred, finished, session
):
    source = viewer.add_image(100 * blurred, name="cells")
    gaussian(dock).sigmas[1].value = 1.25
    dock.fields.methods.choice.value = RichardsonLucy
    dock.fields.methods.forms[RichardsonLucy].iterations.value = 4
    dock.fields.smoothing.value = 2.0
    deblur(dock, finished)
    words, before = dock.status.text(), dock.fields.jobs()[0]
    dock.result_row.copy.native.click()
    script = QGuiApplication.clipboard().text()
    result = result_of(viewer, "cells")
    if session == "later":
        later = as_from_a_file(result)
        viewer.layers.remove(result)
        result = viewer.add_layer(later)
    viewer.layers.selection.active = source
    dock = open_again(at_rest, viewer, dock)
    assert (
        dock.status.text()
        == f"cells. Blur: Gaussian. Method: Richardson-Lucy. Smoothing x 2.\n{words}"
    )
    viewer.layers.selection.active = result
    assert dock.status.text().endswith(words)
    dock.result_row.settings.native.click()
    after = dock.fields.jobs()[0]
    for name in ("psf", "method", "options"):
        assert getattr(after, name) == getattr(before, name)
    QGuiApplication.clipboard().clear()
    dock.result_row.copy.native.click()
    assert QGuiApplication.clipboard().text() == script
    row = dock.result_row.compare
    assert row.hold.isEnabled()
    assert row.residual.isEnabled() == (session == "same")
    deblur(dock, finished)  # it takes the place of the former
    assert results_of(viewer, "cells") == [result]


@pytest.mark.parametrize(
    "record", [{}, {"method": 3}, {"method": {"name": "Wiener"}, "psf": 5, "verdict": "x"}]
)
def test_a_record_that_lacks_something_is_said_and_raises_nothing(
    viewer, dock, blurred, told, record
):
    record = {"kind": "result", "source": "cells", **record}
    viewer.add_layer(Image(blurred, name="old", metadata={KEY: record}))
    viewer.layers.selection.active = viewer.add_image(blurred, name="cells")
    viewer.layers.selection.active = viewer.layers["old"]
    if "method" not in record:
        return
    before = dock.fields.methods.method()
    dock.result_row.settings.native.click()
    dock.result_row.copy.native.click()
    assert any("'Blur' is not restored" in words for words in told)
    assert any("The record has no" in words for words in told)
    if record["method"] == 3:
        assert any("'Method' is not restored" in words for words in told)
        assert dock.fields.methods.method() == before
    assert dock.fields.methods.choice.value in (TotalVariation, Wiener)
