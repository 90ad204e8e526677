"""Check, describe and pass on parameters, each of which is declared once in a dataclass.

A parameter is a field of one of three kinds: a bool; one of several words (``Literal``); or a
number or text whose annotation is ``Annotated`` with a dictionary of options (bounds, label and so
on). With the option ``numbers``, which says what they are, several positive numbers may stand in
place of a word. Its description is in the docstring of the class that declares it.
"""

import math
import re
from collections.abc import Callable, Generator
from dataclasses import fields
from functools import wraps
from inspect import Signature, cleandoc, isgeneratorfunction, signature
from typing import (
    Annotated,
    Any,
    Literal,
    ParamSpec,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from napari_tf_deblur._core.errors import InvalidTypeError, InvalidValueError

P = ParamSpec("P")
A = TypeVar("A")
R = TypeVar("R")

_SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}\n", re.MULTILINE)
_ENTRY = re.compile(r"^(\w+) : .*\n(?:[ ].*\n|\n(?=[ ]))*", re.MULTILINE)


def parameters_of(declaration: type) -> dict[str, Any]:
    """Return the parameters that a dataclass declares or inherits, each with its annotation."""
    hints = get_type_hints(declaration, include_extras=True)
    named = {field.name: hints[field.name] for field in fields(declaration)}
    return {
        name: hint
        for name, hint in named.items()
        if hint is bool or get_origin(hint) in (Annotated, Literal)
    }


def options_of(annotation: Any) -> dict[str, Any]:
    """Return the options of an annotation (bounds, label and so on); empty if it has none."""
    return field_kinds(annotation)[2]


def types_of(annotation: Any) -> tuple[type, ...]:
    """Return the types that a value may have in a file; a number may be an int or a float."""
    number, words, _ = field_kinds(annotation)
    if number is not None:
        return (int, float, str) if words else (int, float)
    if "numbers" in options_of(annotation):
        return (str, list, tuple)
    return (str,) if words or is_text(annotation) else (bool,)


def is_text(annotation: Any) -> bool:
    """Whether a parameter accepts any text."""
    return get_origin(annotation) is Annotated and get_args(annotation)[0] is str


def check_parameters(values: Any, title: str = "") -> None:
    """Check the parameters of a dataclass against their annotations.

    Parameters
    ----------
    values : dataclass
        An instance.
    title : str, optional
        Beginning of error messages.

    Raises
    ------
    TypeError
        If a value has the wrong type.
    ValueError
        If a value is outside its bounds or not one of the allowed words.
    """
    for name, annotation in parameters_of(values.__class__).items():
        check_value(f"{title}'{name}'", getattr(values, name), annotation)


def check_value(label: str, value: object, annotation: Any) -> None:
    """Check one value; see `check_parameters`."""
    number, words, options = field_kinds(annotation)
    if "numbers" in options and not isinstance(value, str):
        _check_numbers(label, value, words, options["numbers"])
    elif is_text(annotation):
        if not isinstance(value, str):
            raise InvalidTypeError(f"{label} is {value!r}; it must be text.")
    elif number is None and not words:
        if not isinstance(value, bool):
            raise InvalidTypeError(f"{label} is {value!r}; it must be True or False.")
    elif number is not None and not (isinstance(value, str) and words):
        _check_number(label, value, number, words, options)
    elif not (isinstance(value, str) and value in words) and not (
        callable(value) and "choices" in options
    ):
        names = ", ".join(repr(word) for word in words)
        number_too = ", or a number" if number else ""
        raise InvalidValueError(f"{label} is {value!r}; choose one of {names}{number_too}.")


def field_kinds(annotation: Any) -> tuple[type | None, tuple[Any, ...], dict[str, Any]]:
    """Return what a field may hold: a number type or None, words, and the annotation's options."""
    options: dict[str, Any] = {}
    if get_origin(annotation) is Annotated:
        annotation, options = get_args(annotation)
    kinds = get_args(annotation) if get_origin(annotation) is Union else (annotation,)
    words = tuple(w for kind in kinds if get_origin(kind) is Literal for w in get_args(kind))
    number = next((kind for kind in kinds if kind in (int, float)), None)
    return number, options.get("choices", words), options


