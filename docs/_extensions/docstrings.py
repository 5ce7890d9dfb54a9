"""Docstrings are plain text with `names`: what reStructuredText would read as markup in them is escaped."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

SPANS = re.compile(r"(``.*?``|`[^`]*`(?!_))")
MARKUP = re.compile(r"([*|]|(?<=\w)_(?!\w))")


def escaped(line: str) -> str:
    """The line with stars, bars and last underscores as what they are, outside of backticks."""
    pieces = SPANS.split(line)
    return "".join(piece if i % 2 else MARKUP.sub(r"\\\1", piece) for i, piece in enumerate(pieces))


def escape(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Changes the lines of a docstring in place."""
    lines[:] = [escaped(line) for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", escape, priority=400)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
