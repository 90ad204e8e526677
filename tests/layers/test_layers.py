import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels, Points, Shapes

import napari_tf_deblur
from napari_tf_deblur import (
    GradientDescent,
    TotalVariation,
    Wiener,
    convolve,
    deblur_layer,
    deconvolve,
    gaussian_psf,
)
from napari_tf_deblur._layers.layer_insertion import add_layer_stepwise
from napari_tf_deblur._layers.masks import prepare_mask, with_nan
from napari_tf_deblur._layers.psf_display import find_psf_layer, show_psf_stepwise
from napari_tf_deblur._layers.psf_kinds import GaussianPSF
from napari_tf_deblur._layers.result import fit_contrast_limits, to_display_values
from napari_tf_deblur._layers.source import read_source

KEY = "napari_tf_deblur"
PSF = gaussian_psf(1.5)

PLACES = {
    "plain": {},
    "scaled": {"scale": (0.5, 0.25), "translate": (-3, 7), "units": ("um", "um")},
    "mirrored": {"scale": (-2, 3), "translate": (5, 0)},
    "turned": {"scale": (2, 3), "rotate": 30, "translate": (1, 2)},
    "sheared": {"shear": [0.4], "scale": (1, 2)},
    "affine": {"affine": np.array([[0.0, 1, 5], [2, 0.3, 1], [0, 0, 1]]), "scale": (3, 1)},
}
CORNERS = ((0, 0), (0, 39), (31, 0), (31, 39))


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_result_lies_exactly_on_its_source(blurred, place):
    source = Image(
        blurred,
        name="cells",
        axis_labels=("row", "column"),
        colormap="green",
        blending="additive",
        opacity=0.7,
        gamma=0.8,
        **place,
    )
    result = deblur_layer(source, PSF, Wiener())
    assert result.name == "cells deblurred (Wiener)"
    for corner in CORNERS:
        np.testing.assert_allclose(result.data_to_world(corner), source.data_to_world(corner))
    np.testing.assert_allclose(result.scale, source.scale)
    np.testing.assert_allclose(result.affine.affine_matrix, source.affine.affine_matrix)
    assert result.units == source.units
    assert result.axis_labels == ("row", "column")
    assert result.colormap.name == "green"
    assert (result.blending, result.opacity, result.gamma) == ("additive", 0.7, 0.8)
    assert not result.rgb


def test_values_are_those_of_the_core_and_the_source_is_untouched(blurred):
    picture = (200 * blurred).astype(np.uint16)
    source = Image(picture.copy(), metadata={"mine": 1}, contrast_limits=(3, 50))
    result = deblur_layer(source, PSF, Wiener())
    np.testing.assert_array_equal(result.data, deconvolve(picture, PSF, Wiener()).image)
    assert result.data.dtype == np.float32
    np.testing.assert_array_equal(source.data, picture)
    assert source.metadata == {"mine": 1}
    assert tuple(source.contrast_limits) == (3, 50)


def test_metadata_repeats_the_run(blurred):
    source = Image(blurred, name="cells")
    result = deblur_layer(source, PSF, TotalVariation(iterations=4), boundary="zero")
    record = result.metadata[KEY]
    assert record["source"] == "cells"
    assert record["boundary"] == "zero"
    assert record["background"] == {"value": 0.0, "uncertainty": None}
    assert record["method"]["name"] == "TotalVariation"
    assert record["method"]["iterations"] == 4
    assert set(record["versions"]) == {"napari-tf-deblur", "tensorflow", "napari", "numpy"}
    names = {"deconvolve": deconvolve, "TotalVariation": TotalVariation}
    again = eval(record["python"], names, {"image": blurred, "psf": record["psf"]["array"]})
    np.testing.assert_array_equal(again.image, result.data)


@pytest.mark.finds_weight
def test_metadata_repeats_a_run_whose_psf_was_made_narrower():
    random = np.random.default_rng(4)
    sharp = 255 * np.kron(random.uniform(size=(12, 12)), np.ones((8, 8)))
    image = convolve(sharp, gaussian_psf(1.5), boundary="reflect")
    image = (image + random.normal(0, 2, image.shape)).astype(np.float32)
    result = deblur_layer(Image(image), gaussian_psf(2.2), TotalVariation())
    record = result.metadata[KEY]
    assert record["psf_width"] < 1
    names = {"image": image, "psf": record["psf"]["array"]}
    again = eval(record["python"], vars(napari_tf_deblur), names)
    np.testing.assert_array_equal(again.image, result.data)


