"""The directive ``run-options``: options that the public functions share, from their signatures.

``deblur_layer`` takes all of them; a table says which other functions, and which option of the
command line, take each.
"""

from __future__ import annotations

import inspect

import click
from command_line import COMMAND, the_command
from docutils import nodes
from docutils.parsers.rst import Directive
from numpydoc.docscrape import FunctionDoc
from sphinx.application import Sphinx

import napari_tf_deblur

FUNCTIONS = ("calibrate", "deconvolve", "deblur_layer")


class RunOptions(Directive):
    """A definition list: name and default, what it means, and where it is taken."""

    def run(self) -> list[nodes.Node]:
        taken = {
            name: inspect.signature(getattr(napari_tf_deblur, name)).parameters
            for name in FUNCTIONS
        }
        command = {
            parameter.name: parameter.opts[0]
            for parameter in the_command().get_params(click.Context(the_command()))
        }
        meanings = {
            name.strip(): entry.desc
            for function in FUNCTIONS
            for entry in FunctionDoc(getattr(napari_tf_deblur, function))["Parameters"]
            for name in entry.name.split(",")
        }
        found = nodes.definition_list(classes=["options"])
        names = {
            name: parameter
            for function in reversed(FUNCTIONS)
            for name, parameter in taken[function].items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }
        for name, parameter in names.items():
            places = [f"{function}()" for function in FUNCTIONS if name in taken[function]]
            if name in command:
                places.append(f"{COMMAND} {command[name]}")
            term = nodes.term("", f"{name} = {parameter.default!r}")
            text = " ".join(meanings[name]).replace("``", "")
            meaning = nodes.paragraph("", text)
            where = nodes.paragraph("", "In: ")
            for number, place in enumerate(places):
                where += nodes.Text(", " if number else "")
                where += nodes.literal("", place)
            found += nodes.definition_list_item("", term, nodes.definition("", meaning, where))
        return [found]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("run-options", RunOptions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
