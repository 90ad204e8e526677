import dataclasses
import re
import sys
import unicodedata

import numpy as np
import pytest
from dock_fields import gaussian, psf_layer_field, result_of, use_layer
from qtpy.QtCore import QEvent

import napari_tf_deblur
from napari_tf_deblur import METHODS, convolve, deconvolve, gaussian_psf
from napari_tf_deblur._dock.event_filter import EventFilter
from napari_tf_deblur._dock.gaussian_fields import parse_size
from napari_tf_deblur._layers.result import to_display_values
from napari_tf_deblur._layers.source import read_source
from napari_tf_deblur._solvers import load
from napari_tf_deblur._storage.axes import short_unit
from napari_tf_deblur.methods import (
    GradientDescent,
    PoissonLikelihood,
    RichardsonLucy,
    TotalVariation,
    Wiener,
)

KEY = "napari_tf_deblur"
MICROMETRE = short_unit("um")


def shown(*widgets):
    """Whether the rows of these fields are not hidden."""
    return all(not widget.native.isHidden() for widget in widgets)


@pytest.fixture
def psf_layer(qtbot, at_rest, viewer, dock):
    """Press the button that shows the PSF, and return its layer."""

    def press():
        dock.fields.psf.picture.button.native.click()
        qtbot.waitUntil(lambda: "PSF" in viewer.layers and viewer.layers["PSF"].visible)
        at_rest()  # it may have an update to come
        return viewer.layers["PSF"]

    return press


# ---------------------------------------------------------------- the image


def test_image_follows_the_active_layer_but_not_our_own(viewer, dock, blurred, finished):
    assert dock.fields.images.layer.value is None
    first = viewer.add_image(blurred, name="first")
    second = viewer.add_image(blurred, name="second")
    assert dock.fields.images.layer.value is second
    viewer.layers.selection.active = first
    assert dock.fields.images.layer.value is first
    viewer.add_labels(np.zeros((4, 4), int))
    viewer.layers.selection.active = None
    assert dock.fields.images.layer.value is first
    dock.fields.methods.choice.value = Wiener
    dock.deblur()
    finished(dock)
    result = result_of(viewer, "first")
    assert viewer.layers.selection.active is result
    assert [x.name for x in dock.fields.images.layer.choices] == ["first", "second", result.name]


def test_image_keeps_up_with_layers(viewer, dock, blurred):
    layer = viewer.add_image(blurred, name="old")
    layer.name = "new"
    assert dock.fields.images.layer.current_choice == "new"
    viewer.layers.remove(layer)
    assert dock.fields.images.layer.value is None
    assert dock.fields.images.layer.choices == ()


def test_3d_is_offered_where_it_makes_sense(viewer, dock, blurred):
    viewer.add_image(blurred)
    assert dock.fields.images.dims.choices == (2,)
    assert not shown(gaussian(dock).sigmas[0])
    viewer.add_image(np.stack([blurred] * 3, -1), rgb=True)
    assert dock.fields.images.dims.choices == (2,)
    viewer.add_image(np.stack([blurred] * 5), axis_labels=("t", "y", "x"))
    assert dock.fields.images.dims.choices == (2, 3)
    assert dock.fields.images.dims.value == 2
    viewer.add_image(np.stack([blurred] * 5), scale=(2, 1, 1), units=("um", "um", "um"))
    assert dock.fields.images.dims.value == 3
    assert shown(*gaussian(dock).sigmas)
    assert not shown(gaussian(dock).angle)
    dock.fields.images.dims.value = 2
    assert shown(gaussian(dock).angle, *gaussian(dock).sigmas[1:])


# ---------------------------------------------------------------- the PSF


def labels(dock):
    form = dock.fields.form
    return [form._labels[id(field)].text() for field in gaussian(dock).sigmas if shown(field)]


def test_sigmas_are_named_after_the_axes(viewer, dock, blurred):
    viewer.add_image(blurred)
    assert labels(dock) == ["Sigma y (px)", "Sigma x (px)"]
    viewer.add_image(blurred, axis_labels=("row", "column"))
    assert labels(dock) == ["Sigma row (px)", "Sigma column (px)"]


