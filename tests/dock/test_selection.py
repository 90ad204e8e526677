"""The chosen image: only the user changes it."""

import numpy as np
import pytest
from dock_fields import psf_layer_field, result_of, use_layer

from napari_tf_deblur.methods import Wiener


@pytest.fixture
def two(viewer, dock, blurred):
    """Two images: B is selected in napari's list, and A is chosen in the dock."""
    first = viewer.add_image(blurred, name="A")
    second = viewer.add_image(blurred[::-1], name="B")
    viewer.layers.selection.active = second
    dock.fields.images.layer.value = first
    dock.fields.methods.choice.value = Wiener
    return first, second


def show_the_psf(qtbot, viewer, dock):
    dock.fields.psf.picture.button.native.click()
    qtbot.waitUntil(lambda: "PSF" in viewer.layers and viewer.layers["PSF"].visible)


def deblur(qtbot, viewer, dock):
    dock.deblur()
    qtbot.waitUntil(lambda: dock.deblur_button.enabled)
    assert result_of(viewer, "A") is not None


def fail(qtbot, viewer, dock):
    viewer.layers["A"].data = np.full((32, 40), np.nan)
    dock.deblur()
    qtbot.waitUntil(lambda: dock.deblur_button.enabled)


def delete_the_result(qtbot, viewer, dock):
    deblur(qtbot, viewer, dock)
    viewer.layers.selection.active = result_of(viewer, "A")
    viewer.layers.remove_selected()


def delete_the_selected(qtbot, viewer, dock):
    viewer.add_image(np.zeros((4, 4)), name="C")
    viewer.layers.remove_selected()


def delete_the_other(qtbot, viewer, dock):
    viewer.layers.remove("B")


def rename(qtbot, viewer, dock):
    viewer.layers["A"].name = "z"
    viewer.layers["B"].name = "A"


def reorder(qtbot, viewer, dock):
    viewer.layers.move(0, 2)
    viewer.layers.reverse()


def add(qtbot, viewer, dock):
    viewer.add_image(np.zeros((4, 4)), name="of another plugin")
    viewer.add_labels(np.zeros((4, 4), int))


def select_no_image(qtbot, viewer, dock):
    viewer.layers.selection.active = viewer.add_labels(np.zeros((4, 4), int))
    viewer.layers.selection.active = None


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:All-NaN:RuntimeWarning")
@pytest.mark.parametrize(
    "event",
    [
        show_the_psf,
        deblur,
        fail,
        delete_the_result,
        delete_the_selected,
        delete_the_other,
        rename,
        reorder,
        add,
        select_no_image,
    ],
)
def test_the_image_chosen_by_hand_stays(qtbot, at_rest, viewer, dock, two, event):
    first, _ = two
    event(qtbot, viewer, dock)
    at_rest()
    assert dock.fields.images.layer.value is first
    assert dock.fields.images.layer.current_choice == first.name


@pytest.mark.parametrize("selected", ["image", "result"])
def test_an_image_that_the_user_selects_is_chosen_but_not_our_own(
    qtbot, at_rest, viewer, dock, two, selected
):
    first, second = two
    deblur(qtbot, viewer, dock)
    at_rest()
    if selected == "image":
        viewer.layers.selection.active = second
        assert dock.fields.images.layer.value is second
    else:
        show_the_psf(qtbot, viewer, dock)
        for layer in (viewer.layers["PSF"], result_of(viewer, "A"), viewer.layers["PSF"]):
            viewer.layers.selection.active = layer
            assert dock.fields.images.layer.value is first


def test_an_image_that_is_opened_is_chosen(viewer, dock, blurred):
    for name in ("first", "second"):
        viewer.add_image(blurred, name=name)
        assert dock.fields.images.layer.value.name == name


def test_after_the_chosen_image_is_removed_the_uppermost_of_the_user_is_chosen(
    qtbot, at_rest, viewer, dock, two
):
    first, _ = two
    deblur(qtbot, viewer, dock)
    viewer.layers.remove(first)
    at_rest()
    assert dock.fields.images.layer.value.name == "B"
    viewer.layers.remove("B")
    assert dock.fields.images.layer.value is result_of(viewer, "A")
    viewer.layers.clear()
    assert dock.fields.images.layer.value is None


def test_psf_and_mask_keep_their_layers_too(viewer, dock, blurred):
    for name in ("a", "b"):
        viewer.add_labels(np.zeros((32, 40), int), name=f"labels {name}")
        viewer.add_image(blurred, name=name)
    bead, marks = viewer.layers["b"], viewer.layers["labels b"]
    use_layer(dock, bead)
    dock.fields.ignore.mask.value = marks
    bead.name, marks.name = "0", "0 labels"
    viewer.layers.reverse()
    viewer.layers.remove("a")
    assert psf_layer_field(dock).value is bead
    assert dock.fields.ignore.mask.value is marks
    viewer.layers.remove(marks)
    assert dock.fields.ignore.mask.value is None
