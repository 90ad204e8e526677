"""Saving results: in which format, and over what: never over what was not written here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from napari.layers import Image

from napari_tf_deblur._layers.acquisition.formats import described
from napari_tf_deblur._layers.acquisition.tiff import read_tiff
from napari_tf_deblur._layers.acquisition.tree import tree_of
from napari_tf_deblur._layers.writer import write_image
from napari_tf_deblur.errors import InvalidValueError

STAMP = "batch"
"""Entry of a record that says of which file and settings a result was made, by a batch."""

FormatName = Literal["ome-tiff"]
"""Formats in which results are saved."""


ADDED = "_deblurred"
"""What a result is called after the name of its file."""


class Format(Protocol):
    """A format in which results are saved."""

    @property
    def suffix(self) -> str:
        """Ending of a file's name."""

    def write(self, path: Path, layer: Image) -> None:
        """Save a layer with its record; what is there is replaced when the new one is whole."""

    def record(self, path: Path) -> Mapping[str, Any] | None:
        """Return the record of a result that was saved; None of anything else."""


@dataclass(frozen=True)
class OMETIFF:
    """OME-TIFF, by the writer that napari uses, too."""

    suffix: str = ".ome.tif"

    def write(self, path: Path, layer: Image) -> None:
        """See `Format`."""
        data, attributes, _ = layer.as_layer_data_tuple()
        write_image(str(path), data, attributes)

    def record(self, path: Path) -> Mapping[str, Any] | None:
        """See `Format`."""
        told = read_tiff(str(path)).get("ome_metadata")
        return described(tree_of(told), "").record if told else None


def format_named(name: str) -> Format:
    """Return a format by its name.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    if name == "ome-tiff":
        return OMETIFF()
    raise InvalidValueError(f"The format is {name!r}; choose 'ome-tiff'.")


def is_own(path: Path) -> bool:
    """Whether a file is the result of a batch: by its name first, which is quicker."""
    formats = [format_named(name) for name in get_args(FormatName)]
    return ADDED in path.name and any(
        path.name.endswith(one.suffix) and stamp_of(one.record(path)) is not None for one in formats
    )


def stamp_of(record: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the entry by which a batch knows its own results; None of anything else."""
    stamp = (record or {}).get(STAMP)
    return stamp if isinstance(stamp, Mapping) else None


def stamp_there(path: Path, written: Format) -> Mapping[str, Any] | None:
    """Return the stamp of a result that is there already; None where there is no file.

    Raises
    ------
    ValueError
        If there is a file that no batch has written, which is left as it is.
    """
    if not path.exists():
        return None
    stamp = stamp_of(written.record(path))
    if stamp is None:
        raise InvalidValueError(
            f"'{path}' is there already and was not written by a batch of napari-tf-deblur: it is "
            "left as it is. Choose another folder for the results."
        )
    return stamp
