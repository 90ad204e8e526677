"""Derive the options of the command line from the dataclasses that declare the parameters."""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click

from napari_tf_deblur._core.parameters import (
    describe_fields,
    field_kinds,
    is_text,
    parameters_of,
)
from napari_tf_deblur._files.command_types import NumberOrWord, Values
from napari_tf_deblur._layers.psf_kinds import (
    AUTOMATIC,
    KINDS,
    ArrayPSF,
    MicroscopePSF,
    ParametricPSF,
)
from napari_tf_deblur._optics.optics import OPTICS_NUMBERS, SPECIMEN_NUMBERS, Optics
from napari_tf_deblur._optics.specimen import Specimen
from napari_tf_deblur._preparation.layer_options import LayerOptions
from napari_tf_deblur.methods import METHODS, Method
from napari_tf_deblur.methods.base import title_and_purpose

Decorator = Callable[[Any], Any]

PSF_KINDS = (AUTOMATIC, *(kind.name for kind in KINDS if kind is not ArrayPSF))
"""Kinds of PSF that can be given on the command line."""

NUMBERS: dict[str, Any] = {
    **{kind.name: kind for kind in KINDS if issubclass(kind, ParametricPSF)},
    MicroscopePSF.name: Optics,
    AUTOMATIC: Optics,
}
"""The dataclass that declares the numbers of each kind of PSF that has numbers."""

METHOD_NAMES = ("auto", *(method.__name__ for method in METHODS))

NANOMETRE_OPTIONS = ("emission", "excitation", "sheet", "depth")
"""Numbers of a microscope whose unit on the command line is the nanometre."""

SHORT_FLAGS = {"numerical_aperture": ("--na",)}
"""Short names of long options."""


def add_run_options(command: Any) -> Any:
    """Add an option to a command for each option of a run."""
    meanings, defaults = describe_fields(LayerOptions), LayerOptions()
    for name, annotation in reversed(parameters_of(LayerOptions).items()):
        number, words, _ = field_kinds(annotation)
        flag, text = _flag(name), meanings[name]
        attributes: dict[str, Any] = {"default": None}
        if is_text(annotation):
            attributes["type"] = str
        elif number is None and not words:
            flag = f"{flag}/--no-{flag[2:]}"
        else:
            text = f"{text} [default: {getattr(defaults, name)}]"
            if number is None:
                attributes["type"] = click.Choice(words)
            else:
                attributes["type"] = NumberOrWord(number, words) if words else number
        command = click.option(flag, name, help=text, **attributes)(command)
    return command


@dataclass(frozen=True)
class PSFNumber:
    """A number that describes a PSF.

    Attributes
    ----------
    name : str
        Its name on the command line, with underscores.
    default : object
        Its default; ``dataclasses.MISSING`` if it must be given.
    hint : object
        Its type.
    meaning : str
        Its description.
    """

    name: str
    default: Any
    hint: Any
    meaning: str


def _list_numbers(kind: Any) -> list[PSFNumber]:
    """Return the numbers of a kind of PSF; those of a microscope with those of its specimen."""
    if kind is not Optics:
        return _list_fields(kind, {field.name: field.name for field in fields(kind)})
    microscope = _list_fields(Optics, {name: name for name in OPTICS_NUMBERS})
    return [*microscope, *_list_fields(Specimen, SPECIMEN_NUMBERS)]


def _list_fields(declaration: type, names: Mapping[str, str]) -> list[PSFNumber]:
    """Return fields of a dataclass as numbers, by the names of their options."""
    meanings, hints = describe_fields(declaration), get_type_hints(declaration)
    defaults = {field.name: field.default for field in fields(declaration)}
    return [PSFNumber(n, defaults[f], hints[f], meanings[f]) for n, f in names.items()]