def _check_number(
    label: str, value: Any, kind: type, words: tuple[str, ...], options: dict[str, Any]
) -> None:
    """Check the type and the bounds of one number."""
    low, high = options.get("above", options.get("min")), options["max"]
    word = "whole number" if kind is int else "number"
    bounds = f"above {low:g}" if "above" in options else f"from {low:g} to {high:g}"
    meaning = f": {options['meaning']}" if "meaning" in options else ""
    rule = f"it must be a {word} {bounds}{meaning}"
    rest = [repr(word) for word in words if repr(word) not in meaning]
    rule += f", or {' or '.join(rest)}." if rest else "."
    try:
        right_type = not isinstance(value, bool) and kind(value) == value
    except (TypeError, ValueError, OverflowError):
        right_type = False
    if not right_type and value == value:  # NaN is a number, and out of bounds
        raise InvalidTypeError(f"{label} is {value!r}; {rule}")
    is_enough = low < value if "above" in options else low <= value
    if not (is_enough and value <= high and math.isfinite(value)):
        raise InvalidValueError(f"{label} is {value!r}; {rule}")


def _check_numbers(label: str, values: object, words: tuple[str, ...], meaning: str) -> None:
    """Check a sequence of positive numbers."""
    try:
        numbers = [float(value) for value in values]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        numbers = []
    if not numbers:
        choices = ", ".join(repr(word) for word in words)
        raise InvalidTypeError(
            f"{label} is {values!r}; choose one of {choices}, or give {meaning}."
        )
    if not all(0 < number < math.inf for number in numbers):
        raise InvalidValueError(f"{label} has numbers that are not {meaning}.")


def describe_fields(declaration: type) -> dict[str, str]:
    """Return the description of each field of a dataclass, from its docstrings, in one line."""
    entries, names = _entries(declaration), [field.name for field in fields(declaration)]
    return {n: " ".join(entries[n].split("\n", 1)[1].split()) for n in names if n in entries}


def with_arguments_of(
    declaration: Callable[P, A],
) -> Callable[[Callable[[A], R]], Callable[P, R]]:
    """Decorate a function of one dataclass, so that it takes the fields as separate arguments.

    The signature and the list of parameters in the docstring are copied from the dataclass.

    Parameters
    ----------
    declaration : type
        The dataclass.

    Returns
    -------
    callable
        Decorator of a function. If the function is a generator, the values of the arguments are
        checked at its first ``next``.
    """

    def decorate(function: Callable[[A], R]) -> Callable[P, R]:
        own: Any = function

        def check_names(*args: Any, **kwargs: Any) -> None:
            try:
                signature(declaration).bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{own.__name__}(): {error}") from None

        def steps(*args: P.args, **kwargs: P.kwargs) -> Generator[Any, Any, Any]:
            return (yield from own(declaration(*args, **kwargs)))

        @wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            check_names(*args, **kwargs)
            if isgeneratorfunction(function):
                result: Any = steps(*args, **kwargs)
                return result  # type: ignore[no-any-return]
            return function(declaration(*args, **kwargs))

        attributes: Any = wrapper
        attributes.__signature__ = _signature(declaration, signature(function))
        attributes.__doc__ = _with_parameters(function.__doc__, declaration)
        del attributes.__wrapped__  # otherwise inspect would find the function's own signature
        return wrapper

    return decorate


def _signature(declaration: Any, function: Signature) -> Signature:
    """Signature with the arguments of a dataclass (plain types) and a function's return type."""
    hints = get_type_hints(declaration)
    own = signature(declaration)
    parameters = [one.replace(annotation=hints[name]) for name, one in own.parameters.items()]
    return own.replace(parameters=parameters, return_annotation=function.return_annotation)


def _with_parameters(docstring: str | None, declaration: Any) -> str | None:
    """Insert the list of parameters into a docstring, before its first section."""
    if docstring is None:  # python -OO
        return None
    text, entries = cleandoc(docstring) + "\n", _entries(declaration)
    listed = "".join(entries[name] for name in signature(declaration).parameters if name in entries)
    section = f"Parameters\n----------\n{listed}\n"
    first = _SECTION.search(text)
    place = first.start() if first else len(text)
    return text[:place] + section + text[place:]


def _entries(declaration: type) -> dict[str, str]:
    """Entries of the parameters in the docstrings of a dataclass and of its base classes."""
    entries: dict[str, str] = {}
    for one in reversed(declaration.__mro__):
        text = cleandoc(vars(one).get("__doc__") or "") + "\n"
        for name, body in _sections(text).items():
            if name in ("Parameters", "Attributes"):
                entries |= {e[1]: e[0].rstrip("\n") + "\n" for e in _ENTRY.finditer(body)}
    return entries


def _sections(text: str) -> dict[str, str]:
    """Split a NumPy-style docstring at its headings."""
    parts = _SECTION.split(text)
    return dict(zip(parts[1::2], parts[2::2]))
