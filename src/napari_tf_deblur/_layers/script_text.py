"""Python as text: literals, comments, lines that are not too long, and the imports they need."""

import ast
import textwrap
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_LINE_LENGTH = 88
"""Most characters of a line of a script. Source: Black."""

_IMPORTS = {
    "np": "import numpy as np",
    "ViewerModel": "from napari.components import ViewerModel",
    "Image": "from napari.layers import Image",
    "PluginManager": "from npe2 import PluginManager",
}
"""How to import what a script uses besides this package."""


@dataclass
class Script:
    """A script while it is written.

    Attributes
    ----------
    public : frozenset of str
        Names that can be imported from this package.
    lines : list of str
        What is written so far, without imports.
    """

    public: frozenset[str]
    lines: list[str] = field(default_factory=list)

    def add_comment(self, *words: str, by_hand: tuple[str, ...] = ()) -> None:
        """Begin a part by saying what it does.

        Parameters
        ----------
        *words : str
            Sentences, or pieces of them.
        by_hand : tuple of str
            Lines of Python for the user to run beforehand.
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
        """Write an assignment."""
        self.lines.append(f"{name} = {wrap_expression(expression, len(name) + 3)}")

    def add_line(self, line: str) -> None:
        """Write a line as it is."""
        self.lines.append(line)

    def render(self, title: str) -> str:
        """Return it whole: a title, the imports that it needs, and what is written."""
        used = list_names("\n".join(self.lines))
        imports = [line for name, line in _IMPORTS.items() if name in used]
        if ours := sorted(used & self.public):
            line = f"from napari_tf_deblur import {', '.join(ours)}"
            one_by_one = ["from napari_tf_deblur import (", *(f"    {n}," for n in ours), ")"]
            imports += [line] if len(line) <= MAX_LINE_LENGTH else one_by_one
        return "\n".join([f"# {_one_line(title)}", *imports, *self.lines, ""])


def _one_line(words: str) -> str:
    """What can stand in a comment: nothing that ends it."""
    return "".join(letter if letter.isprintable() else " " for letter in words)


def list_names(code: str) -> set[str]:
    """Names that a piece of Python uses; arguments are none."""
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def format_call(function: str, *expressions: str, **values: object) -> str:
    """Return a call as an expression, of expressions by place and values by name."""
    arguments = [
        *expressions,
        *(f"{name}={format_literal(value)}" for name, value in values.items()),
    ]
    return f"{function}({', '.join(arguments)})"


def format_literal(value: object) -> str:
    """Return a value as Python would write it; NumPy's numbers as plain ones."""
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
    """Break a call or a table that is too long: one argument, or one row, per line.

    Parameters
    ----------
    expression : str
        Python.
    before : int
        Characters before it on its line, besides `indent`.
    indent : str
        Spaces at the beginning of that line.
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
    else:  # numbers in a row stay together
        return expression
    inner = f"{indent}    "
    lines = [
        f"{inner}{name}{wrap_expression(_part(expression, one), len(name) + 1, inner)},"
        for name, one in parts
    ]
    return "\n".join([begin, *lines, f"{indent}{end}"]) if parts else expression


def _format_nested(values: NDArray[Any]) -> str:
    """Numbers as lists of lists, each as short as its type allows."""
    return f"[{', '.join(map(_format_nested, values))}]" if values.ndim else str(values[()])


def _part(expression: str, node: ast.expr) -> str:
    return ast.get_source_segment(expression, node) or ast.unparse(node)
