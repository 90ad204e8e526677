"""List the images in an OME-Zarr: a single image, the fields of a plate, or a collection."""

from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import PurePath
from typing import Any

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.packages import require_packages
from napari_tf_deblur._storage.zarr_attributes import open_zarr_group

SUFFIXES = (".ome.zarr", ".zarr")


def list_images(path: str | PurePath) -> list[tuple[str, str]]:
    """List the images of an OME-Zarr 0.4 or 0.5.

    Parameters
    ----------
    path : str or Path
        Folder of an image, a plate, a well, or a collection as bioformats2raw writes it.

    Returns
    -------
    list of (str, str)
        A different name and the path of each image. In a plate, names are such as "A1 field 0". In
        a collection, they are the names in the file, or "image 0". A well that the plate names and
        that is missing is listed, too; opening it raises an error.

    Raises
    ------
    InvalidValueError
        If the path is none of these.
    MissingPackageError
        If zarr is not installed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from napari_tf_deblur._storage.image_description import ImageDescription, StoredAxis
    >>> from napari_tf_deblur._storage.ome_zarr import create_image
    >>> with TemporaryDirectory() as folder:
    ...     cells = ImageDescription("cells", (StoredAxis("y"), StoredAxis("x")))
    ...     image = create_image(f"{folder}/a.ome.zarr", (64, 64), "uint8", cells, (64, 64))
    ...     [name for name, path in list_images(image.path)]
    ['cells']
    """
    require_packages("zarr")
    group, where = open_zarr_group(str(path)), str(path).rstrip("/\\")
    ome = _read_ome_attributes(group)
    if "plate" in ome:
        return _number_duplicates(list(_list_plate(group, ome["plate"], where)))
    if "well" in ome:
        return _number_duplicates(list(_list_well(ome["well"], _strip_zarr_suffix(where), where)))
    if "multiscales" in ome:
        return [(_read_image_name(ome) or _strip_zarr_suffix(where), where)]
    if "bioformats2raw.layout" in ome:
        return _number_duplicates(list(_list_collection(group, where)))
    raise InvalidValueError(f"{path} is no image, plate or collection of OME-Zarr 0.4 or 0.5.")


def _list_plate(group: Any, plate: Any, where: str) -> Iterator[tuple[str, str]]:
    for entry in _read_listed_paths(plate, "wells", where):
        path = str(entry["path"])
        well = group.get(path)
        name = "".join(path.split("/"))
        if well is None:
            yield name, f"{where}/{path}"
        else:
            yield from _list_well(_read_ome_attributes(well).get("well"), name, f"{where}/{path}")


def _list_well(well: Any, name: str, where: str) -> Iterator[tuple[str, str]]:
    for image in _read_listed_paths(well, "images", where):
        yield f"{name} field {image['path']}", f"{where}/{image['path']}"


def _list_collection(group: Any, where: str) -> Iterator[tuple[str, str]]:
    """List the images that a collection names, or numbered images if it names none."""
    listing = group.get("OME")
    series = _read_ome_attributes(listing).get("series") if listing is not None else None
    paths = map(str, series) if isinstance(series, list | tuple) else map(str, count())
    for path in paths:
        image = group.get(path)
        if image is None and series is None:
            return
        name = _read_image_name(_read_ome_attributes(image)) if image is not None else ""
        yield name or f"image {path}", f"{where}/{path}"


def _read_ome_attributes(group: Any) -> Mapping[str, Any]:
    """Return the attributes of OME-Zarr; from 0.5 on, they are under "ome"."""
    attributes = dict(group.attrs)
    ome = attributes.get("ome", attributes)
    return ome if isinstance(ome, Mapping) else {}


def _read_listed_paths(table: Any, key: str, where: str) -> list[Any]:
    """Return the entries of a list that have a path."""
    entries = table.get(key) if isinstance(table, Mapping) else None
    entries = entries if isinstance(entries, list | tuple) else []
    valid = [entry for entry in entries if isinstance(entry, Mapping) and "path" in entry]
    if not valid:
        raise InvalidValueError(f"{where} is no valid OME-Zarr: it lists no {key}.")
    return valid


def _read_image_name(ome: Mapping[str, Any]) -> str:
    """Return the name of the first image in the attributes; empty if it has none."""
    images = ome.get("multiscales")
    first = images[0] if isinstance(images, list | tuple) and images else None
    name = first.get("name") if isinstance(first, Mapping) else None
    return str(name) if name and str(name) not in ("/", "") else ""


def _strip_zarr_suffix(path: str) -> str:
    name = PurePath(path).name
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _number_duplicates(images: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Add numbers to names that occur more than once."""
    names = [name for name, _ in images]
    return [
        (f"{name} {k}" if names.count(name) > 1 else name, path)
        for k, (name, path) in enumerate(images)
    ]