def test_sigmas_in_physical_units_are_the_same_psf(viewer, dock, blurred):
    viewer.add_image(np.stack([blurred] * 4), scale=(0.4, 0.2, 0.2), units=("um", "um", "um"))
    micrometer = short_unit("um")  # there are two micro signs, and units may use either
    assert unicodedata.normalize("NFKC", micrometer) == "\N{GREEK SMALL LETTER MU}m"
    assert gaussian(dock).unit.choices == ("pixels", micrometer)
    before = dock.fields.psf.chosen.psf()
    gaussian(dock).unit.value = micrometer
    assert labels(dock) == [f"Sigma {axis} ({micrometer})" for axis in "zyx"]
    assert [field.value for field in gaussian(dock).sigmas] == pytest.approx([0.8, 0.4, 0.4])
    assert dock.fields.psf.chosen.psf() == before
    gaussian(dock).sigmas[0].value = 0.6
    assert dock.fields.psf.chosen.psf().sigma == pytest.approx((1.5, 2, 2))
    gaussian(dock).unit.value = "pixels"
    assert gaussian(dock).sigmas[0].value == pytest.approx(1.5)


def test_units_follow_the_layer(viewer, dock, blurred):
    layer = viewer.add_image(blurred)
    assert not shown(gaussian(dock).unit)
    layer.scale = (3, 3)
    assert gaussian(dock).unit.choices == ("pixels", "world units")
    layer.units = ("nm", "nm")
    assert gaussian(dock).unit.choices == ("pixels", "nm")
    assert shown(gaussian(dock).unit)
    gaussian(dock).unit.value = "nm"
    assert gaussian(dock).sigmas[2].value == pytest.approx(6)
    viewer.add_image(blurred)
    assert gaussian(dock).unit.value == "pixels"
    assert gaussian(dock).sigmas[2].value == pytest.approx(2)


@pytest.mark.parametrize(
    ("text", "size"), [("", None), (" 13 ", 13), ("5, 13,13", (5, 13, 13)), ("3x5", (3, 5))]
)
def test_size(text, size):
    assert parse_size(text) == size


def test_psf_layer_is_shown_on_demand_and_follows_the_fields(
    qtbot, viewer, dock, blurred, psf_layer
):
    source = viewer.add_image(blurred, scale=(2, 3))
    gaussian(dock).sigmas[1].value = 1.0
    assert "PSF" not in viewer.layers
    layer = psf_layer()
    np.testing.assert_array_equal(layer.data, gaussian_psf((1, 2)))
    np.testing.assert_allclose(layer.scale, (2, 3))
    gaussian(dock).angle.value = 30.0
    qtbot.waitUntil(lambda: layer.data.shape == gaussian_psf((1, 2), angle=30).shape)
    np.testing.assert_array_equal(layer.data, gaussian_psf((1, 2), angle=30))
    gaussian(dock).size.value = "9"
    qtbot.waitUntil(lambda: layer.data.shape == (9, 9))
    assert len(viewer.layers) == 2
    assert viewer.layers.selection.active is source


def test_psf_layer_that_the_user_deletes_stays_deleted(viewer, dock, blurred, psf_layer, at_rest):
    viewer.add_image(np.stack([blurred] * 5))
    flat = viewer.add_image(blurred)
    psf = psf_layer()
    viewer.layers.remove(flat)  # the image field goes to the volume, and the PSF with it
    viewer.layers.remove(psf)
    at_rest()
    assert "PSF" not in viewer.layers


def test_half_typed_values_make_no_noise(at_rest, viewer, dock, blurred, told, psf_layer):
    viewer.add_image(blurred)
    before = psf_layer().data.copy()
    gaussian(dock).sigmas[2].value = 1e6
    gaussian(dock).size.value = "1a"
    at_rest()
    assert told == []
    np.testing.assert_array_equal(viewer.layers["PSF"].data, before)


