"""Measure what a user waits for in a real window, and what the window feels of it.

It opens napari with the dock, waits, presses Deblur, and prints for each image: the seconds to the
first picture and to the end; the sum and the longest of the stalls of the event loop over 50 ms,
and the longest one while no layer was added; the memory of napari and of its child processes.
``python benchmarks/window.py --wait 3`` takes some minutes; it needs a display.
"""

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

import napari
import numpy as np
import psutil
from cost import volume_of
from napari.components import LayerList
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication
from skimage import data
from speed import photo_of

from napari_tf_deblur import convolve, gaussian_psf

STALL = 0.05
"""Least duration in seconds of a stall that counts."""

AFTER_ADDING = 0.15
"""Seconds after a layer was added in which its first picture is painted."""


class StallMeter:
    """Notes each time that the event loop is late."""

    def __init__(self) -> None:
        self.stalls: list[tuple[float, float]] = []
        self.adding: list[tuple[float, float]] = []
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)
        self._timer.start(5)

    def _tick(self) -> None:
        now = time.perf_counter()
        if now - self._last > STALL:
            self.stalls.append((self._last, now))
        self._last = now

    def reset(self) -> None:
        """Forget all stalls."""
        self._last = time.perf_counter()
        self.stalls.clear()
        self.adding.clear()

    @contextmanager
    def watch_insertions(self) -> Iterator[None]:
        """Note when layers are added."""
        insert = LayerList.insert

        def noted(*arguments: Any) -> None:
            began = time.perf_counter()
            insert(*arguments)
            self.adding.append((began, time.perf_counter() + AFTER_ADDING))

        with mock.patch.object(LayerList, "insert", noted):
            yield

    def summary(self) -> tuple[float, float, float]:
        """Return the sum, the longest, and the longest without an added layer, in seconds."""
        spans = [end - begin for begin, end in self.stalls]
        others = [
            end - begin
            for begin, end in self.stalls
            if not any(begin < stop and start < end for start, stop in self.adding)
        ]
        return sum(spans), max(spans, default=0.0), max(others, default=0.0)


def memory() -> tuple[float, float]:
    """Return the resident memory of this process and of its children, in MiB."""
    process = psutil.Process()
    children = process.children(recursive=True)
    return process.memory_info().rss / 2**20, sum(c.memory_info().rss for c in children) / 2**20


def wait(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        QApplication.processEvents()
        time.sleep(0.002)


def grey(size: tuple[int, int]) -> np.ndarray:
    image = photo_of(max(size)).blurred
    return image[: size[0], : size[1]]


def colour() -> np.ndarray:
    image = data.astronaut().astype(np.float32)
    blurred = convolve(image, gaussian_psf(1.6), channel_axis=-1)
    noise = np.random.default_rng(3).normal(0, 2, image.shape)
    return (blurred + noise).clip(0, 255).astype(np.uint8)


def press(viewer: napari.Viewer, dock: Any, meter: StallMeter, name: str, image: Any) -> None:
    """Add an image unless it is there, press Deblur, and print a row."""
    if name not in viewer.layers:
        viewer.add_image(image(), name=name)
        wait(1.0)
    viewer.layers.selection = {viewer.layers[name]}
    wait(0.5)
    meter.reset()
    before = set(viewer.layers)
    began, first = time.perf_counter(), 0.0
    with meter.watch_insertions():
        dock.deblur()
        while not dock.deblur_button.enabled:
            QApplication.processEvents()
            time.sleep(0.001)
            if not first and (set(viewer.layers) - before or "iteration" in dock.status.text()):
                first = time.perf_counter() - began
        end = time.perf_counter() - began
        wait(0.3)
    total, longest, other = meter.summary()
    own, child = memory()
    print(
        f"| {name} | {first or end:.2f} | {end:.2f} | {1000 * total:.0f} | {1000 * longest:.0f} | "
        f"{1000 * other:.0f} | {own:.0f} | {child:.0f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wait", type=float, default=3.0, help="seconds at the dock")
    parser.add_argument("--cases", type=int, default=99, help="number of images")
    options = parser.parse_args()
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1280, 720)
    viewer.add_image(grey((512, 512)), name="512 x 512")
    wait(3.0)
    own, _ = memory()
    dock: Any = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")[1]
    meter = StallMeter()
    wait(options.wait)
    total, longest, _ = meter.summary()
    print("| image | first s | end s | stalls ms | longest | not adding | napari MiB | child |")
    print("|---|---|---|---|---|---|---|---|")
    stalls = f"{1000 * total:.0f} | {1000 * longest:.0f}"
    now, child = memory()
    print(f"| (at the dock) | | | {stalls} | | {own:.0f} to {now:.0f} | {child:.0f} |", flush=True)
    cases = [
        ("512 x 512", partial(grey, (512, 512))),
        ("512 x 512", partial(grey, (512, 512))),
        *(
            (f"{a} x {b}", partial(grey, (a, b)))
            for a, b in ((430, 430), (620, 480), (760, 760), (1000, 900))
        ),
        ("colour", colour),
        ("64 x 256 x 256", lambda: volume_of((64, 256, 256)).blurred),
    ]
    for name, image in cases[: options.cases]:
        press(viewer, dock, meter, name, image)
    os._exit(0)


if __name__ == "__main__":
    main()
