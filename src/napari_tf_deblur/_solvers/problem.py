"""What every solver is given, and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur.forward import Grid
from napari_tf_deblur.psf import PSF

Array = NDArray[np.float32]

Tensor: TypeAlias = Any
"""A TensorFlow tensor, or a variable's value; TensorFlow ships no types."""

REPORT_INTERVAL = 0.1
"""Seconds between two reports of a run."""


@dataclass(frozen=True)
class Problem:
    """A batch of planes or volumes of one shape, to be solved together.

    Attributes
    ----------
    observed : ndarray of float32
        Shape (planes, channels, *frame); intensities less the method's offset, divided by
        `scale`.
    data_weight : ndarray of float32
        How much each pixel counts in the data term, broadcastable to `observed`: 1 where
        all is well, 0 for pixels to ignore.
    psf : ndarray of float32
        Checked PSF, of sum 1.
    grid : Grid
        Where the frame lies in the scene.
    dark_outside : bool
        Whether the scene is known to be zero outside the frame.
    spacing : tuple of float
        Voxel size per deblurred axis, relative to the finest.
    scale : float
        Intensity units of the source per unit of `observed`.
    hides_areas : bool
        Whether pixels to ignore lie together, so that what is there must come from the rim.
    """

    observed: Array
    data_weight: Array
    psf: PSF
    grid: Grid
    dark_outside: bool
    spacing: tuple[float, ...]
    scale: float
    hides_areas: bool = False

    def extended(self) -> Array:
        """Continue the observed planes over the whole scene: dark, or as in a mirror."""
        if not self.dark_outside:
            return self.grid.mirrored(self.observed)
        return np.pad(self.observed, ((0, 0), (0, 0), *self.grid.margins))

    def data_weight_in_scene(self) -> Array:
        """Continue the data_weight over the scene: nothing is known outside the frame."""
        lead = self.data_weight.shape[: -len(self.grid.frame)]
        data_weight = np.broadcast_to(self.data_weight, (*lead, *self.grid.frame))
        margins = (*((0, 0),) * len(lead), *self.grid.margins)
        return np.pad(data_weight, margins)


@dataclass(frozen=True)
class Iterate:
    """Where a solver stands.

    Attributes
    ----------
    losses : ndarray of float32
        Shape (iterations done, planes).
    fraction : float
        Part of the iterations done, 0 to 1.
    scene : callable
        Gives the current estimate, shape (planes, channels, *scene), scaled as the
        problem's observed planes.
    converged : bool
        Whether the solver found no more to do before it ran out of iterations.
    """

    losses: Array
    fraction: float
    scene: Callable[[], Array]
    converged: bool
