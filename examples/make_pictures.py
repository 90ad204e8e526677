"""Make the README's pictures again.

    python examples/make_pictures.py

Needs a display; where there is none, put ``xvfb-run -a -s "-screen 0 1600x1000x24"`` before it.
"""

from __future__ import annotations

from pathlib import Path

from deblur_a_sample import (
    before_and_after,
    deblur,
    let_it_draw,
    open_sample,
    save,
    wait_for,
    window_picture,
)
from napari.settings import get_settings

from napari_tf_deblur import GradientDescent, Hessian

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "images"


def colour() -> None:
    """The dock in 2D, and a colour photograph before and after."""
    viewer, widget = open_sample("blurred_coffee")
    let_it_draw()
    save(window_picture(viewer), PICTURES / "window_before.png")
    deblur(viewer, widget)
    save(window_picture(viewer), PICTURES / "window_after.png")
    viewer.scene.camera.zoom *= 2.5
    save(before_and_after(viewer), PICTURES / "before_and_after.png")
    viewer.close()


def run_in_progress() -> None:
    """The window in the middle of a run, slowed down by small steps."""
    viewer, widget = open_sample("blurred_astronaut")
    widget.fields.methods.choice.value = GradientDescent
    widget.fields.boundary.value = "zero"
    widget.fields.psf.of_kind["Gaussian"].size.value = "13"
    widget.fields.methods.forms[GradientDescent].learning_rate.value = 0.05
    widget.fields.methods.forms[GradientDescent].iterations.value = 5000
    widget.deblur_button.native.click()
    wait_for(lambda: len(widget.plot.losses) > 2500)
    save(window_picture(viewer), PICTURES / "window_working.png")
    wait_for(lambda: widget.deblur_button.enabled)
    viewer.close()


def volume() -> None:
    """The dock in 3D."""
    viewer, widget = open_sample("blurred_cells")
    widget.fields.methods.choice.value = Hessian
    widget.fields.methods.forms[Hessian].nonnegative.value = True
    deblur(viewer, widget)
    source, result = viewer.layers[0], viewer.layers["blurred cells deblurred"]
    viewer.dims.ndisplay = 3
    viewer.reset_view()
    viewer.scene.camera.angles = (20, 30, -50)
    for layer in viewer.layers:
        layer.visible = layer is result
    result.contrast_limits = source.contrast_limits
    let_it_draw()
    save(window_picture(viewer), PICTURES / "window_volume.png")
    viewer.close()


def main() -> None:
    get_settings(None)  # napari as it comes, whatever the user's settings are
    colour()
    run_in_progress()
    volume()


if __name__ == "__main__":
    main()
