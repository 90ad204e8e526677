"""Convert results to the data type of an image."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_dtype(values: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert values to an integer type: round them and clip them to its range.

    Parameters
    ----------
    values : ndarray of float32
        Any shape.
    dtype : dtype
        The type. If it is not an integer type, the values are returned unchanged.

    Returns
    -------
    ndarray
        Same shape, in the byte order of this machine.

    Examples
    --------
    >>> to_dtype(np.float32([-1.0, 1.6, 300.0]), np.dtype("uint8"))
    array([  0,   2, 255], dtype=uint8)
    """
    if dtype.kind not in "ui":
        return values
    info = np.iinfo(dtype)
    return np.rint(np.clip(values, info.min, info.max)).astype(dtype.newbyteorder("="))