def test_contrast_limits_fit_the_result():
    data = np.zeros((100, 100))
    data[20:60] = 5.0
    data[0, 0] = 1000.0  # a bead must not hide the rest
    low, high = fit_contrast_limits(data)
    assert 0 <= low < 5 <= high < 100
    assert fit_contrast_limits(np.full((4, 4), 3.0)) == (3.0, 4.0)
    point = np.zeros((100, 100))
    point[5, 5] = 2.0
    assert fit_contrast_limits(point) == (0.0, 2.0)


@pytest.mark.parametrize(("channels", "dtype"), [(3, np.uint8), (4, np.uint8), (3, np.float32)])
def test_colours_stay_colours(blurred, channels, dtype):
    top = 255 if dtype == np.uint8 else 1
    colours = np.stack([blurred * f * top for f in (1, 0.5, 0.25, 0.9)[:channels]], -1)
    source = Image(colours.astype(dtype), rgb=True)
    result = deblur_layer(source, PSF, Wiener())
    assert result.rgb
    assert result.data.dtype == dtype
    assert result.data.shape == colours.shape
    if channels == 4:
        np.testing.assert_array_equal(result.data[..., 3], source.data[..., 3])


def test_integer_colours_are_rounded_and_clipped():
    source = read_source(Image(np.zeros((8, 8, 3), np.uint8), rgb=True))
    shown = to_display_values(np.full((8, 8, 3), 300.7, np.float32), source)
    assert shown.dtype == np.uint8
    assert (shown == 255).all()


def test_a_stack_of_three_pixels_width_is_not_taken_for_colours(blurred):
    source = Image(blurred[:, :3], rgb=False)
    narrow = deblur_layer(source, gaussian_psf(0.5, 3), Wiener())
    assert not narrow.rgb


def test_multiscale_is_deblurred_at_full_resolution(blurred):
    source = Image([blurred, blurred[::2, ::2]], multiscale=True, scale=(2, 2))
    result = deblur_layer(source, PSF, Wiener())
    assert result.multiscale
    assert result.data.shape == blurred.shape
    full, half = result.data
    four = full[: 2 * half.shape[0], : 2 * half.shape[1]].reshape(
        half.shape[0], 2, half.shape[1], 2
    )
    np.testing.assert_allclose(half, four.mean((1, 3)), rtol=1e-5, atol=1e-6)
    alone = deblur_layer(Image(blurred, scale=(2, 2)), PSF, Wiener())
    np.testing.assert_array_equal(full, alone.data)


def test_dask_is_not_computed_by_reading(blurred):
    def fail(block):
        raise AssertionError("computed")

    lazy = da.from_array(blurred).map_blocks(
        fail, dtype=np.float32, meta=np.empty((0, 0), np.float32)
    )
    layer = Image(da.from_array(blurred))
    layer._data = lazy
    assert read_source(layer).data is lazy


def test_planes_and_volumes(blurred):
    stack = Image(np.stack([blurred] * 4), scale=(5, 1, 1))
    planes = deblur_layer(stack, PSF, Wiener())
    np.testing.assert_allclose(planes.data[2], deconvolve(blurred, PSF, Wiener()).image, atol=1e-5)
    volume = deblur_layer(stack, gaussian_psf((0.5, 1.5, 1.5), 3), Wiener())
    assert volume.data.shape == stack.data.shape


def test_spacing_reaches_the_method(blurred):
    psf = gaussian_psf((0.5, 1, 1), 3)
    volume = np.stack([blurred] * 3 + [0 * blurred] * 3)
    flat = deblur_layer(Image(volume), psf, Wiener(balance=0.05))
    tall = deblur_layer(Image(volume, scale=(9, 1, 1)), psf, Wiener(balance=0.05))
    expected = deconvolve(volume, psf, Wiener(balance=0.05), spacing=(9, 1, 1))
    np.testing.assert_array_equal(tall.data, expected.image)
    assert not np.allclose(tall.data, flat.data)


# ---------------------------------------------------------------- measured PSFs


