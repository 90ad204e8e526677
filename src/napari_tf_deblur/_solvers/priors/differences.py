"""Differences of a periodic image: the linear operator of the priors here.

A component is a product of short filters, one along each axis, times a factor.
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
"""Of the pixel before, the pixel itself and the one after it."""

AHEAD: dict[Filter, Weights] = {
    "same": (0, 1, 0),
    "mean": (0, 0.5, 0.5),
    "difference": (0, -1, 1),
    "backward": (-1, 1, 0),
    "central": (-0.5, 0, 0.5),
    "second": (1, -2, 1),
}
"""Filters of three neighbours. Definition: of the differences."""

ADJOINT_FILTER_WEIGHTS: dict[Filter, Weights] = {
    name: (after, here, before) for name, (before, here, after) in AHEAD.items()
}
"""Their adjoints."""

NEIGHBOUR_SLICES = (slice(None, -2), slice(1, -1), slice(2, None))
"""Where these three lie along an axis that is wrapped."""


@dataclass(frozen=True)
class Component:
    """One derivative: a filter along each axis, and a factor."""

    filters: tuple[Filter, ...]
    factor: float


class Differences:
    """D, its adjoint, and the spectrum of D' D, on a periodic grid.

    Parameters
    ----------
    components : sequence of Component
        What D maps an image to.
    axes : int
        Number of deblurred axes, the last ones of an image.
    """

    def __init__(self, components: Sequence[Component], axes: int) -> None:
        self.components = components
        self._axes = axes

    def apply(self, values: Tensor) -> list[Tensor]:
        """D x: one tensor for each of the components."""
        # Cut out of one wrapped array, all components are made in one pass over the memory.
        wrapped = self._wrapped(values, range(self._axes))
        return [
            _times(one.factor, self._filtered(wrapped, enumerate(one.filters), AHEAD))
            for one in self.components
        ]

    def adjoint(self, components: Sequence[Tensor]) -> Tensor:
        """D' z: the sum over the components of their adjoints."""
        total = []
        for one, values in zip(self.components, components, strict=True):
            filters = {a: name for a, name in enumerate(one.filters) if name != "same"}
            result = self._filtered(
                self._wrapped(values, filters), filters.items(), ADJOINT_FILTER_WEIGHTS
            )
            total.append(_times(one.factor, result))
        return tensorflow().add_n(total)

    def squared_spectrum(self, shape: tuple[int, ...]) -> Spectrum:
        """|D|^2: the components' squared transfer functions, summed, as half spectrum."""
        total = np.zeros((*shape[:-1], shape[-1] // 2 + 1), dtype=np.float32)
        for one in self.components:
            total += squared_spectrum(one, shape)
        return total

    def _wrapped(self, values: Tensor, axes: Iterable[int]) -> Tensor:
        """The grid with one line more at both ends of some axes: that at the other end."""
        for axis in axes:
            last, first = slice(-1, None), slice(None, 1)
            parts = [self._cut(values, axis, last), values, self._cut(values, axis, first)]
            values = tensorflow().concat(parts, axis - self._axes)
        return values

    def _filtered(
        self,
        wrapped: Tensor,
        filters: Iterable[tuple[int, Filter]],
        weights: Mapping[Filter, Weights],
    ) -> Tensor:
        """Filter a grid along the axes along which it is wrapped."""
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


def squared_spectrum(one: Component, shape: tuple[int, ...]) -> Spectrum:
    """Squared transfer function of a component, over the half spectrum."""
    lines = []
    for axis, (n, name) in enumerate(zip(shape, one.filters)):
        count = n // 2 + 1 if axis == len(shape) - 1 else n
        turn = 2 * np.pi * np.arange(count) / n
        before, here, after = AHEAD[name]
        response = before * np.exp(-1j * turn) + here + after * np.exp(1j * turn)
        line = np.square(np.abs(response))
        lines.append(line.reshape([-1 if a == axis else 1 for a in range(len(shape))]))
    product = math.prod(lines[1:], start=one.factor**2 * lines[0])
    return np.asarray(product, dtype=np.float32)


def _times(factor: float, values: Tensor) -> Tensor:
    return values if factor == 1.0 else factor * values
