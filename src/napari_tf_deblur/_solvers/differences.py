"""First and second differences on a periodic grid, as the priors use them."""

import math
from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._solvers.load import tensorflow


class Differences:
    """The derivatives of one order along all deblurred axes: D, its adjoint, |D|^2.

    Parameters
    ----------
    order : {1, 2}
        1: the gradient. 2: the Hessian, its mixed derivatives weighted by the square root
        of two, so that the sum of squares is the squared Frobenius norm.
    spacing : sequence of float
        Voxel size per axis, relative to the finest.
    """

    def __init__(self, order: int, spacing: Sequence[float]) -> None:
        self.dimensions = len(spacing)
        self.axes = list(combinations_with_replacement(range(self.dimensions), order))
        self._factors = [
            float(np.prod([1 / spacing[a] for a in axes])) * 2 ** ((len(set(axes)) - 1) / 2)
            for axes in self.axes
        ]

    def apply(self, values: Any) -> list[Any]:
        """D x: one tensor for each entry of `axes`."""
        return [self.component(values, k) for k in range(len(self.axes))]

    def component(self, values: Any, k: int) -> Any:
        """One of the tensors of D x."""
        axes = self.axes[k]
        if self._is_pure(k):
            values = self._second(values, axes[0])
        else:
            for axis in axes:
                values = self._forward(values, axis)
        return _times(self._factors[k], values)

    def adjoint_component(self, component: Any, k: int) -> Any:
        """Apply the adjoint of :meth:`component`; D' z is the sum of these."""
        axes = self.axes[k]
        if self._is_pure(k):
            values = self._second(component, axes[0])
        else:
            values = component
            for axis in axes:
                values = self._minus_backward(values, axis)
        return _times(self._factors[k], values)

    def adjoint(self, components: Sequence[Any]) -> Any:
        """D' z: the sum over the components."""
        return tensorflow().add_n([self.adjoint_component(c, k) for k, c in enumerate(components)])

    def squared_spectrum(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """|D|^2: the components' squared transfer functions, summed, as half spectrum."""
        lines = []
        for axis, n in enumerate(shape):
            count = n // 2 + 1 if axis == len(shape) - 1 else n
            line = 2 - 2 * np.cos(2 * np.pi * np.arange(count) / n)
            line = line.reshape([-1 if a == axis else 1 for a in range(len(shape))])
            lines.append(line.astype(np.float32))
        total = np.zeros((*shape[:-1], shape[-1] // 2 + 1), dtype=np.float32)
        for axes, factor in zip(self.axes, self._factors):
            total += math.prod([lines[a] for a in axes], start=np.float32(factor**2))
        return total

    def with_next(self, values: Any, axis: int) -> list[Any]:
        """The values and, for each, the one after it along an axis."""
        return self._neighbours([values, self._cut(values, axis, slice(None, 1))], axis)

    def with_previous(self, values: Any, axis: int) -> list[Any]:
        """For each value the one before it along an axis, and the values."""
        return self._neighbours([self._cut(values, axis, slice(-1, None)), values], axis)

    def _is_pure(self, k: int) -> bool:
        """Whether a component is the second derivative along one axis."""
        return len(self.axes[k]) == 2 and self.axes[k][0] == self.axes[k][1]

    def _forward(self, values: Any, axis: int) -> Any:
        here, there = self.with_next(values, axis)
        return there - here

    def _minus_backward(self, values: Any, axis: int) -> Any:
        before, here = self.with_previous(values, axis)
        return before - here

    def _second(self, values: Any, axis: int) -> Any:
        """Forward and back, which stays centred on its voxel."""
        return -self._minus_backward(self._forward(values, axis), axis)

    def _neighbours(self, parts: list[Any], axis: int) -> list[Any]:
        """First and second values of all pairs, of parts that are one longer than the grid."""
        longer = tensorflow().concat(parts, axis - self.dimensions)
        return [self._cut(longer, axis, pair) for pair in (slice(None, -1), slice(1, None))]

    def _cut(self, values: Any, axis: int, part: slice) -> Any:
        return values[(..., part, *(slice(None),) * (self.dimensions - axis - 1))]


def root_of_channels(squares: Any) -> Any:
    """Root of squares summed over channels: the length of vectors that channels share."""
    tf = tensorflow()
    if squares.shape[1] != 1:
        squares = tf.reduce_sum(squares, axis=1, keepdims=True)
    return tf.sqrt(squares)


def _times(factor: float, values: Any) -> Any:
    return values if factor == 1.0 else factor * values
