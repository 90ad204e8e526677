"""Writes Python code as text: literals, comments, short lines, and the imports that they need."""

import ast
import textwrap
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_LINE_LENGTH = 88
"""Largest number of characters in a line of a script. Source: Black."""

_IMPORTS = {
    "np": "import numpy as np",
    "ViewerModel": "from napari.components import ViewerModel",
    "Image": "from napari.layers import Image",
    "PluginManager": "from npe2 import PluginManager",
}
"""Import lines of the names that a script uses besides those of this package."""


@dataclass
class Script:
    """A script that is being written.

    Attributes
    ----------
    public : frozenset of str
        Names that a script can import from this package.
    lines : list of str
        The lines so far, without imports.
    """

    public: frozenset[str]
    lines: list[str] = field(default_factory=list)

    def add_comment(self, *words: str, by_hand: tuple[str, ...] = ()) -> None:
        """Begin a part of the script with a comment.

        Parameters
        ----------
        *words : str
            Sentences, or parts of sentences. They are joined and wrapped.
        by_hand : tuple of str
            Lines of Python that the user has to run before the script. They are commented out.
        """
        self.lines.append("")
        self.lines += textwrap.wrap(
            _one_line(" ".join(words)),
            MAX_LINE_LENGTH,
            initial_indent="# ",
            subsequent_indent="# ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        self.lines += [f"#     {line}" for line in by_hand]

    def add_assignment(self, name: str, expression: str) -> None:
        """Add an assignment; a long expression is broken into lines."""
        self.lines.append(f"{name} = {wrap_expression(expression, len(name) + 3)}")

    def add_line(self, line: str) -> None:
        """Add a line without changes."""
        self.lines.append(line)

    def render(self, title: str) -> str:
        """Return the script: a title, the imports that it needs, and its lines."""
        names = list_names("\n".join(self.lines))
        imports = [line for name, line in _IMPORTS.items() if name in names]
        if ours := sorted(names & self.public):
            line = f"from napari_tf_deblur import {', '.join(ours)}"
            one_by_one = ["from napari_tf_deblur import (", *(f"    {n}," for n in ours), ")"]
            imports += [line] if len(line) <= MAX_LINE_LENGTH else one_by_one
        return "\n".join([f"# {_one_line(title)}", *imports, *self.lines, ""])


def _one_line(words: str) -> str:
    """Return text for a comment: a space for each character that could end the line."""
    return "".join(letter if letter.isprintable() else " " for letter in words)


def list_names(code: str) -> set[str]:
    """Return the names that Python code uses, without the names of arguments."""
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def format_call(function: str, *expressions: str, **values: object) -> str:
    """Return a call as an expression: positional arguments as code, keyword arguments as values."""
    arguments = [
        *expressions,
        *(f"{name}={format_literal(value)}" for name, value in values.items()),
    ]
    return f"{function}({', '.join(arguments)})"


def format_literal(value: object) -> str:
    """Return a value as a Python literal; numbers of NumPy become plain ones."""
    if isinstance(value, np.ndarray):
        return f"np.array({_format_nested(value)}, dtype={str(value.dtype)!r})"
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, tuple):
        return f"({', '.join(map(format_literal, value))}{',' * (len(value) == 1)})"
    if isinstance(value, list):
        return f"[{', '.join(map(format_literal, value))}]"
    return repr(value)


def wrap_expression(expression: str, before: int = 0, indent: str = "") -> str:
    """Break a call or a nested list that is too long: one argument, or one row, per line.

    Parameters
    ----------
    expression : str
        The expression.
    before : int
        Number of characters before it on its line, without `indent`.
    indent : str
        Spaces at the beginning of its line.

    Returns
    -------
    str
        The expression, on one or more lines. A flat list is never broken.
    """
    if len(indent) + before + len(expression) < MAX_LINE_LENGTH:
        return expression
    tree = ast.parse(expression, mode="eval").body
    if isinstance(tree, ast.Call):
        begin, end = f"{_part(expression, tree.func)}(", ")"
        parts = [("", one) for one in tree.args]
        parts += [(f"{one.arg}=", one.value) for one in tree.keywords]
    elif isinstance(tree, ast.List) and any(isinstance(one, ast.List) for one in tree.elts):
        begin, end = "[", "]"
        parts = [("", one) for one in tree.elts]
    else:  # a flat list of numbers stays on one line
        return expression
    inner = f"{indent}    "
    lines = [
        f"{inner}{name}{wrap_expression(_part(expression, one), len(name) + 1, inner)},"
        for name, one in parts
    ]
    return "\n".join([begin, *lines, f"{indent}{end}"]) if parts else expression


def _format_nested(values: NDArray[Any]) -> str:
    """Return an array as nested lists, each number as short as its type allows."""
    return f"[{', '.join(map(_format_nested, values))}]" if values.ndim else str(values[()])


def _part(expression: str, node: ast.expr) -> str:
    return ast.get_source_segment(expression, node) or ast.unparse(node)
