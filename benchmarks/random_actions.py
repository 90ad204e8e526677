"""Do random things to a real window, and see that nothing breaks and that its memory is bounded.

``python benchmarks/random_actions.py --actions 1000 --seed 1`` adds, removes, renames, selects and
hides layers, deblurs, stops, changes fields, switches the preview, moves the view, and closes the
dock. It ends with the last actions and an error if there is an exception, an error that is no
sentence for the user, a message of Qt, a source whose pixels changed, or memory that grows.
napari 0.9.2 with Mesa's software rendering may end in a segmentation fault in a draw call, also
without this plugin; ``--no-drawing`` leaves these calls out, and nothing else.
``--runs 200`` presses Deblur so many times on the same images instead. It needs a display.
"""

import argparse
import faulthandler
import gc
import os
import random
import sys
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import napari
import numpy as np
from napari.utils.notifications import ErrorNotification, notification_manager
from qtpy.QtCore import QtMsgType, qInstallMessageHandler
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QPushButton,
    QSpinBox,
    QWidget,
)
from vispy.gloo.glir import GlirProgram
from window import memory, wait

from napari_tf_deblur import convolve, gaussian_psf

MIB_PER_1000 = 550
"""Growth of napari's memory, in MiB per 1000 actions once layers are removed, that is an error.
napari alone (``--without-dock``) grew by 490 in Mesa's software rendering, with no Python object of
a removed layer left."""

WARM_UP = 1000
"""Number of actions after which growth counts: libraries are loaded, caches are filled."""

REPORT_EVERY = 250
LAST_ACTIONS = 30
MAX_LAYERS = 8
MAX_NUMBER = 40
"""Largest value of the fields for whole numbers, so that runs are short."""

NOT_PRESSED = ("Batch...", "Choose", "Browse", "Open", "Load", "Save", "...")
"""Buttons that open a dialog of the system, which waits for a person."""

KNOWN_QT_MESSAGES = ("propagateSizeHints", "QXcbConnection: XError", "XDG_RUNTIME_DIR")


