"""Checks the record of a result, and describes the result in words.

A record may come from a file that anybody wrote. So it is data: a script is written from checked
values only, and no text of a record becomes code.
"""

from collections.abc import Mapping
from inspect import signature
from typing import Any

import numpy as np
from napari.layers import Layer

import napari_tf_deblur
from napari_tf_deblur._core.errors import InvalidValueError
from napari_tf_deblur._layers.profile import PixelLength
from napari_tf_deblur._layers.psf_kinds import KINDS, KINDS_BY_NAME
from napari_tf_deblur._noise.background import describe_subtraction
from napari_tf_deblur._preparation import record_check as check
from napari_tf_deblur._preparation.layer_options import options_in_words, record_checks
from napari_tf_deblur._storage.axes import is_length
from napari_tf_deblur._storage.record_file import METADATA_KEY
from napari_tf_deblur.methods import METHODS, Auto, Method
from napari_tf_deblur.methods.base import title_and_purpose

PSF_FUNCTIONS = tuple(dict.fromkeys(name for kind in KINDS for name in kind.functions))
"""Functions of this package that a record may name as the origin of its PSF."""

_TRANSFORM_KEYS = ("scale", "translate", "rotate", "shear", "affine")


def find_result_record(layer: Layer | None) -> Mapping[str, Any] | None:
    """Return the unchecked record of a layer; None if the layer is not a result."""
    record = None if layer is None else layer.metadata.get(METADATA_KEY)
    is_result = isinstance(record, Mapping) and record.get("kind") == "result"
    return record if is_result else None