def test_measured_psf(viewer, dock, blurred, finished):
    bead = viewer.add_image(10 + 500 * gaussian_psf(1.5, 15), name="bead")
    viewer.add_image(np.stack([blurred] * 3, -1), rgb=True, name="photo")
    viewer.add_image(np.stack([blurred] * 3), name="cells")
    assert dock.fields.psf.kind.choices == (
        "Microscope",
        "Bead image",
        "Gaussian",
        "Out of focus",
        "Motion",
        "From the image",
    )
    assert [layer.name for layer in psf_layer_field(dock).choices] == ["bead", "cells"]
    use_layer(dock, bead)
    assert not shown(dock.fields.images.dims)
    assert not any(
        shown(x) for x in (*gaussian(dock).sigmas, gaussian(dock).angle, gaussian(dock).size)
    )
    dock.fields.methods.choice.value = Wiener
    dock.deblur()
    finished(dock)
    words = dock.fields.psf.picture.description.text()
    assert "background of" in words
    assert "normalised to sum 1" in words
    assert "PSF" not in viewer.layers
    viewer.layers.remove(bead)
    assert psf_layer_field(dock).value.name == "cells"
    dock.fields.psf.kind.value = "Gaussian"
    assert shown(dock.fields.images.dims, *gaussian(dock).sigmas[1:])


# ---------------------------------------------------------------- the method


def test_each_method_has_exactly_its_fields(dock):
    for method in METHODS:
        dock.fields.methods.choice.value = method
        for other, form in dock.fields.methods.forms.items():
            assert all(shown(field) == (other is method) for field in form)
        names = [field.name for field in dataclasses.fields(method)]
        assert [field.name for field in dock.fields.methods.forms[method]] == names
        assert dock.fields.methods.forms[method].__class__.__name__ == "FunctionGui"
        title, hint = (method.__doc__ or "").splitlines()[0].split(": ")
        assert title in [dock.fields.methods.choice.current_choice]
        assert hint in dock.fields.methods.choice.tooltip


def test_fields_derive_from_the_dataclass(dock):
    form = dock.fields.methods.forms[TotalVariation]
    assert form.tolerance.value == TotalVariation().tolerance
    assert (form.weight.min, form.weight.max, form.weight.step) == (0.0, 1.0, 1e-5)
    assert form.iterations.min == 1
    assert "Regularisation weight" in form.weight.tooltip
    assert form.nonnegative.text == "No negative values"
    descent = dock.fields.methods.forms[GradientDescent]
    assert descent.optimizer.choices == ("sgd", "adam", "adagrad", "lbfgs")
    assert descent.prior.choices == ("smoothness", "tv", "hessian")
    form.weight.value = 0.25
    assert form() == TotalVariation(weight=0.25, iterations=3)


def test_a_number_or_a_word(dock):
    field = dock.fields.methods.forms[PoissonLikelihood].weight
    field.value = "auto"
    assert dock.fields.methods.forms[PoissonLikelihood]().weight == "auto"
    heard = []
    field.changed.connect(heard.append)
    field.value = 2.5
    assert dock.fields.methods.forms[PoissonLikelihood]().weight == 2.5
    assert heard[-1] == 2.5
    field.value = "cross-validated"
    assert field.value == "cross-validated"
    with pytest.raises(ValueError, match="never"):
        field.value = "never"


def test_automatic_says_what_it_picked_and_whether_to_believe_it(
    viewer, dock, blurred, finished, told
):
    viewer.add_image(200 * blurred, name="cells")
    dock.fields.methods.choice.value = "auto"
    dock.fields.psf.kind.value = "From the image"
    dock.deblur()
    finished(dock)
    record = result_of(viewer, "cells").metadata[KEY]
    assert record["method"]["name"] == "PoissonLikelihood"
    assert record["reason"].endswith(".")
    assert record["verdict"]["sentence"] in dock.status.text()
    assert "blur" in dock.fields.psf.picture.description.text()  # where else it need not be said
    assert "blurred" not in dock.status.text()
    assert viewer.layers.selection.active.name == "cells deblurred (Poisson)"


def test_values_are_kept_per_method(dock):
    dock.fields.methods.forms[TotalVariation].iterations.value = 7
    dock.fields.methods.choice.value = RichardsonLucy
    dock.fields.methods.forms[RichardsonLucy].iterations.value = 9
    dock.fields.methods.choice.value = TotalVariation
    assert dock.fields.methods.forms[TotalVariation].iterations.value == 7
    assert dock.fields.methods.forms[RichardsonLucy].iterations.value == 9


