"""Computes the resolutions of a result whose source has several."""

from typing import Any

from numpy.typing import NDArray

from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._storage.downsampling import downsample
from napari_tf_deblur._storage.pyramid import MIN_LEVEL_SIZE


def build_resolutions(image: NDArray[Any], source: Source) -> NDArray[Any] | list[Any]:
    """Return an image with as many resolutions as its source layer needs.

    Parameters
    ----------
    image : ndarray
        The image at full resolution, with the shape of the source.
    source : Source
        The layer.

    Returns
    -------
    ndarray or list of ndarray
        The image itself if the source has one resolution. Else a list, the finest resolution
        first. Each resolution has half as many pixels along y and x as the one before; a pixel is
        the mean of two along each axis. There are at least two resolutions, and the last one is
        no larger than `MIN_LEVEL_SIZE`.
    """
    if not source.origin.multiscale:
        return image
    factors = [1] * image.ndim
    plane = [source.ndim - 2, source.ndim - 1]
    for axis in plane:
        factors[axis] = 2
    levels = [image]
    while len(levels) < 2 or max(levels[-1].shape[axis] for axis in plane) > MIN_LEVEL_SIZE:
        levels.append(downsample(levels[-1], factors))
    return levels
