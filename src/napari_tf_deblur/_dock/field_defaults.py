"""Fills fields with values from the image's file, or with those of the last session."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from magicgui.widgets import ComboBox, FloatSpinBox
from qtpy.QtCore import QSettings

from napari_tf_deblur._dock.index_field import IndexField

FormField = ComboBox | FloatSpinBox | IndexField

QT_SETTINGS_NAME = ("napari-tf-deblur", "napari-tf-deblur")
"""Organisation and application under which Qt stores the settings between sessions."""


class FieldDefaults:
    """Fills fields with values, and knows which of them the user has changed since.

    Parameters
    ----------
    remembered : mapping of str to FormField
        The fields whose values are stored between sessions, by their names in Qt's settings.
    """

    def __init__(self, remembered: Mapping[str, FormField]) -> None:
        self._file_values: dict[int, tuple[FormField, object, str]] = {}
        self._filled_values: dict[int, object] = {}  # values that the user did not type
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
        """Set a field to a value that was read from the image; to its default if there is none.

        Parameters
        ----------
        field : FormField
            The field. It emits no signal.
        value : object
            The value; None if the image does not state it. A value outside the bounds of the field
            counts as None.
        origin : str
            Name of the origin of the value, such as "the file".
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
        """Return the values that the user has typed since the fields were filled, by field name."""
        return {
            name: field.value
            for name, field in fields.items()
            if field.value
            != self._filled_values.get(id(field), self._empty_values.get(id(field), 0.0))
        }

    def restore_typed(
        self, fields: Mapping[str, FormField], shared: Mapping[str, Any], own: Mapping[str, Any]
    ) -> None:
        """Set fields to values that the user has typed before, without a signal.

        The order of priority is: values typed for this image; values read from its file; values
        typed for other images.

        Parameters
        ----------
        fields : mapping of str to FormField
            The fields, by name.
        shared, own : mapping
            Values typed for images that share them, and for this image, by field name.
        """
        for name, field in fields.items():
            if name in own:
                self._recalled_names -= {
                    key for key, one in self._remembered.items() if one is field
                }
            value = own.get(name, None if id(field) in self._file_values else shared.get(name))
            if value is not None:
                with field.changed.blocked():
                    field.value = value

    def describe_origins(self) -> str:
        """Return sentences that tell which fields hold values that the user did not type."""
        by_origin: dict[str, list[str]] = {}
        for field, value, origin in self._file_values.values():
            if field.value == value:
                by_origin.setdefault(origin, []).append(field.label)
        sentences = [
            f"Read from {origin}: {', '.join(labels)}." for origin, labels in by_origin.items()
        ]
        read = [label for labels in by_origin.values() for label in labels]
        fields = [self._remembered[name] for name in sorted(self._recalled_names)]
        fields = [field for field in fields if field.value and not field.native.isHidden()]
        recalled = [field.label for field in fields if field.label not in read]
        sentences += [f"Same as last time: {', '.join(recalled)}."] if recalled else []
        return " ".join(sentences)

    def _remember(self, name: str, value: object) -> None:
        self._settings.setValue(name, value)
        self._recalled_names.discard(name)

    def _recall(self, name: str, field: FormField) -> None:
        stored = self._settings.value(name)
        if isinstance(stored, int | float | str):  # else nothing is stored, or it is corrupt
            is_number = isinstance(self._empty_values[id(field)], float)
            with suppress(ValueError, TypeError), field.changed.blocked():
                field.value = float(stored) if is_number else stored
                self._recalled_names.add(name)


def _fits(field: FormField, value: Any) -> bool:
    """Whether a value is within the bounds of a field; others may be mistakes in a file."""
    if isinstance(field, ComboBox):
        return value in field.choices
    return isinstance(value, int | float) and field.min <= value <= field.max