@pytest.mark.parametrize("method", METHODS)
def test_every_method_runs_from_the_dock(viewer, dock, blurred, finished, told, method):
    on_ground = np.random.default_rng(0).normal(100, 2, (112, 120)) + np.pad(1000 * blurred, 40)
    viewer.add_image(np.rint(on_ground).astype(np.uint16), name="cells")
    dock.fields.methods.choice.value = method
    dock.deblur()
    finished(dock)
    assert told == []
    record = result_of(viewer, "cells").metadata[KEY]
    assert record["method"]["name"] == method.__name__
    assert "Done in" in dock.status.text()
    subtracted = record["background"]["value"]
    assert bool(subtracted) == issubclass(method, PoissonLikelihood | RichardsonLucy)
    said = re.search(r"Background ([\d.]+) ± [\d.]+ subtracted\.", dock.status.text())
    assert bool(said) == bool(subtracted)
    assert said is None or float(said[1]) == pytest.approx(subtracted, abs=0.1)


def turned(viewer, dock, blurred):
    gaussian(dock).angle.value = 30.0
    gaussian(dock).sigmas[1].value = 1.0
    return viewer.add_image(blurred, rotate=20)


def physical(viewer, dock, blurred):
    units = ("um", "um", "um")
    layer = viewer.add_image(np.stack([blurred] * 24), scale=(0.3, 0.1, 0.1), units=units)
    gaussian(dock).unit.value = gaussian(dock).unit.choices[1]
    gaussian(dock).sigmas[0].value = 0.71
    return layer


def thin(viewer, dock, blurred):
    return viewer.add_image(np.stack([blurred] * 6), scale=(2, 1, 1), units=("um",) * 3)


def masked(viewer, dock, blurred):
    layer = viewer.add_image(np.where(np.eye(32, 40) > 0, np.nan, blurred), contrast_limits=(0, 1))
    viewer.add_shapes([[[20, 20], [25, 30]]], shape_type="rectangle")
    dock.fields.ignore.mask.value = viewer.layers[-1]
    dock.fields.ignore.not_a_number.value = True
    return layer


def measured(viewer, dock, blurred):
    bead = viewer.add_image(3 + 50 * gaussian_psf(2, 17)[1:], scale=(0.5, 0.5), units=("um", "um"))
    layer = viewer.add_image(blurred, scale=(0.7, 0.7), units=("um", "um"))
    use_layer(dock, bead)
    return layer


def colour(viewer, dock, blurred):
    return viewer.add_image(np.stack([200 * blurred] * 3, -1).astype(np.uint8), rgb=True)


def defocused(viewer, dock, blurred):
    dock.fields.psf.kind.value = "Out of focus"
    dock.fields.psf.fields_by_title["Out of focus"].radius.value = 1.7
    return viewer.add_image(np.stack([blurred] * 2))


def moved(viewer, dock, blurred):
    dock.fields.psf.kind.value = "Motion"
    dock.fields.psf.fields_by_title["Motion"].length.value = 4.5
    dock.fields.psf.fields_by_title["Motion"].angle.value = 30
    return viewer.add_image(blurred)


@pytest.mark.parametrize(
    "case", [turned, physical, thin, masked, measured, colour, defocused, moved]
)
def test_the_line_of_python_in_the_metadata_repeats_the_run(viewer, dock, blurred, finished, case):
    layer = case(viewer, dock, blurred)
    dock.deblur()
    finished(dock)
    result = result_of(viewer, layer.name)
    record = result.metadata[KEY]
    names = {"image": layer.data, "psf": record["psf"]["array"], "mask": record["mask"]}
    again = eval(record["python"], vars(napari_tf_deblur) | {"deconvolve": deconvolve}, names)
    np.testing.assert_array_equal(to_display_values(again.image, read_source(layer)), result.data)
    corners = [(0,) * layer.ndim, [n - 1 for n in layer.data.shape[: layer.ndim]]]
    for corner in corners:
        np.testing.assert_array_equal(result.data_to_world(corner), layer.data_to_world(corner))


def test_masks(viewer, dock, blurred, finished, told):
    holed = blurred.copy()
    holed[5, 6] = np.nan
    holed[5, 7] = np.inf
    viewer.add_image(holed, name="cells", contrast_limits=(0, 1))
    marks = viewer.add_labels(np.eye(32, 40, dtype=int), name="dead")
    viewer.add_shapes(name="outside")
    assert [layer and layer.name for layer in dock.fields.ignore.mask.choices] == [
        None,
        "dead",
        "outside",
    ]
    dock.fields.ignore.mask.value = marks
    dock.fields.ignore.not_a_number.value = True
    dock.deblur()
    finished(dock)
    assert told == []
    assert result_of(viewer, "cells").metadata[KEY]["mask"].sum() == 34
    assert np.isfinite(result_of(viewer, "cells").data).all()


