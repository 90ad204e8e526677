"""Resample a PSF to the voxels of the image to be deblurred."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._core.typing import Float64Array


def resample_psf(values: Float64Array, zoom: NDArray[np.float64]) -> Float64Array:
    """Sample a PSF at the voxels of an image, about the middle pixel.

    Sampling keeps the width of the PSF. If the voxels are so large that samples miss light or
    count it twice, the light is averaged over each voxel.

    Parameters
    ----------
    values : ndarray of float64
        The PSF, of odd sizes.
    zoom : ndarray of float64
        Voxel size of the PSF divided by that of the image, along each axis.

    Returns
    -------
    ndarray of float64
        The resampled PSF, of odd sizes; not normalised.
    """
    sampled = _sample_voxels(values, zoom, np.ones(values.ndim, dtype=int), order=5)
    if values.min() >= 0:
        sampled = np.clip(sampled, 0, None)
    if np.all(zoom > 0.99) or abs(sampled.sum() / (values.sum() * np.prod(zoom)) - 1) < 0.1:
        return sampled
    return _sample_voxels(values, zoom, np.maximum(np.rint(4 / zoom), 1).astype(int), order=1)


def _sample_voxels(
    values: Float64Array, zoom: NDArray[np.float64], fine: NDArray[np.int64], order: Literal[1, 5]
) -> Float64Array:
    """Take `fine` samples per voxel of the image along each axis, and average them."""
    shape = [2 * int(np.ceil((n * z - 1) / 2)) + 1 for n, z in zip(values.shape, zoom)]
    start = [
        n // 2 - (m // 2 + (1 - 1 / f) / 2) / z
        for n, m, f, z in zip(values.shape, shape, fine, zoom)
    ]
    samples = ndimage.affine_transform(
        values,
        1 / (zoom * fine),
        start,
        output_shape=tuple(m * f for m, f in zip(shape, fine)),
        order=order,
        mode="grid-constant",
    )
    blocks = samples.reshape([k for m, f in zip(shape, fine) for k in (m, f)])
    return np.asarray(blocks.mean(axis=tuple(range(1, 2 * values.ndim, 2))))
