"""Functions for tests of several rooms."""

import numpy as np


def drain(steps):
    """Return all that a generator yields, and what it returns."""
    found = []
    while True:
        try:
            found.append(next(steps))
        except StopIteration as end:
            return found, end.value


def random_normal(seed, *shape):
    """Return float32 numbers of mean 0 and standard deviation 1."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def values(shape, dtype="float32"):
    """Return pixels from 0 to 1, or to 200 if they are whole numbers."""
    image = np.random.default_rng(0).random(shape)
    return (image * 200).astype(dtype) if np.dtype(dtype).kind in "ui" else image.astype(dtype)
