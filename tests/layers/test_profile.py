"""Profiles along a line have the right values at the right points, for all kinds of layers."""

import dask.array
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Shapes

from napari_tf_deblur._layers.profile import sample_profiles
from napari_tf_deblur._layers.profile_line import (
    create_line_layer,
    find_line_layer,
    find_line_vertices,
    remove_former_shapes,
)
from napari_tf_deblur._layers.record import read_pixel_length
from napari_tf_deblur._layers.source import read_source


def line(*vertices, kind=None, **options):
    kind = kind or ("line" if len(vertices) == 2 else "path")
    return Shapes([np.array(vertices, float)], shape_type=kind, **options)


def sampled(images, shapes, **dims):
    """Return profiles in a viewer with these layers, sliders and displayed axes."""
    viewer = ViewerModel()
    for layer in (*images, shapes):
        viewer.add_layer(layer)
    for name, value in dims.items():
        setattr(viewer.dims, name, value)
    return sample_profiles(viewer, shapes, images)


@pytest.fixture
def ramp():
    """An image that rises by 1 per column and by 100 per row."""
    return np.add.outer(100.0 * np.arange(20), np.arange(30))


def test_a_line_along_x_of_a_ramp_is_the_ramp(ramp):
    found = sampled([Image(ramp)], line((4, 2), (4, 12)))
    np.testing.assert_allclose(found.distance, np.arange(11))
    np.testing.assert_allclose(found.values[0], 402 + np.arange(11))
    assert found.unit == "pixel"


@pytest.mark.parametrize("axes", [2, 3])
def test_distances_are_lengths_where_the_record_of_the_result_tells_the_size(ramp, axes):
    """The dock may know a pixel size that no layer has; the pixels need not be square."""
    images = [Image(ramp if axes == 2 else np.stack([ramp] * 3), scale=(2.0,) * axes)] * 2
    units, scale = ["pixel", "nanometer", "nanometer"], [1, 150.0, 50.0]
    arguments = {"scale": scale[-axes:], "units": units[-axes:]}
    origin = read_source(images[0]).record() | {"arguments": arguments}
    size = read_pixel_length({"origin": origin})
    shapes = line((2.0, 4.0), (8.0, 12.0))
    viewer = ViewerModel()
    for layer in (images[0], shapes):
        viewer.add_layer(layer)
    found = sample_profiles(viewer, shapes, images, size)
    assert found.unit == "nanometer"
    assert found.distance[-1] == pytest.approx(np.hypot(3 * 150, 4 * 50))
    assert len(found.distance) == 6
    assert read_pixel_length({"origin": origin | {"arguments": {"scale": [2, 2]}}}) is None
    assert sample_profiles(viewer, shapes, images, None).unit == "pixel"


def test_a_slanting_line_goes_by_length_and_between_pixels(ramp):
    found = sampled([Image(ramp)], line((1, 2), (4, 6)))
    assert found.distance[-1] == 5
    np.testing.assert_allclose(found.values[0], 102 + found.distance * (300 + 4) / 5)


@pytest.mark.parametrize(
    "place",
    [
        {"scale": (0.5, 0.25)},
        {"translate": (3, -7)},
        {"rotate": 30},
        {"shear": [0.3]},
        {"scale": (2, 3), "rotate": -60, "translate": (1, 1)},
        {"affine": [[0, 1, 5], [-2, 0, 3], [0, 0, 1]]},
    ],
)
def test_the_place_of_the_layer_counts(ramp, place):
    image = Image(ramp, **place)
    ends = [image.data_to_world(end) for end in ((2, 3), (15, 20))]
    found = sampled([image], line(*ends))
    assert found.distance[-1] == pytest.approx(np.linalg.norm(np.subtract(*ends)))
    np.testing.assert_allclose(found.values[0][[0, -1]], [203, 1520], rtol=1e-6)
    np.testing.assert_allclose(np.diff(found.values[0], 2), 0, atol=1e-6)


def test_the_place_of_the_line_counts(ramp):
    drawn = line((8, 4), (8, 24), scale=(0.5, 0.5), translate=(0, 1))
    found = sampled([Image(ramp)], drawn)
    np.testing.assert_allclose(found.distance, np.arange(11))
    np.testing.assert_allclose(found.values[0], 403 + np.arange(11))


def test_both_images_are_on_one_axis_of_distance(ramp):
    fine = np.repeat(np.repeat(ramp, 2, 0), 2, 1)
    coarse, halved = Image(ramp), Image(fine, scale=(0.5, 0.5), translate=(-0.25, -0.25))
    found = sampled([coarse, halved], line((5, 3), (5, 9)))
    assert len(found.distance) == 13  # one per pixel of the finer one
    assert all(values.shape == found.distance.shape for values in found.values)
    np.testing.assert_allclose(found.values[0], found.values[1], atol=0.5)


