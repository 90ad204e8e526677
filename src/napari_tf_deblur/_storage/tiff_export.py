"""Export a finished OME-Zarr as OME-TIFF, tile by tile, for programs that cannot read OME-Zarr."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._storage.atomic_write import write_atomically
from napari_tf_deblur._storage.axes import (
    DEPTH_NAME,
    PIXEL_UNIT,
    Axis,
    convert_length,
    is_length,
)
from napari_tf_deblur._storage.image_description import CHANNEL_TYPE, TIME_TYPE
from napari_tf_deblur._storage.pyramid import CHUNK_2D
from napari_tf_deblur._storage.record_file import record_from_json
from napari_tf_deblur._storage.tiff_metadata import (
    WRITABLE_DTYPES,
    build_tiff_options,
    order_axes_for_tiff,
)
from napari_tf_deblur._storage.zarr_image import ZarrImage

SLAB_BYTES = 64 * 2**20
"""Number of bytes that are read at once. Planes in the same chunks are read together. Limit: of
memory."""


def write_ome_tiff(image: ZarrImage, path: str | Path) -> None:
    """Write an OME-Zarr as a tiled OME-TIFF with its pyramid. The file appears when it is complete.

    Parameters
    ----------
    image : ZarrImage
        The image. All of its levels are finished.
    path : str or Path
        The file, such as "cells.ome.tif". An existing file is replaced.

    Raises
    ------
    InvalidValueError
        If OME-TIFF does not support the axes or the type of the pixels.
    OSError
        If the disk is full, for example. An existing file then stays.
    """
    import tifffile

    layout = _TiffLayout.from_image(image)
    levels = [level for level in image.levels if layout.keeps_planes(level.factors)]
    shapes = [layout.shape(level.shape) for level in levels]
    options = build_tiff_options(
        image.dtype, layout.axes, image.description.name, layout.rgb, _read_valid_record(image)
    )
    options["metadata"] |= {
        **_describe_channels(image, layout),
        **_describe_positions(image, layout, shapes[0]),
    }
    with (
        write_atomically(str(path)) as part,
        tifffile.TiffWriter(part, ome=True, bigtiff=True) as file,
    ):
        for level, shape in enumerate(shapes):
            plane = layout.plane(shape)
            side = tuple(min(tile, ceil(n / 16) * 16) for tile, n in zip(CHUNK_2D, plane))
            if level:
                options |= {"metadata": None, "resolution": None, "resolutionunit": None}
            file.write(
                _iterate_tiles(image, level, layout, side),
                shape=shape,
                dtype=image.dtype,
                tile=side,
                subifds=0 if level else len(shapes) - 1,
                subfiletype=1 if level else 0,
                buffersize=SLAB_BYTES // 2,
                **options,
            )


@dataclass(frozen=True)
class _TiffLayout:
    """The axes of an image in the order of OME-TIFF: y and x last, then colours.

    Attributes
    ----------
    order : tuple of int
        Indices of the axes of the image, in the order of OME-TIFF.
    axes : tuple of Axis
        The axes in that order, without colours.
    rgb : bool
        Whether the last axis holds colours.
    """

    order: tuple[int, ...]
    axes: tuple[Axis, ...]
    rgb: bool

    @classmethod
    def from_image(cls, image: ZarrImage) -> "_TiffLayout":
        if image.dtype.name not in WRITABLE_DTYPES:
            raise InvalidValueError(f"OME-TIFF cannot store pixels of the type {image.dtype.name}.")
        described = image.description
        letters = {TIME_TYPE: "t", CHANNEL_TYPE: "c"}
        axes = [
            Axis(letters.get(axis.type or "", axis.name), size, axis.scale, axis.unit or PIXEL_UNIT)
            for axis, size in zip(described.axes, image.shape)
        ]
        colours = (len(axes) - 1,) if described.rgb else ()
        order = order_axes_for_tiff(axes[: len(axes) - len(colours)])
        if order is None:
            names = ", ".join(axis.name for axis in described.axes)
            raise InvalidValueError(f"OME-TIFF cannot store an image with the axes {names}.")
        return cls((*order, *colours), tuple(axes[k] for k in order), described.rgb)

    def shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return a shape of the image in the order of OME-TIFF."""
        return tuple(shape[k] for k in self.order)

    def plane(self, shape: Sequence[int]) -> tuple[int, int]:
        """Return the numbers of rows and columns of a shape in the order of OME-TIFF."""
        rows, columns = shape[len(self.axes) - 2 : len(self.axes)]
        return rows, columns

    def keeps_planes(self, factors: Sequence[int]) -> bool:
        """Whether a level has as many planes as the image, as the pyramids of TIFF require."""
        return all(factors[k] == 1 for k in self.order[: len(self.axes) - 2])


