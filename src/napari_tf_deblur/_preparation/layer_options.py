"""The options of a run on a layer: those of any run, and some that only an image file needs."""

# No "from __future__ import annotations": magicgui would lose the bounds.
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Self

from napari_tf_deblur._core.errors import UserError
from napari_tf_deblur._core.parameters import check_value, options_of, parameters_of
from napari_tf_deblur._preparation.record_check import Check
from napari_tf_deblur._preparation.run_options import RunOptions


@dataclass(frozen=True, kw_only=True)
class LayerOptions(RunOptions):
    """Options of a run on a layer: of :func:`napari_tf_deblur.deblur_layer`.

    Parameters
    ----------
    ignore_nan : bool, optional
        Ignore pixels that are NaN or infinite instead of refusing them.
    ignore_saturated : bool, optional
        Ignore pixels that are as bright as the camera can tell, or brighter.

    Examples
    --------
    >>> LayerOptions(smoothing=2.0).record()["smoothing"]
    2.0
    """

    ignore_nan: Annotated[bool, {"label": "NaN and infinite pixels"}] = False
    ignore_saturated: Annotated[
        bool,
        {
            "label": "Saturated pixels",
            "in_name": {True: "saturated ignored", False: "all pixels"},
            "in_words": "Saturated pixels ignored",
        },
    ] = False

    @classmethod
    def from_object(cls, values: Any) -> Self:
        """Take the options of an object that has them among its attributes."""
        return cls(**{field.name: getattr(values, field.name) for field in fields(cls)})

    def run_arguments(self) -> dict[str, Any]:
        """Return those that :func:`napari_tf_deblur.deconvolve` takes, by name."""
        return {field.name: getattr(self, field.name) for field in fields(RunOptions)}

    def record(self) -> dict[str, Any]:
        """Return all of them by name, as they are recorded."""
        return asdict(self)


def record_checks() -> dict[str, Check]:
    """For each option, what takes its value from a record that may come out of a file."""
    return {
        name: _make_check(annotation) for name, annotation in parameters_of(LayerOptions).items()
    }


def format_run_arguments(options: Mapping[str, Any], declaration: type[RunOptions]) -> list[str]:
    """Write options as arguments of a call, without what a method's values say already.

    Parameters
    ----------
    options : mapping
        Values by name, checked.
    declaration : type
        Those that the called function has.
    """
    said = (
        name
        for name, annotation in parameters_of(declaration).items()
        if not options_of(annotation).get("in_method")
        and options[name] is not False
        and options[name] != ""
    )
    return [f"{name}={options[name]!r}" for name in said]


def options_in_short(
    record: Mapping[str, Any], number: Callable[[object], str] = str
) -> dict[str, str]:
    """Say in a few words, for the name of a result, the options of its record that have such words.

    Parameters
    ----------
    record : mapping
        What a run keeps; it may come out of a file. What it lacks is at its default.
    number : callable, optional
        Writes a value.
    """
    found = {}
    for name, annotation in parameters_of(LayerOptions).items():
        words = options_of(annotation).get("in_name")
        value = record.get(name, getattr(_DEFAULTS, name))
        if isinstance(words, str):
            found[name] = words.format(number(value))
        elif words:
            found[name] = words[value is True]
    return found


def options_in_words(record: Mapping[str, Any]) -> list[str]:
    """Say which options of a record differ from their defaults, of those that have words for it."""
    said = []
    for name, annotation in parameters_of(LayerOptions).items():
        words, value = options_of(annotation).get("in_words"), record.get(name)
        try:
            check_value(name, value, annotation)
        except UserError:  # out of a file
            continue
        if words and value != getattr(_DEFAULTS, name):
            said.append(words.format(value))
    return said


_DEFAULTS = LayerOptions()


def _make_check(annotation: Any) -> Check:
    def checked(value: Any) -> Any:
        check_value("The option", value, annotation)
        return value

    return checked
