"""Docstrings are plain text with `names`: what reStructuredText would read as markup in them is escaped.

Signatures of classes that are nothing but settings come from their fields.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.inspect import signature, stringify_signature

SPANS = re.compile(r"(`[^`]*`)")
MARKUP = re.compile(r"([*|]|(?<=\w)_(?!\w))")


def escaped(line: str) -> str:
    """The line with stars, bars and last underscores as what they are, outside of backticks."""
    pieces = SPANS.split(line)
    return "".join(piece if i % 2 else MARKUP.sub(r"\\\1", piece) for i, piece in enumerate(pieces))


def plain(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Changes the lines of a docstring in place."""
    lines[:] = [escaped(line) for line in lines]
    if what in ("property", "attribute"):
        lines.insert(0, "")  # napoleon takes what stands before a colon in the first line for a type


def from_fields(app: Sphinx, what: str, name: str, obj: Any, *_: Any) -> tuple[str, str] | None:
    """The signature of a class of settings: that of its __init__, where Sphinx takes that of a shared __new__."""
    if what != "class" or not dataclasses.is_dataclass(obj):
        return None
    init = signature(obj.__init__, bound_method=True).replace(return_annotation=None)
    return stringify_signature(init, show_return_annotation=False, unqualified_typehints=True), ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", plain, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", from_fields)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
