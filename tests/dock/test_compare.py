"""The buttons that compare: each shows the right layers, and restores them afterwards."""

import gc
from contextlib import contextmanager
from weakref import ref

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QVBoxLayout, QWidget

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._dock.compare import CompareRow
from napari_tf_deblur._dock.wrapping_grid import WrappingGrid


def layers_of(blurred, sharp, **options):
    """A typical list of layers, by short names."""
    return {
        "other": Image(blurred[::2, ::2], name="other", scale=(2, 2)),
        "source": Image(blurred, name="cells", **options),
        "psf": Image(np.eye(5), name="PSF", blending="additive"),
        "former": Image(sharp, name="cells deblurred", **options),
        "result": Image(sharp, name="cells deblurred [1]", **options),
        "labels": Labels(np.ones((9, 9), int), name="labels"),
    }


class Scene:
    """A viewer with layers, and the row in a dock if it has a window."""

    def __init__(self, viewer, layers):
        self.viewer = viewer
        self.row = CompareRow(viewer)
        self.holder = QWidget()
        QVBoxLayout(self.holder).addWidget(self.row)
        self.holder.destroyed.connect(self.end)
        self.dock = None
        if hasattr(viewer, "window"):
            self.dock = viewer.window.add_dock_widget(self.holder, name="compare")
        self.fill(layers)

    def end(self, *_):
        self.row.end()

    def fill(self, layers):
        self.viewer.layers.clear()
        for name, layer in layers.items():
            setattr(self, name, layer)
            self.viewer.add_layer(layer)
        self.viewer.layers.selection.active = self.result
        self.viewer.scene.camera.zoom = 3.5
        self.row.set_pair(self.source, self.result, self.make_residual)

    def make_residual(self):
        return Image(self.source.data - self.result.data, name="cells residual", rgb=False)

    def shown(self):
        return {layer.name for layer in self.viewer.layers if layer.visible}

    def state(self):
        viewer = self.viewer
        grid, camera = viewer.canvas.grid, viewer.scene.camera
        return (
            [(layer.name, layer.visible) for layer in viewer.layers],
            set(viewer.layers.selection),
            (grid.enabled, grid.stride, grid.shape, grid.spacing),
            (camera.center, camera.zoom, camera.angles),
        )

    def buttons(self):
        row = self.row
        return {b.text(): b for b in (row.hold, row.side_by_side, row.residual, row.profile)}

    def places(self):
        """Where the visible layers are in the grid."""
        grid, layers = self.viewer.canvas.grid, self.viewer.layers
        return {x.name: grid.position(k, layers) for k, x in enumerate(layers) if x.visible}


@pytest.fixture
def scene(qtbot, blurred):
    """Layers and the row, without a window."""
    scene = Scene(ViewerModel(), layers_of(blurred, blurred**2))
    qtbot.addWidget(scene.holder)
    yield scene
    scene.end()


@pytest.fixture
def real(viewer, blurred):
    """Layers and the row in a real viewer."""
    return Scene(viewer, layers_of(blurred, blurred**2))


@pytest.fixture
def shown(make_napari_viewer, qtbot):
    """A viewer that is on the screen."""
    return make_napari_viewer(show=True, strict_qt="raise")


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def key(viewer, qtbot, press):
    canvas = viewer.window._qt_viewer.canvas.native
    (qtbot.keyPress if press else qtbot.keyRelease)(canvas, Qt.Key.Key_H)


@contextmanager
def held(scene):
    """Hold the key down, as napari does."""
    (bound,) = scene.viewer.keymap.values()
    steps = bound(scene.viewer)
    next(steps)
    yield
    next(steps, None)


# ---------------------------------------------------------------- the pair


def test_without_a_pair_nothing_can_be_pressed_and_the_tooltip_says_why(scene, qtbot):
    scene.row.set_pair(None, None)
    for button in scene.buttons().values():
        assert not button.isEnabled()
        assert "deblur an image first" in button.toolTip()
    scene.row.set_pair(scene.source, scene.result, scene.make_residual)
    for button in scene.buttons().values():
        assert button.isEnabled()
    scene.row.set_pair(scene.source, scene.result)
    assert not scene.row.residual.isEnabled()
    scene.viewer.layers.remove(scene.source)
    qtbot.waitUntil(lambda: not scene.row.hold.isEnabled())
    for button in scene.buttons().values():
        assert "deblur again" in button.toolTip()


