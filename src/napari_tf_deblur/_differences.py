"""First and second differences on a periodic grid, as the priors use them."""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._tensorflow import tensorflow


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
        first = [self._forward(values, axis) for axis in range(self.dimensions)]
        components = []
        for axes, factor in zip(self.axes, self._factors):
            component = first[axes[0]]
            if len(axes) == 2:
                # (a, a) goes forward and back, and so stays centred on its voxel.
                again = self._backward if axes[0] == axes[1] else self._forward
                component = again(component, axes[1])
            components.append(_times(factor, component))
        return components

    def adjoint(self, components: Sequence[Any]) -> Any:
        """D' z: the sum over the components."""
        terms = []
        for axes, factor, component in zip(self.axes, self._factors, components):
            if len(axes) == 2 and axes[0] == axes[1]:
                component = self._backward(self._forward(component, axes[0]), axes[1])
            else:
                for axis in axes:
                    component = -self._backward(component, axis)
            terms.append(_times(factor, component))
        return tensorflow().add_n(terms)

    def squared_spectrum(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """|D|^2: the components' squared transfer functions, summed, as half spectrum."""
        lines = []
        for axis, n in enumerate(shape):
            count = n // 2 + 1 if axis == len(shape) - 1 else n
            line = 2 - 2 * np.cos(2 * np.pi * np.arange(count) / n)
            lines.append(line.reshape([-1 if a == axis else 1 for a in range(len(shape))]))
        total = sum(
            factor**2 * np.prod(np.broadcast_arrays(*(lines[a] for a in axes)), axis=0)
            for axes, factor in zip(self.axes, self._factors)
        )
        half = (*shape[:-1], shape[-1] // 2 + 1)
        return np.ascontiguousarray(np.broadcast_to(total, half), dtype=np.float32)

    def _forward(self, values: Any, axis: int) -> Any:
        return tensorflow().roll(values, -1, axis - self.dimensions) - values

    def _backward(self, values: Any, axis: int) -> Any:
        return values - tensorflow().roll(values, 1, axis - self.dimensions)


def _times(factor: float, values: Any) -> Any:
    return values if factor == 1.0 else factor * values
