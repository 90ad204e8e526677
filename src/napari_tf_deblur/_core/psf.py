"""Check point spread functions and their sizes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError, UserError
from napari_tf_deblur._core.typing import PSF


def check_psf(psf: ArrayLike, most_axes: int = 3) -> PSF:
    """Check a PSF and scale it to sum 1.

    Parameters
    ----------
    psf : array_like
        1 to 3 axes, with the origin at index ``n // 2`` of each; any real dtype.
    most_axes : int, optional
        Number of axes of the image. If the PSF has more axes, leading axes of length 1 are
        dropped.

    Returns
    -------
    ndarray of float32
        The same PSF, of sum 1.

    Raises
    ------
    TypeError
        If it does not hold real numbers.
    ValueError
        If it is empty, has no axis or more than three, has NaN or infinite values, or a
        sum that is not positive; or if its last axis looks like a colour axis.

    Examples
    --------
    >>> check_psf([1, 2, 1])
    array([0.25, 0.5 , 0.25], dtype=float32)
    """
    if isinstance(psf, tuple) and len(psf) == 2 and isinstance(psf[1], tuple):
        raise InvalidTypeError(
            "The PSF is a tuple of a PSF and notes, as 'measured_psf' returns it; give its first "
            "element only: psf, notes = measured_psf(bead)."
        )
    try:
        values = np.asarray(psf)
    except UserError:  # of a PSF that varies
        raise
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
            f"The values of the PSF sum to {total:g}; a PSF must have a positive sum. "
            "Check that it is the right layer, and that its background was not subtracted twice."
        )
    return np.asarray(values / total, dtype=np.float32)


def refuse_colours(shape: tuple[int, ...]) -> None:
    """Raise an error if the last of three axes looks like a colour axis.

    Such an axis has 3 or 4 elements, and less than a third of those of both others.

    Raises
    ------
    ValueError
        The message says what to give instead.
    """
    if len(shape) == 3 and shape[-1] in (3, 4) and min(shape[:-1]) > 3 * shape[-1]:
        raise InvalidValueError(
            f"The PSF has the shape {shape}, as a colour picture has; a PSF has a single "
            "intensity per pixel. Give one of its colours, 'psf[..., 1]', or their mean, "
            "'psf[..., :3].mean(axis=-1)'."
        )


def check_psf_size(size: int | Sequence[int], axes: int) -> tuple[int, ...]:
    """Check the size of a PSF, and return one number per axis; one number stands for all axes.

    Raises
    ------
    TypeError, ValueError
        As :func:`gaussian_psf`.
    """
    sizes = one_per_axis("size", size, axes)
    if not all(n >= 1 and n % 2 == 1 for n in sizes):
        raise InvalidValueError(
            f"The PSF's size is {size}; every size must be an odd number of pixels, so "
            "that the PSF has a middle pixel."
        )
    return tuple(int(n) for n in sizes)


def one_per_axis(name: str, value: object, axes: int) -> NDArray[np.float64]:
    """Convert a number, or one number per axis, to one number per axis.

    Raises
    ------
    TypeError
        If it is neither; the message calls it "The PSF's `name`".
    """
    try:
        return np.broadcast_to(np.asarray(value, dtype=np.float64), axes)
    except (TypeError, ValueError):
        raise InvalidTypeError(
            f"The PSF's {name} is {value!r}; it must be a number, or one number per axis."
        ) from None
