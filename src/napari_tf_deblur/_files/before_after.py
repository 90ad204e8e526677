"""Small pictures of an image before and after, at the same contrast, as PNG."""

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
"""Largest side, in pixels, of a plane of which all pixels are read; of a larger one, every second
and so on. Limit: of time."""

MAX_REOPEN_PIXELS = 2**24
"""Size in pixels from which on no new picture is made of a saved result. Limit: of time."""


@dataclass(frozen=True)
class BeforeAfter:
    """An image before and after.

    Attributes
    ----------
    name : str
        What is shown.
    before, after : str
        Addresses that hold a PNG themselves.
    """

    name: str
    before: str
    after: str


def render_before_after(
    name: str, source: Source, after: Any, limits: tuple[float, float], background: float
) -> BeforeAfter:
    """Show the middle plane of an image, before and after.

    Parameters
    ----------
    name : str
        What is shown.
    source : Source
        The image.
    after : array_like
        Its result.
    limits : tuple of float
        What is black and white in the result, and in the image but for the background.
    background : float
        What was subtracted.
    """
    low, high = limits
    before = _png(_plane(source.data, source), low + background, high + background)
    return BeforeAfter(name, before, _png(_plane(after, source), low, high))


def render_saved_result(
    picture: FileImage, path: Path, record: Mapping[str, Any]
) -> list[BeforeAfter]:
    """Show an image and its result that was saved before; nothing if that would take long."""
    (saved,) = open_images(path)
    layer = saved.layer
    if math.prod((layer.data[0] if layer.multiscale else layer.data).shape) > MAX_REOPEN_PIXELS:
        return []
    told = [one["record"] for one in record.get("channels", ())] or [record]
    shown = []
    for name, before, after, one in zip(
        picture.channels or (picture.layer.name,), picture.parts(), saved.parts(), told
    ):
        source, background = (
            read_source(before),
            float((one.get("background") or {}).get("value") or 0.0),
        )
        limits = source.contrast_limits
        if not source.rgb:
            known = thin_pixels(np.asarray(source.data))
            limits = match_contrast_limits(known, limits, _pixels(after), background)
        shown.append(render_before_after(name, source, _pixels(after), limits, background))
    return shown


def _pixels(layer: Any) -> Any:
    return np.asarray(layer.data[0] if layer.multiscale else layer.data)


def _plane(data: Any, source: Source) -> NDArray[np.float32]:
    """The middle plane of an image, made smaller by the mean of neighbours."""
    lateral = source.frame(2).indices
    place = tuple(
        slice(None) if k in lateral else axis.size // 2 for k, axis in enumerate(source.axes)
    )
    found = (data[0] if isinstance(data, list) else data)[place]
    many = -(-max(found.shape[:2]) // MAX_PLANE_SIZE)
    plane = np.asarray(found[::many, ::many] if found.ndim > 1 else found, np.float32)
    if plane.ndim < 2:
        plane = plane.reshape(1, -1)
    step = -(-max(plane.shape[:2]) // MAX_PICTURE_SIZE)
    height, width = (max(1, n // step) for n in plane.shape[:2])
    tall, wide = min(step, plane.shape[0]), min(step, plane.shape[1])
    blocks = plane[: height * tall, : width * wide]
    tiles = blocks.reshape(height, tall, width, wide, *plane.shape[2:])
    return np.asarray(tiles.mean((1, 3)), np.float32)


def _png(plane: NDArray[np.float32], low: float, high: float) -> str:
    from PIL import Image

    levels = np.nan_to_num((plane - np.float32(low)) / np.float32(high - low))
    shown = np.rint(255 * np.clip(levels, 0, 1)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(shown[..., :3] if shown.ndim == 3 else shown).save(file, "PNG")
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode('ascii')}"
