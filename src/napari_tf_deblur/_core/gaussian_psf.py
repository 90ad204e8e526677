"""Make Gaussian point spread functions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.psf import check_psf_size, one_per_axis
from napari_tf_deblur._core.typing import PSF

GAUSSIAN_REACH = 4.0
"""Distance, in sigmas, beyond which a Gaussian counts as dark; half width of a Gaussian PSF without
a given size. Derived: beyond it, the Gaussian is below exp(-8), 0.03 % of the peak."""

DIFFRACTION_REACH = 8.0
"""Distance, in sigmas of a fitted Gaussian, as far as the rings of a PSF are kept. Derived: the
third dark ring of an Airy pattern lies at 7.7 sigmas, its third dark point along the axis at
8.3."""


def gaussian_psf(
    sigma: float | Sequence[float],
    size: int | Sequence[int] | None = None,
    *,
    angle: float = 0.0,
    ndim: int | None = None,
) -> PSF:
    """Make a Gaussian point spread function.

    Parameters
    ----------
    sigma : float or sequence of float
        Standard deviation in pixels: one number, or one per axis in array axis order.
    size : int or sequence of int, optional
        Odd number(s) of pixels. By default the smallest that holds 4 sigma on each side.
    angle : float, optional
        Rotation in degrees, counter-clockwise on a screen whose rows run downwards;
        for two axes only.
    ndim : int, optional
        Number of axes, 1 to 3, if both `sigma` and `size` are single numbers; 2 by default.

    Returns
    -------
    ndarray of float32
        The PSF, of sum 1, with its origin at the middle pixel.

    Raises
    ------
    TypeError
        If an argument is not a number.
    ValueError
        If a sigma is not positive, a size is not odd, the numbers of axes disagree, or
        an angle is given for other than two axes.

    Notes
    -----
    A PSF without an angle is an impulse filtered with :func:`scipy.ndimage.gaussian_filter`. If
    `size` is small, that filter reflects the light beyond the array back into it.

    Examples
    --------
    >>> gaussian_psf(1.6).shape
    (15, 15)
    >>> gaussian_psf((1, 3), 13).shape
    (13, 13)
    """
    shape = gaussian_shape(sigma, size, angle=angle, ndim=ndim)
    sigmas = one_per_axis("sigma", sigma, len(shape))
    if angle:
        kernel = _sample_gaussian(_covariance(sigmas, angle), shape)
    else:
        kernel = np.zeros(shape)
        kernel[tuple(n // 2 for n in shape)] = 1.0
        kernel = ndimage.gaussian_filter(kernel, sigmas)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def gaussian_shape(
    sigma: float | Sequence[float],
    size: int | Sequence[int] | None = None,
    *,
    angle: float = 0.0,
    ndim: int | None = None,
) -> tuple[int, ...]:
    """Return the shape of a PSF of :func:`gaussian_psf` without computing it.

    Parameters
    ----------
    sigma, size, angle, ndim
        See :func:`gaussian_psf`.

    Returns
    -------
    tuple of int
        Number of pixels per axis.

    Raises
    ------
    TypeError, ValueError
        As :func:`gaussian_psf`.

    Examples
    --------
    >>> gaussian_shape((300, 2, 2))
    (2401, 17, 17)
    """
    axes = _number_of_axes(sigma, size, ndim)
    sigmas = one_per_axis("sigma", sigma, axes)
    if not (np.all(np.isfinite(sigmas)) and np.all(sigmas > 0)):
        raise InvalidValueError(
            f"The PSF's sigma is {sigma}; every sigma must be a number of pixels above 0."
        )
    if not np.isfinite(angle):
        raise InvalidValueError(f"The PSF's angle is {angle}; it must be a number of degrees.")
    if angle and axes != 2:
        raise InvalidValueError(
            f"The PSF has {axes} axes; an angle can be set for 2 axes only, leave it at 0."
        )
    if size is not None:
        return check_psf_size(size, axes)
    reach = GAUSSIAN_REACH * np.sqrt(np.diag(_covariance(sigmas, angle)))
    return tuple(2 * int(np.ceil(r - 1e-9)) + 1 for r in reach)


def _number_of_axes(
    sigma: float | Sequence[float], size: int | Sequence[int] | None, ndim: int | None
) -> int:
    """Number of axes of a PSF; raise an error if the arguments disagree about it."""
    counts = {np.size(value) for value in (sigma, size) if value is not None and np.ndim(value)}
    if ndim is not None:
        counts.add(ndim)
    if len(counts) > 1:
        raise InvalidValueError(
            f"The PSF's sigma {sigma}, size {size} and number of axes {ndim} do not fit "
            "together; give one number for all axes or exactly one per axis."
        )
    axes = counts.pop() if counts else 2
    if not 1 <= axes <= 3:
        raise InvalidValueError(f"A PSF of {axes} axes is not possible; it can have 1 to 3.")
    return axes


def _covariance(sigmas: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """Covariance matrix of a Gaussian, in squared pixels."""
    covariance = np.diag(sigmas**2)
    if not angle:
        return covariance
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    return np.asarray(rotation @ covariance @ rotation.T)


def _sample_gaussian(
    covariance: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Values of a Gaussian at the middles of pixels, with a peak of 1."""
    grid = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij"), -1)
    exponent = np.einsum("...i,ij,...j", grid, np.linalg.inv(covariance), grid)
    return np.asarray(np.exp(-exponent / 2))