def test_outside_of_an_image_there_is_nothing(ramp):
    found = sampled([Image(ramp), Image(ramp, translate=(0, 100))], line((4, -5), (4, 40)))
    at = found.distance - 5
    inside = (at >= -0.5) & (at <= 29.5)
    np.testing.assert_array_equal(np.isfinite(found.values[0]), inside)
    np.testing.assert_allclose(found.values[0][inside], 400 + at[inside].clip(0, 29), rtol=1e-3)
    assert np.isnan(found.values[1]).all()


def test_nan_stays_where_it_is(ramp):
    ramp[4, 8] = np.nan
    found = sampled([Image(ramp)], line((4, 2), (4, 14)))
    assert np.flatnonzero(np.isnan(found.values[0])).tolist() == [6]


def test_the_slider_says_which_plane(ramp):
    stack = np.stack([ramp, -ramp, 2 * ramp])
    for step, factor in enumerate((1, -1, 2)):
        found = sampled([Image(stack)], line((4, 2), (4, 12)), current_step=(step, 0, 0))
        np.testing.assert_allclose(found.values[0], factor * (402 + np.arange(11)))
    flat = sampled([Image(stack), Image(ramp)], line((4, 2), (4, 12)), current_step=(1, 0, 0))
    np.testing.assert_allclose(flat.values[0], -flat.values[1])


def test_a_plane_that_a_layer_does_not_have_is_nothing(ramp):
    few, many = Image(np.stack([ramp] * 2)), Image(np.stack([ramp] * 5))
    found = sampled([few, many], line((4, 2), (4, 12)), current_step=(4, 0, 0))
    assert np.isnan(found.values[0]).all()
    assert np.isfinite(found.values[1]).all()


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
def test_any_two_axes_may_be_displayed(order):
    volume = np.random.default_rng(0).normal(size=(6, 7, 8))
    image = Image(volume, scale=(2, 1, 0.5))
    ends = np.full((2, 3), 2.0)
    ends[1, order[-1]] = 5
    drawn = line(*(image.data_to_world(end) for end in ends))
    found = sampled([image], drawn, order=order, point=image.data_to_world((4, 4, 4)))
    index = [2, 2, 2]
    index[order[0]], index[order[-1]] = 4, slice(2, 6)
    np.testing.assert_allclose(found.values[0], volume[tuple(index)])
    assert found.distance[-1] == 3 * image.scale[order[-1]]


def test_in_3d_the_line_may_slant_through_the_volume():
    volume = np.add.outer(100.0 * np.arange(6), np.add.outer(10.0 * np.arange(7), np.arange(8)))
    found = sampled([Image(volume)], line((0, 1, 2), (4, 1, 5)), ndisplay=3)
    assert found.distance[-1] == 5
    np.testing.assert_allclose(found.values[0], 12 + found.distance * (400 + 3) / 5)


def test_of_colours_it_is_the_luminance():
    colours = np.zeros((5, 6, 4), np.uint8)
    colours[:, 2:, 0] = 100
    colours[:, 4:, 1] = 200
    colours[..., 3] = 7
    found = sampled([Image(colours, rgb=True)], line((2, 0), (2, 5)))
    expected = [0, 0, 21.26, 21.26, 21.26 + 143.04, 21.26 + 143.04]
    np.testing.assert_allclose(found.values[0], expected)


def test_of_a_multiscale_image_it_is_the_full_resolution(ramp):
    pyramid = Image([ramp, 0 * ramp[::2, ::2]], multiscale=True)
    found = sampled([pyramid], line((4, 2), (4, 12)))
    np.testing.assert_allclose(found.values[0], 402 + np.arange(11))


def test_only_the_plane_that_is_needed_is_read(ramp):
    read = []

    def plane(block, block_info=None):
        read.append(block_info[0]["chunk-location"][0])
        return block

    stack = dask.array.from_array(np.stack([ramp] * 9), chunks=(1, 20, 30))
    watched = stack.map_blocks(plane, dtype=float, meta=np.empty((0, 0, 0)))
    layer = Image(watched, contrast_limits=(0, 1), multiscale=False)
    viewer = ViewerModel()
    viewer.add_layer(layer)
    drawn = viewer.add_layer(line((4, 2), (4, 12)))
    viewer.dims.current_step = (6, 0, 0)
    read.clear()
    found = sample_profiles(viewer, drawn, [layer])
    assert set(read) == {6}
    np.testing.assert_allclose(found.values[0], 402 + np.arange(11))


@pytest.mark.parametrize("dtype", ["?", "u1", ">u2", "i8", "f2", ">f4", "f8"])
def test_every_type_of_pixels(ramp, dtype):
    data = (ramp > 5).astype(dtype)
    found = sampled([Image(data)], line((0, 2), (0, 12)))
    np.testing.assert_allclose(found.values[0], data[0, 2:13].astype(float))


