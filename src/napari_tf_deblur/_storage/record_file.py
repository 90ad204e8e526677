"""What a result keeps of its run, as it is written into a file and read from one."""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np

from napari_tf_deblur._core.parameters import options_of, parameters_of, types_of
from napari_tf_deblur._preparation.layer_options import LayerOptions

METADATA_KEY = "napari_tf_deblur"
"""Where layers made here keep their record, in ``layer.metadata``."""

MAX_ARRAY_SIZE = 1000
"""Most numbers of an array that is written as text; larger ones are left out. Limit: of the size of
a file."""

MAX_TEXT_LENGTH = 100_000
"""Longest text that is believed, in characters. Guard: against files that are no records;
``tests/files/test_settings.py``."""

_UNTRUSTED_KEYS = frozenset(("python", "mask"))
"""Entries that are not taken from a file: what is code, and pixels that nobody can look at."""

_USER_ONLY_OPTIONS: Mapping[str, Any] = {
    name: getattr(LayerOptions(), name)
    for name, annotation in parameters_of(LayerOptions).items()
    if not options_of(annotation).get("from_files", True)
}
"""Options that no file with an image decides: whoever deblurs with a scheduler trusts it, as its
answers may hold code."""

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
"""Entries of a record that may come out of a file, and what they must be there. Others, which a
later version may write, are taken as they are."""

_TUPLES = frozenset(("order", "shape", "axis_labels", "units", "sample", "part", "warnings"))
"""Entries that are tuples, which a file has as lists."""


def record_to_json(record: Mapping[str, Any]) -> str:
    """Write a record as text, large arrays left out.

    Parameters
    ----------
    record : mapping
        What a layer has in ``metadata["napari_tf_deblur"]``.

    Returns
    -------
    str
        JSON in ASCII: an object with one entry, of the same name.
    """
    return json.dumps({METADATA_KEY: _to_json_value(record)}, allow_nan=False)


def record_from_json(text: str) -> dict[str, Any] | None:
    """Read a record from text that may hold anything.

    Parameters
    ----------
    text : str
        See `record_to_json`.

    Returns
    -------
    dict or None
        What it says, of the types that it should be: data without any code; None if it is no
        record.
    """
    if not text.startswith("{") or len(text) > MAX_TEXT_LENGTH:
        return None
    try:
        found = json.loads(text, parse_constant=_refuse).get(METADATA_KEY)
        if not isinstance(found, dict) or found.get("kind") not in ("result", "residual"):
            return None
        if not all(isinstance(found[key], kind) for key, kind in _TYPES.items() if key in found):
            return None
        record: dict[str, Any] = _drop_untrusted(found) | _USER_ONLY_OPTIONS
    except (ValueError, RecursionError):
        return None
    return record


def _to_json_value(value: Any) -> Any:
    """Return a value as JSON has it; None for what it has not."""
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
    """Leave out what is code, and make arrays and tuples of what was one."""
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


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _to_float_array(value: list[Any]) -> Any:
    try:
        return np.array(value, np.float32)
    except (ValueError, TypeError):
        return None
