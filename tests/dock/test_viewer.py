"""A real window: the canvas, the layout of the dock, and closing without a crash."""

import subprocess
import sys
import textwrap
from itertools import pairwise, product

import numpy as np
import pytest
from dock_fields import gaussian, result_of, results_of
from napari.settings import get_settings
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QDockWidget,
    QLabel,
    QPushButton,
    QScrollArea,
    QStyle,
    QStyleOptionComboBox,
)

from napari_tf_deblur._dock.preview import COMPUTING_TEXT, FINAL_TEXT
from napari_tf_deblur.methods import METHODS, GradientDescent, TotalVariation, Wiener


@pytest.fixture
def window(make_napari_viewer, at_rest):
    viewer = make_napari_viewer(show=True, strict_qt="raise")
    viewer.window.resize(1400, 900)
    _, dock = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")
    at_rest()
    return viewer, dock


def canvas(viewer, at_rest):
    """The pixels of the canvas, as they are on the screen."""
    at_rest()
    return viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)


def sharpness(picture):
    return np.abs(np.diff(picture.sum(-1), axis=1)).max()


def test_the_canvas_shows_a_sharper_picture(window, qtbot, at_rest, blurred, finished):
    viewer, dock = window
    viewer.add_image(blurred, name="square", contrast_limits=(0, 1), interpolation2d="linear")
    before = canvas(viewer, at_rest)
    assert before.max() > 200
    for field in gaussian(dock).sigmas:
        field.value = 1.5
    dock.fields.methods.forms[TotalVariation].weight.value = 1e-4
    qtbot.mouseClick(dock.deblur_button.native, Qt.MouseButton.LeftButton)
    finished(dock)
    result_of(viewer, "square").contrast_limits = (0, 1)
    after = canvas(viewer, at_rest)
    assert np.abs(after - before).max() > 40
    assert sharpness(after) > 1.5 * sharpness(before)


def test_the_live_result_is_on_the_canvas_before_the_end(window, qtbot, at_rest, blurred, finished):
    viewer, dock = window
    viewer.add_image(blurred, name="square")
    before = canvas(viewer, at_rest)
    dock.fields.methods.choice.value = GradientDescent
    dock.fields.methods.forms[GradientDescent].iterations.value = 100_000
    dock.deblur()
    qtbot.waitUntil(lambda: len(dock.plot.losses) > 20)
    qtbot.waitUntil(lambda: bool(results_of(viewer, "square")))
    qtbot.waitUntil(lambda: result_of(viewer, "square").visible)
    assert np.abs(canvas(viewer, at_rest) - before).max() > 40
    assert not dock.deblur_button.enabled
    qtbot.mouseClick(dock.stop_button.native, Qt.MouseButton.LeftButton)
    finished(dock)
    assert "stopped" in dock.status.text()


KINDS = {
    "2D": (lambda x: x, {}),
    "rgb": (lambda x: (200 * np.stack([x] * 3, -1)).clip(0, 255).astype(np.uint8), {"rgb": True}),
    "stack": (lambda x: np.stack([x] * 3), {"axis_labels": ("t", "y", "x")}),
    "rgb stack": (lambda x: np.stack([np.stack([x] * 3, -1).clip(0, 1)] * 2), {"rgb": True}),
    "volume": (lambda x: np.stack([x] * 5), {"axis_labels": ("z", "y", "x")}),
    "multiscale": (lambda x: [x, x[::2, ::2]], {"multiscale": True}),
}


@pytest.mark.parametrize(
    ("kind", "ndisplay"),
    [*((kind, 3) for kind in KINDS), ("rgb", 2), ("volume", 2)],
)
def test_every_kind_of_layer_in_2d_and_3d_toggled_in_mid_run(
    window, qtbot, at_rest, blurred, finished, told, kind, ndisplay
):
    viewer, dock = window
    make, options = KINDS[kind]
    layer = viewer.add_image(make(blurred), name="square", **options)
    viewer.dims.ndisplay = ndisplay
    dock.fields.methods.choice.value = GradientDescent
    dock.fields.methods.forms[GradientDescent].iterations.value = 100_000
    dock.deblur()
    qtbot.waitUntil(lambda: result_of(viewer, "square") is not None)
    viewer.dims.ndisplay = 5 - ndisplay
    qtbot.waitUntil(lambda: result_of(viewer, "square").visible)
    at_rest()
    viewer.dims.ndisplay = ndisplay
    at_rest()
    dock.stop()
    finished(dock)
    result = result_of(viewer, "square")
    for one in (layer, result):  # the viewer is whole
        viewer.layers.selection.active = one
        at_rest()
    assert result.visible
    assert result.rgb == layer.rgb
    assert told == []


