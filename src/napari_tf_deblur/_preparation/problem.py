"""What every solver is given, and what it gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np

from napari_tf_deblur._core.scene_grid import Grid
from napari_tf_deblur._core.typing import PSF, Float32Array
from napari_tf_deblur._preparation.global_values import GlobalValues, Reduce, mean_of_planes

Tensor: TypeAlias = Any
"""A TensorFlow tensor, or a variable's value; TensorFlow ships no types."""

REPORT_INTERVAL = 0.1
"""Seconds between two reports of a run. Set by eye."""


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
    gap : tuple of slice
        Of pieces of an image, the lines along each deblurred axis that lie beyond it: they do not
        count, and are continued as in a mirror. Empty for other images.
    are_samples : bool
        Whether the planes are samples of one image: see :func:`.change.measure_largest_change`.
    global_values : GlobalValues or None
        What is known of the image of which the planes are pieces; None if they are all of it.
    found : dict
        What was computed from all pixels, reduced to one plane.
    """

    observed: Float32Array
    data_weight: Float32Array
    psf: PSF
    grid: Grid
    dark_outside: bool
    spacing: tuple[float, ...]
    scale: float
    hides_areas: bool = False
    gap: tuple[slice, ...] = ()
    are_samples: bool = False
    global_values: GlobalValues | None = None
    found: dict[str, Float32Array] = field(default_factory=dict)

    def global_value(
        self, name: str, compute: Callable[[], Float32Array], reduce: Reduce = mean_of_planes
    ) -> Float32Array:
        """Return what is computed from all pixels: of pieces, what the whole image said.

        Parameters
        ----------
        name : str
            What it is called.
        compute : callable
            Computes it for each plane; the planes are the first axis.
        reduce : callable, optional
            Makes one value of those of several planes.
        """
        if self.global_values is not None:
            return self.global_values.values[name]
        values = compute()
        self.found[name] = reduce(values)
        return values

    def stop_rule(self, iterations: int, tolerance: float = 0.0) -> tuple[int, float]:
        """Return the iterations and the tolerance: of pieces, those that the whole image took."""
        if self.global_values is None:
            return iterations, tolerance
        return self.global_values.iterations, 0.0

    def extend_observed(self) -> Float32Array:
        """Continue the observed planes over the whole scene: dark, or as in a mirror."""
        if not self.dark_outside:
            return self.grid.extend_mirrored(self.observed)
        return np.pad(self.observed, ((0, 0), (0, 0), *self.grid.margins))

    def extend_data_weight(self) -> Float32Array:
        """Continue the data_weight over the scene: nothing is known outside the frame."""
        lead = self.data_weight.shape[: -len(self.grid.frame)]
        data_weight = np.broadcast_to(self.data_weight, (*lead, *self.grid.frame))
        margins = (*((0, 0),) * len(lead), *self.grid.margins)
        return np.pad(data_weight, margins)


class Estimate(Protocol):
    """What a solver has found so far, in its own arrays: asked only when it is wanted."""

    def scene(self) -> Float32Array:
        """Return the estimate, shape (planes, channels, *scene), scaled as `observed` is."""

    def found(self) -> Mapping[str, Float32Array]:
        """Return what was computed on the way from all pixels: see `Problem.global_value`."""


@dataclass(frozen=True)
class Iterate:
    """Where a solver stands.

    Attributes
    ----------
    losses : ndarray of float32
        Shape (iterations done, planes).
    fraction : float
        Part of the iterations done, 0 to 1.
    estimate : Estimate
        Gives the scene.
    converged : bool
        Whether the solver found no more to do before it ran out of iterations.
    """

    losses: Float32Array
    fraction: float
    estimate: Estimate
    converged: bool
