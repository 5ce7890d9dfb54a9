"""The blocks of a board: headings, paragraphs, equations, tables, drawings. Printers print them as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

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
    """One right side of an equation: an expression, in symbols or with its numbers put in.

    Attributes:
        node: the expression.
        numbers: whether its numbers are put in.
        words: how it came from the line before.
    """

    node: Node
    numbers: bool = False
    words: str = ""


@dataclass(frozen=True, slots=True)
class Equation:
    """left = right = right ...

    Attributes:
        left: the left side.
        lines: the right sides.
        address: the address of the element or value, to which other equations refer.
        notes: remarks, one a line: the rule, the shapes.
        inputs: the addresses of the values in it, to which it refers.
        one_line: whether the right sides stand on one line.
        sign: the sign between left and right: "=", or "+=" where terms are added where they fall.
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
    """A picture as SVG, with its description in words, and the command that draws it; it may be empty.

    Formats without pictures have the words instead.
    """

    svg: str
    description: str
    command: str = "chalkgrad draw"

    @property
    def words(self) -> str:
        """What stands in its place where there are no pictures."""
        return f"{self.description}: drawn by {self.command}" if self.command else self.description


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines of code."""

    code: str
    language: str = "python"


Block: TypeAlias = Heading | Paragraph | Equation | Table | Drawing | Listing


@dataclass(frozen=True, slots=True)
class Style:
    """The style in which numbers and names are printed.

    Attributes:
        precision: the number of significant digits.
        labels: other names of elements by address.
        derivatives: for each derivative of the loss, and each share of one, by its name, the value that it belongs to.
        through: for each share by its name the value through which it comes back.
        samples: the number N where numbers are put in; None where it stays a letter.
    """

    precision: int = 6
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    derivatives: Mapping[str, str] = field(default_factory=dict[str, str])
    samples: int | None = None
    through: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of a board, which every printer takes.

    Attributes:
        title: the board's title.
        blocks: the blocks in order.
        style: the style of numbers and names.
    """

    title: str
    blocks: tuple[Block, ...]
    style: Style = field(default_factory=Style)
