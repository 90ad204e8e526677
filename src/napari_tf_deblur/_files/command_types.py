"""Types of values on the command line: lists, and numbers that words may stand for."""

from typing import Any

import click


class Values(click.ParamType[Any]):
    """Numbers, or words, with commas between them.

    Parameters
    ----------
    words : tuple of str
        What is allowed, where they are words.
    """

    def __init__(self, words: tuple[str, ...] = ()) -> None:
        self.words = words
        self.name = "word" if words else "number"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Take text apart; what is taken apart already is left as it is."""
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
        """Say that it may be several."""
        return f"{self.name.upper()}[,...]"


class NumberOrWord(click.ParamType[Any]):
    """A number, or a word that stands for it.

    Parameters
    ----------
    number : type
        ``int`` or ``float``.
    words : tuple of str
        What can stand for it.
    """

    name = "number"

    def __init__(self, number: type, words: tuple[str, ...]) -> None:
        self.number, self.words = number, words

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Make a number of text; a word stays as it is."""
        if value in self.words or not isinstance(value, str):
            return value
        try:
            return self.number(value)
        except ValueError:
            self.fail(f"{value!r} is no number, and not {' or '.join(self.words)}.", param, ctx)

    def get_metavar(self, param: Any, ctx: Any = None) -> str:
        """Say what it may be."""
        return "|".join(("NUMBER", *self.words))
