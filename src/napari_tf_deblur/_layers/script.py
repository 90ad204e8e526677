"""Writes the Python script that repeats a result, from the record of the result."""

import numpy as np

import napari_tf_deblur
from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._layers.record import check_record
from napari_tf_deblur._layers.script_inputs import (
    SHAPE_CHANGED_TEXT,
    Record,
    can_be_reopened,
    format_pixels,
    make_sibling_path,
    write_image_layer,
    write_layer,
    write_saved_array,
)
from napari_tf_deblur._layers.script_text import Script, format_call, format_literal
from napari_tf_deblur._preparation.layer_options import LayerOptions, format_run_arguments
from napari_tf_deblur._storage.record_file import METADATA_KEY

MAX_LITERAL_PIXELS = 15 * 15
"""Most pixels of a PSF that a script contains; a larger one is read from a file. Set by eye."""

MASK_CHANGED_TEXT = "the mask ignores other pixels than before: save its layer again"


def write_script(record: Record) -> str:
    """Write the script that repeats a result.

    The script opens the image as napari did, but without a window. It deblurs the image with the
    values that were used, and saves the result beside the image, with its pixel size and its
    record. For an image without a file, a comment in the script tells the user how to save the
    pixels; the script then reads that file.

    Parameters
    ----------
    record : mapping
        The record of a result: ``layer.metadata["napari_tf_deblur"]``.

    Returns
    -------
    str
        Python code that computes the same result.

    Raises
    ------
    ValueError
        If an entry of the record is missing or wrong; the message names it.
    """
    record = check_record(record)
    script = Script(frozenset(napari_tf_deblur.__all__))
    script.add_comment(
        "Files are read and saved as napari does it, but without its window. If a file has several",
        "layers, the one with the same name is used.",
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
    """Write the part that makes the layer `image`."""
    origin = record["origin"]
    if can_be_reopened(origin):
        script.add_comment("The image.")
        write_layer(script, origin)
        write_image_layer(script, "image", origin)
        return
    _write_saved_layer(script, record, "image", origin)


def _write_saved_layer(script: Script, record: Record, name: str, origin: Record) -> None:
    """Write lines that make a layer from a file; the user must save its pixels first."""
    file_name = "pixels" if name == "image" else f"{name} pixels"
    path = make_sibling_path(record, f"{file_name}.npy")
    pixels = "data[0]" if origin["multiscale"] else "data"
    layer_name = record["source"] if name == "image" else origin["name"]
    script.add_comment(
        f"The layer {layer_name!r}. It was not read from a file: first run the next lines in",
        "napari's console, to save its pixels. If a file has them already, read that file instead.",
        by_hand=(
            "import numpy as np",
            f"np.save({path!r}, viewer.layers[{layer_name!r}].{pixels})",
        ),
    )
    script.add_assignment("pixels", f"np.load({path!r})")
    script.add_line(f"assert pixels.shape == {origin['shape']}, {SHAPE_CHANGED_TEXT!r}")
    script.add_assignment(name, format_call("Image", "pixels", **origin["arguments"]))


def _write_psf_part(script: Script, record: Record) -> None:
    """Write the part that makes `psf`: by a call, from a layer, the image or an array."""
    psf, title = record["psf"], "The PSF: how one bright point is blurred."
    bead_origin = psf.get("origin")
    if "call" in psf:
        script.add_comment(title)
        script.add_assignment(
            "psf", format_call(psf["call"]["function"], **psf["call"]["arguments"])
        )
    elif bead_origin and can_be_reopened(bead_origin):
        script.add_comment(title, "It is measured from an image of beads.")
        write_layer(script, bead_origin)
        write_image_layer(script, "psf", bead_origin)
    elif psf["kind"] == "estimated":
        script.add_comment(title, "It is found from the image.", *psf["notes"])
        script.add_assignment("psf", f"{_format_blur_estimate(record)}.psf()")
    elif "array" not in psf and bead_origin:
        _write_saved_layer(script, record, "psf", bead_origin)
    elif "array" not in psf:
        raise InvalidValueError(
            "The record of this result does not contain its PSF, so no script can repeat it."
        )
    elif psf["array"].size <= MAX_LITERAL_PIXELS:
        script.add_comment(title)
        script.add_assignment("psf", format_literal(psf["array"]))
    else:
        write_saved_array(script, record, title, "psf", "['psf']['array']")


def _format_blur_estimate(record: Record) -> str:
    """Return the call of `estimate_blur` for the axes that were deblurred."""
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
    """Write the part that makes `mask`, if the run had one."""
    origin, title = record["mask_origin"], "The pixels to ignore."
    if origin is None:
        return
    if can_be_reopened(origin):
        script.add_comment(title, "A labels layer marks them.")
        write_layer(script, origin)
        script.add_assignment("mask", format_pixels(origin))
        return
    if record.get("mask") is None:
        raise InvalidValueError(
            "The record of this result does not contain its mask, so no script can repeat it."
        )
    order = [k for k in record["order"] if k < record["mask"].ndim]
    layer_order = tuple(int(k) for k in np.argsort(order))
    transpose = f".transpose({layer_order})" if order != sorted(order) else ""
    write_saved_array(script, record, title, "mask", f"['mask']{transpose}")


def _write_method_part(script: Script, record: Record) -> None:
    """Write the part that makes `method`, or its calibration."""
    values = dict(record["method"])
    method = values.pop("name")
    comments = [f"The method, with the values that were used. {record['reason']}".strip()]
    if record["psf_width"] != 1:
        comments.append(f"The width of the PSF is multiplied by {record['psf_width']:.2g}.")
    if record["stopped"] and 0 < record["iterations"] < values.get("iterations", 0):
        values["iterations"] = record["iterations"]
        comments.append("The user stopped the run after this number of iterations.")
    functions = [name for name, value in values.items() if callable(value)]
    for name in functions:
        script.add_comment(f"Put your own function here: the '{name}' that was given in Python.")
        script.add_line(f"def {name}(image):\n    raise NotImplementedError\n")
    script.add_comment(*comments)
    arguments = [f"{k}={k if k in functions else format_literal(v)}" for k, v in values.items()]
    expression = format_call(method, *arguments)
    if record["scale"] is not None:
        calibration = {"scale": record["scale"], "psf_width": record["psf_width"]}
        expression = format_call("Calibration", expression, **calibration)
    script.add_assignment("method", expression)


def _write_run_part(script: Script, record: Record) -> None:
    """Write the part that deblurs the image, checks the mask, and saves the result."""
    arguments = format_run_arguments(record, LayerOptions)
    arguments += ["mask=mask"] if record["mask_origin"] is not None else []
    script.add_comment("The same run.")
    script.add_assignment(
        "result", format_call("deblur_layer", "image", "psf", "method", *arguments)
    )
    if can_be_reopened(record["mask_origin"]) and record.get("mask") is not None:
        script.add_assignment(
            "ignored", f"np.count_nonzero(result.metadata[{METADATA_KEY!r}]['mask'])"
        )
        script.add_line(
            f"assert ignored == {np.count_nonzero(record['mask'])}, {MASK_CHANGED_TEXT!r}"
        )
    script.add_assignment("path", repr(make_sibling_path(record, "deblurred again.tif")))
    script.add_line(format_call("result.save", "path", plugin="napari-tf-deblur"))
    script.add_line("print('Saved as', path)")