def test_another_pair_takes_back_what_was_shown_of_the_former(scene, qtbot):
    before = scene.state()
    click(qtbot, scene.row.side_by_side)
    scene.row.set_pair(scene.source, scene.result, scene.make_residual)  # the same
    assert scene.row.side_by_side.isChecked()
    scene.row.set_pair(scene.source, scene.former)
    assert not scene.row.side_by_side.isChecked()
    assert scene.state() == before


def test_layers_are_not_kept_alive(scene, qtbot, at_rest):
    for button in scene.buttons().values():
        click(qtbot, button)
    gone = ref(scene.result)
    scene.row.set_pair(scene.source, scene.result, lambda: scene.make_residual())
    scene.viewer.layers.remove(scene.result)
    del scene.result
    at_rest()
    gc.collect()
    assert gone() is None


# ---------------------------------------------------------------- the original


@pytest.mark.parametrize("hidden", [(), ("source",), ("result", "labels")])
def test_the_original_is_shown_as_long_as_something_is_held_down(real, qtbot, hidden):
    viewer, hold = real.viewer, real.row.hold
    for name in hidden:
        getattr(real, name).visible = False
    before = real.state()
    left, space = Qt.MouseButton.LeftButton, Qt.Key.Key_Space
    for press, release in (
        (lambda: qtbot.mousePress(hold, left), lambda: qtbot.mouseRelease(hold, left)),
        (lambda: qtbot.keyPress(hold, space), lambda: qtbot.keyRelease(hold, space)),
        (lambda: key(viewer, qtbot, True), lambda: key(viewer, qtbot, False)),
    ):
        press()
        # neither the PSF nor the former result, which the result hides
        assert real.shown() == {"cells", "other", "labels"} - {*hidden}
        release()
        assert real.state() == before


def test_layers_that_shine_through_stay(scene):
    for layer in (scene.source, scene.former, scene.result):
        layer.blending = "additive"
    with held(scene):
        assert scene.shown() == {"other", "cells", "PSF", "cells deblurred", "labels"}


def test_when_the_focus_goes_elsewhere_all_is_as_before(scene):
    before = scene.state()
    with held(scene):
        assert scene.state() != before
        QApplication.instance().focusChanged.emit(None, None)
        assert scene.state() == before
    assert scene.state() == before


def test_the_key_is_bound_only_while_there_is_a_pair(scene):
    keymap = scene.viewer.keymap
    assert len(keymap) == 1
    assert "hold the key H" in scene.row.hold.toolTip()
    scene.row.set_pair(None, None)
    assert not keymap
    mine = scene.viewer.bind_key("H", lambda viewer: None)
    scene.row.set_pair(scene.source, scene.result)
    assert "hold the key H" not in scene.row.hold.toolTip()
    scene.row.end()
    assert len(keymap) == 1, mine


def test_napari_itself_does_not_use_the_key():
    from napari.layers import Points, Shapes, Surface, Tracks, Vectors
    from napari.utils.shortcuts import default_shortcuts

    used = {str(key) for keys in default_shortcuts.values() for key in keys}
    for kind in (ViewerModel, Image, Labels, Points, Shapes, Surface, Tracks, Vectors):
        used |= {str(key) for cls in kind.__mro__ for key in getattr(cls, "class_keymap", {})}
    assert "V" in used
    assert "H" not in used


# ---------------------------------------------------------------- side by side


