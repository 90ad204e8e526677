"""The forward model in NumPy: the transfer function of a PSF, and convolution with it."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._core.psf import check_psf
from napari_tf_deblur._core.scene_grid import Grid
from napari_tf_deblur._core.threads import fft_workers
from napari_tf_deblur._core.typing import PSF


def transfer_function(psf: PSF, scene: tuple[int, ...]) -> NDArray[np.complex64]:
    """Compute the optical transfer function (OTF) of a PSF on a periodic grid.

    Parameters
    ----------
    psf : ndarray of float32
        Origin at index ``n // 2`` of each axis. A PSF larger than the grid wraps round.
    scene : tuple of int
        Shape of the grid.

    Returns
    -------
    ndarray of complex64
        Half spectrum, as :func:`scipy.fft.rfftn` gives it.
    """
    wrapped = np.zeros(scene, dtype=np.float32)
    indices = [(np.arange(n) - n // 2) % size for n, size in zip(psf.shape, scene)]
    np.add.at(wrapped, np.ix_(*indices), psf)
    return np.asarray(fft.rfftn(wrapped, workers=fft_workers()), dtype=np.complex64)


def laplacian_spectrum(
    shape: tuple[int, ...], spacing: Sequence[float] | None = None
) -> NDArray[np.float32]:
    """Compute minus the transfer function of the discrete Laplacian.

    The Laplacian is the sum of the second differences along all axes.

    Parameters
    ----------
    shape : tuple of int
        Shape of the periodic grid.
    spacing : sequence of float, optional
        Voxel size per axis; 1 by default.

    Returns
    -------
    ndarray of float32
        Half spectrum, as :func:`scipy.fft.rfftn` gives it; not negative.
    """
    total = np.zeros((*shape[:-1], shape[-1] // 2 + 1), dtype=np.float32)
    for axis, n in enumerate(shape):
        line = 2 - 2 * np.cos(2 * np.pi * np.arange(total.shape[axis]) / n)
        line /= 1.0 if spacing is None else spacing[axis] ** 2
        total += line.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return total


def convolve(
    image: ArrayLike,
    psf: ArrayLike,
    *,
    boundary: Literal["zero", "periodic", "reflect"] = "zero",
    channel_axis: int | None = None,
) -> NDArray[np.float32]:
    """Blur an image with a point spread function: the forward model.

    This is a true convolution: an asymmetric PSF is not mirrored. The image does not move,
    whether sizes are odd or even, because the origin of a PSF is its pixel at index ``n // 2``.

    Parameters
    ----------
    image : array_like
        Any real dtype. The last axes, as many as the PSF has, are blurred; leading axes are
        looped over.
    psf : array_like
        1 to 3 axes. It is not normalised: its sum scales the image.
    boundary : {"zero", "periodic", "reflect"}, optional
        What lies outside the image: zeros, the image repeated, or its reflection about the outer
        edges of the outermost pixels.
    channel_axis : int, optional
        Axis of colour channels, not blurred and not counted among the last axes.

    Returns
    -------
    ndarray of float32
        Same shape and units as `image`, times the sum of the PSF. If neither image nor PSF has a
        negative value, the result has none.

    Raises
    ------
    TypeError
        If image or PSF do not hold real numbers.
    ValueError
        If the PSF has more axes than the image or cannot be used, or if the boundary is not one
        of the three.

    Examples
    --------
    >>> convolve([0, 0, 1, 0, 0], [0, 1, 2]).round(3)
    array([0., 0., 1., 2., 0.], dtype=float32)
    """
    choices = ("zero", "periodic", "reflect")
    if boundary not in choices:
        raise InvalidValueError(f"The boundary is {boundary!r}; choose one of {choices}.")
    values = np.asarray(image)
    kernel = check_psf(psf, values.ndim - (channel_axis is not None))
    total = np.sum(np.asarray(psf), dtype=np.float64)  # `check_psf` divides by it
    if values.dtype.kind not in "biuf":
        raise InvalidTypeError(
            f"The image holds values of type {values.dtype}; it must hold real numbers."
        )
    values = values.astype(np.float32)
    is_light = values.min(initial=0) >= 0 and kernel.min() >= 0
    if channel_axis is not None:
        values = np.moveaxis(values, channel_axis, 0)
    if kernel.ndim > values.ndim:
        raise InvalidValueError(
            f"The PSF has {kernel.ndim} axes and the image has {values.ndim} to blur; "
            "use a PSF with fewer axes."
        )
    axes = tuple(range(-kernel.ndim, 0))
    frame = values.shape[values.ndim - kernel.ndim :]
    grid = Grid.around(frame, kernel, "periodic" if boundary == "periodic" else "zero")
    if boundary != "periodic":
        lead = ((0, 0),) * (values.ndim - kernel.ndim)
        values = np.pad(
            values, lead + grid.margins, mode="constant" if boundary == "zero" else "symmetric"
        )
    spectrum = fft.rfftn(values, axes=axes, workers=fft_workers())
    spectrum *= transfer_function(kernel, grid.scene)
    blurred = fft.irfftn(spectrum, s=grid.scene, axes=axes, workers=fft_workers())
    everything = (slice(None),) * (values.ndim - kernel.ndim)
    blurred = blurred[everything + grid.window] * np.float32(total)
    if is_light:
        # FFTs round zeros to values below 0; adding 0 turns -0.0 into 0.0.
        blurred = np.maximum(blurred, 0) + np.float32(0)
    if channel_axis is not None:
        blurred = np.moveaxis(blurred, 0, channel_axis)
    return np.ascontiguousarray(blurred, dtype=np.float32)