# ---------------------------------------------------------------- bad input


def nan(picture):
    picture[3, 4] = np.nan
    return picture


IMAGES = {
    "nan": (nan, "NaN"),
    "infinity": (lambda x: x + np.inf * (x > 0.5), "[Ii]nfini"),
    "one pixel": (lambda x: x[:1, :1], "pixel|shape"),
    "complex": (lambda x: x + 1j, "complex"),
    "text": (lambda x: np.full(x.shape, "dark"), "<U4|text"),
    "empty": (lambda x: x[:0], "empty|no pixels|shape"),
}
NOT_SHOWN = ("complex", "text", "empty")  # by napari 0.9, which may change
PSFS = {
    "negative sum": (lambda x: -x, "sum"),
    "zero sum": (lambda x: 0 * x, "sum"),
    "nan": (lambda x: nan(x), "NaN"),
    "more axes than the image": (lambda x: np.stack([x] * 3), "axes"),
}


def assert_refused(viewer, dock, told, finished, words):
    """There is one notification, the dock is ready, and no layer has changed."""
    before = {layer.name: np.array(layer.data) for layer in viewer.layers}
    dock.deblur_button.native.click()
    finished(dock)
    assert len(told) == 1, told
    (sentence,) = told
    assert re.search(words, sentence), sentence
    assert sentence[0].isupper() or sentence[0] in "'\""
    assert sentence.endswith(".")
    assert sentence in dock.status.text()
    assert not dock.stop_button.enabled
    after = {x.name: np.array(x.data) for x in viewer.layers if x.name != "PSF"}
    assert list(after) == [name for name in before if name != "PSF"]
    for name, data in after.items():
        np.testing.assert_array_equal(data, before[name])


def test_no_image(viewer, dock, told, finished):
    assert_refused(viewer, dock, told, finished, "no image to deblur")
    viewer.add_points(np.zeros((1, 2)))
    told.clear()
    assert_refused(viewer, dock, told, finished, "no image to deblur")


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("case", IMAGES)
def test_bad_images(viewer, dock, blurred, told, finished, case):
    spoil, words = IMAGES[case]
    if case in NOT_SHOWN:
        layer = viewer.add_image(blurred, name="cells")
        layer._data = spoil(blurred.copy())
    else:
        viewer.add_image(spoil(blurred.copy()), name="cells", contrast_limits=(0, 1))
    assert_refused(viewer, dock, told, finished, words)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize(("spoil", "words"), PSFS.values(), ids=PSFS)
def test_bad_psfs(viewer, dock, blurred, told, finished, spoil, words):
    psf = spoil(gaussian_psf(1.0, 9).copy())
    bead = viewer.add_image(psf, name="bead", contrast_limits=(0, 1))
    viewer.add_image(blurred, name="cells")
    use_layer(dock, bead)
    assert_refused(viewer, dock, told, finished, words)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("sigma", 300.0, "'Sigma x' is 300 pixels"),
        ("size", "99999", "too many"),
        ("size", "12", "odd"),
        ("size", "many", "odd"),
        ("size", "3, 3, 3", "size has 3 numbers, but 2 axes"),
    ],
)
def test_bad_psf_fields(viewer, dock, blurred, told, finished, field, value, words):
    viewer.add_image(blurred, name="cells")
    if field == "size":
        gaussian(dock).size.value = value
    else:
        gaussian(dock).sigmas[2].value = value
        gaussian(dock).sigmas[1].value = min(value, 2.0)
    assert_refused(viewer, dock, told, finished, words)
    told.clear()
    dock.fields.psf.picture.button.native.click()
    assert len(told) == 1


def test_a_field_cannot_leave_its_bounds(dock):
    with pytest.raises(ValueError, match="-1"):
        dock.fields.methods.forms[TotalVariation].weight.value = -1
    assert dock.fields.methods.forms[TotalVariation].weight.value >= 0


def test_out_of_range(viewer, dock, blurred, told, finished):
    viewer.add_image(blurred, name="cells")
    dock.fields.methods.choice.value = TotalVariation
    tolerance = dock.fields.methods.forms[TotalVariation].tolerance
    tolerance.native.setMinimum(-1.0)  # the field itself goes to 0
    tolerance.native.setValue(-1.0)
    assert_refused(viewer, dock, told, finished, "tolerance")


