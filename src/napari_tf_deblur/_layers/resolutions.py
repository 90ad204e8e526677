"""The resolutions of a result, of a layer that has several."""

from typing import Any

from numpy.typing import NDArray

from napari_tf_deblur._layers.source import Source
from napari_tf_deblur._storage.downsampling import downsample
from napari_tf_deblur._storage.pyramid import MIN_LEVEL_SIZE


def build_resolutions(image: NDArray[Any], source: Source) -> NDArray[Any] | list[Any]:
    """Return an image as a layer like its source has it: of several resolutions, if that has.

    Parameters
    ----------
    image : ndarray
        Of the source's shape, at full resolution.
    source : Source
        The layer.

    Returns
    -------
    ndarray or list of ndarray
        Each is half of the one before along y and x: means of two pixels; at least two of them,
        until the last fits a window.
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
