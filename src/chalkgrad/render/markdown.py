"""Markdown of boards, with formulas between dollar signs."""

from __future__ import annotations

import re

from ..base.text import visible, visible_lines
from .blocks import Block, Contents, Drawing, Equation, Heading, Listing, Paragraph, Table
from .latex import LatexMath, aligned


def to_markdown(board: Contents) -> str:
    """The board as Markdown; formulas as LaTeX in $$ ... $$, which GitHub and notebooks show."""
    math = LatexMath(board.style)
    return "\n\n".join([f"# {escaped(board.title)}", *(_block(block, math) for block in board.blocks)]) + "\n"


MARKS = "\\`*_[]<>|#$&~"
"""Characters that Markdown reads as marks wherever they stand."""
_BEGIN = re.compile(r"^(\d*)([-+=.)])")
"""Marks at the beginning of a paragraph: of a list, a rule or a heading's underline."""


def escaped(text: str) -> str:
    """`text` on one line, with what Markdown would read as marks written out."""
    return "".join(f"\\{c}" if c in MARKS else c for c in visible(" ".join(text.split())))


def _paragraph(text: str) -> str:
    return _BEGIN.sub(r"\1\\\2", escaped(text), count=1)


def _block(block: Block, math: LatexMath) -> str:
    match block:
        case Heading(text=text, level=level):
            return f"{'#' * level} {escaped(text)}"
        case Paragraph(text=text):
            return _paragraph(text)
        case Equation():
            return _equation(block, math)
        case Table(head=head, rows=rows, right=right):
            rule = ["---:" if i in right else "---" for i in range(len(head))]
            lines = [list(map(escaped, head)), rule, *([escaped(c) for c in row] for row in rows)]
            return "\n".join(f"| {' | '.join(line)} |" for line in lines)
        case Drawing():
            return f"*({escaped(block.words)})*"
        case Listing(code=code, language=language):
            content = visible_lines(code.rstrip())
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", content)), default=0))
            return f"{fence}{language}\n{content}\n{fence}"


def _equation(block: Equation, math: LatexMath) -> str:
    formula = f"$${aligned(block, math)}$$"
    notes = "  \n".join(f"*{escaped(note)}*" for note in block.notes)
    return f"{formula}\n\n{notes}" if notes else formula
