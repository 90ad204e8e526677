"""Compute differences of a periodic image, the linear operator of the priors in this folder.

A component is a product of short filters, one along each axis, and a factor.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._preparation.problem import Tensor
from napari_tf_deblur._solvers.load import tensorflow

Spectrum = NDArray[np.float32]
Filter = Literal["same", "mean", "difference", "backward", "central", "second"]
Weights = tuple[float, float, float]
"""Filter weights of the pixel before, of the pixel itself and of the pixel after it."""

FILTER_WEIGHTS: dict[Filter, Weights] = {
    "same": (0, 1, 0),
    "mean": (0, 0.5, 0.5),
    "difference": (0, -1, 1),
    "backward": (-1, 1, 0),
    "central": (-0.5, 0, 0.5),
    "second": (1, -2, 1),
}
"""Weights of each filter. Definition: of the differences."""

ADJOINT_FILTER_WEIGHTS: dict[Filter, Weights] = {
    name: (after, centre, before) for name, (before, centre, after) in FILTER_WEIGHTS.items()
}
"""Weights of the adjoint of each filter. Definition: the same weights in reverse order."""

NEIGHBOUR_SLICES = (slice(None, -2), slice(1, -1), slice(2, None))
"""Slices that select these three pixels along a wrapped axis. Definition: of a wrapped axis."""


@dataclass(frozen=True)
class Component:
    """One component of D, such as a derivative: a filter along each axis, and a factor."""

    filters: tuple[Filter, ...]
    factor: float


class Differences:
    """The operator D of differences, its adjoint, and the spectrum of D' D, on a periodic grid.

    Parameters
    ----------
    components : sequence of Component
        Components that D maps an image to.
    axes : int
        Number of deblurred axes, which are the last axes of an image.
    """

    def __init__(self, components: Sequence[Component], axes: int) -> None:
        self.components = components
        self._axes = axes

    def apply(self, values: Tensor) -> list[Tensor]:
        """Return D x: one tensor for each component."""
        # All components are cut from one wrapped array: XLA makes one pass over the memory.
        wrapped = self._wrap(values, range(self._axes))
        return [
            _times(
                component.factor,
                self._filter(wrapped, enumerate(component.filters), FILTER_WEIGHTS),
            )
            for component in self.components
        ]

    def adjoint(self, components: Sequence[Tensor]) -> Tensor:
        """Return D' z: the sum of the adjoints of all components."""
        # The lines at both ends of the first axis are computed by themselves. If the code wrapped
        # that axis, XLA would load, masked, what lies a whole image before or behind each pixel.
        # Where the process has no memory there, such a load takes hundreds of times as long.
        axis, tf = -self._axes, tensorflow()
        if components[0].shape[axis] == 1:
            return self._adjoint_within([self._wrap(z, [0]) for z in components])
        ends = [
            tf.concat([self._cut(z, 0, slice(-2, None)), self._cut(z, 0, slice(2))], axis)
            for z in components
        ]
        last, first = tf.split(self._adjoint_within(ends), 2, axis)
        return tf.concat([first, self._adjoint_within(components), last], axis)

    def _adjoint_within(self, components: Sequence[Tensor]) -> Tensor:
        """Return D' z without the lines at the ends of the first axis."""
        total = []
        for component, values in zip(self.components, components, strict=True):
            first, *others = enumerate(component.filters)
            filters = {a: name for a, name in others if name != "same"}
            result = self._filter(
                self._wrap(values, filters), [first, *filters.items()], ADJOINT_FILTER_WEIGHTS
            )
            total.append(_times(component.factor, result))
        return tensorflow().add_n(total)

    def squared_spectrum(self, shape: tuple[int, ...]) -> Spectrum:
        """Return |D|^2, the sum of the squared transfer functions, over the half spectrum."""
        total = np.zeros((*shape[:-1], shape[-1] // 2 + 1), dtype=np.float32)
        for component in self.components:
            total += squared_spectrum(component, shape)
        return total

    def _wrap(self, values: Tensor, axes: Iterable[int]) -> Tensor:
        """Add at each end of some axes the line at the other end."""
        for axis in axes:
            last, first = slice(-1, None), slice(None, 1)
            parts = [self._cut(values, axis, last), values, self._cut(values, axis, first)]
            values = tensorflow().concat(parts, axis - self._axes)
        return values

    def _filter(
        self,
        wrapped: Tensor,
        filters: Iterable[tuple[int, Filter]],
        weights: Mapping[Filter, Weights],
    ) -> Tensor:
        """Filter a grid along axes along which it is wrapped."""
        for axis, name in filters:
            parts = [
                _times(weight, self._cut(wrapped, axis, part))
                for weight, part in zip(weights[name], NEIGHBOUR_SLICES)
                if weight
            ]
            wrapped = tensorflow().add_n(parts)
        return wrapped

    def _cut(self, values: Tensor, axis: int, part: slice) -> Tensor:
        return values[(..., part, *(slice(None),) * (self._axes - axis - 1))]


def squared_spectrum(component: Component, shape: tuple[int, ...]) -> Spectrum:
    """Return the squared transfer function of a component, over the half spectrum."""
    lines = []
    for axis, (n, name) in enumerate(zip(shape, component.filters)):
        count = n // 2 + 1 if axis == len(shape) - 1 else n
        phase = 2 * np.pi * np.arange(count) / n
        before, centre, after = FILTER_WEIGHTS[name]
        response = before * np.exp(-1j * phase) + centre + after * np.exp(1j * phase)
        line = np.square(np.abs(response))
        lines.append(line.reshape([-1 if a == axis else 1 for a in range(len(shape))]))
    product = math.prod(lines[1:], start=component.factor**2 * lines[0])
    return np.asarray(product, dtype=np.float32)


def _times(factor: float, values: Tensor) -> Tensor:
    return values if factor == 1.0 else factor * values