# ---------------------------------------------------------------- looks


def text_width(box):
    """Width of the text area of a combo box, in pixels."""
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    edit = QStyle.SubControl.SC_ComboBoxEditField
    kind = QStyle.ComplexControl.CC_ComboBox
    return box.style().subControlRect(kind, option, edit, box).width()


def assert_nothing_is_clipped(dock):
    for kind in (QLabel, QCheckBox, QPushButton, QAbstractSpinBox):
        for part in dock.native.findChildren(kind):
            if part.isVisible() and not (kind is QLabel and part.wordWrap()):
                assert part.width() >= part.minimumSizeHint().width(), part.text()


def test_the_dock_is_narrow_and_nothing_is_clipped(window, at_rest, blurred):
    viewer, dock = window
    viewer.add_image(np.stack([blurred] * 3), scale=(2, 1, 1), units=("um",) * 3, name="x" * 80)
    for theme, method in product(("dark", "light"), METHODS):
        viewer.theme = theme
        dock.fields.methods.choice.value = method
        at_rest()
        assert dock.native.parent().width() <= 400
        title = dock.fields.methods.choice.native
        assert title.fontMetrics().horizontalAdvance(title.currentText()) <= text_width(title)
        form = dock.fields.form
        assert form.width() <= form.parent().width()
        assert_nothing_is_clipped(dock)


def bottom(part, window):
    return part.mapTo(window, QPoint(0, part.height())).y()


def test_the_buttons_do_not_jump(window, at_rest, blurred):
    viewer, dock = window
    viewer.add_image(blurred)

    def places():
        at_rest()
        parts = (dock.deblur_button.native, dock.stop_button.native)
        return [(part.mapTo(dock.native, QPoint(0, 0)), part.size()) for part in parts]

    before = places()
    for method in METHODS:
        dock.fields.methods.choice.value = method
        assert places() == before
    for kind in dock.fields.psf.kind.choices:
        dock.fields.psf.kind.value = kind
        assert places() == before
    dock.fields.advanced.set_expanded()
    dock.fields.ignore.section.set_expanded()
    dock.plot.set_losses(np.arange(50, 1, -1.0))
    assert places() == before
    for text in (COMPUTING_TEXT, FINAL_TEXT, "About as long as one line of the dock."):
        dock.status.set_message(text)
        assert places() == before


def test_the_words_are_as_tall_as_their_text(window, at_rest, blurred):
    viewer, dock = window
    viewer.add_image(blurred)
    for count in (1, 5, 9, 1):
        dock.status.set_message("A sentence that takes about a line. " * count)
        at_rest()
        needed = dock.status.heightForWidth(dock.status.width())
        assert dock.status.height() >= needed
        area = dock.status.parent().parent().parent()
        assert area.height() >= needed
        assert area.verticalScrollBar().maximum() == 0
    dock.status.set_message("A sentence that is much too long. " * 100)
    at_rest()
    for part in (
        dock.deblur_button.native,
        dock.stop_button.native,
        dock.fields.images.layer.native,
    ):
        assert bottom(part, dock.native.window()) < dock.native.window().height()


def test_the_choices_beyond_the_frame_are_not_cut_off(window, at_rest, blurred):
    viewer, dock = window
    viewer.add_image(blurred)
    dock.fields.advanced.set_expanded()
    viewer.window.resize(1280, 720)
    at_rest()
    box = dock.fields.options["boundary"].native
    texts = [box.itemText(k) for k in range(box.count())]
    assert len(texts) == 3
    assert max(map(box.fontMetrics().horizontalAdvance, texts)) <= text_width(box) - 4


