"""Render small PNG pictures of an image before and after, at the same contrast."""

import io
import math
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tf_deblur._files.opening import FileImage, open_images
from napari_tf_deblur._layers.contrast import match_contrast_limits, thin_pixels
from napari_tf_deblur._layers.source import Source, read_source

MAX_PICTURE_SIZE = 320
"""Largest side of a picture in pixels. Set by eye."""

MAX_PLANE_SIZE = 4096
"""Largest side, in pixels, of a plane that is read completely. Of a larger plane, only every
second, third, ... pixel is read. Limit: of time."""

MAX_REOPEN_PIXELS = 2**24
"""Number of pixels above which a saved result gets no picture in a resumed batch. Limit: of
time."""


@dataclass(frozen=True)
class BeforeAfter:
    """Pictures of an image before and after.

    Attributes
    ----------
    name : str
        Name of the image or of its channel.
    before, after : str
        PNG pictures as data URLs.
    """

    name: str
    before: str
    after: str


def render_before_after(
    name: str, source: Source, after: Any, limits: tuple[float, float], background: float
) -> BeforeAfter:
    """Render the middle plane of an image and of its result.

    Parameters
    ----------
    name : str
        Name of the image or of its channel.
    source : Source
        The image.
    after : array_like
        The result, in the shape of the image.
    limits : tuple of float
        Intensities that are black and white in the result. In the image, the background is added.
    background : float
        The background that was subtracted, in intensity units.
    """
    low, high = limits
    before = _png(_plane(source.data, source), low + background, high + background)
    return BeforeAfter(name, before, _png(_plane(after, source), low, high))


def render_saved_result(
    picture: FileImage, path: Path, record: Mapping[str, Any]
) -> list[BeforeAfter]:
    """Render an image and its saved result; return nothing if that would take long."""
    (saved,) = open_images(path)
    layer = saved.layer
    if math.prod((layer.data[0] if layer.multiscale else layer.data).shape) > MAX_REOPEN_PIXELS:
        return []
    records = [channel["record"] for channel in record.get("channels", ())] or [record]
    pictures = []
    for name, before, after, channel_record in zip(
        picture.channels or (picture.layer.name,), picture.parts(), saved.parts(), records
    ):
        source = read_source(before)
        background = float((channel_record.get("background") or {}).get("value") or 0.0)
        limits = source.contrast_limits
        if not source.rgb:
            sample = thin_pixels(np.asarray(source.data))
            limits = match_contrast_limits(sample, limits, _pixels(after), background)
        pictures.append(render_before_after(name, source, _pixels(after), limits, background))
    return pictures


def _pixels(layer: Any) -> Any:
    return np.asarray(layer.data[0] if layer.multiscale else layer.data)


def _plane(data: Any, source: Source) -> NDArray[np.float32]:
    """Return the middle plane of an image, reduced by averaging blocks of pixels."""
    lateral = source.frame(2).indices
    place = tuple(
        slice(None) if k in lateral else axis.size // 2 for k, axis in enumerate(source.axes)
    )
    middle = (data[0] if isinstance(data, list) else data)[place]
    stride = -(-max(middle.shape[:2]) // MAX_PLANE_SIZE)
    plane = np.asarray(middle[::stride, ::stride] if middle.ndim > 1 else middle, np.float32)
    if plane.ndim < 2:
        plane = plane.reshape(1, -1)
    step = -(-max(plane.shape[:2]) // MAX_PICTURE_SIZE)
    height, width = (max(1, n // step) for n in plane.shape[:2])
    tall, wide = min(step, plane.shape[0]), min(step, plane.shape[1])
    blocks = plane[: height * tall, : width * wide]
    tiles = blocks.reshape(height, tall, width, wide, *plane.shape[2:])
    return np.asarray(tiles.mean((1, 3)), np.float32)


def _png(plane: NDArray[np.float32], low: float, high: float) -> str:
    """Return a plane as a data URL of a PNG."""
    from PIL import Image

    levels = np.nan_to_num((plane - np.float32(low)) / np.float32(high - low))
    pixels = np.rint(255 * np.clip(levels, 0, 1)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels[..., :3] if pixels.ndim == 3 else pixels).save(file, "PNG")
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode('ascii')}"
