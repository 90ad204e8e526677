"""Values that fields have by themselves: those of the image's file, and those of last time."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from magicgui.widgets import ComboBox, FloatSpinBox
from qtpy.QtCore import QSettings

FormField = ComboBox | FloatSpinBox

QT_SETTINGS_NAME = ("napari-tf-deblur", "napari-tf-deblur")
"""Where Qt keeps what is remembered between sessions."""


class FieldDefaults:
    """Fills fields in with what a file says, and knows which of them still say that.

    Parameters
    ----------
    remembered : mapping of str to Field
        The fields that are remembered between sessions, by their names in Qt's settings.
    """

    def __init__(self, remembered: Mapping[str, FormField]) -> None:
        self._file_values: dict[int, tuple[FormField, object, str]] = {}
        self._filled_values: dict[int, object] = {}  # what each field had by itself
        self._recalled_names: set[str] = set()
        self._empty_values: dict[int, object] = {}
        ini, user = QSettings.Format.IniFormat, QSettings.Scope.UserScope
        self._settings = QSettings(ini, user, *QT_SETTINGS_NAME)
        self._remembered = remembered
        for name, field in remembered.items():
            self._empty_values[id(field)] = field.value
            self._recall(name, field)
            self._filled_values[id(field)] = field.value
            field.changed.connect(lambda value, name=name: self._remember(name, value))

    def fill(self, field: FormField, value: object, origin: str) -> None:
        """Give a field a value that was read, or the one that it has where nothing is known.

        Parameters
        ----------
        field : Field
            The field, which emits nothing.
        value : object
            The value, or None if the image says nothing of it. What is out of the field's bounds
            is not known either.
        origin : str
            Where the value comes from, in words.
        """
        self._file_values.pop(id(field), None)
        empty = self._empty_values.setdefault(id(field), field.value)
        with field.changed.blocked():
            if value is not None and _fits(field, value):
                field.value = value
                self._file_values[id(field)] = (field, field.value, origin)
            else:
                field.value = empty
                for name, other in self._remembered.items():
                    if other is field:
                        self._recall(name, field)
        self._filled_values[id(field)] = field.value

    def get_typed(self, fields: Mapping[str, FormField]) -> dict[str, object]:
        """What the user has typed since the fields were filled in, by the names of the fields."""
        return {
            name: field.value
            for name, field in fields.items()
            if field.value
            != self._filled_values.get(id(field), self._empty_values.get(id(field), 0.0))
        }

    def restore_typed(
        self, fields: Mapping[str, FormField], values: Mapping[str, Any], own: Mapping[str, Any]
    ) -> None:
        """Give fields what was typed, without a signal.

        What was typed for the image itself counts more than what was read of it; what was typed
        for others counts less.

        Parameters
        ----------
        fields : mapping of str to Field
            By name.
        values, own : mapping
            What was typed for images that share it, and for the image itself.
        """
        for name, field in fields.items():
            if name in own:
                self._recalled_names -= {
                    key for key, one in self._remembered.items() if one is field
                }
            value = own.get(name, None if id(field) in self._file_values else values.get(name))
            if value is not None:
                with field.changed.blocked():
                    field.value = value

    def describe_origins(self) -> str:
        """Say which fields have what was read, and from where."""
        by_origin: dict[str, list[str]] = {}
        for field, value, origin in self._file_values.values():
            if field.value == value:
                by_origin.setdefault(origin, []).append(field.label)
        said = [f"Read from {origin}: {', '.join(names)}." for origin, names in by_origin.items()]
        read = [label for labels in by_origin.values() for label in labels]
        fields = [self._remembered[name] for name in sorted(self._recalled_names)]
        recalled = [field.label for field in fields if field.value and field.label not in read]
        said += [f"As last time: {', '.join(recalled)}."] if recalled else []
        return " ".join(said)

    def _remember(self, name: str, value: object) -> None:
        self._settings.setValue(name, value)
        self._recalled_names.discard(name)

    def _recall(self, name: str, field: FormField) -> None:
        kept = self._settings.value(name)
        if isinstance(kept, int | float | str):  # else there is none, or it is spoilt
            is_number = isinstance(self._empty_values[id(field)], float)
            with suppress(ValueError, TypeError), field.changed.blocked():
                field.value = float(kept) if is_number else kept
                self._recalled_names.add(name)


def _fits(field: FormField, value: Any) -> bool:
    """Whether a field can show a value: what is far from usual may be a mistake in a file."""
    if isinstance(field, ComboBox):
        return value in field.choices
    return isinstance(value, int | float) and field.min <= value <= field.max
