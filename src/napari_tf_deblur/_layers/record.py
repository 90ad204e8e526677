"""The record of a run, as it is kept with its result: checked, and said in words.

It may come out of a file. So it is data: what is made of it, a script above all, is made of
checked values; no text of it becomes code.
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
"""Functions of the package that a record may name as what made its PSF."""

_TRANSFORM_KEYS = ("scale", "translate", "rotate", "shear", "affine")


def find_result_record(layer: Layer | None) -> Mapping[str, Any] | None:
    """Return the record of a layer as it is, unchecked; None if it is no result."""
    record = None if layer is None else layer.metadata.get(METADATA_KEY)
    is_one = isinstance(record, Mapping) and record.get("kind") == "result"
    return record if is_one else None


def check_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Take from a record what a script needs.

    Parameters
    ----------
    record : mapping
        What the layer of a result has in ``metadata["napari_tf_deblur"]``.

    Returns
    -------
    dict
        Its entries, each of the kind that it has when this version writes it.

    Raises
    ------
    ValueError
        If an entry is missing or is of a wrong kind; says which.
    """
    return check.table(
        record,
        {
            "name": check.text,
            "source": check.text,
            "origin": _origin,
            "order": check.tuple_of(check.count),
            "method": lambda value: method_to_dict(_method(value)),
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
    """Return the method that was asked for, with what was left for the image to say.

    Raises
    ------
    ValueError, TypeError
        If there is no such method, or its values are out of bounds.
    """
    asked = record.get("asked", record.get("method"))
    return "auto" if isinstance(asked, str) and asked == "auto" else _method(asked)


def describe_settings(record: Mapping[str, Any]) -> str:
    """Say which settings made a result, as far as its record tells."""
    return ". ".join([str(record.get("source", "")), *settings_listed(record)]) + "."


def settings_listed(record: Mapping[str, Any]) -> list[str]:
    """Return the settings that made a result, each in words, as far as its record tells."""
    parts = []
    psf = record.get("psf")
    kind = KINDS_BY_NAME.get(str(psf.get("kind"))) if isinstance(psf, Mapping) else None
    if kind and isinstance(psf, Mapping):
        notes = "; ".join(list_psf_notes(record)).rstrip(".")
        parts.append(f"Blur: {kind.title}{f' ({notes})' if notes else ''}")
    try:
        asked = parse_requested_method(record)
    except (ValueError, TypeError):
        pass
    else:
        parts.append(
            f"Method: {'Automatic' if isinstance(asked, str) else title_and_purpose(type(asked))[0]}"
        )
    return [*parts, *options_in_words(record)]


def read_pixel_length(record: Mapping[str, Any] | None) -> PixelLength | None:
    """Return how large a pixel of a result is in one unit of length, if its record tells."""
    try:
        origin = _origin((record or {})["origin"])
        scale, units = origin["arguments"]["scale"], origin["arguments"]["units"]
        along = tuple(float(s) * (u == units[-1]) for s, u in zip(scale, units, strict=True))
        return PixelLength(along, units[-1]) if is_length(units[-1]) else None
    except (KeyError, ValueError, TypeError):
        return None


def describe_outcome(record: Mapping[str, Any]) -> str:
    """Say whether to believe a result, what else was said of it, and how it was done.

    What the run left undone comes first: a movie that was stopped has planes that are not
    deblurred. What is said of the PSF is not said again: see `describe_settings`.
    """
    verdict = record.get("verdict")
    believe = verdict.get("sentence", "") if isinstance(verdict, Mapping) else ""
    known, done = list_psf_notes(record), _describe_iterations(record)
    warnings = [words for words in _select_texts(record.get("warnings", ())) if words not in known]
    stopped = record.get("stopped") is True
    said = [believe, _background(record)]
    warnings += _select_texts([record.get("pieces")])
    parts = [done, *warnings, *said] if stopped else [*said, *warnings, done]
    return " ".join(part for part in map(str, parts) if part)


def _background(record: Mapping[str, Any]) -> str:
    """Say which background was subtracted."""
    found = record.get("background")
    try:
        checks = {"value": check.number, "uncertainty": check.optional(check.number)}
        taken = check.table(found, checks)
    except InvalidValueError:
        return ""
    return describe_subtraction(taken["value"], taken["uncertainty"])


def list_psf_notes(record: Mapping[str, Any]) -> list[str]:
    """What was done to the PSF, or found of it, in words."""
    psf = record.get("psf")
    return _select_texts(psf.get("notes")) if isinstance(psf, Mapping) else []


def _describe_iterations(record: Mapping[str, Any]) -> str:
    """Say how far the run went, and how long it took."""
    count, seconds = record.get("iterations"), record.get("waited", record.get("seconds"))
    if not isinstance(count, int) or not isinstance(seconds, int | float):
        return ""
    iterations = f"{count} iteration{'s' * (count != 1)}"
    if record.get("stopped") is True:
        return f"Stopped after {seconds:.1f} s: the image after {iterations} is kept."
    return f"Done in {seconds:.1f} s: {iterations}{', converged' * bool(record.get('converged'))}."


def _select_texts(values: Any) -> list[str]:
    return [value for value in values if isinstance(value, str)] if values is not None else []


def _method(value: Any) -> Method:
    """Make a method of its table; its class checks the values against their bounds."""
    check.require(isinstance(value, Mapping))
    by_name = {method.__name__: method for method in METHODS}
    values = dict(value)
    name = values.pop("name", None)
    check.require(isinstance(name, str) and name in by_name)
    return by_name[name](**values)


def method_to_dict(method: Method) -> dict[str, Any]:
    """Return a method as its record has it: its name, and its values."""
    return {"name": type(method).__name__, **vars(method)}


def _psf(value: Any) -> dict[str, Any]:
    checks = {
        "kind": check.text,
        "ndim": check.count,
        "array": check.optional(check.array),
        "notes": check.tuple_of(check.text),
        "call": _call,
        "origin": _origin,
    }
    taken = check.table(value, checks, optional=("array", "call", "origin", "ndim"))
    if taken.get("array") is None:  # too large for a file
        taken.pop("array", None)
    return taken


def _call(value: Any) -> dict[str, Any]:
    """A call of a function that makes a PSF, with arguments that it has."""
    taken = check.table(value, {"function": check.one_of(*PSF_FUNCTIONS), "arguments": dict})
    known = signature(getattr(napari_tf_deblur, taken["function"])).parameters
    check.require(set(taken["arguments"]) <= set(known))
    arguments = {name: check.plain(one) for name, one in taken["arguments"].items()}
    return {"function": taken["function"], "arguments": arguments}


def _origin(value: Any) -> dict[str, Any]:
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
