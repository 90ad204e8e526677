"""Results in the type of an image."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_dtype(values: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return values in a type of integers, rounded and kept within its range.

    Parameters
    ----------
    values : ndarray of float32
        Any shape.
    dtype : dtype
        The type. Where it is not one of integers, nothing is done.

    Returns
    -------
    ndarray
        In the byte order of this machine.

    Examples
    --------
    >>> to_dtype(np.float32([-1.0, 1.6, 300.0]), np.dtype("uint8"))
    array([  0,   2, 255], dtype=uint8)
    """
    if dtype.kind not in "ui":
        return values
    info = np.iinfo(dtype)
    return np.rint(np.clip(values, info.min, info.max)).astype(dtype.newbyteorder("="))
