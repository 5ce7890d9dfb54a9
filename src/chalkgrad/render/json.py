"""A board as JSON: every block with its text, an equation also as LaTeX."""

from __future__ import annotations

import json
from typing import Any

from .blocks import Block, Contents, Equation, Style
from .latex import LatexMath
from .text import TextMath


def to_json(board: Contents) -> str:
    """The board as JSON."""
    return json.dumps({"title": board.title, "blocks": [_plain(b, board.style) for b in board.blocks]}, indent=1)


def _plain(block: Block, style: Style) -> dict[str, Any]:
    table: dict[str, Any] = {"block": type(block).__name__.lower()}
    if not isinstance(block, Equation):
        for name in block.__slots__:
            table[name] = getattr(block, name)
        return table
    for form, printer in (("text", TextMath(style)), ("latex", LatexMath(style))):
        table[form] = [
            printer.inline(block.left),
            *(printer.inline(line.node, numbers=line.numbers) for line in block.lines),
        ]
    if any(line.words for line in block.lines):
        table["words"] = [line.words for line in block.lines]
    table.update(address=block.address, sign=block.sign, notes=list(block.notes), inputs=list(block.inputs))
    return table
