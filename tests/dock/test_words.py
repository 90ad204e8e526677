"""The labels and tooltips of the dock, and its use without a mouse."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from dock_fields import result_of
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QScrollBar,
)

import napari_tf_deblur
from napari_tf_deblur.methods import METHODS, Wiener

CONTROLS = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit)
JARGON = re.compile(r"\b(tolerance|boundary|nonnegative|regularis\w+|dtype|None|True|False)\b")


@pytest.fixture
def window(make_napari_viewer, at_rest, blurred):
    """A real window with a dock whose sections are all expanded."""
    viewer = make_napari_viewer(show=True, strict_qt="raise")
    viewer.window.resize(1400, 1000)
    _, dock = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")
    viewer.add_image(blurred, name="cells")
    dock.fields.advanced.set_expanded()
    dock.fields.ignore.section.set_expanded()
    at_rest()
    return viewer, dock


def controls(dock):
    """Return the visible widgets that the user can press, move or type into."""
    found = []
    for kind in CONTROLS:
        found += [x for x in dock.native.findChildren(kind) if x.isVisible()]
    inner = (QAbstractSpinBox, QComboBox)
    return [
        x
        for x in dict.fromkeys(found)
        if not isinstance(x, QScrollBar) and not isinstance(x.parent(), inner)
    ]


def show_all(dock, at_rest):
    """Show the fields of each kind of PSF and of each method, and stop at each."""
    for kind, method in [
        *((kind, METHODS[0]) for kind in KINDS),
        *((KINDS[0], m) for m in METHODS),
    ]:
        dock.fields.psf.kind.value = kind
        dock.fields.methods.choice.value = method
        at_rest()
        yield f"{kind}, {method.__name__}"


KINDS = ("Microscope", "Bead image", "Gaussian", "Out of focus", "Motion", "From the image")


@pytest.fixture
def with_result(window, finished):
    """The same window with a result, so that the buttons for results are visible."""
    viewer, dock = window
    dock.fields.methods.choice.value = Wiener
    dock.fields.psf.kind.value = "Gaussian"
    dock.deblur()
    finished(dock)
    assert result_of(viewer, "cells") is not None
    return dock


def test_everything_has_a_tooltip_that_is_a_sentence(with_result, at_rest):
    dock = with_result
    for shown in show_all(dock, at_rest):
        for control in controls(dock):
            words = control.toolTip()
            name = getattr(control, "text", lambda: "")() or control.metaObject().className()
            assert len(words) > 10, f"{shown}, {name}: '{words}'"
            assert words[0].isupper() or words[0] in "'\"", words


def test_labels_are_words_of_the_field(window, at_rest):
    _, dock = window
    for _ in show_all(dock, at_rest):
        texts = [x.text() for x in dock.native.findChildren(QLabel) if x.isVisible()]
        texts += [x.text() for x in dock.native.findChildren(QAbstractButton) if x.isVisible()]
        assert not [text for text in texts if JARGON.search(text)]


def test_messages_name_what_the_dock_shows(window):
    _, dock = window
    kinds = (QLabel, QAbstractButton)
    shown = {x.text() for kind in kinds for x in dock.native.findChildren(kind)}
    sources = Path(napari_tf_deblur.__file__).parent.rglob("*.py")
    code = "".join(re.sub(r'"\s*\n\s*f?"', "", path.read_text("utf-8")) for path in sources)
    told = re.findall(r"\(in the dock: ('[^)]*')\)", code)
    assert len(told) >= 3
    labels = {label for part in told for label in re.findall(r"'([^']+)'", part)}
    assert labels <= shown


def test_numbers_have_units(window):
    _, dock = window
    dock.fields.psf.kind.value = "Microscope"
    fields = dock.fields.psf.fields_by_title["Microscope"]
    fields.waves.emissions[0].value, fields.pixel.value, fields.step.value = 520, 65, 300
    fields.waves.excitations[0].value, fields.sheet.value = 488, 2000
    for field in (
        fields.waves.emissions[0],
        fields.pixel,
        fields.step,
        fields.waves.excitations[0],
        fields.sheet,
    ):
        assert field.native.text().endswith(" nm")
    assert fields.pinhole.native.text().endswith(" AU")


def tab_order(dock):
    """Return the widgets that the Tab key reaches, from the first field of the dock on."""
    first = dock.fields.images.layer.native
    found, part = [first], first.nextInFocusChain()
    # PySide keeps napari's widgets alive if all of the window is walked through.
    while part is not first and dock.native.isAncestorOf(part):
        if part.focusPolicy() & Qt.FocusPolicy.TabFocus and part.isVisible() and part.isEnabled():
            found.append(part)
        part = part.nextInFocusChain()
    return [x for x in found if x.focusProxy() is None and not isinstance(x, QScrollBar)]


def test_tab_goes_down_the_rows_and_reaches_everything(with_result, at_rest):
    dock = with_result
    for kind in KINDS:
        dock.fields.psf.kind.value = kind
        at_rest()
        order = tab_order(dock)
        missed = [x for x in controls(dock) if x.isEnabled() and x not in order]
        assert not missed, (kind, [(type(x).__name__, x.toolTip()[:40]) for x in missed])
        assert not [x for x in order if not x.toolTip()], kind
        places = [x.mapTo(dock.native, QPoint(0, x.height() // 2)).y() for x in order]
        top = order.index(dock.deblur_button.native)
        assert places[:top] == sorted(places[:top]), kind
        assert all(b > a - 12 for a, b in pairwise(places[top:])), (kind, places)


def test_the_shortcut_deblurs(window, qtbot, at_rest, finished):
    viewer, dock = window
    dock.fields.methods.choice.value = Wiener
    assert "Ctrl+Return" in dock.deblur_button.tooltip
    dock.native.window().activateWindow()
    dock.fields.images.layer.native.setFocus()
    at_rest()
    qtbot.keyClick(
        dock.native.window(), Qt.Key.Key_Return, modifier=Qt.KeyboardModifier.ControlModifier
    )
    qtbot.waitUntil(lambda: result_of(viewer, "cells") is not None)
    finished(dock)