@pytest.mark.parametrize(
    "case",
    ["", "hidden", "turned round", "in the grid", "colour", "3D", "with a stack", "a stack in 3D"],
)
def test_side_by_side_shows_each_once_and_goes_back(real, qtbot, blurred, case):
    scene, viewer = real, real.viewer
    if case == "hidden":
        scene.source.visible = scene.labels.visible = False
    if case == "turned round":
        viewer.layers.move(viewer.layers.index(scene.result), 0)
    if case == "in the grid":
        viewer.canvas.grid.enabled, viewer.canvas.grid.stride = True, 2
    if case == "colour":
        colours = [viewer.add_image(np.stack([blurred] * 3, -1), rgb=True) for _ in range(2)]
        scene.row.set_pair(*colours)
        scene.source, scene.result = colours
    if "stack" in case:  # napari itself cannot fit its view to layers with fewer axes than others
        viewer.add_image(np.zeros((3, 40, 40), np.float32))
    viewer.dims.ndisplay = 3 if case in ("colour", "3D", "a stack in 3D") else 2
    before = scene.state()
    click(qtbot, scene.row.side_by_side)
    assert scene.places() == {scene.source.name: (0, 0), scene.result.name: (0, 1)}
    assert viewer.canvas.grid.actual_shape(viewer.layers) == (1, 2)
    assert not scene.row.hold.isEnabled()
    wide, high = viewer.canvas.viewbox_size(viewer.layers)[::-1]
    assert viewer.scene.camera.zoom * 40 <= max(wide, high)
    viewer.scene.camera.zoom *= 2
    click(qtbot, scene.row.side_by_side)
    assert scene.state() == before
    assert scene.row.hold.isEnabled() == (case != "in the grid")


def test_a_layer_that_comes_meanwhile_does_not_hide_one_of_them(scene, qtbot, blurred):
    click(qtbot, scene.row.side_by_side)
    scene.viewer.add_image(blurred, name="new")
    assert scene.places() == {"cells": (0, 0), "cells deblurred [1]": (0, 1), "new": (0, 2)}
    click(qtbot, scene.row.side_by_side)
    assert scene.viewer.layers["new"].visible


def test_whoever_leaves_the_grid_leaves_side_by_side(scene, qtbot):
    before = scene.state()
    click(qtbot, scene.row.side_by_side)
    scene.viewer.canvas.grid.enabled = False
    assert not scene.row.side_by_side.isChecked()
    assert scene.state() == before


def test_what_the_user_changes_of_the_grid_stays(scene, qtbot):
    click(qtbot, scene.row.side_by_side)
    scene.viewer.canvas.grid.shape = (2, 1)
    click(qtbot, scene.row.side_by_side)
    assert scene.viewer.canvas.grid.shape == (2, 1)
    assert not scene.viewer.canvas.grid.enabled


# ---------------------------------------------------------------- the residual


def test_the_residual_is_shown_alone_below_the_result_and_not_selected(scene, qtbot):
    before, names = scene.state(), [layer.name for layer in scene.viewer.layers]
    click(qtbot, scene.row.residual)
    assert scene.shown() == {"cells residual"}
    names.insert(4, "cells residual")
    assert [layer.name for layer in scene.viewer.layers] == names
    assert scene.viewer.layers.selection.active is scene.result
    with held(scene):
        assert scene.shown() == {"cells"}
    assert scene.shown() == {"cells residual"}
    click(qtbot, scene.row.residual)
    assert scene.state() == before


def test_one_view_takes_the_place_of_the_other(scene, qtbot):
    before = scene.state()
    click(qtbot, scene.row.residual)
    click(qtbot, scene.row.side_by_side)
    assert not scene.row.residual.isChecked()
    assert "cells residual" not in scene.viewer.layers
    click(qtbot, scene.row.residual)
    assert not scene.row.side_by_side.isChecked()
    assert scene.shown() == {"cells residual"}
    click(qtbot, scene.row.residual)
    assert scene.state() == before


def test_a_residual_that_is_deleted_by_hand_is_over(scene, qtbot):
    before = scene.state()
    click(qtbot, scene.row.residual)
    scene.viewer.layers.remove("cells residual")
    qtbot.waitUntil(lambda: not scene.row.residual.isChecked())
    assert scene.state() == before


def test_a_residual_that_is_there_already_stays(scene, qtbot):
    layer = scene.viewer.add_layer(scene.make_residual())
    layer.visible = False
    scene.row.set_pair(scene.source, scene.result, lambda: layer)
    before = scene.state()
    click(qtbot, scene.row.residual)
    assert scene.shown() == {"cells residual"}
    click(qtbot, scene.row.residual)
    assert scene.state() == before


def test_a_residual_that_cannot_be_made_changes_nothing(scene, qtbot, told):
    def fail():
        raise InvalidValueError("It is too large.")

    scene.row.set_pair(scene.source, scene.result, fail)
    before = scene.state()
    click(qtbot, scene.row.residual)
    assert scene.state() == before
    assert not scene.row.residual.isChecked()
    assert told == ["It is too large."]


