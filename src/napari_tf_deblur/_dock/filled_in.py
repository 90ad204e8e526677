"""Values that fields have by themselves: those of the image's file, and those of last time."""

from collections.abc import Mapping
from contextlib import suppress

from magicgui.widgets import ComboBox, FloatSpinBox
from qtpy.QtCore import QSettings

Field = ComboBox | FloatSpinBox

SETTINGS = ("napari-tf-deblur", "napari-tf-deblur")
"""Where Qt keeps what is remembered between sessions."""


class FilledIn:
    """Fills fields in with what a file says, and knows which of them still say that.

    Parameters
    ----------
    remembered : mapping of str to Field
        The fields that are remembered between sessions, by their names in Qt's settings.
    """

    def __init__(self, remembered: Mapping[str, Field]) -> None:
        self._read: dict[int, tuple[Field, object, str]] = {}
        self._empty: dict[int, object] = {}
        ini, user = QSettings.Format.IniFormat, QSettings.Scope.UserScope
        self._settings = QSettings(ini, user, *SETTINGS)
        self._remembered = remembered
        for name, field in remembered.items():
            self._empty[id(field)] = field.value
            self._recall(name, field)
            field.changed.connect(lambda value, name=name: self._settings.setValue(name, value))

    def put(self, field: Field, value: object, origin: str) -> None:
        """Give a field a value that was read; None takes away what was read before.

        Parameters
        ----------
        field : Field
            The field, which emits nothing.
        value : object
            The value, or None if the image says nothing of it.
        origin : str
            Where the value comes from, in words.
        """
        former = self._read.pop(id(field), None)
        empty = self._empty.setdefault(id(field), field.value)
        with field.changed.blocked():
            if value is not None:
                field.value = value
                self._read[id(field)] = (field, field.value, origin)
            elif former is not None and field.value == former[1]:
                field.value = empty
                for name, other in self._remembered.items():
                    if other is field:
                        self._recall(name, field)

    def in_words(self) -> str:
        """Say which fields have what was read, and from where."""
        by_origin: dict[str, list[str]] = {}
        for field, value, origin in self._read.values():
            if field.value == value:
                by_origin.setdefault(origin, []).append(field.label)
        return " ".join(
            f"Read from {origin}: {', '.join(labels)}." for origin, labels in by_origin.items()
        )

    def _recall(self, name: str, field: Field) -> None:
        kept = self._settings.value(name)
        if isinstance(kept, int | float | str):  # else there is none, or it is spoilt
            is_number = isinstance(self._empty[id(field)], float)
            with suppress(ValueError, TypeError), field.changed.blocked():
                field.value = float(kept) if is_number else kept
