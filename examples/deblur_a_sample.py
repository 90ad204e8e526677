"""Open napari on a blurred sample with the dock "Deblur" beside it, and deblur it.

    python examples/deblur_a_sample.py
    python examples/deblur_a_sample.py --sample blurred_cells
    python examples/deblur_a_sample.py --screenshot pictures

With ``--screenshot`` it saves a picture of the window, and one of the sample before and after
deblurring, and ends.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import imageio.v3 as imageio
import napari
import numpy as np
from napari.layers import Image
from napari.settings import get_settings
from qtpy.QtWidgets import QApplication

from napari_tf_deblur._dock.widget import DeblurWidget

SAMPLES = ("blurred_coffee", "blurred_astronaut", "blurred_cells")


def open_sample(sample: str) -> tuple[napari.Viewer, DeblurWidget]:
    """Open napari with a sample and the dock, with the known blur of the sample."""
    viewer = napari.Viewer()
    viewer.window.resize(1320, 950)
    _, widget = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")
    let_it_draw()
    viewer.open_sample("napari-tf-deblur", sample)
    sigmas = viewer.layers[0].metadata["blur"]["sigma in pixels"]
    widget.fields.psf.kind.value = "Gaussian"
    for field, sigma in zip(
        widget.fields.psf.fields_by_title["Gaussian"].sigmas[-len(sigmas) :], sigmas, strict=True
    ):
        field.value = sigma
    return viewer, widget


def wait_for(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    """Process events of the window until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"Not done after {seconds:.0f} s.")
        QApplication.processEvents()
        time.sleep(0.01)


def let_it_draw() -> None:
    end = time.monotonic() + 1.0
    wait_for(lambda: time.monotonic() > end)


def deblur(viewer: napari.Viewer, widget: DeblurWidget) -> None:
    """Press the button and wait for the result."""
    widget.deblur_button.native.click()
    wait_for(lambda: widget.deblur_button.enabled)
    if result_of(viewer) is None:
        raise RuntimeError(widget.status.text())
    let_it_draw()


def result_of(viewer: napari.Viewer) -> Image | None:
    """Return the latest result."""
    for layer in reversed(viewer.layers):
        if layer.metadata.get("napari_tf_deblur", {}).get("kind") == "result":
            return layer
    return None


def window_picture(viewer: napari.Viewer) -> np.ndarray:
    return viewer.screenshot(canvas_only=False, flash=False)[..., :3]


def before_and_after(viewer: napari.Viewer) -> np.ndarray:
    """Return two pictures of the middle of the canvas, side by side: the sample and the result."""
    source = viewer.layers[0]
    halves = []
    for shown in (source, result_of(viewer)):
        for layer in viewer.layers:
            layer.visible = layer is shown
        let_it_draw()
        canvas = viewer.screenshot(canvas_only=True, flash=False)[..., :3]
        side = min(canvas.shape[:2])
        top, left = ((n - side) // 2 for n in canvas.shape[:2])
        halves.append(canvas[top : top + side, left : left + side])
    gap = np.full((halves[0].shape[0], 6, 3), 255, dtype=np.uint8)
    return np.hstack([halves[0], gap, halves[1]])


def save(picture: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    imageio.imwrite(path, picture)
    print(f"Saved {path}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", choices=SAMPLES, default=SAMPLES[0])
    parser.add_argument("--screenshot", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    if arguments.screenshot is None:
        _, widget = open_sample(arguments.sample)
        widget.deblur_button.native.click()
        napari.run()
        return 0
    get_settings(None)  # default settings of napari, not the user's
    viewer, widget = open_sample(arguments.sample)
    try:
        deblur(viewer, widget)
        print(widget.status.text())
        viewer.scene.camera.zoom *= 2
        let_it_draw()
        save(window_picture(viewer), arguments.screenshot / "window.png")
        save(before_and_after(viewer), arguments.screenshot / "before_and_after.png")
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        viewer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
