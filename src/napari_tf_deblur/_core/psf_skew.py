"""Bring a PSF into the coordinates of a skewed stack, whose planes are shifted one by one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.psf import check_psf
from napari_tf_deblur._core.typing import PSF


def skew_psf(psf: ArrayLike, shift: Sequence[float]) -> PSF:
    """Bring a PSF into the coordinates of a skewed stack, as light-sheet microscopes make them.

    The voxel (k, j, i) of a skewed stack lies at the depth k, the row ``j + k * shift[0]`` and the
    column ``i + k * shift[1]``. So the PSF of the stack is ``psf[k, j + k * shift[0], i + k *
    shift[1]]``.

    Parameters
    ----------
    psf : array_like
        PSF with three axes and its origin at the middle voxel; its planes have the distance of the
        planes of the stack, measured along the optical axis.
    shift : sequence of float
        Shift of the camera in the specimen from one plane of the stack to the next, in pixels along
        rows and columns.

    Returns
    -------
    ndarray of float32
        The PSF of the stack, of sum 1, with its origin at the middle voxel. It is larger than `psf`
        where planes are shifted beyond it.

    Raises
    ------
    TypeError, ValueError
        If `psf` is no PSF with three axes, or `shift` is not two numbers.

    Notes
    -----
    Planes are shifted by a factor in Fourier space, which is exact for a PSF that is sampled finely
    enough. What becomes negative is set to 0.

    Examples
    --------
    >>> from napari_tf_deblur import gaussian_psf, skew_psf
    >>> skew_psf(gaussian_psf((1, 1, 1)), (2.0, 0)).shape
    (9, 25, 9)
    """
    straight = check_psf(psf, most_axes=3)
    if straight.ndim != 3:
        raise InvalidValueError(
            f"The PSF has {straight.ndim} axes; only a PSF with three axes can be skewed."
        )
    if np.shape(shift) != (2,) or not np.all(np.isfinite(shift)):
        raise InvalidValueError(
            f"The shift is {shift!r}; it must be two numbers of pixels, along rows and columns."
        )
    depth = np.arange(len(straight)) - len(straight) // 2
    reach = [int(np.ceil(abs(one) * np.abs(depth).max())) for one in shift]
    wide = np.pad(straight.astype(np.float64), ((0, 0), *((r, r) for r in reach)))
    shape = [fft.next_fast_len(n + 2 * r, real=True) for n, r in zip(wide.shape[1:], reach)]
    spectrum = fft.rfft2(wide, shape)
    rows = fft.fftfreq(shape[0])[:, None] * shift[0]
    columns = fft.rfftfreq(shape[1]) * shift[1]
    spectrum *= np.exp(2j * np.pi * depth[:, None, None] * (rows + columns))
    shifted = fft.irfft2(spectrum, shape)[:, : wide.shape[1], : wide.shape[2]]
    shifted = np.maximum(shifted, 0)
    return np.asarray(shifted / shifted.sum(), np.float32)
