"""Make the pictures of the preview again: two of the window, and one that moves.

    python examples/make_preview_pictures.py

Needs a display. Without one, put ``xvfb-run -a -s "-screen 0 1600x1000x24"`` before it.
"""

from __future__ import annotations

import napari
import numpy as np
from deblur_a_sample import let_it_draw, save, wait_for, window_picture
from make_pictures import PICTURES, filaments, make, open_volume, opened, show_in_3d
from PIL import Image as Picture

from napari_tf_deblur import convolve, microscope_psf
from napari_tf_deblur._dock.preview import FINAL_TEXT
from napari_tf_deblur._dock.widget import DeblurWidget
from napari_tf_deblur._layers.preview_layer import find_preview_layer

WINDOW = (1280, 720)
FRAME, COLOURS = (24, 700, 600, 1280), 64
"""The part of the window that the moving picture shows (top, bottom, left, right), and how many
colours. It is not made smaller: pixels that stay squares take a tenth of the bytes."""

FRAME_MS, LAST_MS = 500, 2000
"""Milliseconds that a frame is shown, and the last one."""

SMOOTHINGS = (0, 6, 12, 6, 0, -5, -10, -5, 0)
"""Places of the slider, in its steps: a quarter of an octave each."""


def dim_filaments() -> np.ndarray:
    """Return filaments of few photons in 400 x 400 pixels of 65 nm, seen with NA 1.4 at 520 nm."""
    psf = microscope_psf(1.4, 520, spacing=(65, 65))
    light = np.maximum(convolve(filaments((400, 400), 50), psf), 0)
    counts = np.random.default_rng(0).poisson(60 * light / light.max())
    noise = np.random.default_rng(1).normal(100, 5, light.shape)
    return (12 * counts + noise).clip(0).astype(np.uint16)


def switch_on(viewer: napari.Viewer, widget: DeblurWidget) -> None:
    widget.fields.preview.value = True
    wait_for(lambda: find_preview_layer(viewer) is not None)
    wait_until_final(widget)


def wait_until_final(widget: DeblurWidget) -> None:
    """Wait until the preview shows what a run on the whole image does."""
    let_it_draw()
    wait_for(lambda: widget.status.text() == FINAL_TEXT)
    let_it_draw()


def plane() -> None:
    """Save the preview of a plane, and a moving picture of it that follows the slider."""
    viewer, widget = opened(*WINDOW)
    viewer.add_image(dim_filaments(), name="tubulin")
    microscope = widget.fields.psf.fields_by_title["Microscope"]
    microscope.aperture.value = 1.4
    microscope.waves.emissions[0].value = 520
    microscope.pixel.value = 65
    viewer.scene.camera.zoom *= 3
    widget._arrangement._fields.verticalScrollBar().setValue(10000)
    let_it_draw()
    frames = [window_picture(viewer)]
    switch_on(viewer, widget)
    save(window_picture(viewer), PICTURES / "preview_plane.png")
    for place in SMOOTHINGS:
        widget.fields.smoothing.slider.setValue(place)
        wait_until_final(widget)
        frames.append(window_picture(viewer))
    save_moving_picture(frames)
    viewer.close()


def save_moving_picture(frames: list[np.ndarray]) -> None:
    pictures = []
    top, bottom, left, right = FRAME
    for frame in frames:
        picture = Picture.fromarray(np.ascontiguousarray(frame[top:bottom, left:right]))
        octree = Picture.Quantize.FASTOCTREE  # the same colours in all frames
        pictures.append(picture.quantize(COLOURS, octree, dither=Picture.Dither.NONE))
    path = PICTURES / "preview_moving.png"
    pictures[0].save(
        path,
        save_all=True,
        append_images=pictures[1:],
        duration=[FRAME_MS] * (len(pictures) - 1) + [LAST_MS],
        loop=0,
        optimize=True,
    )
    print(f"Saved {path}")


def volume() -> None:
    """Save the preview of a volume in 3D."""
    viewer, widget = opened(*WINDOW)
    open_volume(viewer, widget)
    show_in_3d(viewer)
    switch_on(viewer, widget)
    save(window_picture(viewer), PICTURES / "preview_volume.png")
    viewer.close()


if __name__ == "__main__":
    make(plane, volume)