def test_mask_of_another_shape(viewer, dock, blurred, told, finished):
    viewer.add_image(blurred, name="cells")
    dock.fields.ignore.mask.value = viewer.add_labels(np.zeros((7, 7), int), name="old")
    assert_refused(viewer, dock, told, finished, "'old'")


def broken():
    raise OSError("libtensorflow_cc.so.2: cannot open shared object file")


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ({"module": None}, "TensorFlow is not installed"),
        ({"importer": broken}, "does not load .*libtensorflow"),
    ],
    ids=["missing", "broken"],
)
def test_no_tensorflow(viewer, dock, blurred, told, finished, monkeypatch, failure, words):
    monkeypatch.setattr(load, "is_loaded", lambda: False)
    if "importer" in failure:
        monkeypatch.setattr(load, "_import", failure["importer"])
    else:
        monkeypatch.setitem(sys.modules, "tensorflow", None)
    viewer.add_image(blurred, name="cells")
    assert_refused(viewer, dock, told, finished, words)


@pytest.mark.parametrize("dtype", [bool, np.uint8, ">u2", ">f4", np.int32, np.float16])
def test_harmless_types_are_converted(viewer, dock, blurred, told, finished, dtype):
    top = 1 if np.dtype(dtype).kind in "bf" else 100
    values = blurred > 0.5 if dtype is bool else (blurred * top).astype(dtype)
    viewer.add_image(values, name="cells", contrast_limits=(0, 1))
    dock.fields.methods.choice.value = Wiener
    dock.deblur()
    finished(dock)
    assert told == []
    assert np.isfinite(result_of(viewer, "cells").data).all()


# ---------------------------------------------------------------- removal


def test_a_removed_dock_follows_nothing(at_rest, viewer, dock, blurred):
    viewer.add_image(blurred)
    viewer.window.remove_dock_widget(dock.native.parent())
    dock.native.deleteLater()
    at_rest()
    layer = viewer.add_image(blurred)
    layer.scale = (2, 2)
    viewer.layers.clear()
    dock.deblur()


# ---------------------------------------------------------------- warnings


def saturated(picture):
    noise = np.random.default_rng(0).normal(0, 20, (64, 80))
    return np.minimum(1000 * np.kron(picture, np.ones((2, 2))) + noise + 100, 600).astype(np.uint16)


@pytest.mark.parametrize(
    ("spoil", "method", "words"),
    [
        (saturated, Wiener(), "look saturated"),
        (lambda picture: 0 * picture + 7, Wiener(), "blank: every pixel is 7"),
        (lambda picture: picture, RichardsonLucy(iterations=1, background=9.0), "background of 9"),
    ],
)
def test_what_makes_a_result_doubtful_is_said_once(
    viewer, dock, blurred, told, finished, spoil, method, words
):
    viewer.add_image(spoil(blurred), name="cells", contrast_limits=(0, 1))
    fields = dock.fields.methods
    fields.choice.value = type(method)
    for field in fields.forms[type(method)]:
        field.value = getattr(method, field.name)
    dock.deblur()
    finished(dock)
    assert sum(words in sentence for sentence in told) == 1, told
    assert words in dock.status.text()
    record = result_of(viewer, "cells").metadata[KEY]
    assert any(words in sentence for sentence in record["warnings"])


def test_a_psf_layer_without_pixel_size_is_warned_of_at_once(viewer, dock, blurred, told, finished):
    bead = viewer.add_image(5 + 50 * gaussian_psf(1.5, 15), name="bead")
    viewer.add_image(blurred, name="cells", scale=(0.2, 0.2), units=("um", "um"))
    use_layer(dock, bead)
    told.clear()  # napari's own word on units
    dock.fields.methods.choice.value = Wiener
    dock.deblur()
    assert [sentence for sentence in told if "'bead' has no pixel size" in sentence]
    finished(dock)
    assert sum("pixel size" in sentence for sentence in told) == 1
    assert "'bead' has no pixel size" in dock.status.text()


def test_the_image_as_its_own_psf_is_refused(viewer, dock, blurred, told, finished):
    use_layer(dock, viewer.add_image(blurred, name="cells"))
    assert_refused(viewer, dock, told, finished, "'cells' is both the image and its PSF")


