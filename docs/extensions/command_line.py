"""The directive ``command-line``: the options of the command, as the command declares them."""

from __future__ import annotations

from importlib.metadata import entry_points

import click
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

COMMAND = "napari-tf-deblur"


def the_command() -> click.Command:
    (entry,) = entry_points(group="console_scripts", name=COMMAND)
    command = entry.load()
    assert isinstance(command, click.Command)
    return command


class CommandLine(Directive):
    """A definition list of all options, then what the command says of methods."""

    def run(self) -> list[nodes.Node]:
        command = the_command()
        context = click.Context(command, info_name=COMMAND)
        usage = command.get_usage(context).removeprefix("Usage: ")
        options = nodes.definition_list(classes=["options"])
        for parameter in command.get_params(context):
            record = parameter.get_help_record(context)
            if record is not None and record[1]:  # arguments have no help of their own
                names, text = record
                # Docstrings quote code with two backticks.
                paragraph = nodes.paragraph("", text.replace("``", ""))
                options += nodes.definition_list_item(
                    "", nodes.term("", names), nodes.definition("", paragraph)
                )
        about = [
            nodes.paragraph("", " ".join(p.split())) for p in (command.help or "").split("\n\n")
        ]
        found: list[nodes.Node] = [
            nodes.literal_block(usage, usage, language="text"),
            *about,
            options,
        ]
        if command.epilog:
            epilog = command.epilog.replace("\b\n", "")
            found.append(nodes.literal_block(epilog, epilog, language="text"))
        return found


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("command-line", CommandLine)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
