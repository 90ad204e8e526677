"""Name the axes of a layer, and choose those that are deblurred."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

TIME_NAMES = frozenset(("t", "time", "times", "timepoint", "frame", "frames"))
CHANNEL_NAMES = frozenset(
    ("c", "ch", "channel", "channels", "color", "colour", "wavelength", "lambda", "band")
)
"""Names of axes of time and of channels, in lower case."""

DEPTH_NAME = "z"

PIXEL_UNIT = "pixel"
"""napari's unit of an axis without a unit."""

UNNAMED_AXES = {"-2": "y", "-1": "x"}
"""Names of the last two axes, by their default labels in napari. The third-last, "-3", has none."""


@dataclass(frozen=True)
class Axis:
    """One axis of a layer.

    Attributes
    ----------
    name : str
        Name of the axis; see `resolve_axis_name`.
    size : int
        Number of pixels.
    spacing : float
        Distance between neighbouring pixels, in `unit`.
    unit : str
        Unit; ``"pixel"`` if the layer has none.
    """

    name: str
    size: int
    spacing: float
    unit: str

    @property
    def is_space(self) -> bool:
        """Whether neither name nor unit says that the axis is time or channels."""
        return self.name.lower() not in TIME_NAMES | CHANNEL_NAMES and not is_time(self.unit)

    @property
    def kind(self) -> str:
        """What one index along the axis is: a "time point", "channel" or "plane"."""
        if self.name.lower() in TIME_NAMES or is_time(self.unit):
            return "time point"
        if self.name.lower() in CHANNEL_NAMES:
            return "channel"
        return "plane"

    @property
    def is_depth(self) -> bool:
        """Whether name or unit says that the axis can be a third axis of space."""
        return self.is_space and (self.name.lower() == DEPTH_NAME or is_length(self.unit))


@dataclass(frozen=True)
class Frame:
    """The axes of an image, and the choice of those that are deblurred.

    The deblurred axes are the last ones that are neither time nor channels. If there are fewer of
    these than the PSF has axes, the user has chosen more, and the last axes of all are deblurred.

    Attributes
    ----------
    all_axes : tuple of Axis
        All axes of the image, without colours.
    indices : tuple of int
        Indices of the deblurred axes, in rising order.
    """

    all_axes: tuple[Axis, ...]
    indices: tuple[int, ...]

    @classmethod
    def from_axes(cls, axes: Sequence[Axis], ndim: int) -> "Frame":
        """Choose `ndim` axes that are deblurred, or all if there are fewer."""
        space = [k for k, axis in enumerate(axes) if axis.is_space]
        candidates = space if len(space) >= ndim else range(len(axes))
        return cls(tuple(axes), tuple(candidates)[max(0, len(candidates) - ndim) :])

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The deblurred axes. If the first of three has no name, it is called z."""
        axes = [self.all_axes[k] for k in self.indices]
        if len(axes) == 3 and axes[0].name.startswith("-"):
            axes[0] = replace(axes[0], name=DEPTH_NAME)
        return tuple(axes)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the deblurred axes."""
        return tuple(axis.name for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of pixels along the deblurred axes."""
        return tuple(axis.size for axis in self.axes)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distances between pixels along the deblurred axes, in `units`."""
        return tuple(axis.spacing for axis in self.axes)

    @property
    def units(self) -> tuple[str, ...]:
        """Units of the deblurred axes."""
        return tuple(axis.unit for axis in self.axes)

    @property
    def is_trailing(self) -> bool:
        """Whether the deblurred axes are the last axes of the image."""
        return self.order() == tuple(range(len(self.all_axes)))

    def order(self, rgb: bool = False) -> tuple[int, ...]:
        """Return the order of all axes in the core: deblurred axes last, then colours."""
        others = (k for k in range(len(self.all_axes)) if k not in self.indices)
        colours = (len(self.all_axes),) if rgb else ()
        return (*others, *self.indices, *colours)

    def to_core(self, image: Any) -> Any:
        """Move the deblurred axes of an image to the end; colours stay last."""
        rgb = image.ndim > len(self.all_axes)
        return image if self.is_trailing else image.transpose(self.order(rgb))

    def from_core(self, image: Any) -> Any:
        """Move the axes of a result back to their places in the layer."""
        rgb = image.ndim > len(self.all_axes)
        if self.is_trailing:
            return image
        return np.ascontiguousarray(image.transpose(np.argsort(self.order(rgb))))

    def describe_axes(self, rgb: bool) -> str:
        """Describe for the user how the axes are deblurred, and the size of a pixel.

        Parameters
        ----------
        rgb : bool
            Whether the image also has colours.

        Returns
        -------
        str
            Text such as "Each time point by itself: y x · 65 nm".
        """
        others = [axis.kind for k, axis in enumerate(self.all_axes) if k not in self.indices]
        each = f"Each {' and '.join(dict.fromkeys(others))} by itself: " if others else ""
        if not others and len(self.indices) == 2:
            each = "Single plane: "
        whole = f"{' '.join(self.names)}{' as one volume' if len(self.indices) == 3 else ''}"
        parts = [f"{each}{whole}", *(["colours together"] if rgb else [])]
        return " · ".join((", ".join(parts), *self._pixel_sizes()))

    def _pixel_sizes(self) -> list[str]:
        if all(axis.unit == PIXEL_UNIT and axis.spacing == 1 for axis in self.axes):
            return []
        sizes = dict.fromkeys(f"{a.spacing:.4g} {short_unit(a.unit)}" for a in self.axes)
        return [" x ".join(sizes)]


def default_axis_labels(ndim: int) -> tuple[str, ...]:
    """Return the default labels of axes in napari."""
    return tuple(str(k) for k in range(-ndim, 0))


def resolve_axis_name(label: str, unit: str) -> str:
    """Return the name of an axis from its label in napari.

    The last two axes are y and x if their labels are napari's defaults. The third-last axis is z
    only if its unit is one of length.
    """
    if label == "-3" and is_length(unit):
        return DEPTH_NAME
    return UNNAMED_AXES.get(label, label)


def is_length(unit: str) -> bool:
    """Whether a unit is a unit of length, such as "micrometer"."""
    return _dimension(unit) == {"[length]": 1}


def is_time(unit: str) -> bool:
    """Whether a unit is a unit of time, such as "second"."""
    return _dimension(unit) == {"[time]": 1}


def convert_length(value: float, unit: str, other: str) -> float:
    """Convert a length from one unit to another."""
    from pint import get_application_registry

    unit_of = get_application_registry().Unit
    return float((value * unit_of(unit)).to(unit_of(other)).magnitude)


def short_unit(unit: str) -> str:
    """Return the symbol of a unit, such as "µm" for "micrometer"."""
    from pint import UndefinedUnitError, get_application_registry

    if unit == PIXEL_UNIT:
        return "px"
    try:
        return f"{get_application_registry().Unit(unit):~P}" or unit
    except (UndefinedUnitError, ValueError):
        return unit


@lru_cache
def _dimension(unit: str) -> dict[str, int]:
    from pint import UndefinedUnitError, get_application_registry

    try:
        return dict(get_application_registry().Unit(unit).dimensionality)
    except (UndefinedUnitError, ValueError):
        return {}
