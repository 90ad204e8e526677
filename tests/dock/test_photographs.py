"""The kinds of blur for photographs: their fields, and when the dock chooses them."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pytest
from dock_fields import result_of
from qtpy.QtGui import QGuiApplication

from napari_tf_deblur import disc_psf, motion_psf
from napari_tf_deblur._dock.form import Form
from napari_tf_deblur._dock.number_fields import NumberFields
from napari_tf_deblur._layers.psf_kinds import MotionPSF
from napari_tf_deblur.methods import PoissonLikelihood, TotalVariation, Wiener

FIELDS = {
    "Out of focus": ({"radius": 2.5}, lambda: disc_psf(2.5), "Disc of radius 2.5 px"),
    "Motion": ({"length": 7.0, "angle": 30.0}, lambda: motion_psf(7, 30), "Line of 7 px at 30°"),
}


@pytest.mark.parametrize("kind", FIELDS)
def test_the_blur_of_the_fields_is_shown_used_put_back_and_copied(
    qtbot, viewer, dock, blurred, finished, kind
):
    values, make, words = FIELDS[kind]
    viewer.add_image(blurred, name="photo")
    dock.fields.psf.kind.value = kind
    fields = dock.fields.psf.fields_by_title[kind]
    assert "found from the image" in dock.fields.psf.picture.description.text()
    assert dock.fields.jobs()[0].psf.name == "estimated"
    for name, value in values.items():
        getattr(fields, name).value = value
    assert words in dock.fields.psf.picture.description.text()
    dock.fields.psf.picture.button.native.click()
    qtbot.waitUntil(lambda: "PSF" in viewer.layers)
    np.testing.assert_array_equal(viewer.layers["PSF"].data, make())
    dock.fields.methods.choice.value = Wiener
    dock.deblur()
    finished(dock)
    np.testing.assert_array_equal(
        result_of(viewer, "photo").metadata["napari_tf_deblur"]["psf"]["array"], make()
    )
    for name in values:
        getattr(fields, name).value = getattr(fields, name).min
    dock.fields.psf.kind.value = "Gaussian"
    dock.result_row.settings.native.click()
    assert dock.fields.psf.kind.value == kind
    assert {name: getattr(fields, name).value for name in values} == values
    dock.result_row.copy.native.click()
    arguments = ", ".join(f"{name}={value}" for name, value in values.items())
    assert f"_psf({arguments})" in QGuiApplication.clipboard().text()
    assert "pixels; check" not in dock.fields.psf.picture.description.text()
    getattr(fields, next(iter(values))).value = 500.0
    assert "pixels; check the number" in dock.fields.psf.picture.description.text()


def test_photographs_have_a_blur_that_only_they_tell(viewer, dock, blurred):
    dock.fields.psf._chosen_by_user = False
    dock.fields.methods.choice.value = "auto"
    viewer.add_image(blurred, name="grey")
    assert dock.fields.psf.kind.value == "Microscope"
    dock.fields.methods.sample.value = TotalVariation  # "Photograph"
    assert dock.fields.psf.kind.value == "From the image"
    dock.fields.methods.sample.value = PoissonLikelihood
    assert dock.fields.psf.kind.value == "Microscope"
    viewer.add_image(np.stack([blurred] * 3, -1), rgb=True)
    assert dock.fields.psf.kind.value == "From the image"
    dock.fields.psf.kind.value = "Motion"
    dock.fields.methods.sample.value = TotalVariation
    assert dock.fields.psf.kind.value == "Motion"  # chosen by hand


def test_the_fields_of_a_kind_begin_with_the_defaults_of_its_class(viewer, dock, blurred):
    @dataclass(frozen=True)
    class Slanted(MotionPSF):
        angle: Annotated[
            float, {"min": -180.0, "max": 180.0, "step": 1.0, "label": "A", "tooltip": "An angle"}
        ] = 30.0

    fields = NumberFields(Slanted, Form(), Form(), lambda: ())
    assert fields.values == {"length": 0.0, "angle": 30.0}
    viewer.add_image(blurred, name="photo")
    fields.set_images(dock.fields.images.chosen, 2)
    assert fields.values == {"length": 0.0, "angle": 30.0}