class Faults:
    """Collects what must not happen."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.told: Counter[str] = Counter()
        sys.excepthook = self._note_exception
        threading.excepthook = lambda a: self._note_exception(
            a.exc_type, a.exc_value, a.exc_traceback
        )
        notification_manager.notification_ready.connect(self._note_notification)
        qInstallMessageHandler(self._note_message)

    def _note_exception(self, *exception: Any) -> None:
        self.found.append("".join(traceback.format_exception(*exception)))

    def _note_notification(self, notification: Any) -> None:
        if isinstance(notification, ErrorNotification):
            error = notification.exception
            self._note_exception(type(error), error, error.__traceback__)
        else:
            self.told[str(notification.message)] += 1

    def _note_message(self, kind: Any, _context: object, message: str) -> None:
        is_known = any(part in message for part in KNOWN_QT_MESSAGES)
        if kind not in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg) and not is_known:
            self.found.append(f"Qt: {message}")


def make_image(rng: random.Random) -> tuple[str, np.ndarray]:
    """Return a name and a blurred image of a random kind."""
    numbers = np.random.default_rng(rng.randrange(2**32))
    kind = rng.choice(["grey", "grey", "uint8", "float64", "colour", "volume", "stack"])
    if kind in ("volume", "stack"):
        shape = (rng.randint(4, 12), rng.randint(24, 48), rng.randint(24, 48))
    else:
        shape = (rng.randint(64, 200), rng.randint(64, 200))
    scene = (numbers.random(shape) > 0.98).astype(np.float32) * 200
    blurred = convolve(scene, gaussian_psf((1.5,) * len(shape))) + numbers.normal(10, 0.5, shape)
    if kind == "colour":
        blurred = np.stack([blurred, 0.7 * blurred, 0.4 * blurred], axis=-1)
    if kind in ("uint8", "colour"):
        return kind, blurred.clip(0, 255).astype(np.uint8)
    return kind, blurred.astype(np.float64 if kind == "float64" else np.float32)


class Window:
    """A window with the dock, and what a person can do to it."""

    def __init__(self, rng: random.Random, with_dock: bool = True) -> None:
        self.rng = rng
        self.viewer = napari.Viewer(show=True)
        self.viewer.window._qt_window.resize(1280, 800)
        self.sources: dict[Any, tuple[Any, bytes]] = {}
        self.dock: Any = None
        self.detail = ""  # of the present action
        if with_dock:
            self.reopen_dock()

    # ------------------------------------------------------------ layers

    def add_image(self) -> None:
        if len(self.viewer.layers) >= MAX_LAYERS:
            return self.remove_layer()
        kind, data = make_image(self.rng)
        layer = self.viewer.add_image(data, name=kind, rgb=kind == "colour")
        self.sources[layer] = (data, data.tobytes())
        return None

    def remove_layer(self) -> None:
        if self.viewer.layers:
            layer = self.rng.choice(list(self.viewer.layers))
            self.viewer.layers.remove(layer)
            self.sources.pop(layer, None)

    def rename_layer(self) -> None:
        if self.viewer.layers:
            self.rng.choice(list(self.viewer.layers)).name = f"name {self.rng.randrange(5)}"

    def select_layers(self) -> None:
        layers = list(self.viewer.layers)
        self.viewer.layers.selection = set(
            self.rng.sample(layers, min(len(layers), self.rng.choice([0, 1, 1, 1, 2])))
        )

    def hide_layer(self) -> None:
        if self.viewer.layers:
            layer = self.rng.choice(list(self.viewer.layers))
            layer.visible = not layer.visible

    def add_mask(self) -> None:
        images = [layer for layer in self.sources if layer in self.viewer.layers and not layer.rgb]
        if images and len(self.viewer.layers) < MAX_LAYERS:
            self.viewer.add_labels(np.zeros(self.rng.choice(images).data.shape, np.uint8))

    def move_view(self) -> None:
        camera = self.viewer.scene.camera
        camera.zoom *= 2 ** self.rng.uniform(-1, 1)
        camera.center = tuple(x + self.rng.uniform(-20, 20) for x in camera.center)
        if self.rng.random() < 0.2:
            self.viewer.fit_to_view()

    def move_slider(self) -> None:
        dims = self.viewer.dims
        for axis in range(dims.ndim):
            dims.set_current_step(axis, self.rng.randrange(max(1, dims.nsteps[axis])))

    def switch_3d(self) -> None:
        self.viewer.dims.ndisplay = 5 - self.viewer.dims.ndisplay

    def transpose(self) -> None:
        self.viewer.dims.roll()

    # ------------------------------------------------------------ the dock

    def deblur(self) -> None:
        self.dock.deblur()

    def deblur_to_the_end(self) -> None:
        self.dock.deblur()
        self.await_end(self.rng.uniform(0, 5))

    def stop(self) -> None:
        self.dock.stop()

    def switch_preview(self) -> None:
        box = self.dock.fields.preview
        if box.enabled:
            box.value = not box.value

    def show_psf(self) -> None:
        self.dock.show_psf()

    def change_combo(self) -> None:
        box = self.pick(QComboBox)
        if box is not None and box.count():
            box.setCurrentIndex(self.rng.randrange(box.count()))

    def change_number(self) -> None:
        box = self.pick(QAbstractSpinBox)
        if isinstance(box, QSpinBox):
            top = min(box.maximum(), max(box.minimum() + 1, MAX_NUMBER))
            box.setValue(self.rng.randint(box.minimum(), top))
        elif isinstance(box, QDoubleSpinBox):
            box.setValue(box.value() * 2 ** self.rng.uniform(-1, 1) or self.rng.random())

    def move_smoothing(self) -> None:
        slider = self.dock.fields.smoothing.slider
        slider.setValue(self.rng.randint(slider.minimum(), slider.maximum()))

    def tick(self) -> None:
        box = self.pick(QCheckBox)
        if box is not None and "Preview" not in box.text():
            box.click()

    def press(self) -> None:
        button = self.pick(QPushButton)
        if button is not None and not any(part in button.text() for part in NOT_PRESSED):
            button.click()

    def reopen_dock(self) -> None:
        if self.dock is not None:
            dock_widget = self.dock.native.parent()
            while not hasattr(dock_widget, "destroyOnClose"):
                dock_widget = dock_widget.parent()
            dock_widget.destroyOnClose()
        self.dock = self.viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")[1]

    def pick(self, kind: type[QWidget]) -> Any:
        """Return a random widget of the dock that a person could use; None if there is none."""
        parts = [x for x in self.dock.native.findChildren(kind) if x.isVisible() and x.isEnabled()]
        part: Any = self.rng.choice(parts) if parts else None
        self.detail = part.text() if hasattr(part, "text") else type(part).__name__
        return part

    # ------------------------------------------------------------ looking

    @property
    def is_busy(self) -> bool:
        return self.dock is not None and not self.dock.deblur_button.enabled

    def await_end(self, seconds: float = 120.0) -> None:
        until = time.monotonic() + seconds
        while self.is_busy and time.monotonic() < until:
            wait(0.01)

    def find_changed_sources(self) -> list[str]:
        return [
            f"the pixels of {layer.name} have changed"
            for layer, (data, pixels) in self.sources.items()
            if layer.data is not data or data.tobytes() != pixels
        ]

    def clear(self) -> None:
        """End all that goes on, and remove all layers."""
        if self.dock is not None:
            self.dock.fields.preview.value = False
            self.dock.stop()
            self.await_end()
        self.viewer.dims.ndisplay = 2
        self.viewer.layers.clear()
        self.sources.clear()
        wait(0.5)
        gc.collect()


ACTIONS: dict[Callable[[Window], None], int] = {
    Window.add_image: 8,
    Window.remove_layer: 5,
    Window.rename_layer: 2,
    Window.select_layers: 8,
    Window.hide_layer: 3,
    Window.add_mask: 1,
    Window.move_view: 5,
    Window.move_slider: 5,
    Window.switch_3d: 2,
    Window.transpose: 1,
    Window.deblur: 8,
    Window.deblur_to_the_end: 4,
    Window.stop: 5,
    Window.switch_preview: 6,
    Window.show_psf: 2,
    Window.change_combo: 8,
    Window.change_number: 8,
    Window.move_smoothing: 5,
    Window.tick: 3,
    Window.press: 6,
    Window.reopen_dock: 1,
}
"""What is done, and how often."""

WITHOUT_DOCK = tuple(ACTIONS)[:10]


def act(window: Window, faults: Faults, count: int, trace: bool) -> None:
    """Do random things; end with an error if something breaks."""
    actions = WITHOUT_DOCK if window.dock is None else tuple(ACTIONS)
    weights = [ACTIONS[action] for action in actions]
    last: deque[str] = deque(maxlen=LAST_ACTIONS)
    first: tuple[int, float] | None = None
    began = time.monotonic()
    for number in range(1, count + 1):
        action = window.rng.choices(actions, weights)[0]
        window.detail = ""
        try:
            action(window)
            wait(window.rng.choice([0.0, 0.0, 0.02, 0.1]))
            QApplication.processEvents()
        except Exception:
            faults.found.append(traceback.format_exc())
        last.append(f"{action.__name__} {window.detail}".strip())
        if trace:
            print(number, last[-1], flush=True)
        if number % REPORT_EVERY == 0:
            faults.found += window.find_changed_sources()
            window.clear()
            own, child = memory()
            seconds = time.monotonic() - began
            print(
                f"{number} actions, {seconds:.0f} s: napari {own:.0f} MiB, child {child:.0f} MiB",
                flush=True,
            )
            first = first or ((number, own) if number >= WARM_UP else None)
            if first is not None and number >= first[0] + 1000:
                growth = (own - first[1]) * 1000 / (number - first[0])
                if growth > MIB_PER_1000:
                    faults.found.append(f"napari grew by {growth:.0f} MiB per 1000 actions")
        if faults.found:
            print(f"After {number} actions, the last ones {', '.join(last)}:")
            print("\n".join(faults.found), flush=True)
            os._exit(1)


def repeat(window: Window, faults: Faults, count: int) -> None:
    """Press Deblur many times on the same images in turn."""
    while len(window.sources) < 3:
        kind, data = make_image(window.rng)
        if kind not in [layer.name for layer in window.sources]:
            layer = window.viewer.add_image(data, name=kind, rgb=kind == "colour")
            window.sources[layer] = (data, data.tobytes())
    layers = list(window.sources)
    for number in range(1, count + 1):
        window.viewer.layers.selection = {layers[number % len(layers)]}
        wait(0.02)
        window.dock.deblur()
        window.await_end()
        faults.found += window.find_changed_sources()
        if faults.found:
            print("\n".join(faults.found), flush=True)
            os._exit(1)
        if number % 20 == 0:
            wait(2.0)  # the child gives memory back
            gc.collect()
            own, child = memory()
            count_objects = len(gc.get_objects())
            print(
                f"{number} runs: napari {own:.1f} MiB, {count_objects} objects, "
                f"child {child:.1f} MiB",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=5000, help="number of actions")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random numbers")
    parser.add_argument("--runs", type=int, default=0, help="number of runs instead of actions")
    parser.add_argument("--without-dock", action="store_true", help="only what napari does alone")
    parser.add_argument("--no-drawing", action="store_true", help="leave out OpenGL's draw calls")
    parser.add_argument("--trace", action="store_true", help="print each action")
    options = parser.parse_args()
    faulthandler.enable()
    if options.no_drawing:
        GlirProgram.draw = lambda *_: None
    faults = Faults()
    window = Window(random.Random(options.seed), not options.without_dock)
    if options.runs:
        repeat(window, faults, options.runs)
    else:
        act(window, faults, options.actions, options.trace)
    for text, times in faults.told.most_common(20):
        print(f"{times} times: {text[:150]}")
    if "tensorflow" in sys.modules:
        sys.exit("TensorFlow was imported in the process of the window")
    os._exit(0)


if __name__ == "__main__":
    main()
