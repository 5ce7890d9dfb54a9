"""What stands on the board: headings, paragraphs, equations, tables, drawings. Printers print it as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..formula.nodes import Node


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 2 is the first below the title."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One right side of an equation: an expression, in symbols or with its numbers put in."""

    node: Node
    numbers: bool = False


@dataclass(frozen=True, slots=True)
class Equation:
    """left = right = right ...

    Attributes:
        left: what is said to be equal.
        lines: the right sides.
        address: what can be referred to: the element's or value's address.
        notes: remarks, one a line: the rule, the shapes.
        inputs: the addresses that it goes on to.
        one_line: whether the right sides stand on one line.
        sign: what stands between left and right: "=", or "+=" where terms are added where they fall.
    """

    left: Node
    lines: tuple[Line, ...]
    address: str = ""
    notes: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    one_line: bool = False
    sign: str = "="


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text.

    Attributes:
        head: the columns' titles.
        rows: the cells.
        right: the numbers of the columns that are set flush right.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture as SVG, with its description in words."""

    svg: str
    description: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines of code."""

    code: str
    language: str = "python"


Block: TypeAlias = Heading | Paragraph | Equation | Table | Drawing | Listing


@dataclass(frozen=True, slots=True)
class Style:
    """How numbers and names are printed.

    Attributes:
        precision: significant digits.
        labels: other names of elements by address.
        derivatives: for each derivative of the loss, by its name, the value that it belongs to.
        samples: what N is where numbers are put in; None where it stays a letter.
    """

    precision: int = 6
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    derivatives: Mapping[str, str] = field(default_factory=dict[str, str])
    samples: int | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """A titled list of blocks, printed as text, Markdown, LaTeX, HTML or JSON; it shows itself in a notebook."""

    title: str
    blocks: tuple[Block, ...]
    style: Style = field(default_factory=Style)

    def to_text(self, *, width: int | None = None) -> str:
        """As plain text; `width` is that of the terminal, where it is to fit one."""
        from .text import to_text

        return to_text(self, width)

    def to_markdown(self) -> str:
        """As Markdown with LaTeX formulas."""
        from .markdown import to_markdown

        return to_markdown(self)

    def to_latex(self) -> str:
        """As a LaTeX document that pdflatex compiles."""
        from .latex import to_latex

        return to_latex(self)

    def to_html(self) -> str:
        """As one HTML file with MathML, which needs nothing from outside."""
        from .html import to_html

        return to_html(self)

    def to_json(self) -> str:
        """As JSON: every block with its text, an equation also as LaTeX."""
        return json.dumps({"title": self.title, "blocks": [_plain(b, self.style) for b in self.blocks]}, indent=1)

    def _repr_html_(self) -> str:
        from .html import to_fragment

        return to_fragment(self)

    def __str__(self) -> str:
        return self.to_text()


def _plain(block: Block, style: Style) -> dict[str, Any]:
    from .latex import LatexMath
    from .text import TextMath

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
    table.update(address=block.address, sign=block.sign, notes=list(block.notes), inputs=list(block.inputs))
    return table
