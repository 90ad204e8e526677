"""Coarser images by means of neighbouring pixels."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray


def downsample(values: NDArray[np.generic], factors: Sequence[int]) -> NDArray[np.generic]:
    """Return an image of half as many pixels along some axes: means of those that are finite.

    Parameters
    ----------
    values : ndarray
        Of any type of numbers.
    factors : sequence of int
        1 or 2 per axis. Of an odd number of pixels the last one is by itself.

    Returns
    -------
    ndarray
        Of the same type; integers are rounded. NaN where no pixel is finite.

    Examples
    --------
    >>> coarser(np.array([[1.0, 3.0, np.nan], [5.0, 7.0, 2.0]]), (2, 2))
    array([[4., 2.]])
    """
    shape = tuple(-(-n // f) for n, f in zip(values.shape, factors))
    wide = np.float64 if values.dtype.itemsize > 4 or values.dtype.kind in "ui" else np.float32
    total = np.zeros(shape, wide)
    number = np.zeros(shape, np.uint8)
    for offset in product(*(range(f) for f in factors)):
        some = values[tuple(slice(k, None, f) for k, f in zip(offset, factors))]
        inside = tuple(slice(0, n) for n in some.shape)
        finite = np.isfinite(some)
        np.add(total[inside], some, out=total[inside], where=finite)
        number[inside] += finite
    with np.errstate(invalid="ignore"):
        mean = total / number
    if values.dtype.kind in "uib":
        mean = np.rint(mean)
    return mean.astype(values.dtype)
