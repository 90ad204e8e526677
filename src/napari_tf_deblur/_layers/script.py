"""The script that repeats a result: what its record says, as Python that runs by itself."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np

import napari_tf_deblur
from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._layers.record import check_record
from napari_tf_deblur._layers.script_text import Script, format_call, format_literal
from napari_tf_deblur._preparation.layer_options import LayerOptions, format_run_arguments
from napari_tf_deblur._storage.record_file import METADATA_KEY

Record = Mapping[str, Any]

MAX_LITERAL_PIXELS = 15 * 15
"""Most pixels of a PSF that a script holds; a larger one is read from a file. Set by eye."""

SHAPE_CHANGED_TEXT = "not as many pixels as before"
MASK_CHANGED_TEXT = "the mask ignores other pixels than before: save its layer again"


def write_script(record: Record) -> str:
    """Write the script that repeats a result, as it stands.

    It reads the image as napari did, without a window, deblurs it with the values that were used,
    and saves the result beside it, with its pixel size and its record. Of an image that is in no
    file it says how to save its pixels, and reads those.

    Parameters
    ----------
    record : mapping
        What the layer of a result has in ``metadata["napari_tf_deblur"]``.

    Returns
    -------
    str
        Python that gives the same numbers.

    Raises
    ------
    ValueError
        If the record lacks something, or holds what no run writes; says what.
    """
    record = check_record(record)
    script = Script(frozenset(napari_tf_deblur.__all__))
    script.add_comment(
        "Files are read and saved as napari does it, but without its window. Of several layers in",
        "a file, the one of the same name is taken.",
    )
    script.add_line("PluginManager.instance().discover(include_npe1=True)")
    _write_image_part(script, record)
    _write_psf_part(script, record)
    _write_mask_part(script, record)
    _write_method_part(script, record)
    _write_run_part(script, record)
    version = record["versions"]["napari-tf-deblur"]
    return script.render(
        f"Deblurs {record['source']!r} as napari-tf-deblur {version} did in napari."
    )


def _write_image_part(script: Script, record: Record) -> None:
    origin = record["origin"]
    if _can_be_reopened(origin):
        script.add_comment("The image.")
        _write_layer(script, origin)
        _write_image_layer(script, "image", origin)
        return
    path, pixels = (
        _make_sibling_path(record, "pixels.npy"),
        "data[0]" if origin["multiscale"] else "data",
    )
    script.add_comment(
        "The image. It was not read from a file: save its pixels first, by the next lines, in",
        "napari's console. Where they are in a file of yours already, read that instead.",
        by_hand=(
            "import numpy as np",
            f"np.save({path!r}, viewer.layers[{record['source']!r}].{pixels})",
        ),
    )
    script.add_assignment("pixels", f"np.load({path!r})")
    script.add_line(f"assert pixels.shape == {origin['shape']}, {SHAPE_CHANGED_TEXT!r}")
    script.add_assignment("image", format_call("Image", "pixels", **origin["arguments"]))


def _write_psf_part(script: Script, record: Record) -> None:
    psf, words = record["psf"], "The PSF: how one bright point is blurred."
    bead = psf.get("origin")
    if "call" in psf:
        script.add_comment(words)
        script.add_assignment(
            "psf", format_call(psf["call"]["function"], **psf["call"]["arguments"])
        )
    elif bead and _can_be_reopened(bead):
        script.add_comment(words, "Here an image of a bead shows it.")
        _write_layer(script, bead)
        _write_image_layer(script, "psf", bead)
    elif psf["kind"] == "estimated":
        script.add_comment(words, "It is found in the image.", *psf["notes"])
        script.add_assignment("psf", f"{_format_blur_estimate(record)}.psf()")
    elif "array" not in psf:
        raise InvalidValueError(
            "The record of this result does not hold its PSF, so that no script can repeat it."
        )
    elif psf["array"].size <= MAX_LITERAL_PIXELS:
        script.add_comment(words)
        script.add_assignment("psf", format_literal(psf["array"]))
    else:
        _write_saved_array(script, record, words, "psf", "['psf']['array']")


def _format_blur_estimate(record: Record) -> str:
    """The search for the blur, on the axes that were deblurred."""
    origin, order = record["origin"], record["order"]
    rgb = origin["arguments"]["rgb"]
    pixels = "np.asarray(image.data)"
    if list(order) != sorted(order):
        pixels += f".transpose({order})"
    if np.dtype(origin["dtype"]).kind == "f":
        pixels = f"np.ma.masked_invalid({pixels})"
    return format_call(
        "estimate_blur",
        pixels,
        ndim=record["psf"]["ndim"],
        channel_axis=-1 if rgb else None,
        alpha=rgb and origin["shape"][-1] == 4,
    )


def _write_mask_part(script: Script, record: Record) -> None:
    origin, words = record["mask_origin"], "The pixels to ignore."
    if origin is None:
        return
    if _can_be_reopened(origin):
        script.add_comment(words, "Here a layer of labels marks them.")
        _write_layer(script, origin)
        script.add_assignment("mask", _pixels(origin))
        return
    if record.get("mask") is None:
        raise InvalidValueError(
            "The record of this result does not hold its mask, so that no script can repeat it."
        )
    order = [k for k in record["order"] if k < record["mask"].ndim]
    back = tuple(int(k) for k in np.argsort(order))
    turned = f".transpose({back})" if order != sorted(order) else ""
    _write_saved_array(script, record, words, "mask", f"['mask']{turned}")


def _write_method_part(script: Script, record: Record) -> None:
    values = dict(record["method"])
    method = values.pop("name")
    words = [f"The method, with the values that were used. {record['reason']}".strip()]
    if record["psf_width"] != 1:
        words.append(f"The PSF is made {record['psf_width']:.2g} times as wide as it is.")
    if record["stopped"] and 0 < record["iterations"] < values.get("iterations", 0):
        values["iterations"] = record["iterations"]
        words.append("It was stopped by hand after so many iterations.")
    own = [name for name, value in values.items() if callable(value)]
    for name in own:
        script.add_comment(f"Put your own function here: the '{name}' that was given in Python.")
        script.add_line(f"def {name}(image):\n    raise NotImplementedError\n")
    script.add_comment(*words)
    arguments = [f"{k}={k if k in own else format_literal(v)}" for k, v in values.items()]
    expression = format_call(method, *arguments)
    if record["scale"] is not None:
        found = {"scale": record["scale"], "psf_width": record["psf_width"]}
        expression = format_call("Calibration", expression, **found)
    script.add_assignment("method", expression)


def _write_run_part(script: Script, record: Record) -> None:
    arguments = format_run_arguments(record, LayerOptions)
    arguments += ["mask=mask"] if record["mask_origin"] is not None else []
    script.add_comment("The same run.")
    script.add_assignment(
        "result", format_call("deblur_layer", "image", "psf", "method", *arguments)
    )
    if _can_be_reopened(record["mask_origin"]) and record.get("mask") is not None:
        script.add_assignment(
            "ignored", f"np.count_nonzero(result.metadata[{METADATA_KEY!r}]['mask'])"
        )
        script.add_line(
            f"assert ignored == {np.count_nonzero(record['mask'])}, {MASK_CHANGED_TEXT!r}"
        )
    script.add_assignment("path", repr(_make_sibling_path(record, "deblurred again.tif")))
    script.add_line(format_call("result.save", "path", plugin="napari-tf-deblur"))
    script.add_line("print('Saved as', path)")


def _can_be_reopened(origin: Record | None) -> bool:
    """Whether a layer can be had again without the viewer."""
    return bool(origin and (origin["path"] or origin["sample"]))


def _write_layer(script: Script, origin: Record) -> None:
    """Write what makes `layer` the layer that was used."""
    name, place = origin["name"], origin["place"]
    if origin["sample"]:
        opening = format_call("open_sample", *map(repr, origin["sample"]))
    else:
        opening = format_call("open", repr(origin["path"]), plugin=origin["plugin"])
    script.add_assignment("layers", f"ViewerModel().{opening}")
    others = "layers" if place is None else f"layers[{place}:{place + 1}]"
    script.add_assignment(
        "(layer,)", f"[one for one in layers if one.name == {name!r}] or {others}"
    )
    script.add_line(f"assert {_pixels(origin)}.shape == {origin['shape']}, {SHAPE_CHANGED_TEXT!r}")


def _pixels(origin: Record) -> str:
    """The pixels of the layer that was used, or of the channel that was split off from one."""
    pixels = "layer.data[0]" if origin["multiscale"] else "layer.data"
    if not origin.get("part"):
        return pixels
    axis, index = origin["part"]
    return f"{pixels}[{', '.join([*[':'] * axis, str(index)])}]"


def _write_image_layer(script: Script, name: str, origin: Record) -> None:
    """Write what makes an image of a layer's pixels, with the spacing that was used."""
    script.add_assignment(name, format_call("Image", _pixels(origin), **origin["arguments"]))


def _write_saved_array(script: Script, record: Record, words: str, name: str, entry: str) -> None:
    """Write what takes an array from the record, which is to be saved first."""
    kept = f"layers[{record['name']!r}].metadata[{METADATA_KEY!r}]"
    called = f"{record['name']!r} is the result's name in the list of layers."
    path = _make_sibling_path(record, f"{name}.npy")
    script.add_comment(
        words,
        f"Save these values first, by the next lines, in napari's console. {called}",
        by_hand=(
            "import numpy as np",
            f"record = viewer.{kept}",
            f"np.save({path!r}, record{entry})",
        ),
    )
    script.add_assignment(name, f"np.load({path!r})")


def _make_sibling_path(record: Record, what: str) -> str:
    """A file beside that of the image; in the current folder where that is none."""
    origin = record["origin"]
    name = re.sub(r'[\\/:*?"<>|\s]+', " ", f"{record['source']} {what}")
    if not origin["path"] and not origin["sample"]:
        return str(Path.cwd() / name)
    if origin["sample"] or "://" in origin["path"]:
        return name
    path = PurePath(origin["path"])
    stores = [folder for folder in (path, *path.parents) if folder.suffix == ".zarr"]
    return str((stores[-1] if stores else path).parent / name)