# ---------------------------------------------------------------- the profile


def plotted(scene):
    found = scene.row.plot.profiles
    return None if found is None else (found.distance, *found.values)


def test_the_profile_appears_at_once_along_a_new_line_and_goes_with_it(scene, qtbot, blurred):
    before = scene.state()
    assert not scene.row.plot.isVisibleTo(scene.row)
    click(qtbot, scene.row.profile)
    assert scene.row.plot.isVisibleTo(scene.row)
    line = scene.viewer.layers["profile line"]
    assert line is scene.viewer.layers[-1]
    assert (line.mode, scene.viewer.layers.selection.active) == ("add_line", line)
    distance, original, deblurred = plotted(scene)
    assert distance[-1] == pytest.approx(0.8 * 39)
    np.testing.assert_allclose(original[12], (blurred[15, 16] + blurred[16, 16]) / 2, rtol=0.05)
    np.testing.assert_allclose(deblurred[12], original[12] ** 2, rtol=0.05)
    click(qtbot, scene.row.profile)
    assert scene.state() == before
    assert not scene.row.plot.isVisibleTo(scene.row)


def test_the_profile_follows_the_line_that_is_drawn_or_moved(scene, qtbot, blurred):
    click(qtbot, scene.row.profile)
    line = scene.viewer.layers["profile line"]
    line.add_lines([[(14, 2), (14, 12)]])
    qtbot.waitUntil(lambda: len(plotted(scene)[0]) == 11)
    np.testing.assert_allclose(plotted(scene)[1], blurred[14, 2:13], rtol=1e-5)
    assert line.nshapes == 1
    line.data = [np.array([(12, 2), (12, 7)])]
    qtbot.waitUntil(lambda: len(plotted(scene)[0]) == 6)
    line.scale = (2, 2)
    qtbot.waitUntil(lambda: plotted(scene)[0][-1] == 10)
    for _ in range(2):  # it comes back where it was
        click(qtbot, scene.row.profile)
    assert plotted(scene)[0][-1] == 10


def test_a_line_of_the_user_is_used_and_stays(scene, qtbot, blurred):
    line = scene.viewer.add_shapes([[(3, 3), (3, 8)], [(9, 0), (9, 20)]], shape_type="line")
    click(qtbot, scene.row.profile)
    assert "profile line" not in scene.viewer.layers
    assert len(plotted(scene)[0]) == 21
    line.mode = "select"
    line.selected_data = {0}
    qtbot.waitUntil(lambda: len(plotted(scene)[0]) == 6)
    other = scene.viewer.add_shapes([[(3, 3), (3, 5)]], shape_type="line")
    qtbot.waitUntil(lambda: len(plotted(scene)[0]) == 3)
    scene.viewer.layers.remove(other)
    qtbot.waitUntil(lambda: len(plotted(scene)[0]) == 6)
    click(qtbot, scene.row.profile)
    assert line in scene.viewer.layers


def test_the_profile_follows_slider_and_data(scene, qtbot, blurred):
    stack, viewer = np.stack([blurred, 2 * blurred, 3 * blurred]), scene.viewer
    scene.fill(layers_of(stack, stack**2))
    click(qtbot, scene.row.profile)
    for step in (0, 2):
        viewer.dims.current_step = (step, 0, 0)
        expected = (step + 1) * blurred[15:17, 4:36].max()
        qtbot.waitUntil(lambda e=expected: np.isclose(plotted(scene)[1].max(), e, rtol=0.05))
    scene.result.data = 0 * stack
    qtbot.waitUntil(lambda: not plotted(scene)[2].any())


def test_the_profile_stays_for_the_next_result_with_the_line_on_top(scene, qtbot, blurred):
    click(qtbot, scene.row.profile)
    result = scene.viewer.add_image(0 * blurred, name="new")
    scene.row.set_pair(scene.source, result)
    assert scene.row.profile.isChecked()
    assert scene.viewer.layers[-1].name == "profile line"
    assert not plotted(scene)[2].any()
    scene.row.set_pair(None, None)
    assert not scene.row.profile.isChecked()
    assert "profile line" not in scene.viewer.layers