def test_units_are_those_of_the_viewer(ramp):
    image = Image(ramp, scale=(0.5, 0.5), units=("micrometer",) * 2)
    found = sampled([image], line((2000, 1000), (2000, 6000), units=("nanometer",) * 2))
    assert found.unit == "nanometer"
    assert found.distance[-1] == pytest.approx(5000)
    np.testing.assert_allclose(found.values[0], 402 + np.arange(11), rtol=1e-6)


def test_along_axes_of_two_units_the_distance_has_none(ramp):
    both = {"units": ("second", "micrometer"), "axis_labels": ("t", "x")}
    slanting = sampled([Image(ramp, **both)], line((1, 1), (5, 5), **both))
    assert slanting.unit == ""
    straight = sampled([Image(ramp, **both)], line((1, 1), (1, 5), **both))
    assert straight.unit == "micrometer"


# ---------------------------------------------------------------- which line


def test_a_path_is_followed_to_its_end(ramp):
    found = sampled([Image(ramp)], line((4, 2), (4, 6), (8, 6)))
    np.testing.assert_allclose(found.distance, np.arange(9))
    expected = [402, 403, 404, 405, 406, 506, 606, 706, 806]
    np.testing.assert_allclose(found.values[0], expected)


def test_of_several_lines_the_selected_one_counts_or_the_last():
    shapes = line((0, 0), (0, 1))
    shapes.add_lines([[(1, 1), (1, 5)], [(2, 2), (2, 7)]])
    shapes.add_rectangles([[(0, 0), (9, 9)]])
    assert find_line_vertices(shapes).tolist() == [[2, 2], [2, 7]]
    shapes.selected_data = {1, 3}
    assert find_line_vertices(shapes).tolist() == [[1, 1], [1, 5]]
    shapes.selected_data = {3}
    assert find_line_vertices(shapes).tolist() == [[2, 2], [2, 7]]
    remove_former_shapes(shapes)
    assert find_line_vertices(shapes) is None


@pytest.mark.parametrize(
    "shapes",
    [Shapes(), line((1, 1), (1, 1)), line((0, 0), (1, 0), (1, 1), kind="polygon")],
    ids=["empty", "a point", "polygon"],
)
def test_without_a_line_there_is_no_profile(ramp, shapes):
    assert find_line_vertices(shapes) is None
    assert sampled([Image(ramp)], shapes) is None


def test_the_selected_layer_counts_or_the_uppermost_that_is_shown(ramp):
    viewer = ViewerModel()
    image = viewer.add_image(ramp)
    assert find_line_layer(viewer) is None
    first, second, hidden = (viewer.add_layer(line((0, 0), (0, k))) for k in (1, 2, 3))
    viewer.add_shapes()
    hidden.visible = False
    assert find_line_layer(viewer) is second
    viewer.layers.selection.active = first
    assert find_line_layer(viewer) is first
    viewer.layers.selection.active = image
    assert find_line_layer(viewer) is second
    assert find_line_layer(viewer, first) is first
    assert find_line_layer(viewer, hidden) is hidden
    viewer.layers.remove(hidden)
    assert find_line_layer(viewer, hidden) is second


@pytest.mark.parametrize("options", [{}, {"scale": (0.1, 0.2), "translate": (7, 8)}])
def test_a_new_line_lies_across_the_middle_of_all_planes(ramp, options):
    viewer = ViewerModel()
    place = {key: (1, *value) for key, value in options.items()}
    image = viewer.add_image(np.stack([ramp] * 3), units=("second", "nm", "nm"), **place)
    drawn = viewer.add_layer(create_line_layer(viewer, image))
    assert drawn.ndim == 2
    assert (drawn.name, drawn.units) == ("profile line", image.units[1:])
    for step in (0, 2):
        viewer.dims.current_step = (step, 0, 0)
        found = sample_profiles(viewer, drawn, [image])
        assert found.distance[-1] == pytest.approx(0.8 * 29 * image.scale[-1])
        np.testing.assert_allclose(found.values[0], 950 + np.linspace(2.9, 26.1, 25), rtol=1e-6)


def test_a_new_line_where_other_axes_are_displayed():
    viewer = ViewerModel()
    volume = np.random.default_rng(0).normal(size=(9, 7, 8))
    image = viewer.add_image(volume, scale=(2, 1, 1))
    viewer.dims.order = (2, 1, 0)
    viewer.dims.current_step = (0, 0, 5)
    drawn = viewer.add_layer(create_line_layer(viewer, image))
    found = sample_profiles(viewer, drawn, [image])
    assert found.distance[-1] == pytest.approx(0.8 * 16)
    ends = 0.2 * volume[[0, 8], 3, 5] + 0.8 * volume[[1, 7], 3, 5]
    np.testing.assert_allclose(found.values[0][[0, -1]], [*ends], rtol=1e-6)