def test_a_small_window_scrolls_the_fields_and_keeps_the_buttons(window, at_rest, blurred):
    viewer, dock = window
    viewer.add_image(blurred)
    dock.fields.advanced.set_expanded()
    for size in ((1280, 720), (1000, 560)):
        viewer.window.resize(*size)
        at_rest()
        scroll = dock.fields.widget.parent().parent()
        assert scroll.verticalScrollBar().maximum() > 0, size
        assert scroll.horizontalScrollBar().maximum() == 0, size
        screen = dock.native.window().height()
        for part in (dock.deblur_button.native, dock.stop_button.native, dock.status):
            assert part.isVisible(), size
            assert bottom(part, dock.native.window()) <= screen, size


AREAS = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
}


@pytest.fixture
def set_font():
    appearance = get_settings().appearance
    former = appearance.font_size
    yield lambda size: setattr(appearance, "font_size", size)
    appearance.font_size = former


def frame_of(dock):
    """The QDockWidget that holds the dock in napari's window."""
    frame = dock.native.parent()
    while not isinstance(frame, QDockWidget):
        frame = frame.parent()
    return frame


@pytest.mark.parametrize("size", [9, 18])
def test_it_fits_wherever_it_is_and_whatever_the_font(
    window, qtbot, at_rest, set_font, blurred, size
):
    viewer, dock = window
    image = viewer.add_image(blurred, name="x" * 60)
    dock.fields.methods.choice.value = Wiener
    frame = frame_of(dock)
    set_font(size)
    for place in ("floating", *AREAS):
        viewer.window.resize(1280, 720)
        frame.setFloating(place == "floating")
        if place in AREAS:
            viewer.window._qt_window.addDockWidget(AREAS[place], frame)
        assert frame.isFloating() == (place == "floating")
        dock.deblur()
        qtbot.waitUntil(lambda: dock.deblur_button.enabled)
        at_rest()
        assert viewer.window._qt_window.height() <= 720, place
        assert_nothing_is_clipped(dock)
        for scroll in dock.native.findChildren(QScrollArea):
            inside = scroll.widget()
            assert inside.width() <= scroll.viewport().width(), (place, inside)
        if (place, size) != ("left", 18):  # where napari leaves two lines, to scroll in
            assert bottom(dock.deblur_button.native, frame) <= frame.height(), place
        viewer.layers.remove(result_of(viewer, image.name))


@pytest.mark.parametrize("size", [9, 18])
def test_it_has_room_again_when_a_small_window_becomes_large(window, at_rest, set_font, size):
    """Napari adds a dock to a window before the window has its final size."""
    viewer, dock = window
    qt_window = dock.native.window()
    frame = frame_of(dock)
    set_font(size)
    qt_window.addDockWidget(AREAS["left"], frame)
    at_rest()
    viewer.window.resize(700, qt_window.minimumSizeHint().height())
    at_rest()
    assert bottom(dock.deblur_button.native, frame) > frame.height()
    tall = 720 if size == 9 else 850
    viewer.window.resize(1280, tall)
    at_rest()
    assert qt_window.height() == tall
    assert bottom(dock.deblur_button.native, frame) <= frame.height()
    lists = [d for d in qt_window.findChildren(QDockWidget) if d.windowTitle() == "layer list"]
    drawn = frame.height() - 30  # the user drags its border, and it is left alone
    qt_window.resizeDocks([*lists, frame], [900, drawn], Qt.Orientation.Vertical)
    at_rest()
    low = frame.height()
    at_rest()
    assert frame.height() == low
    viewer.window.resize(1200, 600)  # and the window can be made small again
    at_rest()
    assert qt_window.height() < tall


def test_the_curve_has_the_colours_of_the_theme(window, at_rest):
    viewer, dock = window
    dock.plot.set_losses(100 * 0.9 ** np.arange(50))
    for theme in ("dark", "light", "dark"):
        viewer.theme = theme
        at_rest()
        picture = dock.plot.grab().toImage()
        background = picture.pixelColor(picture.width() - 2, 1).lightness()
        assert (background < 100) == (theme == "dark")
        lightness = [
            picture.pixelColor(x, y).lightness() for x in range(60) for y in range(picture.height())
        ]
        assert max(abs(value - background) for value in lightness) > 120  # the numbers


