"""Options of the command line, derived from the dataclasses that declare what can be set."""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
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
from napari_tf_deblur._optics.optics import Optics
from napari_tf_deblur._preparation.layer_options import LayerOptions
from napari_tf_deblur.methods import METHODS, Method
from napari_tf_deblur.methods.base import title_and_purpose

Decorator = Callable[[Any], Any]

PSF_KINDS = (AUTOMATIC, *(kind.name for kind in KINDS if kind is not ArrayPSF))
"""Kinds of PSF that can be said in words."""

NUMBERS: dict[str, Any] = {
    **{kind.name: kind for kind in KINDS if issubclass(kind, ParametricPSF)},
    MicroscopePSF.name: Optics,
    AUTOMATIC: Optics,
}
"""For each kind of PSF that has numbers, the dataclass that declares them."""

METHOD_NAMES = ("auto", *(method.__name__ for method in METHODS))

NANOMETRE_OPTIONS = ("emission", "excitation", "sheet")
"""Numbers of a microscope that are given in nanometres here."""

SHORT_FLAGS = {"numerical_aperture": ("--na",)}
"""Other names of options that are long."""


def add_run_options(command: Any) -> Any:
    """Give a command an option for each option of a run."""
    meanings, defaults = describe_fields(LayerOptions), LayerOptions()
    for name, annotation in reversed(parameters_of(LayerOptions).items()):
        number, words, _ = field_kinds(annotation)
        told: dict[str, Any] = {"default": None}
        if is_text(annotation):
            command = click.option(_flag(name), name, type=str, help=meanings[name], **told)(
                command
            )
            continue
        if number is None and not words:
            flag = _flag(name)
            command = click.option(f"{flag}/--no-{flag[2:]}", name, help=meanings[name], **told)(
                command
            )
            continue
        if number is None:
            told["type"] = click.Choice(words)
        else:
            told["type"] = NumberOrWord(number, words) if words else number
        about = f"{meanings[name]} [default: {getattr(defaults, name)}]"
        command = click.option(_flag(name), name, help=about, **told)(command)
    return command


def add_psf_options(command: Any) -> Any:
    """Give a command an option for each number that describes a PSF."""
    options: dict[str, tuple[list[str], Any]] = {}
    for kind in dict.fromkeys(NUMBERS.values()):
        meanings, hints = describe_fields(kind), get_type_hints(kind)
        for field in fields(kind):
            hint = hints[field.name]
            words = get_args(hint) if get_origin(hint) is Literal else ()
            meaning = re.sub(r":\w+:|`", "", meanings[field.name])
            if kind is not Optics:
                meaning += f" (--psf {kind.name})"
            elif field.name in NANOMETRE_OPTIONS:
                meaning = f"In nanometres. {meaning}"
            options.setdefault(field.name, ([], Values(words)))[0].append(meaning)
    for name, (said, values) in reversed(options.items()):
        flags = (_flag(name), *SHORT_FLAGS.get(name, ()), name)
        command = click.option(*flags, type=values, default=None, help=" ".join(said))(command)
    return command


def select_psf_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return those values that describe a PSF, by name."""
    known = {field.name for kind in NUMBERS.values() for field in fields(kind)}
    return {name: value for name, value in given.items() if name in known and value is not None}


def find_psf_kind(given: Mapping[str, Any]) -> str | None:
    """Return the kind of PSF that some numbers describe; None where there are none.

    Raises
    ------
    click.UsageError
        If they do not go together.
    """
    if not given:
        return None
    for name, kind in NUMBERS.items():
        defaults = {field.name: field.default for field in fields(kind)}
        required = {one for one, default in defaults.items() if default is MISSING}
        if kind is Optics:  # the file of an image may say the rest
            required = set()
        if required <= set(given) <= set(defaults):
            return name
    raise click.UsageError(
        f"{_join_flags(given)} do not describe one PSF: give the numbers of one kind."
    )


def check_psf_values(kind: str, given: Mapping[str, Any]) -> None:
    """Refuse numbers that are none of a kind of PSF."""
    allowed = {field.name for field in fields(NUMBERS[kind])} if kind in NUMBERS else set()
    if wrong := [name for name in given if name not in allowed]:
        raise click.UsageError(f"{_join_flags(wrong)} is no number of the PSF '{kind}'.")


def numbers_of(kind: str, given: Mapping[str, tuple[Any, ...]]) -> dict[str, Any]:
    """Return the numbers of a PSF for its record: those that are given, and the usual ones."""
    hints = get_type_hints(NUMBERS[kind])
    usual = {field.name: field.default for field in fields(NUMBERS[kind])}
    return {
        **{name: default for name, default in usual.items() if default is not MISSING},
        **{name: v if get_origin(hints[name]) is tuple else v[0] for name, v in given.items()},
    }


def method_values(method: type[Method], assignments: tuple[str, ...]) -> dict[str, Any]:
    """Take apart what was said by ``--set name=value``, by the parameters that a method has.

    Raises
    ------
    click.UsageError
        If there is no such parameter, or a value is of the wrong kind.
    """
    declared, found = parameters_of(method), {}
    for one in assignments:
        name, equals, text = one.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or name not in declared:
            raise click.UsageError(
                f"--set {one}: {method.__name__} has {', '.join(declared)}; write one of them, = "
                "and its value."
            )
        found[name] = _value(text.strip(), declared[name])
    return found


def describe_methods() -> str:
    """Say which methods there are, and what can be set of each."""
    lines = []
    for method in METHODS:
        title, purpose = title_and_purpose(method)
        lines.append(f"  {method.__name__}: {title}, {purpose}")
        lines.append(f"    {', '.join(parameters_of(method))}")
    return "\n".join(["\b", "Methods, and what --set knows of each:", *lines])


def _value(text: str, annotation: Any) -> Any:
    """Make a value of text; the method's class checks it."""
    number, words, _ = field_kinds(annotation)
    if text in words or (number is None and words):
        return text
    if number is None:
        known = {"true": True, "yes": True, "false": False, "no": False}
        return known.get(text.lower(), text)
    try:
        return number(text)
    except ValueError:
        return text


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _join_flags(names: Any) -> str:
    return ", ".join(map(_flag, names))
