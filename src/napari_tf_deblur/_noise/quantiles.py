"""Compute quantiles by one partition, several times faster than `numpy.quantile`."""

import numpy as np
from numpy.typing import NDArray


def quantile(values: NDArray[np.float32], part: float) -> float:
    """Return a quantile, with linear interpolation between values.

    Parameters
    ----------
    values : ndarray of float32
        One axis, at least one value, none of them NaN.
    part : float
        Fraction of the values below the quantile, 0 to 1.
    """
    place = part * (len(values) - 1)
    below = int(place)
    partitioned = np.partition(values, below)
    low = float(partitioned[below])
    if place == below:
        return low
    high = float(np.min(partitioned[below + 1 :]))
    return low + (high - low) * (place - below)


def median(values: NDArray[np.float32]) -> float:
    """Return the median."""
    return quantile(values, 0.5)
