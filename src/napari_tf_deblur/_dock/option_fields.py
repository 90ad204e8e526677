"""The fields of the options of a run, made from their dataclass."""

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
    """Any object with a value that can be read and set."""

    value: Any


class OptionFields:
    """One field for each option of a run.

    Parameters
    ----------
    form : Form
        The form that shows the fields that are made here.
    existing : mapping of str to ValueField
        Fields that are in another part of the dock, by the name of their option.

    Attributes
    ----------
    widgets : list of ValueWidget
        The fields that are made here.
    """

    def __init__(self, form: Form, existing: Mapping[str, ValueField]) -> None:
        self._fields: dict[str, ValueField] = {}
        self.widgets: list[ValueWidget[Any]] = []
        defaults, meanings = LayerOptions(), describe_fields(LayerOptions)
        for name, annotation in parameters_of(LayerOptions).items():
            if name in existing:
                self._fields[name] = existing[name]
                continue
            widget = _make_field(name, annotation, getattr(defaults, name), meanings[name])
            form.add(widget)
            self.widgets.append(widget)
            self._fields[name] = widget

    def __getitem__(self, name: str) -> ValueField:
        return self._fields[name]

    def value(self) -> LayerOptions:
        """Return the options with the values of the fields.

        Raises
        ------
        TypeError, ValueError
            If a value is outside its bounds.
        """
        return LayerOptions(**{name: field.value for name, field in self._fields.items()})

    def labels(self) -> dict[str, str]:
        """Return the label of each option, by its name."""
        return {name: format_label(name, one) for name, one in parameters_of(LayerOptions).items()}

    def restore(self, name: str, record: Mapping[str, Any]) -> None:
        """Set the field of an option to its value in a record, which may come from a file.

        Raises
        ------
        KeyError
            If the record does not contain the option.
        TypeError, ValueError
            If the value is invalid.
        """
        self._fields[name].value = record_checks()[name](record[name])


def format_label(name: str, annotation: Any) -> str:
    """Return the label of a parameter."""
    label = str(options_of(annotation).get("label", name.replace("_", " ")))
    return label[:1].upper() + label[1:]


def field_options(annotation: Any) -> dict[str, Any]:
    """Return the options for magicgui if a field takes a number or a word; else none."""
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
    widget: Any = create_widget(
        value, number, name, label=title, widget_type=widget_type, options=options
    )
    return widget  # type: ignore[no-any-return]
