"""The fields of a run's options, derived from their dataclass."""

from collections.abc import Mapping
from typing import Any, Protocol

from magicgui.widgets import CheckBox, ComboBox, LineEdit, create_widget
from magicgui.widgets.bases import ValueWidget

from napari_tf_deblur._core.parameters import (
    describe_fields,
    field_kinds,
    is_text,
    options_of,
    parameters_of,
)
from napari_tf_deblur._dock.form import Form
from napari_tf_deblur._dock.number_or_word import NumberOrWord
from napari_tf_deblur._preparation.layer_options import LayerOptions, record_checks


class ValueField(Protocol):
    """Anything that holds a value."""

    value: Any


class OptionFields:
    """One field for each option of a run.

    Parameters
    ----------
    form : Form
        Where to put the fields that are made here.
    own : mapping of str to Field
        Fields that are somewhere else already, by the name of their option.

    Attributes
    ----------
    made : list of ValueWidget
        The fields that are made here.
    """

    def __init__(self, form: Form, own: Mapping[str, ValueField]) -> None:
        self._fields: dict[str, ValueField] = {}
        self.made: list[ValueWidget[Any]] = []
        defaults, meanings = LayerOptions(), describe_fields(LayerOptions)
        for name, annotation in parameters_of(LayerOptions).items():
            if name in own:
                self._fields[name] = own[name]
                continue
            widget = _make_field(name, annotation, getattr(defaults, name), meanings[name])
            form.add(widget)
            self.made.append(widget)
            self._fields[name] = widget

    def __getitem__(self, name: str) -> ValueField:
        return self._fields[name]

    def value(self) -> LayerOptions:
        """Return what the fields say.

        Raises
        ------
        TypeError, ValueError
            If a value is outside its bounds.
        """
        return LayerOptions(**{name: field.value for name, field in self._fields.items()})

    def labels(self) -> dict[str, str]:
        """Return what each option is called, by its name."""
        return {name: format_label(name, one) for name, one in parameters_of(LayerOptions).items()}

    def restore(self, name: str, record: Mapping[str, Any]) -> None:
        """Put back one option of a record that may come out of a file.

        Raises
        ------
        KeyError
            If the record does not say it.
        TypeError, ValueError
            If it holds what no run writes.
        """
        self._fields[name].value = record_checks()[name](record[name])


def format_label(name: str, annotation: Any) -> str:
    """Return what a parameter is called in a form."""
    words = str(options_of(annotation).get("label", name.replace("_", " ")))
    return words[:1].upper() + words[1:]


def field_options(annotation: Any) -> dict[str, Any]:
    """Return what magicgui cannot see by itself: fields that take a number or a word."""
    number, words, _ = field_kinds(annotation)
    if number is None or not words:
        return {}
    return {"widget_type": NumberOrWord, "words": words, "kind": number}


def _make_field(name: str, annotation: Any, value: Any, meaning: str) -> ValueWidget[Any]:
    """Make the field of one option, with its label and tooltip."""
    number, words, table = field_kinds(annotation)
    title, tooltip = format_label(name, annotation), table.get("tooltip", meaning.rstrip("."))
    if is_text(annotation):
        line = LineEdit(name=name, label=title, tooltip=tooltip, value=value)
        line.native.setPlaceholderText(table.get("placeholder", ""))
        return line
    if number is None and words:
        names: dict[str, str] = table.get("names", {})
        choices = [(names.get(word, word), word) for word in words]
        return ComboBox(name=name, label=title, tooltip=tooltip, choices=choices, value=value)
    if number is None:
        return CheckBox(name=name, text=title, tooltip=tooltip, value=value)
    keys = [key for key in ("min", "max", "step", "number") if key in table]
    bounds: dict[str, Any] = {key: table[key] for key in keys}
    options: dict[str, Any] = {"tooltip": tooltip, **bounds, **field_options(annotation)}
    widget_type = options.pop("widget_type", None)
    made: Any = create_widget(
        value, number, name, label=title, widget_type=widget_type, options=options
    )
    return made  # type: ignore[no-any-return]
