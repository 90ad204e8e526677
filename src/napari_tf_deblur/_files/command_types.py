"""Types of values on the command line: lists, and numbers that can be replaced by words."""

from typing import Any

import click


class Values(click.ParamType[Any]):
    """Numbers, or words, separated by commas.

    Parameters
    ----------
    words : tuple of str
        The allowed words; empty for numbers.
    """

    def __init__(self, words: tuple[str, ...] = ()) -> None:
        self.words = words
        self.name = "word" if words else "number"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Split text at commas; return other values as they are."""
        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in value.split(",")]
        if self.words:
            for part in parts:
                if part not in self.words:
                    self.fail(f"{part!r} is not one of {', '.join(self.words)}.", param, ctx)
            return tuple(parts)
        try:
            return tuple(float(part) for part in parts)
        except ValueError:
            self.fail(f"{value!r} is no number, and no list such as 520,610.", param, ctx)

    def get_metavar(self, param: Any, ctx: Any = None) -> str:
        """Return the placeholder in the help text, which shows that several are allowed."""
        return f"{self.name.upper()}[,...]"


class NumberOrWord(click.ParamType[Any]):
    """A number, or one of some words.

    Parameters
    ----------
    number : type
        ``int`` or ``float``.
    words : tuple of str
        The words that can be given instead of a number.
    """

    name = "number"

    def __init__(self, number: type, words: tuple[str, ...]) -> None:
        self.number, self.words = number, words

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Convert text to a number; return words as they are."""
        if value in self.words or not isinstance(value, str):
            return value
        try:
            return self.number(value)
        except ValueError:
            self.fail(f"{value!r} is no number, and not {' or '.join(self.words)}.", param, ctx)

    def get_metavar(self, param: Any, ctx: Any = None) -> str:
        """Return the placeholder in the help text."""
        return "|".join(("NUMBER", *self.words))