def check_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Check the entries of a record that a script needs.

    Parameters
    ----------
    record : mapping
        The record of a result: ``layer.metadata["napari_tf_deblur"]``.

    Returns
    -------
    dict
        These entries, with the types that this version writes.

    Raises
    ------
    ValueError
        If an entry is missing or has a wrong type; the message names it.
    """
    return check.table(
        record,
        {
            "name": check.text,
            "source": check.text,
            "origin": _origin,
            "order": check.tuple_of(check.count),
            "method": lambda value: method_to_dict(_method_from_dict(value)),
            "reason": check.text,
            "psf": _psf,
            "psf_width": check.positive,
            "scale": check.optional(check.positive),
            **record_checks(),
            "mask": check.optional(check.array),
            "mask_origin": lambda value: value if not value else _origin(value),
            "iterations": check.count,
            "stopped": check.boolean,
            "versions": lambda value: check.table(value, {"napari-tf-deblur": check.text}),
        },
        optional=("mask",),
    )


def parse_requested_method(record: Mapping[str, Any]) -> Method | Auto:
    """Return the method that the user requested; its parameters may still be "auto".

    Raises
    ------
    ValueError, TypeError
        If there is no such method, or its values are out of bounds.
    """
    request = record.get("asked", record.get("method"))
    return "auto" if isinstance(request, str) and request == "auto" else _method_from_dict(request)


def describe_settings(record: Mapping[str, Any]) -> str:
    """Describe the image and the settings of a result, as far as its record contains them."""
    return ". ".join([str(record.get("source", "")), *list_settings_in_words(record)]) + "."


def list_settings_in_words(record: Mapping[str, Any]) -> list[str]:
    """Return each setting of a result in words, as far as its record contains it."""
    parts = []
    psf = record.get("psf")
    kind = KINDS_BY_NAME.get(str(psf.get("kind"))) if isinstance(psf, Mapping) else None
    if kind and isinstance(psf, Mapping):
        notes = "; ".join(list_psf_notes(record)).rstrip(".")
        parts.append(f"Blur: {kind.title}{f' ({notes})' if notes else ''}")
    try:
        method = parse_requested_method(record)
    except (ValueError, TypeError):
        pass
    else:
        title = "Automatic" if isinstance(method, str) else title_and_purpose(type(method))[0]
        parts.append(f"Method: {title}")
    return [*parts, *options_in_words(record)]


def read_pixel_length(record: Mapping[str, Any] | None) -> PixelLength | None:
    """Return the pixel size of a result in one unit of length; None if its record has none."""
    try:
        origin = _origin((record or {})["origin"])
        scale, units = origin["arguments"]["scale"], origin["arguments"]["units"]
        lengths = tuple(float(s) * (u == units[-1]) for s, u in zip(scale, units, strict=True))
        return PixelLength(lengths, units[-1]) if is_length(units[-1]) else None
    except (KeyError, ValueError, TypeError):
        return None


def describe_outcome(record: Mapping[str, Any]) -> str:
    """Return the verdict on a result, its background, its warnings and its iterations, in words.

    If the run was stopped, the iterations and the warnings come first: a stopped movie has planes
    that are not deblurred. Notes about the PSF are left out: see `describe_settings`.
    """
    verdict = record.get("verdict")
    sentence = verdict.get("sentence", "") if isinstance(verdict, Mapping) else ""
    notes, iterations = list_psf_notes(record), _describe_iterations(record)
    warnings = [words for words in _select_texts(record.get("warnings", ())) if words not in notes]
    stopped = record.get("stopped") is True
    evaluation = [sentence, _describe_background(record)]
    warnings += _select_texts([record.get("pieces")])
    parts = [iterations, *warnings, *evaluation]
    if not stopped:
        parts = [*evaluation, *warnings, iterations]
    return " ".join(part for part in map(str, parts) if part)


def _describe_background(record: Mapping[str, Any]) -> str:
    """Say which background was subtracted; nothing if the record does not contain it."""
    try:
        checks = {"value": check.number, "uncertainty": check.optional(check.number)}
        background = check.table(record.get("background"), checks)
    except InvalidValueError:
        return ""
    return describe_subtraction(background["value"], background["uncertainty"])


def list_psf_notes(record: Mapping[str, Any]) -> list[str]:
    """Return the notes about the PSF: what was done to it, and its estimated width."""
    psf = record.get("psf")
    return _select_texts(psf.get("notes")) if isinstance(psf, Mapping) else []


def _describe_iterations(record: Mapping[str, Any]) -> str:
    """Say how many iterations were done, and how long they took."""
    count, seconds = record.get("iterations"), record.get("waited", record.get("seconds"))
    if not isinstance(count, int) or not isinstance(seconds, int | float):
        return ""
    iterations = f"{count} iteration{'s' * (count != 1)}"
    if record.get("stopped") is True:
        return f"Stopped after {seconds:.1f} s: the image after {iterations} is kept."
    return f"Done in {seconds:.1f} s: {iterations}{', converged' * bool(record.get('converged'))}."


def _select_texts(values: Any) -> list[str]:
    """Return the values that are text."""
    return [value for value in values if isinstance(value, str)] if values is not None else []


def _method_from_dict(value: Any) -> Method:
    """Make a method from the entry of a record; its class checks the bounds of its values."""
    check.require(isinstance(value, Mapping))
    by_name = {method.__name__: method for method in METHODS}
    values = dict(value)
    name = values.pop("name", None)
    check.require(isinstance(name, str) and name in by_name)
    return by_name[name](**values)


def method_to_dict(method: Method) -> dict[str, Any]:
    """Return the name and the values of a method, as a record contains them."""
    return {"name": type(method).__name__, **vars(method)}


def _psf(value: Any) -> dict[str, Any]:
    """Check the entry of the PSF."""
    checks = {
        "kind": check.text,
        "ndim": check.count,
        "array": check.optional(check.array),
        "notes": check.tuple_of(check.text),
        "call": _call,
        "origin": _origin,
    }
    psf = check.table(value, checks, optional=("array", "call", "origin", "ndim"))
    if psf.get("array") is None:  # too large for a file
        psf.pop("array", None)
    return psf


def _call(value: Any) -> dict[str, Any]:
    """Check a call of a function that makes a PSF: its name, and the names of its arguments."""
    call = check.table(value, {"function": check.one_of(*PSF_FUNCTIONS), "arguments": dict})
    parameters = signature(getattr(napari_tf_deblur, call["function"])).parameters
    check.require(set(call["arguments"]) <= set(parameters))
    arguments = {name: _argument(argument) for name, argument in call["arguments"].items()}
    return {"function": call["function"], "arguments": arguments}


def _argument(value: Any) -> Any:
    """Check an argument: plain data, or a table of them, such as a specimen."""
    if isinstance(value, Mapping):
        return {check.text(name): check.plain(entry) for name, entry in value.items()}
    return check.plain(value)


def _origin(value: Any) -> dict[str, Any]:
    """Check the origin of a layer; see `Origin` and `Source.record`."""
    pair = check.tuple_of(check.text)
    return check.table(
        value,
        {
            "name": check.text,
            "path": check.optional(check.text),
            "plugin": check.optional(check.text),
            "sample": check.optional(pair),
            "place": check.optional(check.count),
            "shape": check.tuple_of(check.count),
            "multiscale": check.boolean,
            "part": check.optional(check.tuple_of(check.count)),
            "dtype": lambda name: str(np.dtype(check.text(name))),
            "arguments": _arguments,
        },
        optional=("dtype", "arguments", "part"),
    )


def _arguments(value: Any) -> dict[str, Any]:
    """Check the arguments of a new image layer."""
    texts = check.tuple_of(check.text)
    checks: dict[str, check.Check] = {
        "name": check.text,
        "rgb": check.boolean,
        "multiscale": check.boolean,
        "axis_labels": texts,
        "units": texts,
        **dict.fromkeys(_TRANSFORM_KEYS, check.numbers),
    }
    return check.table(value, checks, optional=tuple(checks))
