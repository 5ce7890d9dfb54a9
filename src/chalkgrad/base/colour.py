"""Colour on terminals that show it: never in files and pipes, and not where NO_COLOR or TERM=dumb asks for none."""

from __future__ import annotations

import os
from typing import Any

STYLES = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def shows_colour(stream: Any) -> bool:
    """Whether a stream is a terminal that shows colour."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    try:
        return bool(stream is not None and stream.isatty())
    except (AttributeError, ValueError):  # it was closed
        return False


def coloured(text: str, style: str, stream: Any) -> str:
    """The text in a style of `STYLES`, where the stream shows colour; else as it is."""
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if text and shows_colour(stream) else text
