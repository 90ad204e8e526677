"""Convert between image descriptions and the metadata of OME-Zarr, with the models of yaozarrs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._storage.image_description import (
    CHANNEL_TYPE,
    RGB_CHANNELS,
    SPACE_TYPE,
    TIME_TYPE,
    ImageDescription,
    StoredAxis,
    StoredChannel,
)
from napari_tf_deblur._storage.pyramid import Level

if TYPE_CHECKING:
    from yaozarrs import v05

DOWNSAMPLING_TEXT = "mean of the finite pixels of two along each axis that is halved"
"""Description of the coarser levels in the metadata."""


def build_metadata(
    name: str,
    axes: Sequence[StoredAxis],
    channels: Sequence[StoredChannel],
    levels: Sequence[Level],
) -> "v05.Image":
    """Build the metadata of an image in OME-Zarr 0.5.

    Parameters
    ----------
    name : str
        Name of the image.
    axes : sequence of StoredAxis
        The axes, in the order and with the units of OME-Zarr.
    channels : sequence of StoredChannel
        The channels; may be empty.
    levels : sequence of Level
        The levels, full resolution first, with their axes in the same order as `axes`.

    Returns
    -------
    yaozarrs.v05.Image
        Metadata that yaozarrs has validated. A pixel of a level is the mean of some pixels of the
        full resolution, and its centre is in the middle of these.
    """
    from yaozarrs import v05

    kinds: dict[str | None, Any] = {
        TIME_TYPE: v05.TimeAxis,
        CHANNEL_TYPE: v05.ChannelAxis,
        SPACE_TYPE: v05.SpaceAxis,
    }
    described: list[Any] = []
    for axis in axes:
        kind = kinds.get(axis.type, v05.CustomAxis)
        unit = {} if axis.type == CHANNEL_TYPE or axis.unit is None else {"unit": axis.unit}
        described.append(kind(name=axis.name, **unit))
    datasets = []
    for k, level in enumerate(levels):
        scale = [axis.scale * f for axis, f in zip(axes, level.factors)]
        shift = [a.translation + a.scale * (f - 1) / 2 for a, f in zip(axes, level.factors)]
        transforms: list[Any] = [v05.ScaleTransformation(scale=scale)]
        if any(shift):
            transforms.append(v05.TranslationTransformation(translation=shift))
        datasets.append(v05.Dataset(path=str(k), coordinateTransformations=transforms))
    return v05.Image(
        multiscales=[
            v05.Multiscale(
                name=name,
                axes=described,
                datasets=datasets,
                type="mean",
                metadata={"description": DOWNSAMPLING_TEXT},
            )
        ],
        omero=_build_omero(channels),
    )


def _build_omero(channels: Sequence[StoredChannel]) -> "v05.Omero | None":
    """Build the display settings of channels; None if a channel has no window."""
    from yaozarrs import v05

    if not channels or any(channel.window is None for channel in channels):
        return None
    omero_channels = []
    for channel in channels:
        low, high = channel.window or (0.0, 1.0)
        window = v05.OmeroWindow(start=low, end=high, min=low, max=high)
        omero_channels.append(
            v05.OmeroChannel(
                label=channel.name,
                color=channel.colour,
                window=window,
                active=channel.name != RGB_CHANNELS[3][0],
            )
        )
    grey = all(channel.colour.upper() == "FFFFFF" for channel in channels)
    rendering = v05.OmeroRenderingDefs(model="greyscale" if grey else "color")
    return v05.Omero(channels=omero_channels, rdefs=rendering)


@dataclass(frozen=True)
class Dataset:
    """One array of an image: its path in the group, and its pixel size in full-size pixels."""

    path: str
    factors: tuple[int, ...]


def parse_metadata(
    attributes: Mapping[str, Any], where: str
) -> tuple[ImageDescription, list[Dataset]]:
    """Read the metadata of an image in OME-Zarr 0.4 or 0.5.

    Parameters
    ----------
    attributes : mapping
        Attributes of the group.
    where : str
        Path of the group, for messages.

    Returns
    -------
    description : ImageDescription
        Description with the axes in the order of the file, and the channels that are listed.
    datasets : list of Dataset
        The arrays, full resolution first.

    Raises
    ------
    InvalidValueError
        If the group is no valid image of OME-Zarr 0.4 or 0.5.
    """
    from pydantic import ValidationError
    from yaozarrs import v04, v05

    ome = attributes.get("ome")
    metadata = ome if isinstance(ome, Mapping) else attributes
    images = metadata.get("multiscales")
    if not isinstance(images, list | tuple) or not images:
        raise InvalidValueError(f"{where} is no image of OME-Zarr: it has no 'multiscales'.")
    model: Any = v05.Multiscale if metadata is ome else v04.Multiscale
    try:
        image = model.model_validate(dict(images[0]))
    except (ValidationError, ValueError, TypeError) as error:
        raise InvalidValueError(
            f"{where} is no valid image of OME-Zarr {'0.5' if metadata is ome else '0.4'}: "
            f"{_shorten_error(error)}."
        ) from error
    first = image.datasets[0]
    scale, shift = _read_transforms(first.coordinateTransformations)
    more_scale, more_shift = _read_transforms(image.coordinateTransformations or [])
    axes = tuple(
        StoredAxis(
            axis.name,
            axis.type if axis.type in (TIME_TYPE, CHANNEL_TYPE, SPACE_TYPE) else None,
            getattr(axis, "unit", None),
            scale.get(k, 1.0) * more_scale.get(k, 1.0),
            shift.get(k, 0.0) * more_scale.get(k, 1.0) + more_shift.get(k, 0.0),
        )
        for k, axis in enumerate(image.axes)
    )
    name = str(image.name or "")
    channels = _read_channels(metadata.get("omero"))
    datasets = []
    for data in image.datasets:
        step, _ = _read_transforms(data.coordinateTransformations)
        factors = (step.get(k, 1.0) / scale.get(k, 1.0) for k in range(len(axes)))
        datasets.append(Dataset(data.path, tuple(max(1, round(f)) for f in factors)))
    return ImageDescription(name, axes, channels), datasets


def _read_transforms(transforms: Sequence[Any]) -> tuple[dict[int, float], dict[int, float]]:
    """Return scale and translation by axis, as far as they are given."""
    scale: dict[int, float] = {}
    shift: dict[int, float] = {}
    for transform in transforms:
        scale |= dict(enumerate(getattr(transform, "scale", [])))
        shift |= dict(enumerate(getattr(transform, "translation", [])))
    return scale, shift


def _read_channels(omero: Any) -> tuple[StoredChannel, ...]:
    """Read the channels. Invalid entries get default values, because many writers omit some."""
    listed = omero.get("channels") if isinstance(omero, Mapping) else None
    channels = []
    for k, entry in enumerate(listed if isinstance(listed, list | tuple) else []):
        channel: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {}
        colour = str(channel.get("color") or "FFFFFF").lstrip("#").upper()
        if len(colour) != 6 or set(colour) - set("0123456789ABCDEF"):
            colour = "FFFFFF"
        label = str(channel.get("label") or f"channel {k}")
        channels.append(StoredChannel(label, colour, _read_window(channel.get("window"))))
    return tuple(channels)


def _read_window(window: Any) -> tuple[float, float] | None:
    """Return the intensities of black and full colour; None if they are not valid."""
    try:
        low, high = float(window["start"]), float(window["end"])
    except (KeyError, TypeError, ValueError):
        return None
    return (low, high) if low < high else None


def _shorten_error(error: Exception) -> str:
    """Return the first message of an error, in one line."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{place}: {first['msg']}" if place else str(first["msg"])
    return str(error).splitlines()[0].rstrip(".")