# ---------------------------------------------------------------- no crash in any order

START = """
import sys, threading
import numpy as np

def tensorflow_first():
    from napari_tf_deblur import deconvolve, gaussian_psf
    deconvolve(np.eye(32), gaussian_psf(1))

def viewer_first():
    import napari
    from qtpy.QtWidgets import QApplication
    from scipy.ndimage import gaussian_filter
    viewer = napari.Viewer(show=True)
    viewer.add_image(gaussian_filter(np.eye(32), 2), name="eye")
    for _ in range(20):
        QApplication.processEvents()
    assert viewer.screenshot(flash=False)[..., :3].max() > 200
    return viewer

def dock(viewer):
    import time
    from qtpy.QtWidgets import QApplication
    _, dock = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")
    for _ in range(2):  # the second worker is the one that could hang
        dock.deblur()
        end = time.monotonic() + 100
        while not dock.deblur_button.enabled:
            assert time.monotonic() < end, dock.status.text()
            QApplication.processEvents()
            time.sleep(0.005)
        assert "Done in" in dock.status.text(), dock.status.text()
    assert viewer.screenshot(flash=False)[..., :3].max() > 200

def in_a_thread():
    thread = threading.Thread(target=tensorflow_first)
    thread.start()
    thread.join()
"""

ORDERS = {
    "TensorFlow, viewer, dock": "tensorflow_first(); v = viewer_first(); dock(v); v.close()",
    "viewer, TensorFlow in a thread": "v = viewer_first(); in_a_thread(); dock(v); v.close()",
    "viewer, dock; window closed and process ended during a run": """
import napari_tf_deblur, threading
v = viewer_first()
_, w = v.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")
w.fields.methods.choice.value = napari_tf_deblur.GradientDescent
w.fields.methods.forms[napari_tf_deblur.GradientDescent].iterations.value = 100_000
w.deblur()
from qtpy.QtWidgets import QApplication
while len(w.plot.losses) < 10:
    QApplication.processEvents()
v.close()
""",
    "source deleted beside a volume, its PSF shown; window closed during TensorFlow's start": """
import napari
from qtpy.QtCore import QTimer
from qtpy.QtTest import QTest
v = napari.Viewer(show=True)
_, w = v.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")

def psf_has(ndim):
    for _ in range(600):
        if "PSF" in v.layers and v.layers["PSF"].ndim == ndim:
            return
        QTest.qWait(50)
    raise AssertionError("no such PSF")

for _ in range(2):
    v.open_sample("napari-tf-deblur", "blurred_cells")
    v.open_sample("napari-tf-deblur", "blurred_astronaut")
    QTest.qWait(200)
    w.show_psf()
    psf_has(2)
    v.layers.remove("blurred astronaut")
    psf_has(3)
    v.layers.remove("PSF")
    QTest.qWait(100)
    v.layers.remove("blurred cells")
    QTest.qWait(100)
v.close()

assert "tensorflow" not in sys.modules
v = viewer_first()
_, w = v.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")
w.deblur()
QTimer.singleShot(700, v.close)  # the solver process is importing TensorFlow
napari.run()
""",
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_no_order_of_tensorflow_and_viewer_crashes(order):
    hang = "import faulthandler\nfaulthandler.dump_traceback_later(150, exit=True)\n"
    script = hang + textwrap.dedent(START) + order + "\nprint('well')\n"
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", script],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "well" in done.stdout


def test_tensorflow_comes_with_first_use_only():
    script = (
        "import sys, napari_tf_deblur._dock.widget, napari_tf_deblur._sample_data;"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_the_window_does_not_stall(window, qtbot, blurred, finished):
    """Once TensorFlow is loaded and the method compiled; other processes do not count."""
    import time

    from qtpy.QtCore import QTimer

    viewer, dock = window
    viewer.add_image(np.tile(blurred, (8, 6)), name="squares")
    dock.deblur()
    finished(dock)
    ticks: list[float] = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.thread_time()))
    timer.start(10)
    ticks.append(time.thread_time())
    dock.deblur()
    finished(dock)
    timer.stop()
    assert max(b - a for a, b in pairwise(ticks)) < 0.5  # measured: 0.09 s
