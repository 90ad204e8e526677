"""Between the description of an image and the metadata of OME-Zarr, by the models of yaozarrs."""

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


def build_metadata(
    name: str,
    axes: Sequence[StoredAxis],
    channels: Sequence[StoredChannel],
    levels: Sequence[Level],
) -> "v05.Image":
    """Return the metadata of an image, as OME-Zarr 0.5 asks for it.

    Parameters
    ----------
    name : str
        Of the image.
    axes : sequence of Axis
        In the order and with the units of OME-Zarr.
    channels : sequence of Channel
        May be empty.
    levels : sequence of Level
        The full resolution first; they may have the axes in any order that is the same as `axes`.

    Returns
    -------
    yaozarrs.v05.Image
        Checked by yaozarrs. A pixel of a level is the mean of some of the full resolution, so that
        its centre is in the middle of theirs.
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
        omero=_omero(channels),
    )


def _omero(channels: Sequence[StoredChannel]) -> "v05.Omero | None":
    from yaozarrs import v05

    if not channels or any(channel.window is None for channel in channels):
        return None
    found = []
    for channel in channels:
        low, high = channel.window or (0.0, 1.0)
        window = v05.OmeroWindow(start=low, end=high, min=low, max=high)
        found.append(
            v05.OmeroChannel(
                label=channel.name,
                color=channel.colour,
                window=window,
                active=channel.name != RGB_CHANNELS[3][0],
            )
        )
    grey = all(channel.colour.upper() == "FFFFFF" for channel in channels)
    rendering = v05.OmeroRenderingDefs(model="greyscale" if grey else "color")
    return v05.Omero(channels=found, rdefs=rendering)


@dataclass(frozen=True)
class Dataset:
    """One array of an image: its path in the group, and its pixels in those of the first one."""

    path: str
    factors: tuple[int, ...]


def parse_metadata(
    attributes: Mapping[str, Any], where: str
) -> tuple[ImageDescription, list[Dataset]]:
    """Read what a group of OME-Zarr 0.4 or 0.5 says of its image.

    Parameters
    ----------
    attributes : mapping
        Of the group.
    where : str
        Its path, for messages.

    Returns
    -------
    description : ImageDescription
        With the axes as they are stored, and as many channels as it says.
    datasets : list of Dataset
        Its arrays, full resolution first.

    Raises
    ------
    InvalidValueError
        If it is no image of OME-Zarr 0.4 or 0.5, or not a valid one.
    """
    from pydantic import ValidationError
    from yaozarrs import v04, v05

    ome = attributes.get("ome")
    said = ome if isinstance(ome, Mapping) else attributes
    several = said.get("multiscales")
    if not isinstance(several, list | tuple) or not several:
        raise InvalidValueError(f"{where} is no image of OME-Zarr: it has no 'multiscales'.")
    model: Any = v05.Multiscale if said is ome else v04.Multiscale
    try:
        image = model.model_validate(dict(several[0]))
    except (ValidationError, ValueError, TypeError) as error:
        raise InvalidValueError(
            f"{where} is no valid image of OME-Zarr {'0.5' if said is ome else '0.4'}: "
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
    channels = _channels(said.get("omero"))
    datasets = []
    for data in image.datasets:
        step, _ = _read_transforms(data.coordinateTransformations)
        factors = (step.get(k, 1.0) / scale.get(k, 1.0) for k in range(len(axes)))
        datasets.append(Dataset(data.path, tuple(max(1, round(f)) for f in factors)))
    return ImageDescription(name, axes, channels), datasets


def _read_transforms(transforms: Sequence[Any]) -> tuple[dict[int, float], dict[int, float]]:
    """Return scale and translation per axis, where they are said."""
    scale: dict[int, float] = {}
    shift: dict[int, float] = {}
    for transform in transforms:
        scale |= dict(enumerate(getattr(transform, "scale", [])))
        shift |= dict(enumerate(getattr(transform, "translation", [])))
    return scale, shift


def _channels(omero: Any) -> tuple[StoredChannel, ...]:
    """Read channels, what is not understood left out: many writers say less than they should."""
    listed = omero.get("channels") if isinstance(omero, Mapping) else None
    found = []
    for k, said in enumerate(listed if isinstance(listed, list | tuple) else []):
        about: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
        colour = str(about.get("color") or "FFFFFF").lstrip("#").upper()
        if len(colour) != 6 or set(colour) - set("0123456789ABCDEF"):
            colour = "FFFFFF"
        label = str(about.get("label") or f"channel {k}")
        found.append(StoredChannel(label, colour, _window(about.get("window"))))
    return tuple(found)


def _window(window: Any) -> tuple[float, float] | None:
    try:
        low, high = float(window["start"]), float(window["end"])
    except (KeyError, TypeError, ValueError):
        return None
    return (low, high) if low < high else None


def _shorten_error(error: Exception) -> str:
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{place}: {first['msg']}" if place else str(first["msg"])
    return str(error).splitlines()[0].rstrip(".")