def test_of_another_image_the_line_is_new(scene, qtbot, blurred, told):
    for _ in range(2):
        click(qtbot, scene.row.profile)
    scene.viewer.layers.clear()
    place = {"scale": (0.1, 0.1), "units": ("micrometer",) * 2}
    pair = [scene.viewer.add_image(blurred, **place) for _ in range(2)]
    scene.row.set_pair(*pair)
    click(qtbot, scene.row.profile)
    line = scene.viewer.layers["profile line"]
    assert {str(unit) for unit in line.units} == {"micrometer"}
    assert plotted(scene)[0][-1] == pytest.approx(0.8 * 3.9)
    assert scene.row.plot.profiles.unit == "micrometer"
    pair = [scene.viewer.add_image(blurred[:, :20], **place) for _ in range(2)]
    scene.row.set_pair(*pair)  # without a click between
    assert plotted(scene)[0][-1] == pytest.approx(0.8 * 1.9)
    assert [layer.name for layer in scene.viewer.layers].count("profile line") == 1
    assert told == []


def test_a_line_that_is_deleted_by_hand_ends_the_profile(scene, qtbot):
    before = scene.state()
    click(qtbot, scene.row.profile)
    scene.viewer.layers.remove("profile line")
    qtbot.waitUntil(lambda: not scene.row.profile.isChecked())
    scene.viewer.layers.selection.active = scene.result
    assert scene.state() == before


def test_without_any_line_left_the_plot_is_empty(scene, qtbot):
    click(qtbot, scene.row.profile)
    scene.viewer.layers["profile line"].data = []
    qtbot.waitUntil(lambda: plotted(scene) is None)
    assert scene.row.profile.isChecked()
    scene.row.plot.grab()


# ---------------------------------------------------------------- whatever the user does


CHANGES = {
    "source deleted": lambda scene: scene.viewer.layers.remove(scene.source),
    "result deleted": lambda scene: scene.viewer.layers.remove(scene.result),
    "all deleted": lambda scene: scene.viewer.layers.clear(),
    "renamed": lambda scene: setattr(scene.source, "name", "cells deblurred"),
    "reordered": lambda scene: scene.viewer.layers.reverse(),
    "3D": lambda scene: setattr(scene.viewer.dims, "ndisplay", 3),
    "run": lambda scene: scene.viewer.add_image(scene.source.data),
}


BUTTONS = ("Hold: original", "Side by side", "Residual", "Profile")


def press_and_change(scene, qtbot, at_rest, button, change):
    """Press a button, change the layers, press all other buttons, and return to the first view."""
    left, pressed = Qt.MouseButton.LeftButton, scene.buttons()[button]
    names = {layer.name for layer in scene.viewer.layers}
    qtbot.mousePress(pressed, left)
    if button != BUTTONS[0]:
        qtbot.mouseRelease(pressed, left)
    change(scene)
    at_rest()
    if button == BUTTONS[0]:
        qtbot.mouseRelease(pressed, left)
    for other in scene.buttons().values():
        click(qtbot, other)
    scene.row.set_pair(None, None)
    at_rest()
    assert not scene.viewer.canvas.grid.enabled
    assert all(layer.visible for layer in scene.viewer.layers)
    assert {layer.name for layer in scene.viewer.layers} <= names | {"Image", "cells deblurred [2]"}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("button", BUTTONS)
def test_layers_may_change_at_any_time(scene, qtbot, at_rest, told, button, change):
    press_and_change(scene, qtbot, at_rest, button, change)
    assert told == []


@pytest.mark.parametrize("button", BUTTONS)
def test_the_source_may_be_deleted_in_a_real_viewer(real, qtbot, at_rest, told, button):
    press_and_change(real, qtbot, at_rest, button, CHANGES["source deleted"])
    assert told == []


@pytest.mark.parametrize("button", ["Side by side", "Residual", "Profile"])
def test_at_the_end_all_is_as_before(shown, qtbot, at_rest, blurred, button):
    real = Scene(shown, layers_of(blurred, blurred**2))
    before = real.state()
    click(qtbot, real.buttons()[button])
    real.viewer.window.remove_dock_widget(real.dock)
    real.holder.deleteLater()
    qtbot.waitUntil(lambda: real.row._is_closed)
    assert real.state() == before
    assert not real.viewer.keymap
    real.viewer.layers.remove(real.result)  # nobody listens
    real.viewer.canvas.grid.enabled = True
    real.viewer.dims.ndisplay = 3
    real.row.set_pair(real.source, real.result)
    at_rest()


