"""The preview in the dock: it follows the fields and the view, and leaves nothing behind."""

import dask.array as da
import numpy as np
import pytest

from napari_tf_deblur import Wiener
from napari_tf_deblur._dock.preview import FINAL_TEXT
from napari_tf_deblur._layers.preview_layer import find_preview_layer


@pytest.fixture
def previewed(viewer, dock, blurred, qtbot):
    """A viewer and a dock whose preview is on, and the function that waits for new pixels."""
    image = np.tile(blurred, (3, 3)) + np.random.default_rng(0).normal(0, 0.01, (96, 120))
    viewer.add_image(image.astype(np.float32), name="squares")
    dock.fields.methods.choice.value = Wiener

    def shown():
        layer = find_preview_layer(viewer)
        return None if layer is None else layer.data

    def changed(change):
        before = shown()
        change()
        qtbot.waitUntil(lambda: shown() is not None and shown() is not before)
        return shown()

    changed(lambda: setattr(dock.fields.preview, "value", True))
    yield viewer, dock, changed
    dock.fields.preview.value = False
    qtbot.waitUntil(lambda: shown() is None)


def test_the_preview_follows_the_fields(previewed, qtbot):
    viewer, dock, changed = previewed
    first = np.array(find_preview_layer(viewer).data)
    sigmas = dock.fields.psf.fields_by_title["Gaussian"].sigmas[-2:]
    changed(lambda: [setattr(sigma, "value", 1.0) for sigma in sigmas])
    qtbot.waitUntil(lambda: dock.status.text() == FINAL_TEXT)
    narrow = find_preview_layer(viewer).data
    assert narrow.shape == first.shape == (96, 120)
    assert not np.allclose(narrow, first, atol=0.02)
    dock.deblur()
    qtbot.waitUntil(lambda: dock.deblur_button.enabled)
    result = viewer.layers[-1]
    assert "deblurred" in result.name
    qtbot.waitUntil(lambda: find_preview_layer(viewer) is None)
    np.testing.assert_allclose(narrow, result.data, atol=0.02)
    assert not dock.fields.preview.value


def test_the_preview_is_never_chosen_and_the_selection_stays(previewed):
    viewer, dock, _ = previewed
    layer = find_preview_layer(viewer)
    assert viewer.layers.selection.active is viewer.layers["squares"]
    assert dock.fields.images.layer.value is viewer.layers["squares"]
    assert layer not in dock.fields.images.layer.choices
    viewer.layers.selection = {layer}
    assert dock.fields.images.layer.value is viewer.layers["squares"]


def test_another_image_has_its_own_preview(previewed):
    viewer, _, changed = previewed
    other = np.zeros((50, 60), np.float32)
    other[20:30, 20:30] = 1
    changed(lambda: viewer.add_image(other, name="other"))
    assert find_preview_layer(viewer).data.shape == (50, 60)
    assert find_preview_layer(viewer).metadata["napari_tf_deblur"]["source"] == "other"


def test_who_removes_the_layer_switches_the_preview_off(previewed, qtbot):
    viewer, dock, _ = previewed
    viewer.layers.remove(find_preview_layer(viewer))
    qtbot.waitUntil(lambda: not dock.fields.preview.value)
    qtbot.wait(200)
    assert find_preview_layer(viewer) is None


def test_sentences_instead_of_a_preview(previewed, qtbot):
    viewer, dock, changed = previewed
    viewer.add_image(da.zeros((64, 64), np.float32), name="lazy")
    qtbot.waitUntil(lambda: "in memory" in dock.status.text())
    viewer.layers.remove("lazy")
    viewer.layers.remove("squares")
    qtbot.waitUntil(lambda: "image" in dock.status.text())
    changed(lambda: viewer.add_image(np.eye(64, dtype=np.float32)))


def test_pixels_to_ignore_are_those_of_the_mask_as_it_is_now(previewed, qtbot):
    viewer, dock, changed = previewed
    labels = viewer.add_labels(np.zeros((96, 120), np.uint8), name="dust")
    viewer.layers.selection = {viewer.layers["squares"]}
    session = dock._preview._session
    changed(lambda: setattr(dock.fields.ignore.mask, "value", labels))
    begun = dock._preview._session
    assert begun is not session
    qtbot.wait(300)
    assert dock._preview._session is begun  # not again at each look

    def paint():
        labels.data[40:50, 40:50] = 1
        labels.refresh()

    before = np.array(find_preview_layer(viewer).data)
    changed(paint)
    qtbot.waitUntil(lambda: dock.status.text() == FINAL_TEXT)
    assert not np.array_equal(find_preview_layer(viewer).data, before)
