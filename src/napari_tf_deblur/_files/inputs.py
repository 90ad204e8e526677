"""Find the files of a batch: files, folders, patterns, OME-Zarr images and plates."""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_tf_deblur._core.errors import InvalidValueError, UserError
from napari_tf_deblur._files.opening import is_openable, strip_suffix
from napari_tf_deblur._files.saving import is_batch_result
from napari_tf_deblur._storage.zarr_collection import list_images

ZARR_METADATA_FILES = ("zarr.json", ".zattrs", ".zgroup", ".zarray")
"""Files whose presence shows that a folder is a Zarr array or group."""

_UNSAFE_CHARACTERS = re.compile(r'[\\/:*?"<>|]+')
"""Characters that some operating systems do not allow in file names."""


@dataclass(frozen=True)
class Input:
    """A file of a batch.

    Attributes
    ----------
    path : Path
        The file, or the folder of an OME-Zarr image.
    result_stem : Path
        Path of its result without a suffix, relative to the folder of the results. It is the path
        of the file relative to the folder that was given.
    """

    path: Path
    result_stem: Path


def find_inputs(
    paths: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str]
) -> list[Input]:
    """Find the files of a batch, each once, in the order of their names.

    Parameters
    ----------
    paths : sequence of path
        Files; folders, with all images in them and in folders below them, except results of
        batches; patterns such as ``*.tif``; OME-Zarr folders. Of a plate, each field is one image.
    output : path
        The folder of the results, which is not searched.

    Returns
    -------
    list of Input
        The files, with different paths for their results.

    Raises
    ------
    ValueError
        If a path does not exist, or contains no image.
    """
    output_folder = Path(output).resolve()
    inputs: dict[Path, Input] = {}
    for given in paths:
        matches = list(_expand_pattern(os.fspath(given)))
        own = [one for path in matches for one in _inputs(path, output_folder)]
        if not own:
            what = "There is no image in" if matches else "There is no file or folder"
            raise InvalidValueError(f"{what} '{os.fspath(given)}'.")
        for one in own:
            inputs.setdefault(one.path.resolve(), one)
    return _make_stems_unique(list(inputs.values()))


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr array or group, not a folder of files."""
    return path.is_dir() and any((path / name).is_file() for name in ZARR_METADATA_FILES)


def _expand_pattern(given: str) -> Iterator[Path]:
    """Yield the path, or those that match a pattern: the shells of Windows expand none."""
    if Path(given).exists():
        yield Path(given)
    elif glob.has_magic(given):
        yield from (Path(name) for name in sorted(glob.glob(given, recursive=True)))  # noqa: PTH207


def _inputs(path: Path, output: Path) -> Iterator[Input]:
    """Yield the images of a file, an OME-Zarr or a folder."""
    if is_zarr(path):
        yield from _list_zarr_images(path, Path(strip_suffix(path)))
    elif not path.is_dir():
        yield Input(path, Path(strip_suffix(path)))
    else:
        yield from _list_folder(path, path, output)


def _list_folder(folder: Path, top: Path, output: Path) -> Iterator[Input]:
    """Yield the images of a folder and of those below it, without results."""
    for path in sorted(folder.iterdir()):
        stem = path.relative_to(top).with_name(strip_suffix(path))
        if path.name.startswith(".") or path.resolve() == output or is_batch_result(path):
            continue
        if is_zarr(path):
            yield from _list_zarr_images(path, stem)
        elif path.is_dir():
            yield from _list_folder(path, top, output)
        elif is_openable(path):
            yield Input(path, stem)


def _list_zarr_images(path: Path, stem: Path) -> Iterator[Input]:
    """Yield an OME-Zarr image, or each image of a plate or a collection."""
    try:
        images = list_images(path)
    except UserError:  # not OME-Zarr, or no package reads it: opening it reports that
        images = []
    if len(images) < 2:
        yield Input(Path(images[0][1]) if images else path, stem)
        return
    for name, image_path in images:
        yield Input(Path(image_path), stem / _UNSAFE_CHARACTERS.sub(" ", name).strip(" ."))


def _make_stems_unique(inputs: list[Input]) -> list[Input]:
    """Change stems that several files share, because only suffix or folder differ."""
    counts: dict[Path, int] = {}
    for one in inputs:
        counts[one.result_stem] = counts.get(one.result_stem, 0) + 1
    used: set[Path] = set()
    unique = []
    for one in inputs:
        stem = (
            one.result_stem
            if counts[one.result_stem] == 1
            else one.result_stem.with_name(one.path.name)
        )
        number = 2
        while stem in used:
            stem = one.result_stem.with_name(f"{one.path.name} {number}")
            number += 1
        used.add(stem)
        unique.append(Input(one.path, stem))
    return unique
