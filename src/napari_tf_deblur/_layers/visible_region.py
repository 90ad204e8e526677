"""Finds the part of an image that the canvas shows."""

from math import prod

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image

from napari_tf_deblur._storage.regions import Region

SIZES = (64, 128, 192, 256, 384, 512, 768, 1024)
"""Sizes of the region along an axis, in pixels, as far as the image has so many. Limit: of the
number of compiled sizes."""

MAX_PIXELS = 2**20
"""Largest number of pixels of the region. Limit: of time."""

SLAB_PLANES = 8
"""Planes of the region where the canvas shows a volume. Limit: of time."""


def find_visible_region(viewer: ViewerModel, layer: Image) -> Region:
    """Return the region of a layer that the canvas shows, at most `MAX_PIXELS` large.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The viewer.
    layer : napari.layers.Image
        A visible layer.

    Returns
    -------
    tuple of slice
        Along each axis of the layer, without colours. Along axes that are not displayed, it is one
        pixel long. Where a volume is displayed, it is a slab around the point that the camera looks
        at, however the volume is turned.
    """
    data = layer.data[0] if layer.multiscale else layer.data
    shape = data.shape[: layer.ndim]
    first = viewer.dims.ndim - layer.ndim
    displayed = [axis - first for axis in viewer.dims.displayed if axis >= first]
    world = list(viewer.dims.point)
    sizes = {}
    if len(displayed) == 3:  # napari's corner pixels are those of a plane then
        for axis, position in zip(viewer.dims.displayed, viewer.scene.camera.center):
            world[axis] = position
        sizes = {axis: min(_round_up(shape[axis]), shape[axis]) for axis in displayed}
        sizes[displayed[0]] = min(SLAB_PLANES, sizes[displayed[0]])
    point = layer.world_to_data(world)[-layer.ndim :]
    if len(displayed) < 3:
        for axis in displayed:
            begin, end = (int(corner[axis]) for corner in layer.corner_pixels)
            sizes[axis] = min(_round_up(end - begin + 1), shape[axis])
            point[axis] = (begin + end) / 2
    region = []
    while prod(sizes.values()) > MAX_PIXELS:
        largest = max(sizes, key=lambda axis: sizes[axis])
        smaller = [size for size in SIZES if size < sizes[largest]]
        sizes[largest] = smaller[-1] if smaller else max(1, sizes[largest] // 2)
    for axis, length in enumerate(shape):
        size = sizes.get(axis, 1)
        start = int(np.clip(round(float(point[axis]) - (size - 1) / 2), 0, length - size))
        region.append(slice(start, start + size))
    return tuple(region)


def _round_up(size: int) -> int:
    return next((n for n in SIZES if n >= size), SIZES[-1])