def test_the_viewer_may_be_closed_at_any_time(real, qtbot, at_rest):
    click(qtbot, real.row.side_by_side)
    click(qtbot, real.row.profile)
    real.viewer.close()
    at_rest()


def test_the_window_may_be_closed_while_the_original_is_shown(shown, qtbot, at_rest, blurred):
    scene = Scene(shown, layers_of(blurred, blurred**2))
    click(qtbot, scene.row.residual)
    key(shown, qtbot, True)
    shown.close()
    at_rest()


# ---------------------------------------------------------------- looks


def test_nothing_is_clipped_at_any_width(scene):
    buttons = scene.buttons().values()
    lines = {}
    scene.holder.layout().removeWidget(scene.row)
    for width in (100, 200, 300, 700):
        scene.row.resize(width, scene.row.heightForWidth(width))
        scene.row.layout().setGeometry(scene.row.rect())
        for button in buttons:
            assert button.width() >= button.sizeHint().width()
            assert button.height() >= button.sizeHint().height()
            bottom_right = button.geometry().bottomRight()
            assert scene.row.rect().contains(bottom_right) or width == 100
        lines[width] = len({button.y() for button in buttons})
    assert lines[700] == 1
    assert lines[100] == 4
    assert lines[200] in (2, 4)


def test_all_buttons_are_reached_by_tab(scene):
    for button in scene.buttons().values():
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
        assert button.toolTip()


def test_an_empty_grid_takes_no_room(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    layout = WrappingGrid(widget)
    widget.resize(50, 50)
    layout.activate()
    assert layout.heightForWidth(50) == layout.sizeHint().height() == 0
    assert layout.takeAt(0) is None


def test_on_the_canvas_each_is_where_it_should_be(shown, qtbot, at_rest):
    viewer = shown
    dark, bright = np.full((40, 40), 0.3), np.full((40, 40), 0.9)
    scene = Scene(viewer, layers_of(dark, bright, contrast_limits=(0, 1)))
    scene.labels.visible = False
    viewer.reset_view()

    def column(part):
        at_rest()
        picture = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(float)
        high, wide = picture.shape[:2]
        return picture[high // 2, int(part * wide)].mean() / 255

    assert column(0.5) == pytest.approx(0.9, abs=0.02)
    key(viewer, qtbot, True)
    assert column(0.5) == pytest.approx(0.3, abs=0.02)
    key(viewer, qtbot, False)
    click(qtbot, scene.row.side_by_side)
    assert column(0.25) == pytest.approx(0.3, abs=0.02)
    assert column(0.75) == pytest.approx(0.9, abs=0.02)
    assert column(0.5) == pytest.approx(0, abs=0.02)
    click(qtbot, scene.row.side_by_side)
    assert column(0.5) == pytest.approx(0.9, abs=0.02)


def test_a_line_drawn_with_the_mouse_takes_the_place_of_the_former(shown, qtbot, at_rest):
    viewer = shown
    picture = np.random.default_rng(0).uniform(size=(40, 40))
    scene = Scene(viewer, layers_of(picture, picture))
    viewer.reset_view()
    click(qtbot, scene.row.profile)
    at_rest()
    former = plotted(scene)[0][-1]
    canvas = viewer.window._qt_viewer.canvas.native
    middle = QPoint(canvas.width() // 2, canvas.height() // 2)
    qtbot.mouseMove(canvas, middle)
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=middle)
    for step in (10, 30, 60):
        qtbot.mouseMove(canvas, middle + QPoint(step, step))
        at_rest()
    assert 0 < plotted(scene)[0][-1] < former  # while it is drawn, too
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=middle + QPoint(60, 60))
    line = viewer.layers["profile line"]
    qtbot.waitUntil(lambda: line.nshapes == 1)
    assert line.mode == "add_line"
    drawn = 60 * 2**0.5 / viewer.scene.camera.zoom
    qtbot.waitUntil(lambda: np.isclose(plotted(scene)[0][-1], drawn, rtol=0.1))