def test_a_sigma_of_0_is_no_blur_along_that_axis(viewer, dock, blurred, told, finished):
    viewer.add_image(blurred, name="cells")
    gaussian(dock).sigmas[1].value = 0.0
    dock.deblur()
    finished(dock)
    assert told == []
    for layer in (viewer.layers["cells"], result_of(viewer, "cells")):
        viewer.layers.selection.active = layer
    assert "no blur along y" in dock.status.text()
    used = result_of(viewer, "cells").metadata[KEY]["psf"]["array"]
    assert used.sum(axis=1).max() == pytest.approx(1)


# ---------------------------------------------------------------- axes


@pytest.mark.parametrize(
    ("place", "dims", "words"),
    [
        ({}, 2, "Each plane by itself: y x"),
        ({"axis_labels": ("t", "y", "x")}, 2, "Each time point by itself: y x"),
        ({"axis_labels": ("Z", "y", "x")}, 3, "Z y x as one volume"),
        ({"units": ("um",) * 3}, 3, f"z y x as one volume · 1 {MICROMETRE}"),
        ({"units": ("s", "um", "um")}, 2, f"Each time point by itself: y x · 1 {MICROMETRE}"),
        (
            {"units": ("um",) * 3, "axis_labels": ("c", "y", "x"), "scale": (1, 0.2, 0.1)},
            2,
            f"Each channel by itself: y x · 0.2 {MICROMETRE} x 0.1 {MICROMETRE}",
        ),
        ({"axis_labels": ("y", "x", "c")}, 2, "Each channel by itself: y x"),
    ],
)
def test_the_dock_says_what_it_takes_each_axis_for(viewer, dock, blurred, place, dims, words):
    layer = viewer.add_image(np.stack([blurred] * 5), name="stack", **place)
    assert dock.fields.images.dims.value == dims
    assert dock.fields.images.description.text() == words
    dock.fields.images.dims.value = 3
    assert "as one volume" in dock.fields.images.description.text()
    layer.axis_labels = ("z", "y", "x")
    assert dock.fields.images.description.text().startswith("z y x as one volume")


def test_a_flat_psf_layer_makes_a_volume_go_plane_by_plane(viewer, dock, blurred):
    bead = viewer.add_image(gaussian_psf(1.5, 15)[None], name="bead")
    viewer.add_image(np.stack([blurred] * 5), units=("um",) * 3, name="stack")
    use_layer(dock, bead)
    assert dock.fields.images.description.text().startswith("Each plane by itself: y x")


def test_events_that_come_after_python_has_cleared_the_watchers_are_left_to_qt(dock, qtbot):
    """As when a window ends: garbage collection may come before the last events of Qt."""
    dock.native.show()
    watchers = dock.native.findChildren(EventFilter)
    assert {type(w).__name__ for w in watchers} >= {
        kind.__name__ for kind in EventFilter.__subclasses__()
    }
    kinds = [
        QEvent.Type.ParentChange,
        QEvent.Type.Resize,
        QEvent.Type.Paint,
        QEvent.Type.FontChange,
    ]
    for watcher in watchers:
        vars(watcher).clear()
        for kind in kinds:
            assert watcher.eventFilter(watcher.parent(), QEvent(kind)) is False
            assert watcher.eventFilter(dock.native.window(), QEvent(kind)) is False


def test_beads_of_any_shape_are_measured_in_windows_of_the_field(viewer, dock, blurred, finished):
    spots = np.zeros((96, 96))
    spots[[20, 26, 60, 66], [24, 30, 70, 76]] = 500
    beads = viewer.add_image(100 + convolve(spots, gaussian_psf(1.5)), name="beads")
    viewer.add_image(blurred, name="cells")
    use_layer(dock, beads)
    fields = dock.fields.psf.fields_by_title["Bead image"]
    assert fields.psf().window is None
    fields.window.value = 25
    dock.fields.methods.choice.value = Wiener
    dock.deblur()
    finished(dock)
    record = result_of(viewer, "cells").metadata[KEY]["psf"]
    assert record["window"] == 25
    assert "2 beads used, registered" in " ".join(record["notes"])
    fields.window.value = "round beads"
    assert fields.psf().window is None
    fields.restore(record)
    assert fields.psf().window == 25
