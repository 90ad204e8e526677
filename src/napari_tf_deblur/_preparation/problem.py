"""Define what every solver takes, a `Problem`, and what it yields, an `Iterate`."""

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
        Intensities of shape (planes, channels, *frame), without the method's offset, divided by
        `scale`.
    data_weight : ndarray of float32
        Weight of each pixel in the data term, broadcastable to `observed`: 1 for normal pixels, 0
        for ignored ones.
    psf : ndarray of float32
        Checked point spread function of sum 1.
    grid : Grid
        Position of the frame in the scene.
    dark_outside : bool
        Whether the scene is known to be zero outside the frame.
    spacing : tuple of float
        Voxel size per deblurred axis, relative to the finest.
    scale : float
        Intensity units of the source per unit of `observed`.
    hides_areas : bool
        Whether ignored pixels form areas, whose content must come from their surroundings.
    gap : tuple of slice
        For pieces of an image, the lines along each deblurred axis that lie beyond it. They do not
        count; the image is mirrored into them. Empty for other images.
    are_samples : bool
        Whether the planes are samples of one image: see :func:`.measure_largest_change`.
    global_values : GlobalValues or None
        Values of the image of which the planes are pieces; None if the planes are a whole image.
    computed_values : dict
        Values that were computed from all pixels, by name, reduced to one plane.
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
    computed_values: dict[str, Float32Array] = field(default_factory=dict)

    def global_value(
        self, name: str, compute: Callable[[], Float32Array], reduce: Reduce = mean_of_planes
    ) -> Float32Array:
        """Return a value that depends on all pixels: computed, or for a piece that of its image.

        Parameters
        ----------
        name : str
            Name of the value.
        compute : callable
            Function that computes the value of each plane; the planes are the first axis.
        reduce : callable, optional
            Function that reduces the values of several planes to one, such as `mean_of_planes`.
        """
        if self.global_values is not None:
            value = self.global_values.values[name]
            return np.repeat(value, len(self.observed), axis=0)
        values = compute()
        self.computed_values[name] = reduce(values)
        return values

    def stop_rule(self, iterations: int, tolerance: float = 0.0) -> tuple[int, float]:
        """Return iterations and tolerance; for a piece, the iterations of its image and 0."""
        if self.global_values is None:
            return iterations, tolerance
        return self.global_values.iterations, 0.0

    def extend_observed(self) -> Float32Array:
        """Extend the observed planes over the scene: with zeros if dark outside, else mirrored."""
        if not self.dark_outside:
            return self.grid.extend_mirrored(self.observed)
        return np.pad(self.observed, ((0, 0), (0, 0), *self.grid.margins))

    def extend_data_weight(self) -> Float32Array:
        """Extend the weight of the data over the scene: it is 0 outside the frame."""
        lead = self.data_weight.shape[: -len(self.grid.frame)]
        data_weight = np.broadcast_to(self.data_weight, (*lead, *self.grid.frame))
        margins = (*((0, 0),) * len(lead), *self.grid.margins)
        return np.pad(data_weight, margins)


class Estimate(Protocol):
    """The estimate of a solver, in its own arrays. It is computed only when a method is called."""

    def scene(self) -> Float32Array:
        """Return the scene, of shape (planes, channels, *scene), in the units of `observed`."""

    def computed_values(self) -> Mapping[str, Float32Array]:
        """Return values that the solver computed from all pixels: see `Problem.global_value`."""


@dataclass(frozen=True)
class Iterate:
    """State of a solver after some iterations.

    Attributes
    ----------
    losses : ndarray of float32
        Values of the objective, of shape (iterations done, planes).
    fraction : float
        Part of the iterations that are done, 0 to 1.
    estimate : Estimate
        The estimate, which gives the scene.
    converged : bool
        Whether the solver converged before it reached its last iteration.
    """

    losses: Float32Array
    fraction: float
    estimate: Estimate
    converged: bool
