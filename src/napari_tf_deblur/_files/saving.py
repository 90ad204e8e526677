"""Save results in one of several formats, and never overwrite files of other programs."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from napari.layers import Image

from napari_tf_deblur._core.errors import InvalidValueError, UserError
from napari_tf_deblur._core.packages import require_packages
from napari_tf_deblur._layers.acquisition.formats import describe_metadata
from napari_tf_deblur._layers.acquisition.tiff import read_tiff
from napari_tf_deblur._layers.acquisition.tree import to_tree
from napari_tf_deblur._layers.writer import write_image
from napari_tf_deblur._storage.ome_zarr import open_image
from napari_tf_deblur._storage.record_file import METADATA_KEY, record_from_json

STAMP_KEY = "batch"
"""Key of a record for the stamp of a result that a batch has written, see `make_stamp`."""

FormatName = Literal["ome-tiff", "ome-zarr"]
"""Names of the formats of results."""

RESULT_ENDING = "_deblurred"
"""Text between the name of a file and the suffix of its result."""


class Format(Protocol):
    """A format of results."""

    @property
    def suffix(self) -> str:
        """Suffix of a file's name."""

    def write(self, path: Path, layer: Image) -> None:
        """Save a layer with its record; an existing file is replaced when the new one is whole."""

    def save_from_zarr(self, written: Path, path: Path) -> None:
        """Save an existing OME-Zarr with its record, without reading all of it into memory."""

    def read_record(self, path: Path) -> Mapping[str, Any] | None:
        """Return the record of a saved result; None for anything else."""


@dataclass(frozen=True)
class OMETIFF:
    """OME-TIFF, written by the same writer as in napari."""

    suffix: str = ".ome.tif"

    def write(self, path: Path, layer: Image) -> None:
        """See `Format`."""
        data, attributes, _ = layer.as_layer_data_tuple()
        write_image(str(path), data, attributes)

    def save_from_zarr(self, written: Path, path: Path) -> None:
        """See `Format`."""
        from napari_tf_deblur._storage.tiff_export import write_ome_tiff

        write_ome_tiff(open_image(written), path)

    def read_record(self, path: Path) -> Mapping[str, Any] | None:
        """See `Format`."""
        metadata = read_tiff(str(path)).get("ome_metadata")
        return describe_metadata(to_tree(metadata), "").record if metadata else None


@dataclass(frozen=True)
class OMEZarr:
    """OME-Zarr 0.5 with its pyramid, written by the same writer as in napari.

    Raises
    ------
    MissingPackageError
        If the packages that write it are not installed.
    """

    suffix: str = ".ome.zarr"

    def __post_init__(self) -> None:
        require_packages("zarr", "yaozarrs", "dask")

    def write(self, path: Path, layer: Image) -> None:
        """See `Format`."""
        from napari_tf_deblur._layers.zarr_writer import write_ome_zarr

        data, attributes, _ = layer.as_layer_data_tuple()
        part = path.with_name(f".{path.name}.part{self.suffix}")
        shutil.rmtree(part, ignore_errors=True)
        try:
            write_ome_zarr(str(part), data, attributes)
            self.save_from_zarr(part, path)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def save_from_zarr(self, written: Path, path: Path) -> None:
        """See `Format`; the folder is renamed, not copied."""
        old = path.with_name(f".{path.name}.old{self.suffix}")
        shutil.rmtree(old, ignore_errors=True)
        if path.exists():
            path.rename(old)
        written.rename(path)
        shutil.rmtree(old, ignore_errors=True)

    def read_record(self, path: Path) -> Mapping[str, Any] | None:
        """See `Format`."""
        try:
            record = open_image(path).read_record()
        except UserError:  # not an OME-Zarr image
            return None
        return record_from_json(json.dumps({METADATA_KEY: record})) if record else None


FORMATS: Mapping[str, Callable[[], Format]] = {"ome-tiff": OMETIFF, "ome-zarr": OMEZarr}
"""The class of each format, by its name."""


def create_format(name: str) -> Format:
    """Return a format by its name.

    Raises
    ------
    ValueError
        If there is no format of this name.
    MissingPackageError
        If the packages that write it are not installed.
    """
    if name not in FORMATS:
        raise InvalidValueError(f"The format is {name!r}; choose one of {', '.join(FORMATS)}.")
    return FORMATS[name]()


def is_batch_result(path: Path) -> bool:
    """Whether a file is the result of a batch. The name is tested first, which is quicker."""
    if RESULT_ENDING not in path.name:
        return False
    kinds = [kind for kind in (OMETIFF, OMEZarr) if path.name.endswith(kind.suffix)]
    try:
        return any(find_stamp(kind().read_record(path)) is not None for kind in kinds)
    except UserError:  # the packages that read it are not installed
        return True


def find_stamp(record: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the stamp in a record; None if there is none."""
    stamp = (record or {}).get(STAMP_KEY)
    return stamp if isinstance(stamp, Mapping) else None


def read_existing_stamp(path: Path, written: Format) -> Mapping[str, Any] | None:
    """Return the stamp of an existing result; None if there is no file.

    Raises
    ------
    ValueError
        If there is a file that was not written by a batch; it is not changed.
    """
    if not path.exists():
        return None
    stamp = find_stamp(written.read_record(path))
    if stamp is None:
        raise InvalidValueError(
            f"'{path}' exists already and was not written by a batch of napari-tf-deblur, so it is "
            "not replaced. Choose another folder for the results."
        )
    return stamp
