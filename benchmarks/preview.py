"""Measure how soon the preview shows what was asked for, in a real window.

The preview is switched on for a region of about 512 x 512 pixels of a large image. The slider of
the smoothing, and then the sigmas, are moved many times. Printed are the median and the largest
seconds from a move to the new pixels, and how much the preview differs from the run on the whole
image there, first and at rest. ``python benchmarks/preview.py --size 4096`` takes some minutes; it
needs a display.
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import napari
import numpy as np
from qtpy.QtWidgets import QApplication
from speed import photo_of
from window import wait

from napari_tf_deblur import PoissonLikelihood, TotalVariation, Wiener, deconvolve, gaussian_psf
from napari_tf_deblur._layers.preview_layer import find_preview_layer

METHODS = (TotalVariation, Wiener, PoissonLikelihood)


def until(condition: Callable[[], bool], seconds: float = 120.0) -> float:
    """Let the window work until a condition holds; return the seconds."""
    began = time.perf_counter()
    while not condition() and time.perf_counter() < began + seconds:
        QApplication.processEvents()
        time.sleep(0.002)
    return time.perf_counter() - began


def pixels(viewer: napari.Viewer) -> Any:
    layer = find_preview_layer(viewer)
    return None if layer is None else layer.data


def is_final(dock: Any) -> bool:
    return "computing" not in dock.status.text()


def moves(viewer: napari.Viewer, change: Callable[[int], None], count: int) -> list[float]:
    """Change something many times; return the seconds to new pixels."""
    seconds = []
    for number in range(count):
        before = pixels(viewer)
        change(number)
        seconds.append(until(lambda before=before: pixels(viewer) is not before))
        wait(0.05)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=4096, help="pixels of the image per side")
    parser.add_argument("--moves", type=int, default=50, help="moves per method")
    options = parser.parse_args()
    image = photo_of(options.size).blurred
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1280, 720)
    layer = viewer.add_image(image, name="image")
    dock: Any = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")[1]
    wait(1.0)
    viewer.scene.camera.center = (options.size / 2, options.size / 2)
    viewer.scene.camera.zoom = viewer.scene.camera.zoom * options.size / 400
    dock.fields.psf.kind.value = "Gaussian"
    sigmas = dock.fields.psf.fields_by_title["Gaussian"].sigmas[-2:]
    slider = dock.fields.smoothing.slider
    print("| method | first s | smoothing | largest | sigma | largest | differs | at rest |")
    print("|---|---|---|---|---|---|---|---|")
    for method in METHODS:
        dock.fields.methods.choice.value = method
        for field in sigmas:
            field.value = 1.6
        dock.fields.preview.value = True
        first = until(lambda: pixels(viewer) is not None and is_final(dock), 300)
        smooth = [0.0]
        if method is not Wiener:
            smooth = moves(viewer, lambda k: slider.setValue(1 + k % 8), options.moves)
            slider.setValue(0)
            until(lambda: is_final(dock))

        def set_sigmas(number: int) -> None:
            for field in sigmas:
                field.value = 1.5 + 0.01 * (number % 20)

        sharp = moves(viewer, set_sigmas, options.moves)
        for field in sigmas:
            field.value = 1.6
        wait(0.5)
        until(lambda: is_final(dock))
        moving = pixels(viewer)
        until(lambda moving=moving: pixels(viewer) is not moving, 60)  # of the whole image
        shown, preview = pixels(viewer), find_preview_layer(viewer)
        start = np.rint(layer.world_to_data(preview.data_to_world((0, 0)))).astype(int)
        region = tuple(slice(a, a + n) for a, n in zip(start, shown.shape))
        full = deconvolve(image, gaussian_psf(1.6), method()).image
        differs = [100 * np.abs(full[region] - x).max() / np.ptp(full) for x in (moving, shown)]
        print(
            f"| {method.__name__} {shown.shape} | {first:.2f} | {np.median(smooth):.3f} | "
            f"{max(smooth):.3f} | {np.median(sharp):.3f} | {max(sharp):.3f} | "
            f"{differs[0]:.2f} % | {differs[1]:.2f} % |",
            flush=True,
        )
        dock.fields.preview.value = False
        until(lambda: find_preview_layer(viewer) is None)
    os._exit(0)


if __name__ == "__main__":
    main()
