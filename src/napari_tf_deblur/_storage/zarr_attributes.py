"""Open groups of zarr, and read and write their attributes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._storage.record_file import METADATA_KEY

FORMAT_VERSION = 1
"""Version of what the attribute holds. Definition: of the format."""


def open_zarr_group(path: str, mode: Literal["r", "r+"] = "r") -> Any:
    """Open a group of zarr.

    Parameters
    ----------
    path : str
        Folder or URL of the group.
    mode : "r" or "r+", optional
        Whether the group is only read.

    Raises
    ------
    InvalidValueError
        If there is no group, or it is damaged.
    """
    import zarr

    try:
        return zarr.open_group(path if "://" in path else Path(path), mode=mode)
    except FileNotFoundError as error:
        raise InvalidValueError(f"{path} is no OME-Zarr: it contains no zarr group.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidValueError(f"{path} is no OME-Zarr that can be read: {error}.") from error


def read_attributes(path: str) -> dict[str, Any]:
    """Return all attributes of a group."""
    return dict(open_zarr_group(path).attrs)


def own_attributes(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the attributes that this package wrote; empty if another program wrote the group."""
    own = attributes.get(METADATA_KEY)
    return own if isinstance(own, Mapping) and own.get("format") == FORMAT_VERSION else {}


def read_own_table(path: str, name: str) -> dict[str, Any]:
    """Return a table that this package wrote to the attributes; empty if it is missing."""
    own = read_attributes(path).get(METADATA_KEY)
    table = own.get(name) if isinstance(own, Mapping) else None
    return dict(table) if isinstance(table, Mapping) else {}


def write_own_table(path: str, name: str, table: Mapping[str, Any] | None) -> None:
    """Write a table to the attributes of this package; None removes it."""
    own = dict(read_attributes(path).get(METADATA_KEY, {}))
    own.pop(name, None)
    if table is not None:
        own[name] = dict(table)
    open_zarr_group(path, "r+").attrs.update({METADATA_KEY: own})