def test_a_layer_as_psf_is_resampled_to_the_image(blurred):
    fine = 10 + 500 * gaussian_psf(3, 25)
    bead = Image(fine, name="bead", scale=(100, 100), units=("nm", "nm"))
    source = Image(blurred, scale=(0.2, 0.2), units=("um", "um"))
    result = deblur_layer(source, bead, Wiener())
    used = result.metadata[KEY]["psf"]
    notes = " ".join(used["notes"])
    assert all(word in notes for word in ("background", "resampled", "normalised"))
    assert used["array"].sum() == pytest.approx(1, abs=1e-5)
    index = np.indices(used["array"].shape)[0]
    variance = (used["array"] * (index - used["array"].shape[0] // 2) ** 2).sum()
    assert np.sqrt(variance) == pytest.approx(1.5, abs=0.1)


def test_a_psf_without_voxel_size_is_taken_as_it_is(blurred):
    bead = Image(gaussian_psf(1.5), name="bead")
    source = Image(blurred, scale=(0.2, 0.2), units=("um", "um"))
    record = deblur_layer(source, bead, Wiener()).metadata[KEY]
    used = record["psf"]
    assert "'bead' has no pixel size: that of the image was assumed, 0.2" in record["warnings"][0]
    assert used["array"].shape == bead.data.shape
    assert "pixel by pixel" in used["notes"][0]


@pytest.mark.parametrize(
    ("psf", "error", "words"),
    [
        (Image(np.eye(3, dtype=np.uint8)[np.eye(5, dtype=int)], rgb=True), TypeError, "colour"),
        (Image(np.ones((3, 5, 5))), ValueError, "3 axes"),
        (Labels(np.ones((5, 5), int)), TypeError, "Labels"),
    ],
)
def test_layers_that_are_no_psf_are_refused(blurred, psf, error, words):
    with pytest.raises(error, match=words):
        deblur_layer(Image(blurred), psf, Wiener())


def test_only_images_are_deblurred():
    with pytest.raises(TypeError, match="'dots' is of the type Points"):
        deblur_layer(Points(np.zeros((1, 2)), name="dots"), PSF)


# ---------------------------------------------------------------- masks


def test_labels_mark_pixels_to_ignore(blurred):
    broken = blurred.copy()
    broken[1:4, 1:4] = 50  # no single pixel, which would be found
    labels = np.zeros(blurred.shape, int)
    labels[1:4, 1:4] = 7
    masked = deblur_layer(Image(broken), PSF, TotalVariation(iterations=20), mask=Labels(labels))
    plain = deblur_layer(Image(broken), PSF, TotalVariation(iterations=20))
    good = deblur_layer(Image(blurred), PSF, TotalVariation(iterations=20))
    assert np.abs(masked.data - good.data)[10:].max() < 0.2
    assert np.abs(plain.data - good.data).max() > 1
    np.testing.assert_array_equal(masked.metadata[KEY]["mask"], labels > 0)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_shapes_cover_the_pixels_under_them_in_the_world(blurred, place):
    source = Image(blurred, **place)
    box = np.array([[3.6, 9.6], [3.6, 15.4], [10.4, 15.4], [10.4, 9.6]])
    in_world = np.array([source.data_to_world(corner) for corner in box])
    shapes = Shapes([in_world / 2.0], shape_type="polygon", scale=(2, 2))
    mask = prepare_mask(shapes, read_source(source))()
    expected = np.zeros(blurred.shape, bool)
    expected[4:11, 10:16] = True
    np.testing.assert_array_equal(mask, expected)


def test_shapes_without_shapes_cover_nothing(blurred):
    assert not prepare_mask(Shapes(ndim=2), read_source(Image(blurred)))().any()


def test_flat_shapes_hold_for_every_plane(blurred):
    stack = read_source(Image(np.stack([blurred] * 3)))
    shapes = Shapes([np.array([[2, 2], [2, 8], [8, 8], [8, 2]])], shape_type="polygon")
    mask = prepare_mask(shapes, stack)()
    assert np.broadcast_to(mask, stack.shape)[1, 5, 5]


def test_labels_on_other_pixels_are_refused(blurred):
    with pytest.raises(ValueError, match="32 x 40"):
        prepare_mask(Labels(np.zeros((8, 8), int), name="old"), read_source(Image(blurred)))
    with pytest.raises(TypeError, match="cannot mark"):
        prepare_mask(Points(np.zeros((1, 2))), read_source(Image(blurred)))


def test_nan_is_refused_or_ignored(blurred):
    holed = blurred.copy()
    holed[3, 4] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        deblur_layer(Image(holed), PSF, Wiener())
    result = deblur_layer(Image(holed), PSF, TotalVariation(iterations=5), ignore_nan=True)
    assert np.isfinite(result.data).all()
    mask = with_nan(np.eye(32, 40, dtype=bool), holed, rgb=False)
    assert mask[3, 4]
    assert mask[0, 0]
    assert mask.sum() == 33
    assert with_nan(None, blurred, rgb=False) is None


# ---------------------------------------------------------------- adding it


def test_a_layer_is_added_hidden_and_shown_later(blurred):
    viewer = ViewerModel()
    first = viewer.add_image(blurred)
    for layer, select in ((Image(blurred), True), (Image(blurred), False)):
        pieces = add_layer_stepwise(viewer, layer, select=select)
        there = [(layer in viewer.layers, layer.visible) for _ in pieces]
        assert there == [(False, True), (True, False)]
        assert layer.visible
        assert (viewer.layers.selection.active is layer) == select
        viewer.layers.selection.active = first


def test_a_layer_may_go_before_it_is_shown(blurred):
    viewer = ViewerModel()
    for _ in add_layer_stepwise(viewer, Image(blurred)):
        viewer.layers.clear()
    assert not viewer.layers


# ---------------------------------------------------------------- the PSF layer


def show_psf(viewer, image, psf):
    """Show a PSF at once, and return its layer."""
    source = read_source(image)
    for _ in show_psf_stepwise(viewer, source, psf, psf.array(source)[0]):
        pass
    return find_psf_layer(viewer)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_psf_layer_has_the_pixels_of_its_image(blurred, place):
    viewer = ViewerModel()
    image = viewer.add_image(blurred, **place)
    layer = show_psf(viewer, image, GaussianPSF((1.0, 2.0)))
    assert layer.name == "PSF"
    np.testing.assert_array_equal(layer.data, gaussian_psf((1, 2)))
    for corner in ((0, 0), (4, 7)):
        np.testing.assert_allclose(layer.data_to_world(corner), image.data_to_world(corner))
    np.testing.assert_allclose(layer.scale, image.scale)
    assert layer.units == image.units
    assert viewer.layers.selection.active is image


def test_psf_layer_changes_in_place_and_never_piles_up(blurred):
    viewer = ViewerModel()
    first = viewer.add_image(blurred, scale=(2, 2))
    second = viewer.add_image(np.stack([blurred] * 3), scale=(9, 3, 3), units=("um",) * 3)
    layer = show_psf(viewer, first, GaussianPSF((1.0, 1.0)))
    same = show_psf(viewer, second, GaussianPSF((2.0, 1.0), angle=30.0))
    assert same is layer
    np.testing.assert_array_equal(layer.data, gaussian_psf((2, 1), angle=30))
    np.testing.assert_allclose(layer.scale, (3, 3))
    assert tuple(layer.contrast_limits) == (0, pytest.approx(layer.data.max()))
    volume = show_psf(viewer, second, GaussianPSF((1.0, 1.0, 1.0)))
    assert volume.ndim == 3
    assert [x.name for x in viewer.layers].count("PSF") == 1
    assert find_psf_layer(viewer) is volume


def test_a_users_own_layer_named_psf_is_left_alone(blurred):
    viewer = ViewerModel()
    image = viewer.add_image(blurred)
    mine = viewer.add_image(np.ones((5, 5)), name="PSF")
    show_psf(viewer, image, GaussianPSF((1.0, 1.0)))
    np.testing.assert_array_equal(mine.data, np.ones((5, 5)))
    assert len(viewer.layers) == 3


def test_a_callable_prior_is_recorded(blurred):
    import napari_tf_deblur._solvers.load as door

    tf = door.tensorflow()

    def energy(x):
        return tf.reduce_sum(x**2)

    result = deblur_layer(Image(blurred), PSF, GradientDescent(prior=energy, iterations=2))
    assert result.metadata[KEY]["method"]["prior"] is energy
