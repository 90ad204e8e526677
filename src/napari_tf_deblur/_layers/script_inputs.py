"""Writes the lines of a script that read its inputs: layers of files, and saved arrays."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from napari_tf_deblur._layers.script_text import Script, format_call
from napari_tf_deblur._storage.record_file import METADATA_KEY

Record = Mapping[str, Any]
"""A checked record, or the part of it that describes the origin of a layer."""

SHAPE_CHANGED_TEXT = "not as many pixels as before"


def can_be_reopened(origin: Record | None) -> bool:
    """Whether a layer can be opened without the viewer: it came from a file, or is sample data."""
    return bool(origin and (origin["path"] or origin["sample"]))


def write_layer(script: Script, origin: Record) -> None:
    """Write lines after which the variable `layer` is the layer that was used."""
    name, index = origin["name"], origin["place"]
    if origin["sample"]:
        opening = format_call("open_sample", *map(repr, origin["sample"]))
    else:
        opening = format_call("open", repr(origin["path"]), plugin=origin["plugin"])
    script.add_assignment("layers", f"ViewerModel().{opening}")
    others = "layers" if index is None else f"layers[{index}:{index + 1}]"
    script.add_assignment(
        "(layer,)", f"[one for one in layers if one.name == {name!r}] or {others}"
    )
    script.add_line(
        f"assert {format_pixels(origin)}.shape == {origin['shape']}, {SHAPE_CHANGED_TEXT!r}"
    )


def format_pixels(origin: Record) -> str:
    """Return the expression of the pixels of a layer, or of the one channel that was used."""
    pixels = "layer.data[0]" if origin["multiscale"] else "layer.data"
    if not origin.get("part"):
        return pixels
    axis, index = origin["part"]
    return f"{pixels}[{', '.join([*[':'] * axis, str(index)])}]"


def write_image_layer(script: Script, name: str, origin: Record) -> None:
    """Write a line that makes an image layer of these pixels, with the spacing that was used."""
    script.add_assignment(name, format_call("Image", format_pixels(origin), **origin["arguments"]))


def write_saved_array(script: Script, record: Record, title: str, name: str, entry: str) -> None:
    """Write lines that read an array of the record from a file; the user must save it first.

    `entry` is the expression that takes the array from the record, such as "['mask']".
    """
    metadata = f"layers[{record['name']!r}].metadata[{METADATA_KEY!r}]"
    hint = f"{record['name']!r} is the name of the result in the list of layers."
    path = make_sibling_path(record, f"{name}.npy")
    script.add_comment(
        title,
        f"First run the next lines in napari's console, to save these values. {hint}",
        by_hand=(
            "import numpy as np",
            f"record = viewer.{metadata}",
            f"np.save({path!r}, record{entry})",
        ),
    )
    script.add_assignment(name, f"np.load({path!r})")


def make_sibling_path(record: Record, suffix: str) -> str:
    """Return the path of a file beside that of the image; without one, in the current folder.

    `suffix` follows the name of the image.
    """
    origin = record["origin"]
    name = re.sub(r'[\\/:*?"<>|\s]+', " ", f"{record['source']} {suffix}")
    if not origin["path"] and not origin["sample"]:
        return str(Path.cwd() / name)
    if origin["sample"] or "://" in origin["path"]:
        return name
    path = PurePath(origin["path"])
    stores = [folder for folder in (path, *path.parents) if folder.suffix == ".zarr"]
    return str((stores[-1] if stores else path).parent / name)