def _iterate_tiles(
    image: ZarrImage, level: int, layout: _TiffLayout, side: Sequence[int]
) -> Iterator[NDArray[Any]]:
    """Yield the tiles of a level, plane after plane, padded with zeros at the end of the image."""
    shape = layout.shape(image.levels[level].shape)
    height, width = side
    for block in _iterate_slabs(image, level, layout, shape, height):
        for plane in block:
            for y in range(0, plane.shape[0], height):
                for x in range(0, plane.shape[1], width):
                    tile = plane[y : y + height, x : x + width]
                    padding = [(0, n - m) for n, m in zip(side, tile.shape)]
                    yield np.pad(tile, [*padding, *[(0, 0)] * (tile.ndim - 2)])


def _iterate_slabs(
    image: ZarrImage, level: int, layout: _TiffLayout, shape: Sequence[int], height: int
) -> Iterator[NDArray[Any]]:
    """Yield slabs of planes in order. A slab has the planes that lie in the same chunks.

    A plane that is larger than `SLAB_BYTES` is read in rows of tiles.
    """
    before = len(layout.axes) - 2
    outer, rows = shape[:before], shape[before]
    plane_bytes = prod(shape[before:]) * image.dtype.itemsize
    deep = image.levels[level].chunk[layout.order[before - 1]] if before else 1
    deep = max(1, min(deep, SLAB_BYTES // plane_bytes))
    step = rows if deep > 1 or plane_bytes <= SLAB_BYTES else height
    for index in np.ndindex(*outer[:-1]):
        for first in range(0, outer[-1] if outer else 1, deep):
            for row in range(0, rows, step):
                region: list[slice] = [slice(k, k + 1) for k in index]
                if outer:
                    region.append(slice(first, min(first + deep, outer[-1])))
                region.append(slice(row, min(row + step, rows)))
                region += [slice(0, n) for n in shape[before + 1 :]]
                image_region = [slice(0)] * len(shape)
                for k, part in zip(layout.order, region):
                    image_region[k] = part
                block = image.read(image_region, level).transpose(layout.order)
                yield block.reshape(-1, *block.shape[before:])


def _describe_channels(image: ZarrImage, layout: _TiffLayout) -> dict[str, Any]:
    """Return names and colours of the channels, if the image has an axis of channels."""
    channels = image.description.channels
    if layout.rgb or not any(
        axis.name == "c" and axis.size == len(channels) for axis in layout.axes
    ):
        return {}
    colours = [
        int.from_bytes(bytes.fromhex(channel.colour + "FF"), "big", signed=True)
        for channel in channels
    ]
    return {"Channel": {"Name": [channel.name for channel in channels], "Color": colours}}


def _describe_positions(
    image: ZarrImage, layout: _TiffLayout, shape: Sequence[int]
) -> dict[str, Any]:
    """Return the position of each plane, if the image does not start at the origin."""
    described = [image.description.axes[k] for k in layout.order[: len(layout.axes)]]
    counts = shape[: len(layout.axes) - 2]
    entry: dict[str, Any] = {}
    for k, (axis, tiff_axis) in enumerate(zip(described, layout.axes)):
        letter = tiff_axis.name.upper()
        if letter not in ("X", "Y", DEPTH_NAME.upper()) or not is_length(tiff_axis.unit):
            continue
        position = np.full(counts, axis.translation)
        if k < len(counts):
            steps = axis.scale * np.arange(counts[k])
            position = position + steps.reshape([-1 if j == k else 1 for j in range(len(counts))])
        factor = convert_length(1.0, tiff_axis.unit, "um")
        entry[f"Position{letter}"] = [float(f"{v * factor:.12g}") for v in position.ravel()]
        entry[f"Position{letter}Unit"] = ["µm"] * position.size
    is_moved = any(axis.translation for axis in described)
    return {"Plane": entry} if entry and is_moved else {}


def _read_valid_record(image: ZarrImage) -> dict[str, Any] | None:
    """Return the record of the image; None if there is no valid one."""
    import json

    from napari_tf_deblur._storage.record_file import METADATA_KEY

    record = image.read_record()
    return record_from_json(json.dumps({METADATA_KEY: record})) if record else None
