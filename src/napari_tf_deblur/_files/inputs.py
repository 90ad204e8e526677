"""Which files a batch has: files, folders, patterns, OME-Zarr images and plates."""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_tf_deblur._core.errors import InvalidValueError, UserError
from napari_tf_deblur._files.opening import is_openable
from napari_tf_deblur._files.saving import is_batch_result
from napari_tf_deblur._storage.zarr_collection import list_images

ZARR_METADATA_FILES = ("zarr.json", ".zattrs", ".zgroup", ".zarray")
"""Files by which a Zarr folder is known."""

_UNSAFE_CHARACTERS = re.compile(r'[\\/:*?"<>|]+')
"""What can be in no name of a file, of some system."""

DOUBLE_SUFFIXES = (".ome.tiff", ".ome.tif", ".ome.zarr")
"""Endings of two parts."""


@dataclass(frozen=True)
class Input:
    """A file of a batch.

    Attributes
    ----------
    path : Path
        The file, or the folder of an OME-Zarr image.
    place : Path
        Where its result goes, below the folder of the results and without an ending: as the file
        lies below the folder that was given.
    """

    path: Path
    result_stem: Path


def find_inputs(
    paths: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str]
) -> list[Input]:
    """Find the files that are meant, each once, in the order of their names.

    Parameters
    ----------
    paths : sequence of path
        Files; folders, of which all images are taken, in folders below them too, but for results of
        batches; patterns such as
        ``*.tif``; OME-Zarr folders, of a plate each field.
    output : path
        The folder of the results, which is left out.

    Raises
    ------
    ValueError
        If a path is not there, or nothing is found in it.
    """
    kept = Path(output).resolve()
    found: dict[Path, Input] = {}
    for given in paths:
        some = list(_expand_pattern(os.fspath(given)))
        own = [one for path in some for one in _inputs(path, kept)]
        if not own:
            what = "There is no image in" if some else "There is no file or folder"
            raise InvalidValueError(f"{what} '{os.fspath(given)}'.")
        for one in own:
            found.setdefault(one.path.resolve(), one)
    return _make_stems_unique(list(found.values()))


def strip_suffix(path: Path) -> str:
    """Return the name of a file without its ending."""
    for ending in DOUBLE_SUFFIXES:
        if path.name.lower().endswith(ending):
            return path.name[: -len(ending)]
    return path.stem


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr array or group, and no folder of files."""
    return path.is_dir() and any((path / name).is_file() for name in ZARR_METADATA_FILES)


def _expand_pattern(given: str) -> Iterator[Path]:
    """The path itself, or those that a pattern matches: shells of Windows leave that to us."""
    if Path(given).exists():
        yield Path(given)
    elif glob.has_magic(given):
        yield from (Path(name) for name in sorted(glob.glob(given, recursive=True)))  # noqa: PTH207


def _inputs(path: Path, output: Path) -> Iterator[Input]:
    if is_zarr(path):
        yield from _list_zarr_images(path, Path(strip_suffix(path)))
    elif not path.is_dir():
        yield Input(path, Path(strip_suffix(path)))
    else:
        yield from _list_folder(path, path, output)


def _list_folder(folder: Path, top: Path, output: Path) -> Iterator[Input]:
    """The images of a folder and those below it, without the results."""
    for path in sorted(folder.iterdir()):
        place = path.relative_to(top).with_name(strip_suffix(path))
        if path.name.startswith(".") or path.resolve() == output or is_batch_result(path):
            continue
        if is_zarr(path):
            yield from _list_zarr_images(path, place)
        elif path.is_dir():
            yield from _list_folder(path, top, output)
        elif is_openable(path):
            yield Input(path, place)


def _list_zarr_images(path: Path, place: Path) -> Iterator[Input]:
    """An OME-Zarr image; of a plate, or of several images in one folder, each."""
    try:
        images = list_images(path)
    except UserError:  # another kind of Zarr, or nothing is installed that reads it: said later
        images = []
    if len(images) < 2:
        yield Input(Path(images[0][1]) if images else path, place)
    for name, where in images[1:] and images:
        yield Input(Path(where), place / _UNSAFE_CHARACTERS.sub(" ", name).strip(" ."))


def _make_stems_unique(inputs: list[Input]) -> list[Input]:
    """Give files of one name but for their ending, or their folder, places of their own."""
    counts: dict[Path, int] = {}
    for one in inputs:
        counts[one.result_stem] = counts.get(one.result_stem, 0) + 1
    taken: set[Path] = set()
    placed = []
    for one in inputs:
        place = (
            one.result_stem
            if counts[one.result_stem] == 1
            else one.result_stem.with_name(one.path.name)
        )
        number = 2
        while place in taken:
            place = one.result_stem.with_name(f"{one.path.name} {number}")
            number += 1
        taken.add(place)
        placed.append(Input(one.path, place))
    return placed
