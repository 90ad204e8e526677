"""A field for a number, or for a word that stands for it, such as "auto"."""

from typing import Any

from magicgui.types import Undefined
from magicgui.widgets import ComboBox, FloatSpinBox, SpinBox
from magicgui.widgets.bases import ValuedContainerWidget

NUMBER_CHOICE = "set to"
"""Choice that stands for a number; the number is in the field beside it."""


class NumberOrWord(ValuedContainerWidget[float | str]):
    """A combo box of words, and a field for a number, shown if the last word is chosen.

    Parameters
    ----------
    value : float or str
        The number, or one of the words.
    words : tuple of str
        Words that can stand for a number.
    kind : type
        ``int`` or ``float``.
    number : float
        The number that the field shows first.
    min, max, step : float
        Bounds of the number, and its change at each click.
    **options
        Options of any widget: name, label, tooltip.
    """

    def __init__(
        self,
        value: Any = Undefined,
        *,
        words: tuple[str, ...] = ("auto",),
        kind: type = float,
        number: float = 0.0,
        min: float = 0.0,  # noqa: A002 - as magicgui calls it
        max: float = 1.0,  # noqa: A002
        step: float = 1.0,
        **options: Any,
    ) -> None:
        spin_box: Any = SpinBox if kind is int else FloatSpinBox
        tooltip = options.get("tooltip")
        self._word = ComboBox(choices=[*words, NUMBER_CHOICE], value=words[0], tooltip=tooltip)
        self._number = spin_box(value=number, min=min, max=max, step=step, tooltip=tooltip)
        self.words, self.min, self.max, self.step = words, min, max, step
        options.pop("nullable", None)
        super().__init__(
            value,
            widgets=[self._word, self._number],
            layout="horizontal",
            labels=False,
            **options,
        )
        self.margins = (0, 0, 0, 0)
        self._word.native.setMinimumWidth(60)
        self.native.setFocusProxy(self._word.native)
        self._show_number()
        self._word.changed.disconnect()
        self._number.changed.disconnect()
        self._word.changed.connect(self._show_number)
        self._word.changed.connect(self._emit_changed)
        self._number.changed.connect(self._emit_changed)

    def get_value(self) -> float | str:
        """Return the number, or the word that stands for it."""
        word: str = self._word.value
        number: float = self._number.value
        return number if word == NUMBER_CHOICE else word

    def set_value(self, value: float | str) -> None:
        """Set a word or a number."""
        if isinstance(value, str):
            self._word.value = value
        else:
            self._number.value = value
            self._word.value = NUMBER_CHOICE
        self._show_number()

    def _show_number(self, *_: object) -> None:
        self._number.visible = self._word.value == NUMBER_CHOICE

    def _emit_changed(self, *_: object) -> None:
        self.changed.emit(self.get_value())
