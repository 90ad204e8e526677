"""Quantiles of many values by one partition each, several times as fast as `numpy.quantile`."""

import numpy as np
from numpy.typing import NDArray


def quantile(values: NDArray[np.float32], part: float) -> float:
    """The value below which a part of the values lies, between neighbours in proportion.

    Parameters
    ----------
    values : ndarray
        One axis, at least one value, none of them NaN.
    part : float
        0 to 1.
    """
    place = part * (len(values) - 1)
    below = int(place)
    parted = np.partition(values, below)
    low = float(parted[below])
    if place == below:
        return low
    high = float(np.min(parted[below + 1 :]))
    return low + (high - low) * (place - below)


def median(values: NDArray[np.float32]) -> float:
    """The value in the middle."""
    return quantile(values, 0.5)
