"""The parts of a record, checked one by one: what comes out of a file is data, never code."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from napari_tf_deblur._core.errors import InvalidValueError

Check = Callable[[Any], Any]


def require(condition: object) -> None:
    """Refuse a value of a wrong kind."""
    if not condition:
        raise InvalidValueError("A value of the record is of a wrong kind.")


def text(value: Any) -> str:
    """Take a string."""
    require(isinstance(value, str))
    return str(value)


def boolean(value: Any) -> bool:
    """Take True or False."""
    require(isinstance(value, bool | np.bool_))
    return bool(value)


def number(value: Any) -> float:
    """Take a finite number."""
    require(isinstance(value, int | float | np.number) and not isinstance(value, bool))
    require(np.isfinite(value))
    return float(value)


def positive(value: Any) -> float:
    """Take a number above 0."""
    require(number(value) > 0)
    return number(value)


def count(value: Any) -> int:
    """Take a whole number, 0 or above."""
    require(number(value) >= 0 and number(value) == int(value))
    return int(value)


def one_of(*words: str) -> Check:
    """Take one of some words."""

    def check(value: Any) -> str:
        require(isinstance(value, str) and value in words)
        return str(value)

    return check


def optional(check: Check) -> Check:
    """Take None, or what another check takes."""
    return lambda value: None if value is None else check(value)


def tuple_of(check: Check) -> Check:
    """Take a list or tuple of what another check takes."""

    def checked(values: Any) -> tuple[Any, ...]:
        require(isinstance(values, Sequence | np.ndarray) and not isinstance(values, str | bytes))
        return tuple(check(value) for value in values)

    return checked


def numbers(value: Any) -> Any:
    """Take numbers in lists of lists of any depth; lists of the same come back."""
    nested = isinstance(value, list | tuple | np.ndarray)
    return [numbers(one) for one in value] if nested else number(value)


def array(value: Any) -> Any:
    """Take an array of numbers, or lists of lists of numbers."""
    taken = np.asarray(value)
    require(taken.dtype.kind in "biuf")
    return taken


def plain(value: Any) -> Any:
    """Take what Python writes as it is: numbers, True, False, None, short words; in tuples."""
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(plain(one) for one in value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return bool(value)
    whole = isinstance(value, int | np.integer)
    return int(value) if whole else number(value)


def table(value: Any, checks: Mapping[str, Check], optional: Sequence[str] = ()) -> dict[str, Any]:
    """Take the entries of a mapping that have a check; others are left out.

    Parameters
    ----------
    value : mapping
        What is to be checked.
    checks : mapping of str to callable
        For each entry, what takes its value.
    optional : sequence of str
        Entries that may be missing; they are then missing in what is returned.

    Raises
    ------
    ValueError
        If an entry is missing or is of a wrong kind; says which.
    """
    require(isinstance(value, Mapping))
    taken = {}
    for name, check in checks.items():
        if name not in value:
            if name in optional:
                continue
            raise InvalidValueError(f"The record has no '{name}'.")
        try:
            taken[name] = check(value[name])
        except (InvalidValueError, TypeError, ValueError, OverflowError):
            raise InvalidValueError(
                f"The record's '{name}' is not what this version writes."
            ) from None
    return taken
