"""The images in an OME-Zarr: one, the fields of a plate, or those of a collection."""

from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import PurePath
from typing import Any

from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._core.packages import require_packages
from napari_tf_deblur._storage.zarr_image import open_zarr_group

SUFFIXES = (".ome.zarr", ".zarr")


def list_images(path: str | PurePath) -> list[tuple[str, str]]:
    """List the images of an OME-Zarr 0.4 or 0.5.

    Parameters
    ----------
    path : str or Path
        An image, a plate, a well, or a collection as bioformats2raw writes it.

    Returns
    -------
    list of (str, str)
        A name for each, all different, and its own path. Of a plate "A1 field 0"; of a collection
        the names that it gives, or "image 0". A well that the plate names and that is missing is
        listed, too, so that opening it says so.

    Raises
    ------
    InvalidValueError
        If it is none of these.
    MissingPackageError
        If zarr is not installed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from napari_tf_deblur._storage.image_description import Axis, ImageDescription
    >>> from napari_tf_deblur._storage.ome_zarr import create_image
    >>> with TemporaryDirectory() as folder:
    ...     about = ImageDescription("cells", (Axis("y"), Axis("x")))
    ...     image = create_image(f"{folder}/a.ome.zarr", (64, 64), "uint8", about, (64, 64))
    ...     [name for name, path in list_images(image.path)]
    ['cells']
    """
    require_packages("zarr")
    group, where = open_zarr_group(str(path)), str(path).rstrip("/\\")
    said = _read_ome_attributes(group)
    if "plate" in said:
        return _number_duplicates(list(_list_plate(group, said["plate"], where)))
    if "well" in said:
        return _number_duplicates(list(_list_well(said["well"], _strip_zarr_suffix(where), where)))
    if "multiscales" in said:
        return [(_read_image_name(said) or _strip_zarr_suffix(where), where)]
    if "bioformats2raw.layout" in said:
        return _number_duplicates(list(_list_collection(group, where)))
    raise InvalidValueError(f"{path} is no image, plate or collection of OME-Zarr 0.4 or 0.5.")


def _list_plate(group: Any, plate: Any, where: str) -> Iterator[tuple[str, str]]:
    for listed in _read_listed_paths(plate, "wells", where):
        path = str(listed["path"])
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
    """List the images that the collection names; where it does not, they are numbered."""
    about = group.get("OME")
    series = _read_ome_attributes(about).get("series") if about is not None else None
    paths = map(str, series) if isinstance(series, list | tuple) else map(str, count())
    for path in paths:
        image = group.get(path)
        if image is None and series is None:
            return
        name = _read_image_name(_read_ome_attributes(image)) if image is not None else ""
        yield name or f"image {path}", f"{where}/{path}"


def _read_ome_attributes(group: Any) -> Mapping[str, Any]:
    """Return what a group says in OME-Zarr: under "ome" from 0.5 on."""
    attributes = dict(group.attrs)
    said = attributes.get("ome", attributes)
    return said if isinstance(said, Mapping) else {}


def _read_listed_paths(said: Any, key: str, where: str) -> list[Any]:
    entries = said.get(key) if isinstance(said, Mapping) else None
    entries = entries if isinstance(entries, list | tuple) else []
    found = [entry for entry in entries if isinstance(entry, Mapping) and "path" in entry]
    if not found:
        raise InvalidValueError(f"{where} is no valid OME-Zarr: it lists no {key}.")
    return found


def _read_image_name(said: Mapping[str, Any]) -> str:
    several = said.get("multiscales")
    first = several[0] if isinstance(several, list | tuple) and several else None
    name = first.get("name") if isinstance(first, Mapping) else None
    return str(name) if name and str(name) not in ("/", "") else ""


def _strip_zarr_suffix(path: str) -> str:
    name = PurePath(path).name
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _number_duplicates(images: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Number names that occur more than once."""
    names = [name for name, _ in images]
    return [
        (f"{name} {k}" if names.count(name) > 1 else name, path)
        for k, (name, path) in enumerate(images)
    ]