def add_psf_options(command: Any) -> Any:
    """Add an option to a command for each number that describes a PSF."""
    options: dict[str, tuple[list[str], Any]] = {}
    for kind in dict.fromkeys(NUMBERS.values()):
        for number in _list_numbers(kind):
            words = get_args(number.hint) if get_origin(number.hint) is Literal else ()
            meaning = re.sub(r":\w+:|`", "", number.meaning)
            if kind is not Optics:
                meaning += f" (--psf {kind.name})"
            elif number.name in NANOMETRE_OPTIONS:
                meaning = f"In nanometres. {meaning}"
            options.setdefault(number.name, ([], Values(words)))[0].append(meaning)
    for name, (help_texts, values) in reversed(options.items()):
        flags = (_flag(name), *SHORT_FLAGS.get(name, ()), name)
        text = " ".join(help_texts)
        command = click.option(*flags, type=values, default=None, help=text)(command)
    return command


def select_psf_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given values that describe a PSF, by name."""
    names = {number.name for kind in NUMBERS.values() for number in _list_numbers(kind)}
    return {name: value for name, value in given.items() if name in names and value is not None}


def find_psf_kind(given: Mapping[str, Any]) -> str | None:
    """Return the kind of PSF that the given numbers describe; None if there are none.

    Raises
    ------
    click.UsageError
        If the numbers belong to different kinds.
    """
    if not given:
        return None
    for name, kind in NUMBERS.items():
        defaults = {number.name: number.default for number in _list_numbers(kind)}
        required = {number for number, default in defaults.items() if default is MISSING}
        if kind is Optics:  # the file of an image may contain the others
            required = set()
        if required <= set(given) <= set(defaults):
            return name
    raise click.UsageError(
        f"{_join_flags(given)} do not describe one PSF: give the numbers of one kind."
    )


def check_psf_values(kind: str, given: Mapping[str, Any]) -> None:
    """Refuse numbers that do not belong to a kind of PSF."""
    allowed = set()
    if kind in NUMBERS:
        allowed = {number.name for number in _list_numbers(NUMBERS[kind])}
    if wrong := [name for name in given if name not in allowed]:
        raise click.UsageError(f"{_join_flags(wrong)} is no number of the PSF '{kind}'.")


def numbers_of(kind: str, given: Mapping[str, tuple[Any, ...]]) -> dict[str, Any]:
    """Return the numbers of a PSF for its record: the given ones, and defaults for the others."""
    hints = get_type_hints(NUMBERS[kind])
    defaults = {field.name: field.default for field in fields(NUMBERS[kind])}
    return {
        **{name: default for name, default in defaults.items() if default is not MISSING},
        **{name: v if get_origin(hints[name]) is tuple else v[0] for name, v in given.items()},
    }


def method_values(method: type[Method], assignments: tuple[str, ...]) -> dict[str, Any]:
    """Parse the assignments of ``--set name=value`` to parameters of a method.

    Raises
    ------
    click.UsageError
        If the method has no such parameter.
    """
    declared, values = parameters_of(method), {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or name not in declared:
            raise click.UsageError(
                f"--set {assignment}: {method.__name__} has the parameters "
                f"{', '.join(declared)}; write NAME=VALUE with one of them."
            )
        values[name] = _value(text.strip(), declared[name])
    return values


def describe_methods() -> str:
    """Describe all methods and their parameters, as text for the help of the command."""
    lines = []
    for method in METHODS:
        title, purpose = title_and_purpose(method)
        lines.append(f"  {method.__name__}: {title}, {purpose}")
        lines.append(f"    {', '.join(parameters_of(method))}")
    return "\n".join(["\b", "Methods, and their parameters for --set:", *lines])


def _value(text: str, annotation: Any) -> Any:
    """Convert text to a value, which the class of the method checks."""
    number, words, _ = field_kinds(annotation)
    if text in words or (number is None and words):
        return text
    if number is None:
        booleans = {"true": True, "yes": True, "false": False, "no": False}
        return booleans.get(text.lower(), text)
    try:
        return number(text)
    except ValueError:
        return text


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _join_flags(names: Any) -> str:
    return ", ".join(map(_flag, names))
