"""Text that others wrote (names, titles, file names), as it may be shown."""

from __future__ import annotations

import unicodedata

JOINERS = "\u200c\u200d"
"""Belong to the spelling of some scripts' words, and move nothing."""
SPACES = "Zs"


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
