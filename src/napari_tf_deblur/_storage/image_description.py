"""Describe a stored image: its axes, its channels, and the properties of its layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from napari_tf_deblur._core.errors import InvalidValueError

TIME_TYPE, CHANNEL_TYPE, SPACE_TYPE = "time", "channel", "space"

AXIS_RANK = {TIME_TYPE: 0, CHANNEL_TYPE: 1, None: 1, SPACE_TYPE: 2}
"""Order of the types of axes. Source: OME-Zarr 0.5: time, then channels or others, then space."""

MAX_AXES = 5
"""Largest number of axes of an image. Source: OME-Zarr 0.5."""

RGB_CHANNELS = (("red", "FF0000"), ("green", "00FF00"), ("blue", "0000FF"), ("alpha", "FFFFFF"))
"""Names and colours of the channels of a colour image."""


@dataclass(frozen=True)
class StoredAxis:
    """One axis of an image.

    Attributes
    ----------
    name : str
        Name of the axis, such as "t", "c", "z", "y" or "x".
    type : str or None
        "time", "channel" or "space"; None for another type.
    unit : str or None
        Unit of `scale` and `translation` in the notation of pint, such as "micrometer", "um" or
        "s"; None if there is none.
    scale : float
        Distance between neighbouring pixels, in `unit`.
    translation : float
        Position of the centre of the first pixel, in `unit`.
    """

    name: str
    type: str | None = SPACE_TYPE
    unit: str | None = None
    scale: float = 1.0
    translation: float = 0.0


@dataclass(frozen=True)
class StoredChannel:
    """One channel of an image, and how it is displayed.

    Attributes
    ----------
    name : str
        Name of the channel.
    colour : str
        Six hexadecimal digits for red, green and blue, such as "FFFFFF" for white.
    window : tuple of float or None
        Intensities that are displayed as black and in full colour; None if they are not known.
    """

    name: str
    colour: str = "FFFFFF"
    window: tuple[float, float] | None = None


@dataclass(frozen=True)
class ImageDescription:
    """The metadata of an image.

    Attributes
    ----------
    name : str
        Name of the image.
    axes : tuple of StoredAxis
        One for each axis of the array, colours included, in the same order.
    channels : tuple of StoredChannel
        One for each channel; only one if there is no axis of channels.
    rgb : bool
        Whether the last axis holds red, green, blue and possibly alpha, to be displayed together.
    layer : mapping
        Properties of a layer that OME-Zarr cannot store, such as its rotation, as plain data.

    Examples
    --------
    >>> axes = (StoredAxis("y", unit="um", scale=0.1), StoredAxis("x", unit="um", scale=0.1))
    >>> ImageDescription("cells", axes, (StoredChannel("cells", "00FF00"),)).ndim
    2
    """

    name: str
    axes: tuple[StoredAxis, ...]
    channels: tuple[StoredChannel, ...] = ()
    rgb: bool = False
    layer: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with a plain dictionary, because a mapping proxy cannot be pickled."""
        return (type(self), (self.name, self.axes, self.channels, self.rgb, dict(self.layer)))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.axes)

    @property
    def channel_axis(self) -> int | None:
        """Index of the axis of channels or colours; None if there is none."""
        types = [axis.type for axis in self.axes]
        return types.index(CHANNEL_TYPE) if CHANNEL_TYPE in types else None


def assign_axis_types(axes: tuple[StoredAxis, ...]) -> tuple[StoredAxis, ...]:
    """Give axes the types that OME-Zarr 0.5 requires: two or three of space, and one of each other.

    Parameters
    ----------
    axes : tuple of StoredAxis
        Axes of a layer.

    Returns
    -------
    tuple of StoredAxis
        The axes in the same order. If fewer than two are axes of space, the last ones become axes
        of space. An axis without a type becomes one of space if there is an axis of channels, too.

    Raises
    ------
    InvalidValueError
        If there are too few or too many axes, or if two have the same name, or must have the same
        type.
    """
    if not 2 <= len(axes) <= MAX_AXES:
        raise InvalidValueError(
            "OME-Zarr stores images of two to five axes; this image has "
            f"{len(axes)} ({_list_axes(axes)})."
        )
    if len({axis.name for axis in axes}) < len(axes):
        raise InvalidValueError(
            f"OME-Zarr needs a different name for each axis; the axes are {_list_axes(axes)}. "
            "Rename the axis labels of the layer."
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
            "OME-Zarr stores at most one axis of time, one of channels and three of space; this "
            f"image has the axes {_list_axes(axes)}. Deblur it in parts."
        )
    return tuple(typed)


def order_axes_for_zarr(axes: tuple[StoredAxis, ...]) -> tuple[int, ...]:
    """Return the order of axes that OME-Zarr 0.5 requires: time, channels or others, space."""
    return tuple(sorted(range(len(axes)), key=lambda k: AXIS_RANK[axes[k].type]))


def default_description(
    name: str,
    ndim: int,
    frame_axes: Sequence[int],
    channel_axis: int | None,
    spacing: Sequence[float] | None,
) -> ImageDescription:
    """Describe an image of which only the deblurred axes are known.

    Parameters
    ----------
    name : str
        Name of the file. Its suffix is removed.
    ndim : int
        Number of axes of the image.
    frame_axes : sequence of int
        Axes that are deblurred. They become z, y and x, without a unit.
    channel_axis : int or None
        Axis of colours.
    spacing : sequence of float or None
        Voxel size along each deblurred axis.

    Examples
    --------
    >>> about = default_description("cells.ome.zarr", 4, (2, 3), None, (0.5, 0.5))
    >>> about.name, [axis.name for axis in about.axes]
    ('cells', ['t', 'q1', 'y', 'x'])
    """
    scales = dict(zip(frame_axes, spacing or (1.0,) * len(frame_axes)))
    names = dict(zip(frame_axes, "zyx"[-len(frame_axes) :]))
    others = [axis for axis in range(ndim) if axis not in frame_axes and axis != channel_axis]
    axes = []
    for axis in range(ndim):
        if axis in frame_axes:
            axes.append(StoredAxis(names[axis], SPACE_TYPE, None, float(scales[axis])))
        elif axis == channel_axis:
            axes.append(StoredAxis("c", CHANNEL_TYPE))
        elif axis == others[0]:
            axes.append(StoredAxis("t", TIME_TYPE))
        else:
            axes.append(StoredAxis(f"q{axis}", None))
    return ImageDescription(name.removesuffix(".zarr").removesuffix(".ome"), tuple(axes))


def _as_space(axis: StoredAxis) -> StoredAxis:
    from napari_tf_deblur._storage.axes import is_length

    unit = axis.unit if axis.unit and is_length(axis.unit) else None
    return StoredAxis(axis.name, SPACE_TYPE, unit, axis.scale, axis.translation)


def _list_axes(axes: tuple[StoredAxis, ...]) -> str:
    return ", ".join(f"{axis.name} ({axis.type or 'other'})" for axis in axes)
