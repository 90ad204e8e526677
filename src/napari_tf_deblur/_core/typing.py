"""Type aliases of arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]
"""Images, PSFs and what solvers compute."""

Float64Array = NDArray[np.float64]
"""Spectra, fits and coordinates, in double precision."""

FloatArray = NDArray[np.floating]
"""Arrays of either precision."""

BoolArray = NDArray[np.bool_]
"""Masks."""

RealArray = NDArray[Any]
"""Images of any real dtype."""

PSF = NDArray[np.float32]
"""A point spread function of sum 1, with its origin at index ``n // 2`` of each axis."""
