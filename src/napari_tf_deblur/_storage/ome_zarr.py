"""Where large results are written: an OME-Zarr 0.5, made whole and empty, then filled in."""

import os
import re
import shutil
from collections.abc import Sequence
from glob import escape
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import DTypeLike

from napari_tf_deblur._core.errors import FileInTheWayError, InvalidValueError
from napari_tf_deblur._core.packages import require_packages
from napari_tf_deblur._storage.image_description import ImageDescription, order_axes_for_zarr
from napari_tf_deblur._storage.journal import JOURNAL_FOLDER as JOURNAL
from napari_tf_deblur._storage.ome_metadata import build_metadata
from napari_tf_deblur._storage.pyramid import Level, plan_levels
from napari_tf_deblur._storage.record_file import METADATA_KEY
from napari_tf_deblur._storage.zarr_image import FORMAT_VERSION, ZarrImage, to_stored_description

ZARR_SUFFIX = ".ome.zarr"


def create_image(
    path: str | Path,
    shape: Sequence[int],
    dtype: DTypeLike,
    description: ImageDescription,
    shard: Sequence[int],
    chunk: Sequence[int] | None = None,
    levels: int | None = None,
) -> ZarrImage:
    """Make an OME-Zarr 0.5 with all resolutions, empty, which can be opened while it fills in.

    What is not written yet is NaN, and 0 where pixels are integers. It appears under its name with
    all its metadata at once. An image that was written by this package is replaced; nothing else
    is.

    Parameters
    ----------
    path : str or Path
        Folder of the image, such as "cells deblurred.ome.zarr".
    shape : sequence of int
        Pixels per axis, colours included.
    dtype : dtype
        Of the pixels.
    description : ImageDescription
        Name, axes and channels; its axes are those of `shape`, in the same order.
    shard : sequence of int
        Pixels per axis of what one process writes at once; see `default_shard`.
    chunk : sequence of int, optional
        Pixels per axis of what is read at once, a part of a shard.
    levels : int, optional
        How many resolutions; by default as many as it takes for the last to fit a window.

    Returns
    -------
    ZarrImage
        The image, empty.

    Raises
    ------
    FileInTheWayError
        If there is something else under this name.
    InvalidValueError
        If OME-Zarr has no place for such axes.
    MissingPackageError
        If zarr or yaozarrs are not installed.
    OSError
        If it cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from napari_tf_deblur._storage.image_description import Axis
    >>> axes = (Axis("y", unit="um", scale=0.1), Axis("x", unit="um", scale=0.1))
    >>> with TemporaryDirectory() as folder:
    ...     path = f"{folder}/cells.ome.zarr"
    ...     image = create_image(
    ...         path, (1024, 2048), "float32", ImageDescription("cells", axes), (512, 1024)
    ...     )
    ...     for part in image.parts():
    ...         image.write(part, np.ones((512, 1024), "float32"))
    ...     image.build_levels()
    ...     [level.shape for level in open_image(path).levels]
    [(1024, 2048), (512, 1024), (256, 512)]
    """
    require_packages("zarr", "yaozarrs", "dask")
    from yaozarrs.write.v05 import prepare_image

    described = to_stored_description(description)
    if len(shape) != described.ndim or min(shape) < 1:
        raise InvalidValueError(
            f"The image has the shape {tuple(shape)}: there is nothing to write."
        )
    path = Path(path).absolute()
    replaced = check_free(path)
    plan = plan_levels(shape, description.axes, shard, chunk, levels)
    order = order_axes_for_zarr(described.axes)
    stored = [_permute_level(level, order) for level in plan]
    kind = np.dtype(dtype).newbyteorder("=")
    axes = [described.axes[k] for k in order]
    own = {
        "format": FORMAT_VERSION,
        "order": list(order),
        "rgb": described.rgb,
        "layer": dict(described.layer),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    part = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    try:
        prepare_image(
            part,
            build_metadata(described.name, axes, described.channels, stored),
            [(level.shape, kind) for level in stored],
            extra_attributes={METADATA_KEY: own},
            writer=_make_array_writer(stored),
        )
        _move(part, path, replaced)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return ZarrImage(path)


def open_image(path: str | Path) -> ZarrImage:
    """Open one image of OME-Zarr 0.4 or 0.5.

    Parameters
    ----------
    path : str or Path
        Its folder; `list_images` has those of plates and collections.

    Returns
    -------
    ZarrImage
        The image.

    Raises
    ------
    InvalidValueError
        If there is no such image.
    MissingPackageError
        If zarr or yaozarrs are not installed.
    """
    require_packages("zarr", "yaozarrs", "dask")
    return ZarrImage(path)


def check_free(path: str | Path) -> bool:
    """See that an image may be written under a name; touch nothing.

    Parameters
    ----------
    path : str or Path
        Folder of the image.

    Returns
    -------
    bool
        Whether an image of this package is there, which will be replaced.

    Raises
    ------
    FileInTheWayError
        If there is something else, which the message names.
    """
    path = Path(path)
    if not os.path.lexists(path):
        return False
    if path.is_symlink() or not path.is_dir():
        raise FileInTheWayError(f"{path} is there already, and is no folder of this program.")
    inside = sorted(entry.name for entry in path.iterdir())
    if not inside:
        return False
    try:
        found = ZarrImage(path)
    except InvalidValueError as error:
        raise FileInTheWayError(
            f"The folder {path} is there already and holds something else, such as '{inside[0]}'. "
            "Choose another name."
        ) from error
    if not found.is_own_image:
        raise FileInTheWayError(
            f"{path} is an OME-Zarr that this program has not written. Choose another name."
        )
    own = {"zarr.json", JOURNAL, *(str(k) for k in range(len(found.levels)))}
    more = [name for name in inside if name not in own and not name.endswith(".partial")]
    if more:
        raise FileInTheWayError(
            f"{path} was written by this program, and '{more[0]}' was added to it since, "
            "which would be lost. Choose another name."
        )
    return True


def _remove_leftovers(path: Path) -> None:
    """Delete what is left where the making of this image was killed."""
    for left in path.parent.glob(f".{escape(path.name)}.*"):
        if re.fullmatch(r"[0-9a-f]{32}\.(partial|replaced)", left.name[len(path.name) + 2 :]):
            shutil.rmtree(left, ignore_errors=True)


def _permute_level(level: Level, order: Sequence[int]) -> Level:
    parts = (level.shape, level.chunk, level.shard, level.factors)
    return Level(*(tuple(sizes[k] for k in order) for sizes in parts))


def _make_array_writer(levels: Sequence[Level]) -> Any:
    """Return what makes the arrays, each with its own shards and a value of what is missing."""

    def create(path: Path, shape: Any, dtype: Any, chunks: Any, **how: Any) -> Any:
        import zarr
        from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec

        level = levels[int(path.name)]
        return zarr.create_array(
            path,
            shape=level.shape,
            chunks=level.chunk,
            shards=level.shard,
            dtype=dtype,
            fill_value=np.nan if dtype.kind == "f" else dtype.type(0),
            serializer=BytesCodec(endian="little"),
            compressors=(BloscCodec(cname="lz4", clevel=5, shuffle="shuffle"), Crc32cCodec()),
            dimension_names=how["dimension_names"],
            zarr_format=3,
        )

    return create


def _move(part: Path, path: Path, replaced: bool) -> None:
    """Give a finished folder its name; one that it replaces is gone only after that."""
    old = path.with_name(f".{path.name}.{uuid4().hex}.replaced")
    if replaced:
        path.rename(old)
    elif path.exists():
        path.rmdir()  # an empty one, which Windows does not replace
    try:
        part.rename(path)
    except OSError:
        if replaced:
            old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)
