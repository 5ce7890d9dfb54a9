"""The directive `commands`: a section for every command of chalkgrad, with its help."""

from __future__ import annotations

import contextlib
import io
import os

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from chalkgrad.cli.main import COMMANDS, main


def help_of(command: str) -> str:
    """What `chalkgrad COMMAND --help` prints, 80 columns wide."""
    os.environ["COLUMNS"] = "80"
    caught = io.StringIO()
    with contextlib.redirect_stdout(caught), contextlib.suppress(SystemExit):
        main([command, "--help"])
    return caught.getvalue()


class Commands(SphinxDirective):
    """A section for every command."""

    def run(self) -> list[nodes.Node]:
        """The sections."""
        sections: list[nodes.Node] = []
        for command in COMMANDS:
            section = nodes.section(ids=[f"chalkgrad-{command}"], names=[f"chalkgrad {command}"])
            section += nodes.title("", f"chalkgrad {command}")
            section += nodes.literal_block(text := help_of(command), text, language="text")
            sections.append(section)
        return sections


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
