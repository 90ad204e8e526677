"""The layer of the preview: the visible region, exactly on its source."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel
from napari.layers import Image

from napari_tf_deblur._layers.preview_layer import (
    find_preview_layer,
    remove_preview,
    show_preview_stepwise,
)
from napari_tf_deblur._layers.source import is_own_layer, read_source
from napari_tf_deblur._layers.visible_region import MAX_PIXELS, SIZES, find_visible_region


def show(viewer, source, region):
    pixels = np.asarray(source.data[region])
    for _ in show_preview_stepwise(viewer, source, region, pixels, (0.0, 1.0)):
        pass
    return find_preview_layer(viewer)


PLACES = [
    {},
    {"scale": (0.2, 0.3), "translate": (5, -7), "units": "um"},
    {"scale": (2, 3), "rotate": 30, "translate": (1, 2)},
    {"shear": [0.4], "scale": (1, 2)},
    {"affine": np.array([[0, 2, 3], [-1, 0.5, 4], [0, 0, 1.0]])},
    {"scale": (1, -1)},
]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: " ".join(place) or "plain")
def test_each_pixel_lies_on_that_of_the_source(place):
    viewer = ViewerModel()
    layer = Image(np.random.default_rng(0).normal(size=(40, 50)), **place)
    viewer.add_layer(layer)
    source = read_source(layer)
    for corner in ((3, 8), (20, 30)):
        region = tuple(slice(a, a + 8) for a in corner)
        preview = show(viewer, source, region)
        for pixel in ((0, 0), (7, 2), (3, 5)):
            there = [a + b for a, b in zip(corner, pixel)]
            assert preview.data[pixel] == layer.data[tuple(there)]
            np.testing.assert_allclose(
                preview.data_to_world(pixel), layer.data_to_world(there), atol=1e-9
            )
    assert list(viewer.layers) == [layer, preview]
    assert viewer.layers.selection.active is layer
    assert is_own_layer(preview)
    remove_preview(viewer)
    assert list(viewer.layers) == [layer]
    assert viewer.layers.selection.active is layer


def test_colours_and_other_axes():
    viewer = ViewerModel()
    colour = Image(np.zeros((30, 40, 3), np.uint8), rgb=True)
    stack = Image(np.zeros((4, 30, 40)))
    for layer in (colour, stack):
        viewer.add_layer(layer)
        region = (slice(0, 1),) * (layer.ndim - 2) + (slice(2, 10), slice(3, 12))
        preview = show(viewer, read_source(layer), region)
        assert preview.rgb == layer.rgb
        assert preview.ndim == layer.ndim
    assert len(viewer.layers) == 3


@settings(deadline=None)
@given(
    shape=st.lists(st.integers(1, 3000), min_size=2, max_size=2),
    begin=st.lists(st.floats(-0.5, 1.5), min_size=2, max_size=2),
    size=st.lists(st.floats(0, 2), min_size=2, max_size=2),
)
def test_the_region_lies_in_the_image_and_contains_what_is_visible(shape, begin, size):
    viewer = ViewerModel()
    layer = Image(np.broadcast_to(np.float32(0), (3, *shape)))
    viewer.add_layer(layer)
    first = np.clip(np.multiply(begin, shape), 0, np.subtract(shape, 1)).astype(int)
    last = np.clip(first + np.multiply(size, shape), 0, np.subtract(shape, 1)).astype(int)
    layer.corner_pixels = np.array([[0, *first], [0, *last]])
    region = find_visible_region(viewer, layer)
    sizes = [part.stop - part.start for part in region]
    assert np.prod(sizes) <= MAX_PIXELS
    assert sizes[0] == 1
    for part, n, a, b in zip(region[1:], shape, first, last):
        assert 0 <= part.start < part.stop <= n
        assert part.stop - part.start in (*SIZES, n)
        if b - a < 512:
            assert part.start <= a
            assert b < part.stop


def test_the_region_of_a_volume_is_a_plane_or_a_slab():
    viewer = ViewerModel()
    layer = Image(np.zeros((30, 200, 180), np.float32))
    viewer.add_layer(layer)
    viewer.dims.current_step = (21, 0, 0)
    layer.corner_pixels = np.array([[0, 0, 0], [29, 199, 179]])
    assert find_visible_region(viewer, layer) == (slice(21, 22), slice(0, 200), slice(0, 180))
    viewer.dims.ndisplay = 3
    viewer.reset_view()
    assert find_visible_region(viewer, layer) == (slice(11, 19), slice(0, 200), slice(0, 180))
