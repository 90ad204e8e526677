"""Make coarser images from the means of neighbouring pixels."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray


def downsample(values: NDArray[np.generic], factors: Sequence[int]) -> NDArray[np.generic]:
    """Halve the number of pixels along some axes, by means of the finite pixels.

    Parameters
    ----------
    values : ndarray
        Image of any numeric dtype.
    factors : sequence of int
        1 or 2 for each axis. If the number of pixels is odd, the last one is a mean of its own.

    Returns
    -------
    ndarray
        Image of the same dtype. Integers are rounded. NaN if no pixel of a mean is finite.

    Examples
    --------
    >>> downsample(np.array([[1.0, 3.0, np.nan], [5.0, 7.0, 2.0]]), (2, 2))
    array([[4., 2.]])
    """
    shape = tuple(-(-n // f) for n, f in zip(values.shape, factors))
    wide = np.float64 if values.dtype.itemsize > 4 or values.dtype.kind in "ui" else np.float32
    total = np.zeros(shape, wide)
    count = np.zeros(shape, np.uint8)
    for offset in product(*(range(f) for f in factors)):
        part = values[tuple(slice(k, None, f) for k, f in zip(offset, factors))]
        inside = tuple(slice(0, n) for n in part.shape)
        finite = np.isfinite(part)
        np.add(total[inside], part, out=total[inside], where=finite)
        count[inside] += finite
    with np.errstate(invalid="ignore"):
        mean = total / count
    if values.dtype.kind in "uib":
        mean = np.rint(mean)
    return mean.astype(values.dtype)
