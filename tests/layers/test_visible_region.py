"""The region of the preview: where the canvas looks, and no larger than it may be."""

from math import prod

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_tf_deblur._layers.visible_region import MAX_PIXELS, find_visible_region


def viewer_with(shape, **place):
    viewer = ViewerModel()
    return viewer, viewer.add_image(np.zeros(shape, np.uint8), **place)


def sizes_of(region):
    return tuple(part.stop - part.start for part in region)


@pytest.mark.parametrize("shape", [(40, 128, 128), (100, 3000, 300)])
@pytest.mark.parametrize("angles", [(0, 0, 90), (20, 30, -50)])
def test_the_slab_of_a_volume_does_not_depend_on_how_it_is_turned(shape, angles):
    viewer, layer = viewer_with(shape, scale=(0.4, 0.2, 0.2), translate=(5, 0, -3))
    viewer.dims.ndisplay = 3
    viewer.reset_view()
    before = find_visible_region(viewer, layer)
    viewer.scene.camera.angles = angles
    layer.corner_pixels = np.array([[0, 7, 20], [0, 50, 31]])  # as napari does while it draws
    assert find_visible_region(viewer, layer) == before
    assert sizes_of(before)[0] == 8
    assert prod(sizes_of(before)) <= MAX_PIXELS
    for part, length in zip(before, shape, strict=True):
        assert (part.start + part.stop) / 2 == pytest.approx(length / 2, abs=1)


def test_the_slab_is_where_the_camera_looks():
    viewer, layer = viewer_with((3, 60, 90, 90))
    viewer.dims.ndisplay = 3
    viewer.dims.set_point(0, 2)
    viewer.scene.camera.center = (50, 45, 45)
    region = find_visible_region(viewer, layer)
    assert region[0] == slice(2, 3)
    assert region[1].start <= 50 < region[1].stop
    viewer.scene.camera.center = (1000, 45, 45)
    assert find_visible_region(viewer, layer)[1] == slice(52, 60)


def test_of_a_plane_it_is_what_the_canvas_shows():
    viewer, layer = viewer_with((5, 2000, 3000))
    viewer.dims.set_point(0, 3)
    layer.corner_pixels = np.array([[3, 200, 1000], [3, 320, 1230]])
    region = find_visible_region(viewer, layer)
    assert region[0] == slice(3, 4)
    for part, begin, end in zip(region[1:], (200, 1000), (320, 1230), strict=True):
        assert part.start <= begin < end < part.stop
    layer.corner_pixels = np.array([[3, 0, 0], [3, 1999, 2999]])
    assert prod(sizes_of(find_visible_region(viewer, layer))) == MAX_PIXELS
