"""Text from outside (names, titles, file names), made safe to show."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

JOINERS = "\u200c\u200d"
"""Characters that belong to the spelling of some scripts' words, and move nothing."""
SPACES = "Zs"
LONGEST = 600
"""The most characters of an error's message that are shown."""


def visible(text: str) -> str:
    """`text` in one line, with every character that would move the cursor, turn the reading direction or show nothing
    written as its escape: a terminal, a report or a message shows it as text and as nothing else.
    """
    return "".join(
        c
        if c.isprintable() or c in JOINERS
        else " "
        if unicodedata.category(c) == SPACES
        else c.encode("unicode_escape").decode()
        for c in text
    )


def shortened(message: str) -> str:
    """An error's message as it is shown: visible, and not longer than a screen."""
    text = visible(message)
    return f"{text[:LONGEST]} ..." if len(text) > LONGEST else text


def visible_lines(code: str) -> str:
    """Lines of code, each as `visible` shows it, with spaces for tabs."""
    return "\n".join(visible(line) for line in code.expandtabs(4).split("\n"))


def as_json(table: Any, *, allow_nan: bool = True) -> str:
    """A table as indented JSON text: letters as they are, an escape for all that `visible` would not show.

    Raises:
        ValueError: where a number is NaN or infinite, and that is not allowed.
    """
    import json

    text = json.dumps(table, indent=1, ensure_ascii=False, allow_nan=allow_nan)
    return "".join(c if c == "\n" or c in JOINERS or c.isprintable() else json.dumps(c)[1:-1] for c in text)


def as_toml(table: Mapping[str, Any]) -> str:
    """A table as TOML text: letters as they are, an escape for all that `visible` would not show."""
    import tomli_w

    return "".join(c if c == "\n" or c in JOINERS or c.isprintable() else _toml_escape(c) for c in tomli_w.dumps(table))


def _toml_escape(character: str) -> str:
    """tomli_w writes all text, keys too, between double quotation marks, where this stands for the character."""
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
