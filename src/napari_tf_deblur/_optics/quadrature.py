"""Nodes and weights to integrate functions that oscillate."""

from functools import cache

import numpy as np

from napari_tf_deblur._core.typing import Float64Array


def quadrature(cycles: float) -> tuple[Float64Array, Float64Array]:
    """Return nodes in 0 to 1 and weights to integrate a function of this many oscillations."""
    pieces = 2 + int(cycles / 3)
    nodes, weights = _gauss()
    starts = np.arange(pieces)[:, None]
    return ((nodes + starts) / pieces).ravel(), np.tile(weights / pieces, pieces)


@cache
def _gauss() -> tuple[Float64Array, Float64Array]:
    """Nodes and weights of Gauss-Legendre quadrature of 12 points on 0 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(12)
    return (nodes + 1) / 2, weights / 2
