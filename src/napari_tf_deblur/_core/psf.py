"""Point spread functions: Gaussian ones, and the check that every PSF passes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError
from napari_tf_deblur._core.typing import PSF

GAUSSIAN_REACH = 4.0
"""Distance, in sigmas, at which a Gaussian counts as dark; half width of an automatic PSF. Derived:
exp(-8), 0.03 % of the peak, lies beyond."""


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
        Odd number(s) of pixels. By default the smallest that holds 4 sigma each side.
    angle : float, optional
        Rotation in degrees, counter-clockwise on a screen whose rows run downwards.
        For two axes only.
    ndim : int, optional
        Number of axes, 1 to 3, where neither `sigma` nor `size` says it; 2 by default.

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
    An upright PSF is an impulse filtered with :func:`scipy.ndimage.gaussian_filter`, as
    in the reference recipe: what would reach beyond a small `size` is folded back in.

    Examples
    --------
    >>> gaussian_psf(1.6).shape
    (15, 15)
    >>> gaussian_psf((1, 3), 13).shape
    (13, 13)
    """
    shape = gaussian_shape(sigma, size, angle=angle, ndim=ndim)
    sigmas = _one_per_axis("sigma", sigma, len(shape))
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
    """Return the shape that :func:`gaussian_psf` would have, without making it.

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
    sigmas = _one_per_axis("sigma", sigma, axes)
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


def check_psf(psf: ArrayLike, most_axes: int = 3) -> PSF:
    """Check a PSF and scale it to sum 1.

    Parameters
    ----------
    psf : array_like
        1 to 3 axes, origin at index ``n // 2`` of each; any real dtype.
    most_axes : int, optional
        Axes of the image: leading axes of length 1 are dropped where the PSF has more.

    Returns
    -------
    ndarray of float32
        The same PSF, of sum 1.

    Raises
    ------
    TypeError
        If it does not hold real numbers.
    ValueError
        If it is empty, has no or more than three axes, has NaN or infinite values, or a
        sum that is not positive; or if its last axis looks like one of colours.

    Examples
    --------
    >>> checked_psf([1, 2, 1])
    array([0.25, 0.5 , 0.25], dtype=float32)
    """
    if isinstance(psf, tuple) and len(psf) == 2 and isinstance(psf[1], tuple):
        raise InvalidTypeError(
            "The PSF is a PSF with its notes, as 'measured_psf' returns them; give its first "
            "part alone: psf, notes = measured_psf(bead)."
        )
    try:
        values = np.asarray(psf)
    except (TypeError, ValueError):
        raise InvalidTypeError(
            "The PSF is not an array of numbers; its rows may differ in length."
        ) from None
    while values.ndim > min(3, max(1, most_axes)) and values.shape[0] == 1:
        values = values[0]
    if values.dtype.kind not in "biuf":
        raise InvalidTypeError(
            f"The PSF holds values of type {values.dtype}; it must hold real numbers."
        )
    if not 1 <= values.ndim <= 3 or values.size == 0:
        raise InvalidValueError(
            f"The PSF has the shape {values.shape}; it must have 1 to 3 axes, none empty."
        )
    refuse_colours(values.shape)
    values = values.astype(np.float64)
    if not np.all(np.isfinite(values)):
        raise InvalidValueError("The PSF has NaN or infinite values; replace them by numbers.")
    total = values.sum()
    if not total > 1e-12 * np.abs(values).sum():
        raise InvalidValueError(
            f"The PSF's values sum to {total:g}; a PSF must have a positive sum. "
            "Check that it is the right layer, and not background-subtracted twice."
        )
    return np.asarray(values / total, dtype=np.float32)


def refuse_colours(shape: tuple[int, ...]) -> None:
    """Refuse three axes of which the last is one of colours: far shorter than both others.

    Raises
    ------
    ValueError
        In words that say what to give instead.
    """
    if len(shape) == 3 and shape[-1] in (3, 4) and min(shape[:-1]) > 3 * shape[-1]:
        raise InvalidValueError(
            f"The PSF has the shape {shape}, as a colour picture has; a PSF has a single "
            "intensity per pixel. Give one of its colours, 'psf[..., 1]', or their mean, "
            "'psf[..., :3].mean(axis=-1)'."
        )


def _number_of_axes(
    sigma: float | Sequence[float], size: int | Sequence[int] | None, ndim: int | None
) -> int:
    said = {np.size(value) for value in (sigma, size) if value is not None and np.ndim(value)}
    if ndim is not None:
        said.add(ndim)
    if len(said) > 1:
        raise InvalidValueError(
            f"The PSF's sigma {sigma}, size {size} and number of axes {ndim} do not fit "
            "together; give one number for all axes or exactly one per axis."
        )
    axes = said.pop() if said else 2
    if not 1 <= axes <= 3:
        raise InvalidValueError(f"A PSF of {axes} axes was asked for; it can have 1 to 3.")
    return axes


def _one_per_axis(name: str, value: object, axes: int) -> NDArray[np.float64]:
    try:
        return np.broadcast_to(np.asarray(value, dtype=np.float64), axes)
    except (TypeError, ValueError):
        raise InvalidTypeError(
            f"The PSF's {name} is {value!r}; it must be a number, or one number per axis."
        ) from None


def check_psf_size(size: int | Sequence[int], axes: int) -> tuple[int, ...]:
    """Check the size that was asked for; one number is that of all axes.

    Raises
    ------
    TypeError, ValueError
        As :func:`gaussian_psf`.
    """
    sizes = _one_per_axis("size", size, axes)
    if not all(n >= 1 and n % 2 == 1 for n in sizes):
        raise InvalidValueError(
            f"The PSF's size is {size}; every size must be an odd number of pixels, so "
            "that the PSF has a middle pixel."
        )
    return tuple(int(n) for n in sizes)


def _covariance(sigmas: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    covariance = np.diag(sigmas**2)
    if not angle:
        return covariance
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    return np.asarray(rotation @ covariance @ rotation.T)


def _sample_gaussian(
    covariance: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    grid = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij"), -1)
    exponent = np.einsum("...i,ij,...j", grid, np.linalg.inv(covariance), grid)
    return np.asarray(np.exp(-exponent / 2))
