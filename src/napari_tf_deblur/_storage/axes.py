"""What the axes of a layer stand for, and which of them are deblurred."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

TIME_NAMES = frozenset(("t", "time", "times", "timepoint", "frame", "frames"))
CHANNEL_NAMES = frozenset(
    ("c", "ch", "channel", "channels", "color", "colour", "wavelength", "lambda", "band")
)
DEPTH_NAME = "z"

PIXEL_UNIT = "pixel"
"""napari's unit of an axis without a unit."""

UNNAMED_AXES = {"-2": "y", "-1": "x"}
"""What napari's names of the last two axes mean; "-3" says nothing of its axis."""


@dataclass(frozen=True)
class Axis:
    """One axis of a layer, as the layer describes it.

    Attributes
    ----------
    name : str
        Its name; see `resolve_axis_name`.
    size : int
        Number of pixels.
    spacing : float
        Distance between neighbouring pixels, in `unit`.
    unit : str
        ``"pixel"`` where the layer has none.
    """

    name: str
    size: int
    spacing: float
    unit: str

    @property
    def is_space(self) -> bool:
        """Whether nothing says that it is time or channels."""
        return self.name.lower() not in TIME_NAMES | CHANNEL_NAMES and not is_time(self.unit)

    @property
    def kind(self) -> str:
        """What one pixel of it is, in words, where it is not deblurred along it."""
        if self.name.lower() in TIME_NAMES or is_time(self.unit):
            return "time point"
        if self.name.lower() in CHANNEL_NAMES:
            return "channel"
        return "plane"

    @property
    def is_depth(self) -> bool:
        """Whether the layer says that it is a third axis of space: by its name or unit."""
        return self.is_space and (self.name.lower() == DEPTH_NAME or is_length(self.unit))


@dataclass(frozen=True)
class Frame:
    """The axes of an image along which a PSF of so many axes deblurs, and the others.

    They are the last ones that are neither time nor channels. Where there are not as many,
    the user has chosen more, and they are the last ones of all.

    Attributes
    ----------
    all : tuple of Axis
        All axes of the image, without colours.
    indices : tuple of int
        Which of them are deblurred, in rising order.
    """

    all_axes: tuple[Axis, ...]
    indices: tuple[int, ...]

    @classmethod
    def from_axes(cls, axes: Sequence[Axis], ndim: int) -> "Frame":
        """Choose `ndim` axes, or all if there are fewer."""
        space = [k for k, axis in enumerate(axes) if axis.is_space]
        candidates = space if len(space) >= ndim else range(len(axes))
        return cls(tuple(axes), tuple(candidates)[max(0, len(candidates) - ndim) :])

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes that are deblurred; one without a name is z, if it is the first of three."""
        axes = [self.all_axes[k] for k in self.indices]
        if len(axes) == 3 and axes[0].name.startswith("-"):
            axes[0] = replace(axes[0], name=DEPTH_NAME)
        return tuple(axes)

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(axis.name for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Their numbers of pixels."""
        return tuple(axis.size for axis in self.axes)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Their distances between pixels."""
        return tuple(axis.spacing for axis in self.axes)

    @property
    def units(self) -> tuple[str, ...]:
        """Their units."""
        return tuple(axis.unit for axis in self.axes)

    @property
    def is_trailing(self) -> bool:
        """Whether the axes that are deblurred are the last ones as it is."""
        return self.order() == tuple(range(len(self.all_axes)))

    def order(self, rgb: bool = False) -> tuple[int, ...]:
        """All axes, those that are deblurred last, where the core wants them; then colours."""
        others = (k for k in range(len(self.all_axes)) if k not in self.indices)
        colours = (len(self.all_axes),) if rgb else ()
        return (*others, *self.indices, *colours)

    def to_core(self, image: Any) -> Any:
        """Bring the axes that are deblurred to the end; colours stay where they are."""
        rgb = image.ndim > len(self.all_axes)
        return image if self.is_trailing else image.transpose(self.order(rgb))

    def from_core(self, image: Any) -> Any:
        """Bring the axes back to where they were."""
        rgb = image.ndim > len(self.all_axes)
        if self.is_trailing:
            return image
        return np.ascontiguousarray(image.transpose(np.argsort(self.order(rgb))))

    def describe_axes(self, rgb: bool) -> str:
        """Say what each axis is taken for, and how large a pixel is.

        Parameters
        ----------
        rgb : bool
            Whether the image has colours besides.

        Returns
        -------
        str
            Such as "Each time point by itself: y x · 65 nm".
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
    """Return what napari calls axes that nobody named."""
    return tuple(str(k) for k in range(-ndim, 0))


def resolve_axis_name(label: str, unit: str) -> str:
    """Return the name of an axis, by its label in napari: y and x where it has none.

    The third but last axis is z only where it has a unit of length.
    """
    if label == "-3" and is_length(unit):
        return DEPTH_NAME
    return UNNAMED_AXES.get(label, label)


def is_length(unit: str) -> bool:
    """Whether a unit is one of length, such as micrometer."""
    return _dimension(unit) == {"[length]": 1}


def is_time(unit: str) -> bool:
    """Whether a unit is one of time, such as second."""
    return _dimension(unit) == {"[time]": 1}


def convert_length(value: float, unit: str, other: str) -> float:
    """Convert a length from one unit to another."""
    from pint import get_application_registry

    unit_of = get_application_registry().Unit
    return float((value * unit_of(unit)).to(unit_of(other)).magnitude)


def short_unit(unit: str) -> str:
    """Return the symbol of a unit, such as µm for micrometer."""
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
