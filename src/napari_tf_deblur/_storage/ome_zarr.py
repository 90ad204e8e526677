"""Create an OME-Zarr 0.5 with all metadata and without pixels, open one, or check a path."""

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
from napari_tf_deblur._storage.journal import JOURNAL_FOLDER
from napari_tf_deblur._storage.ome_metadata import build_metadata
from napari_tf_deblur._storage.ome_units import to_stored_description
from napari_tf_deblur._storage.pyramid import Level, plan_levels
from napari_tf_deblur._storage.record_file import METADATA_KEY
from napari_tf_deblur._storage.zarr_attributes import FORMAT_VERSION
from napari_tf_deblur._storage.zarr_image import ZarrImage

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
    """Create an OME-Zarr 0.5 with all resolutions, which can be opened while it is being filled.

    Pixels that are not written yet are NaN, or 0 if they are integers. The folder appears under its
    name together with all metadata. An image that this package wrote is replaced; nothing else is.

    Parameters
    ----------
    path : str or Path
        Folder of the image, such as "cells deblurred.ome.zarr".
    shape : sequence of int
        Pixels per axis, colours included.
    dtype : dtype
        Type of the pixels.
    description : ImageDescription
        Name, axes and channels. Its axes are those of `shape`, in the same order.
    shard : sequence of int
        Pixels per axis that one process writes at once; see `default_shard`.
    chunk : sequence of int, optional
        Pixels per axis that are read at once, a part of a shard; see `default_chunk`.
    levels : int, optional
        Number of resolutions. By default, the last one is small enough for a window.

    Returns
    -------
    ZarrImage
        The image, without pixels.

    Raises
    ------
    FileInTheWayError
        If there is another file or folder of this name.
    InvalidValueError
        If OME-Zarr does not allow such axes.
    MissingPackageError
        If zarr or yaozarrs is not installed.
    OSError
        If the image cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from napari_tf_deblur._storage.image_description import StoredAxis
    >>> y, x = StoredAxis("y", unit="um", scale=0.1), StoredAxis("x", unit="um", scale=0.1)
    >>> with TemporaryDirectory() as folder:
    ...     path = f"{folder}/cells.ome.zarr"
    ...     image = create_image(
    ...         path, (1024, 2048), "float32", ImageDescription("cells", (y, x)), (512, 1024)
    ...     )
    ...     for region in image.shard_regions():
    ...         image.write(region, np.ones((512, 1024), "float32"))
    ...     image.build_levels()
    ...     [level.shape for level in open_image(path).levels]
    [(1024, 2048), (512, 1024), (256, 512)]
    """
    require_packages("zarr", "yaozarrs", "dask")
    from yaozarrs.write.v05 import prepare_image

    described = to_stored_description(description)
    if len(shape) != described.ndim or min(shape) < 1:
        raise InvalidValueError(
            f"An image of the shape {tuple(shape)} with {described.ndim} axes cannot be written."
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
        Folder of the image. `list_images` finds those in plates and collections.

    Returns
    -------
    ZarrImage
        The image.

    Raises
    ------
    InvalidValueError
        If there is no such image.
    MissingPackageError
        If zarr or yaozarrs is not installed.
    """
    require_packages("zarr", "yaozarrs", "dask")
    return ZarrImage(path)


def check_free(path: str | Path) -> bool:
    """Check that an image may be written to a path. No file is changed.

    Parameters
    ----------
    path : str or Path
        Folder of the image.

    Returns
    -------
    bool
        Whether the path holds an image of this package, which will be replaced.

    Raises
    ------
    FileInTheWayError
        If the path holds anything else. The message names it.
    """
    path = Path(path)
    if not os.path.lexists(path):
        return False
    if path.is_symlink() or not path.is_dir():
        raise FileInTheWayError(f"{path} already exists, and is no folder of this program.")
    names = sorted(entry.name for entry in path.iterdir())
    if not names:
        return False
    try:
        image = ZarrImage(path)
    except InvalidValueError as error:
        raise FileInTheWayError(
            f"The folder {path} already exists and holds other files, such as '{names[0]}'. "
            "Choose another name."
        ) from error
    if not image.is_own_image:
        raise FileInTheWayError(
            f"{path} is an OME-Zarr that was not written by this program. Choose another name."
        )
    own = {"zarr.json", JOURNAL_FOLDER, *(str(k) for k in range(len(image.levels)))}
    added = [name for name in names if name not in own and not name.endswith(".partial")]
    if added:
        raise FileInTheWayError(
            f"{path} was written by this program, but '{added[0]}' was added later and would be "
            "lost. Choose another name."
        )
    return True


def _remove_leftovers(path: Path) -> None:
    """Delete incomplete folders of processes that were killed while they created this image."""
    for folder in path.parent.glob(f".{escape(path.name)}.*"):
        if re.fullmatch(r"[0-9a-f]{32}\.(partial|replaced)", folder.name[len(path.name) + 2 :]):
            shutil.rmtree(folder, ignore_errors=True)


def _permute_level(level: Level, order: Sequence[int]) -> Level:
    parts = (level.shape, level.chunk, level.shard, level.factors)
    return Level(*(tuple(sizes[k] for k in order) for sizes in parts))


def _make_array_writer(levels: Sequence[Level]) -> Any:
    """Return a function for yaozarrs that creates the arrays, with our shards and fill values."""

    def create(path: Path, shape: Any, dtype: Any, chunks: Any, **options: Any) -> Any:
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
            dimension_names=options["dimension_names"],
            zarr_format=3,
        )

    return create


def _move(part: Path, path: Path, replaced: bool) -> None:
    """Rename a complete folder; delete the folder that it replaces only after that."""
    old = path.with_name(f".{path.name}.{uuid4().hex}.replaced")
    if replaced:
        path.rename(old)
    elif path.exists():
        path.rmdir()  # an empty folder, which Windows would not replace
    try:
        part.rename(path)
    except OSError:
        if replaced:
            old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)
