"""Differences without a preferred direction, as total variation and Hessian use them.

A component is a product of short filters, one along each axis. For order 1 it lies in the
middle of a cell of neighbouring pixels, 2 along each axis. Per axis, the mean square of the
differences along the edges of a cell is

    D^2 + 1/4 sum M^2 (+ 1/16 T^2 in 3D),

with D the difference along the axis and averaged along the others, M the differences along
that axis and one other, T those along all three. So the length of the vector of all D and M,
weighted, is the root of the mean squared differences at a cell: the same whichever way an
image is turned or mirrored, and 1 for an edge of height 1 along an axis, as it should be. T,
of which next to nothing is in a blurred image, is left to the solver as a quadratic term, which
costs no memory. For order 2 all components are centred on their pixel. So are those to all
neighbours, whose sum of squares is half that of the differences to each.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._preparation.problem import Tensor
from napari_tf_deblur._solvers.load import tensorflow

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
"""The filters."""

BACK: dict[Filter, Weights] = {
    name: (after, here, before) for name, (before, here, after) in AHEAD.items()
}
"""Their adjoints."""

PARTS = (slice(None, -2), slice(1, -1), slice(2, None))
"""Where these three lie along an axis that is wrapped."""

MIXED: dict[int, tuple[tuple[Filter, Filter], ...]] = {
    2: (
        ("difference", "difference"),
        ("difference", "backward"),
        ("backward", "difference"),
        ("backward", "backward"),
    ),
    3: (("central", "central"),),
}
"""How a mixed second derivative is made, by number of axes: in 2D the mean square of those at
the four corners of a pixel, which keeps 0.1 dB more of photographs than the central one; in
volumes both were alike, and the central one takes a fourth of the memory."""


@dataclass(frozen=True)
class Component:
    """One derivative: a filter along each axis, and a factor."""

    filters: tuple[Filter, ...]
    factor: float


class SymmetricDifferences:
    """D, its adjoint, and the spectrum of |D|^2, on a periodic grid.

    Parameters
    ----------
    kind : {1, 2, "neighbours"}
        1: differences at the cells of a grid. 2: the Hessian, its mixed derivatives weighted by
        the square root of two, so that the sum of squares is the squared Frobenius norm.
        "neighbours": along each axis the central difference and half the second one.
    spacing : sequence of float
        Voxel size per axis, relative to the finest.
    """

    def __init__(self, kind: int | str, spacing: Sequence[float]) -> None:
        self._axes = len(spacing)
        self.components = COMPONENTS[kind](spacing)
        self.quadratic = _corner(spacing) if kind == 1 and self._axes == 3 else None

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
            result = self._filtered(self._wrapped(values, filters), filters.items(), BACK)
            total.append(_times(one.factor, result))
        return tensorflow().add_n(total)

    def squared_spectrum(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """|D|^2: the components' squared transfer functions, summed, as half spectrum."""
        total = np.zeros((*shape[:-1], shape[-1] // 2 + 1), dtype=np.float32)
        for one in self.components:
            total += _squared_spectrum(one, shape)
        return total

    def quadratic_spectrum(self, shape: tuple[int, ...]) -> NDArray[np.float32] | None:
        """|T|^2 of what is left to a quadratic term; None where nothing is."""
        return None if self.quadratic is None else _squared_spectrum(self.quadratic, shape)

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
                for weight, part in zip(weights[name], PARTS)
                if weight
            ]
            wrapped = tensorflow().add_n(parts)
        return wrapped

    def _cut(self, values: Tensor, axis: int, part: slice) -> Tensor:
        return values[(..., part, *(slice(None),) * (self._axes - axis - 1))]


def _at_cells(spacing: Sequence[float]) -> tuple[Component, ...]:
    steps = [1 / s for s in spacing]
    axes = range(len(steps))
    single = [
        Component(tuple("difference" if a == axis else "mean" for a in axes), steps[axis])
        for axis in axes
    ]
    double = [
        Component(
            tuple("difference" if a in pair else "mean" for a in axes),
            0.5 * math.hypot(*(steps[a] for a in pair)),
        )
        for pair in combinations(axes, 2)
    ]
    return (*single, *double)


def _corner(spacing: Sequence[float]) -> Component:
    return Component(("difference",) * 3, 0.25 * math.hypot(*(1 / s for s in spacing)))


def _hessian(spacing: Sequence[float]) -> tuple[Component, ...]:
    axes = range(len(spacing))
    pure = [
        Component(tuple("second" if a == axis else "same" for a in axes), spacing[axis] ** -2)
        for axis in axes
    ]
    mixed = []
    for pair in combinations(axes, 2):
        factor = math.sqrt(2) / (spacing[pair[0]] * spacing[pair[1]])
        ways: Sequence[tuple[Filter, Filter]] = MIXED[len(spacing)]
        for way in ways:
            filters: list[Filter] = ["same"] * len(spacing)
            filters[pair[0]], filters[pair[1]] = way
            mixed.append(Component(tuple(filters), factor / math.sqrt(len(ways))))
    return (*pure, *mixed)


def _neighbours(spacing: Sequence[float]) -> tuple[Component, ...]:
    axes = range(len(spacing))
    parts: tuple[tuple[Filter, float], ...] = (("central", 1.0), ("second", 0.5))
    return tuple(
        Component(tuple(name if a == axis else "same" for a in axes), factor / spacing[axis])
        for axis in axes
        for name, factor in parts
    )


COMPONENTS: dict[int | str, Callable[[Sequence[float]], tuple[Component, ...]]] = {
    1: _at_cells,
    2: _hessian,
    "neighbours": _neighbours,
}
"""The components of each kind of differences."""


def _squared_spectrum(one: Component, shape: tuple[int, ...]) -> NDArray[np.float32]:
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
