"""What is said of an image besides its pixels: axes, channels, and what belongs to a layer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from napari_tf_deblur._core.errors import InvalidValueError

TIME_TYPE, CHANNEL_TYPE, SPACE_TYPE = "time", "channel", "space"

AXIS_RANK = {TIME_TYPE: 0, CHANNEL_TYPE: 1, None: 1, SPACE_TYPE: 2}
"""Place of each type of axis. Source: OME-Zarr 0.5: time, then channels or others, then space."""

MAX_AXES = 5
"""Most axes of an image. Source: OME-Zarr 0.5."""

RGB_CHANNELS = (("red", "FF0000"), ("green", "00FF00"), ("blue", "0000FF"), ("alpha", "FFFFFF"))
"""Names and colours of the channels of a colour image."""


@dataclass(frozen=True)
class StoredAxis:
    """One axis of an image.

    Attributes
    ----------
    name : str
        Its name, such as "t", "c", "z", "y" or "x".
    type : str or None
        "time", "channel" or "space"; None for another one.
    unit : str or None
        Of `scale` and `translation`, as pint knows it: "micrometer", "um", "s". None if there is
        none.
    scale : float
        Distance between neighbouring pixels.
    translation : float
        Where the centre of the first pixel is.
    """

    name: str
    type: str | None = SPACE_TYPE
    unit: str | None = None
    scale: float = 1.0
    translation: float = 0.0


@dataclass(frozen=True)
class StoredChannel:
    """One channel of an image, as it is shown.

    Attributes
    ----------
    name : str
        Its name.
    colour : str
        Six hexadecimal digits, red, green and blue: "FFFFFF" is white.
    window : tuple of float
        Intensities that are shown black and in full colour.
    """

    name: str
    colour: str = "FFFFFF"
    window: tuple[float, float] | None = None


@dataclass(frozen=True)
class ImageDescription:
    """What is said of an image besides its pixels.

    Attributes
    ----------
    name : str
        Of the image.
    axes : tuple of Axis
        One for each axis of its array, colours included, in the array's order.
    channels : tuple of Channel
        One for each channel; one in all if there is no such axis.
    rgb : bool
        Whether the last axis holds red, green, blue and perhaps alpha, to be shown together.
    layer : mapping
        What OME-Zarr cannot say of a layer, such as its rotation: data as JSON has it.

    Examples
    --------
    >>> axes = (Axis("y", unit="um", scale=0.1), Axis("x", unit="um", scale=0.1))
    >>> ImageDescription("cells", axes, (Channel("cells", "00FF00"),)).ndim
    2
    """

    name: str
    axes: tuple[StoredAxis, ...]
    channels: tuple[StoredChannel, ...] = ()
    rgb: bool = False
    layer: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it travel to other processes, which views of mappings do not."""
        return (type(self), (self.name, self.axes, self.channels, self.rgb, dict(self.layer)))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.axes)

    @property
    def channel_axis(self) -> int | None:
        """Which axis holds the channels or colours, if one does."""
        types = [axis.type for axis in self.axes]
        return types.index(CHANNEL_TYPE) if CHANNEL_TYPE in types else None


def assign_axis_types(axes: tuple[StoredAxis, ...]) -> tuple[StoredAxis, ...]:
    """Give axes the types that OME-Zarr 0.5 asks for: two or three of space, one of each other.

    Parameters
    ----------
    axes : tuple of Axis
        As a layer has them.

    Returns
    -------
    tuple of Axis
        The same, in the same order. Where fewer than two are space, the last ones become so; one
        of no type becomes so beside channels.

    Raises
    ------
    InvalidValueError
        If there are too many axes, or if two have the same name or must have the same type.
    """
    if not 2 <= len(axes) <= MAX_AXES:
        raise InvalidValueError(
            f"OME-Zarr holds images of two to five axes; this one has {len(axes)} ({_list_axes(axes)})."
        )
    if len({axis.name for axis in axes}) < len(axes):
        raise InvalidValueError(
            f"OME-Zarr needs a different name for each axis; these are {_list_axes(axes)}. "
            "Rename the layer's axis labels."
        )
    typed = list(axes)
    for k in reversed(range(len(typed))):
        if sum(axis.type == SPACE_TYPE for axis in typed) < 2 and typed[k].type != SPACE_TYPE:
            typed[k] = _as_space(typed[k])
    others = [k for k, axis in enumerate(typed) if AXIS_RANK[axis.type] == 1]
    unknown = [k for k in others if typed[k].type is None]
    if len(others) == 2 and unknown and sum(axis.type == SPACE_TYPE for axis in typed) == 2:
        typed[unknown[-1]] = _as_space(typed[unknown[-1]])
    ranks = [AXIS_RANK[axis.type] for axis in typed]
    if ranks.count(0) > 1 or ranks.count(1) > 1 or ranks.count(2) > 3:
        raise InvalidValueError(
            "OME-Zarr holds one axis of time, one of channels and three of space; this image has "
            f"{_list_axes(axes)}. Deblur it in parts."
        )
    return tuple(typed)


def order_axes_for_zarr(axes: tuple[StoredAxis, ...]) -> tuple[int, ...]:
    """Return axes in the order that OME-Zarr 0.5 asks for: time, channels or others, space."""
    return tuple(sorted(range(len(axes)), key=lambda k: AXIS_RANK[axes[k].type]))


def _as_space(axis: StoredAxis) -> StoredAxis:
    from napari_tf_deblur._storage.axes import is_length

    unit = axis.unit if axis.unit and is_length(axis.unit) else None
    return StoredAxis(axis.name, SPACE_TYPE, unit, axis.scale, axis.translation)


def _list_axes(axes: tuple[StoredAxis, ...]) -> str:
    return ", ".join(f"{axis.name} ({axis.type or 'other'})" for axis in axes)
