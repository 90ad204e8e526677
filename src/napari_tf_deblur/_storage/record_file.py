"""Write the record of a run as JSON, and read it from files that may hold anything."""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np

from napari_tf_deblur._core.parameters import options_of, parameters_of, types_of
from napari_tf_deblur._preparation.layer_options import LayerOptions

METADATA_KEY = "napari_tf_deblur"
"""Key of the record in ``layer.metadata``."""

KINDS_IN_FILES = ("result", "residual", "uncertainty")
"""Kinds of layers whose records are read from files."""

MAX_ARRAY_SIZE = 1000
"""Largest number of values of an array that is written as text. Larger arrays are left out. Limit:
of the size of a file."""

MAX_TEXT_LENGTH = 100_000
"""Largest length of a record, in characters. Guard: against files that are no records;
``tests/files/test_settings.py``."""

_UNTRUSTED_KEYS = frozenset(("python", "mask"))
"""Entries that are not read from a file: code, and the pixels of a mask, which cannot be shown."""

_USER_ONLY_OPTIONS: Mapping[str, Any] = {
    name: getattr(LayerOptions(), name)
    for name, annotation in parameters_of(LayerOptions).items()
    if not options_of(annotation).get("from_files", True)
}
"""Options that are not read from the file of an image: a scheduler must be trusted, because its
answers may contain code."""

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "kind": str,
    "name": str,
    "source": str,
    "origin": dict,
    "axes": str,
    "order": list,
    "method": dict,
    "reason": str,
    "psf": dict,
    "psf_width": (int, float),
    "scale": (int, float, type(None)),
    "mask_origin": (dict, type(None)),
    **{name: types_of(annotation) for name, annotation in parameters_of(LayerOptions).items()},
    "iterations": int,
    "converged": bool,
    "stopped": bool,
    "seconds": (int, float),
    "loss_history": list,
    "verdict": dict,
    "warnings": list,
    "versions": dict,
}
"""Types of the entries of a record in a file. Other entries, which a later version may write, are
read without a check."""

_TUPLES = frozenset(("order", "shape", "axis_labels", "units", "sample", "part", "warnings"))
"""Entries that are tuples. JSON stores them as lists."""


def record_to_json(record: Mapping[str, Any]) -> str:
    """Write a record as text, without large arrays.

    Parameters
    ----------
    record : mapping
        Record of a layer, from ``metadata["napari_tf_deblur"]``.

    Returns
    -------
    str
        JSON in ASCII: an object with the one entry "napari_tf_deblur".
    """
    return json.dumps({METADATA_KEY: _to_json_value(record)}, allow_nan=False)


def record_from_json(text: str) -> dict[str, Any] | None:
    """Read a record from text that may contain anything.

    Parameters
    ----------
    text : str
        Text of `record_to_json`, or any other text.

    Returns
    -------
    dict or None
        The record, without code, with checked types; None if the text is no record.
    """
    if not text.startswith("{") or len(text) > MAX_TEXT_LENGTH:
        return None
    try:
        table = json.loads(text, parse_constant=_refuse_constant).get(METADATA_KEY)
        if not isinstance(table, dict) or table.get("kind") not in (
            "result",
            "residual",
            "uncertainty",
        ):
            return None
        if not all(isinstance(table[key], kind) for key, kind in _TYPES.items() if key in table):
            return None
        record: dict[str, Any] = _drop_untrusted(table) | _USER_ONLY_OPTIONS
    except (ValueError, RecursionError):
        return None
    return record


def _to_json_value(value: Any) -> Any:
    """Return a value as a type of JSON; None if JSON has no such type."""
    if isinstance(value, Mapping):
        return {str(key): _to_json_value(part) for key, part in value.items()}
    if isinstance(value, np.ndarray):
        return _to_json_value(value.tolist()) if value.size <= MAX_ARRAY_SIZE else None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple):
        return [_to_json_value(part) for part in value]
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else None


def _drop_untrusted(value: Any, key: str = "") -> Any:
    """Remove code, and restore arrays and tuples from lists."""
    if isinstance(value, dict):
        return {
            k: _drop_untrusted(part, k) for k, part in value.items() if k not in _UNTRUSTED_KEYS
        }
    if isinstance(value, list):
        if key in ("array", "loss_history") and value:
            return _to_float_array(value)
        parts = [_drop_untrusted(part) for part in value]
        return tuple(parts) if key in _TUPLES else parts
    return value


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _to_float_array(value: list[Any]) -> Any:
    try:
        with np.errstate(over="raise"):
            return np.array(value, np.float32)
    except (ValueError, TypeError, FloatingPointError):
        return None
