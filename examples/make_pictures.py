"""Make the pictures of the window again, for the README and the site.

    python examples/make_pictures.py

Needs a display. Without one, put ``xvfb-run -a -s "-screen 0 1600x1000x24"`` before it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import napari
import numpy as np
from deblur_a_sample import (
    before_and_after,
    deblur,
    let_it_draw,
    result_of,
    save,
    wait_for,
    window_picture,
)
from napari.settings import get_settings
from qtpy.QtCore import QSettings

from napari_tf_deblur import GradientDescent, Specimen, convolve, microscope_psf
from napari_tf_deblur._dock.widget import DeblurWidget

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "images"


def filaments(shape: tuple[int, int], count: int = 30) -> np.ndarray:
    """Draw curved filaments, as of a cytoskeleton, on a faint background."""
    random = np.random.default_rng(1)
    scene = np.full(shape, 0.05)
    for _ in range(count):
        place, course = random.uniform(0.1, 0.9, 2) * shape, random.uniform(0, 2 * np.pi)
        for _ in range(3 * max(shape)):
            course += random.normal(0, 0.06)
            place = place + 0.5 * np.array([np.sin(course), np.cos(course)])
            row, column = np.rint(place).astype(int)
            if not (0 <= row < shape[0] and 0 <= column < shape[1]):
                break
            scene[row, column] = 1.0
    return scene


def opened(width: int = 1320, height: int = 950) -> tuple[napari.Viewer, DeblurWidget]:
    viewer = napari.Viewer()
    viewer.window.resize(width, height)
    _, widget = viewer.window.add_plugin_dock_widget("napari-tf-deblur", "Deblur")
    let_it_draw()
    return viewer, widget


def biologist() -> None:
    """Save a 16-bit image from a 1.4 oil objective: before, after, and compared."""
    psf = microscope_psf(1.4, 520, spacing=(65, 65))
    light = np.maximum(convolve(filaments((300, 300)), psf), 0)
    counts = np.random.default_rng(0).poisson(600 * light / light.max())
    image = (12 * counts + np.random.default_rng(1).normal(100, 15, light.shape)).clip(0)
    viewer, widget = opened()
    viewer.add_image(image.astype(np.uint16), name="tubulin")
    let_it_draw()
    save(window_picture(viewer), PICTURES / "biologist_nothing_known.png")
    microscope = widget.fields.psf.fields_by_title["Microscope"]
    microscope.aperture.value = 1.4
    microscope.waves.emissions[0].value = 520
    microscope.pixel.value = 65
    deblur(viewer, widget)
    save(window_picture(viewer), PICTURES / "biologist_deblurred.png")
    widget.result_row.compare.side_by_side.click()
    let_it_draw()
    save(window_picture(viewer), PICTURES / "biologist_side_by_side.png")
    widget.result_row.compare.side_by_side.click()
    widget.result_row.compare.profile.click()
    let_it_draw()
    save(window_picture(viewer), PICTURES / "biologist_profile.png")
    viewer.close()


def photographer() -> None:
    """Save a colour photograph with unknown blur: before and after."""
    viewer, widget = opened()
    viewer.open_sample("napari-tf-deblur", "blurred_coffee")
    let_it_draw()
    deblur(viewer, widget)
    save(window_picture(viewer), PICTURES / "photographer_deblurred.png")
    viewer.scene.camera.zoom *= 2.5
    save(before_and_after(viewer), PICTURES / "before_and_after.png")
    viewer.close()


def run_in_progress() -> None:
    """Save the window in the middle of a run, slowed down by small steps."""
    viewer, widget = opened()
    viewer.open_sample("napari-tf-deblur", "blurred_astronaut")
    widget.fields.psf.kind.value = "Gaussian"
    for field, sigma in zip(
        widget.fields.psf.fields_by_title["Gaussian"].sigmas[1:], (1, 3), strict=True
    ):
        field.value = sigma
    widget.fields.advanced.set_expanded()
    widget.fields.methods.choice.value = GradientDescent
    widget.fields.methods.forms[GradientDescent].learning_rate.value = 0.05
    widget.fields.methods.forms[GradientDescent].iterations.value = 5000
    widget.deblur_button.native.click()
    wait_for(lambda: len(widget.plot.losses) > 2500)
    save(window_picture(viewer), PICTURES / "window_working.png")
    wait_for(lambda: widget.deblur_button.enabled)
    viewer.close()


def open_volume(viewer: napari.Viewer, widget: DeblurWidget) -> None:
    """Open the cells in 3D, and tell their blur."""
    viewer.open_sample("napari-tf-deblur", "blurred_cells")
    widget.fields.psf.kind.value = "Gaussian"
    for field in widget.fields.psf.fields_by_title["Gaussian"].sigmas:
        field.value = 2


def show_in_3d(viewer: napari.Viewer) -> None:
    viewer.dims.ndisplay = 3
    viewer.reset_view()
    viewer.scene.camera.angles = (20, 30, -50)


def volume() -> None:
    """Save the dock with a volume in 3D."""
    viewer, widget = opened()
    open_volume(viewer, widget)
    deblur(viewer, widget)
    result = result_of(viewer)
    show_in_3d(viewer)
    for layer in viewer.layers:
        layer.visible = layer is result
    let_it_draw()
    save(window_picture(viewer), PICTURES / "window_volume.png")
    viewer.close()


def depth() -> None:
    """Save the fields for mounting medium and depth: a volume in water, under an oil objective."""
    spacing, specimen = (200, 80, 80), Specimen(refractive_index=1.33, depth=5000)
    scene = np.zeros((24, 160, 160))
    scene[12] = filaments((160, 160), 12)
    psf = microscope_psf(1.4, 520, spacing=spacing, specimen=specimen, within=scene.shape)
    light = np.maximum(convolve(scene, psf), 0)
    counts = np.random.default_rng(0).poisson(600 * light / light.max() + 5)
    viewer, widget = opened(1280, 720)
    viewer.add_image(
        counts.astype(np.uint16),
        name="tubulin",
        scale=np.divide(spacing, 1000),
        units=("um",) * 3,
        axis_labels=("z", "y", "x"),
    )
    let_it_draw()
    microscope = widget.fields.psf.fields_by_title["Microscope"]
    microscope.aperture.value = 1.4
    microscope.immersion.value = 1.515
    microscope.waves.emissions[0].value = 520
    microscope.mounting.value = specimen.refractive_index
    microscope.depth.value = specimen.depth
    let_it_draw()
    save(window_picture(viewer), PICTURES / "window_depth.png")
    viewer.close()


def make(*pictures: Callable[[], None]) -> None:
    """Make pictures with the default settings of napari and of the dock, not the user's."""
    get_settings(None)
    with TemporaryDirectory() as folder:  # a folder without settings
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
        for picture in pictures:
            picture()


if __name__ == "__main__":
    make(biologist, photographer, run_in_progress, volume, depth)
