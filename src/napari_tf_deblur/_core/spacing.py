"""Sizes of the pixels of an image along its axes."""

from collections.abc import Sequence

import numpy as np

from napari_tf_deblur._core.errors import InvalidValueError


def relative_spacing(spacing: Sequence[float] | None, axes: int) -> tuple[float, ...]:
    """Return voxel sizes divided by the smallest one; 1 for each axis if `spacing` is None."""
    if spacing is None:
        return (1.0,) * axes
    try:
        voxel = np.asarray(spacing, dtype=float)
    except (TypeError, ValueError):
        voxel = np.zeros(0)
    if voxel.shape != (axes,) or not (np.all(np.isfinite(voxel)) and np.all(voxel > 0)):
        raise InvalidValueError(
            f"The spacing is {spacing!r}; it must be {axes} voxel sizes above 0, one "
            "for each deblurred axis."
        )
    return tuple(float(v) for v in voxel / voxel.min())
