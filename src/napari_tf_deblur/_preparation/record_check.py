"""Check the entries of a record from a file one by one: they are data, never code."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from napari_tf_deblur._core.errors import InvalidValueError

Check = Callable[[Any], Any]


class NotRecordedError(InvalidValueError):
    """A record is right, but does not contain what is needed; the message says what to do."""


def require(condition: object) -> None:
    """Raise an error unless a condition holds."""
    if not condition:
        raise InvalidValueError("A value of the record is of a wrong kind.")


def text(value: Any) -> str:
    """Accept a string."""
    require(isinstance(value, str))
    return str(value)


def boolean(value: Any) -> bool:
    """Accept True or False."""
    require(isinstance(value, bool | np.bool_))
    return bool(value)


def number(value: Any) -> float:
    """Accept a finite number; return it as a float."""
    require(isinstance(value, int | float | np.number) and not isinstance(value, bool))
    require(np.isfinite(value))
    return float(value)


def positive(value: Any) -> float:
    """Accept a number above 0; return it as a float."""
    require(number(value) > 0)
    return number(value)


def count(value: Any) -> int:
    """Accept a whole number, 0 or above; return it as an int."""
    require(number(value) >= 0 and number(value) == int(value))
    return int(value)


def one_of(*words: str) -> Check:
    """Return a check that accepts one of some words."""

    def check(value: Any) -> str:
        require(isinstance(value, str) and value in words)
        return str(value)

    return check


def optional(check: Check) -> Check:
    """Return a check that accepts None, and what another check accepts."""
    return lambda value: None if value is None else check(value)


def tuple_of(check: Check) -> Check:
    """Return a check that accepts a list or tuple whose items another check accepts."""

    def checked(values: Any) -> tuple[Any, ...]:
        require(isinstance(values, Sequence | np.ndarray) and not isinstance(values, str | bytes))
        return tuple(check(value) for value in values)

    return checked


def numbers(value: Any) -> Any:
    """Accept numbers in nested lists of any depth; return nested lists of numbers."""
    nested = isinstance(value, list | tuple | np.ndarray)
    return [numbers(item) for item in value] if nested else number(value)


def array(value: Any) -> Any:
    """Accept an array of numbers, or nested lists of numbers; return an array."""
    values = np.asarray(value)
    require(values.dtype.kind in "biuf")
    return values


def plain(value: Any) -> Any:
    """Accept numbers, True, False, None and strings, also in nested lists; return tuples."""
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(plain(item) for item in value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return bool(value)
    whole = isinstance(value, int | np.integer)
    return int(value) if whole else number(value)


def table(value: Any, checks: Mapping[str, Check], optional: Sequence[str] = ()) -> dict[str, Any]:
    """Check the entries of a mapping; entries without a check are left out.

    Parameters
    ----------
    value : mapping
        Entries by name.
    checks : mapping of str to callable
        For each entry, the check of its value.
    optional : sequence of str
        Entries that may be missing; they are then missing in the returned dict.

    Returns
    -------
    dict
        The checked values by name.

    Raises
    ------
    ValueError
        If an entry is missing or of a wrong kind. The message names the entry.
    """
    require(isinstance(value, Mapping))
    entries = {}
    for name, check in checks.items():
        if name not in value:
            if name in optional:
                continue
            raise InvalidValueError(f"The record has no '{name}'.")
        try:
            entries[name] = check(value[name])
        except NotRecordedError:
            raise
        except (InvalidValueError, TypeError, ValueError, OverflowError):
            raise InvalidValueError(
                f"The record's '{name}' is not what this version writes."
            ) from None
    return entries
