"""Check the numbers of a microscope."""

from numbers import Real

import numpy as np

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError

HIGHEST_INDEX = 3.0
"""Highest refractive index that is accepted. Guard: against a wrong number."""


def check_number(name: str, value: object, hint: str) -> None:
    """Raise an error if a value is not a number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidTypeError(f"The {name} is {value!r}; it must be a number, {hint}.")


def check_positive(name: str, value: object, hint: str) -> None:
    """Raise an error if a value is not a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidTypeError(f"The {name} is {value!r}; it must be a number above 0, {hint}.")
    if not 0 < float(value) < np.inf:
        raise InvalidValueError(f"The {name} is {value}; it must be a number above 0, {hint}.")


def check_index(medium: str, value: object) -> None:
    """Raise an error if a value is not a possible refractive index."""
    check_positive(f"refractive index of the {medium}", value, "1 in air")
    if not 1 <= float(value) <= HIGHEST_INDEX:  # type: ignore[arg-type]  # it is a number
        raise InvalidValueError(
            f"The refractive index of the {medium} is {value:g}; it must be a number from 1 "
            f"to {HIGHEST_INDEX:g}, such as 1.515 for oil."
        )
