"""Plain text of boards."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from ..base.address import Address
from ..base.columns import table
from ..base.text import visible, visible_lines
from .blocks import Block, Contents, Drawing, Equation, Heading, Listing, Paragraph, Table
from .mathematics import MathPrinter

WIDTH = 100


class TextMath(MathPrinter):
    """Mathematics as text: names and addresses as they are in a program."""

    def text(self, words: str) -> str:
        return words

    def digits(self, text: str) -> str:
        return text

    def bracketed(self, inner: str) -> str:
        return f"({inner})"

    def name(self, name: str, place: Sequence[str]) -> str:
        return f"{name}[{', '.join(place)}]" if place else name

    def label(self, label: str, mark: str = "") -> str:
        return visible(f"{label}_{mark}" if mark else label)

    def derivative(self, of: str, by: str) -> str:
        return f"∂{of}/∂{by}"

    def ones(self) -> str:
        return "ones"

    def of_loss(self, address: Address, of: Address) -> str:
        has_label = str(of) in self.style.labels or "L" in self.style.labels
        return super().of_loss(address, of) if has_label else str(address)

    def shared(self, name: str, derivative: str) -> str:
        return derivative  # its name says it

    def of_whole(self, name: str, of: str, place: Sequence[str]) -> str:
        return super().of_whole(name, of, place) if "L" in self.style.labels else self.name(name, place)

    def fraction(self, above: str, below: str) -> str:
        return f"{above} / {below}"

    def power(self, base: str, exponent: str) -> str:
        return f"{base}^{exponent}"

    def function(self, name: str, arguments: Sequence[str]) -> str:
        return f"{name}({', '.join(arguments)})"

    def indicator(self, left: str, comparison: str, right: str) -> str:
        return f"[{left} {comparison} {right}]"

    def reduction(self, kind: str, indices: Sequence[str], body: str) -> str:
        below = indices[0] if len(indices) == 1 else f"{{{','.join(indices)}}}"
        return f"{kind}_{below} {body}"

    def joined(self, pieces: Sequence[tuple[str, str]]) -> str:
        first, *others = pieces or [("", "0")]
        return "".join([f"{first[0]}{first[1]}", *(f" {sign} {piece}" for sign, piece in others)])

    def transposed(self, body: str) -> str:
        return f"{body}.T"

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        inner = [f"[{', '.join(row)}]" for row in rows]
        return inner[0] if len(inner) == 1 else f"[{', '.join(inner)}]"


def to_text(board: Contents, width: int | None = None) -> str:
    """The board as plain text, lines of about 100 characters.

    Args:
        board: the board.
        width: the most characters of a line, where it is known; all but code and unbreakable words then fit.
    """
    line = Room(min(width or WIDTH, WIDTH), narrow=width is not None)
    pieces = line.headed(board.title, "=")
    for block in board.blocks:
        pieces.extend(["", _block(block, TextMath(board.style), line)])
    return "\n".join(pieces) + "\n"


@dataclass(frozen=True, slots=True)
class Room:
    """The room in a line.

    Attributes:
        width: the number of characters.
        narrow: whether no line may be longer, even where a break makes it harder to read.
    """

    width: int
    narrow: bool

    def headed(self, text: str, sign: str) -> list[str]:
        """A heading and the signs below it."""
        lines = textwrap.wrap(visible(text), self.width) if self.narrow else [visible(text)]
        return [*lines, sign * max(map(len, lines), default=0)]

    def filled(self, text: str, margin: str = "") -> str:
        """A paragraph, after a margin."""
        paragraph = visible(" ".join(text.split()))
        return textwrap.fill(paragraph, self.width, initial_indent=margin, subsequent_indent=margin)


def _block(block: Block, math: TextMath, line: Room) -> str:
    match block:
        case Heading(text=text, level=level):
            return "\n".join(line.headed(text, "-")) if level == 2 else visible(text)
        case Paragraph(text=text):
            return line.filled(text)
        case Equation():
            return _equation(block, math, line)
        case Table(head=head, rows=rows, right=right):
            if line.narrow:
                return table(head, rows, right, line.width)
            return table(head, _narrowed(head, rows), right)
        case Drawing(description=description):
            return line.filled(f"[drawing: {description}]")
        case Listing(code=code):
            return textwrap.indent(visible_lines(code), "    ")


def _narrowed(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The rows of a table, those too wide for a line with their last cell over several lines."""
    used = sum(max(len(r[i]) for r in (head, *rows)) + 2 for i in range(len(head) - 1))
    width = max(WIDTH - used, 36)
    lines: list[list[str]] = []
    for row in rows:
        first, *others = textwrap.wrap(row[-1], width) or [""]
        lines.append([*row[:-1], first])
        lines.extend([*[""] * (len(head) - 1), other] for other in others)
    return lines


def _equation(block: Equation, math: TextMath, line: Room) -> str:
    left = math.inline(block.left)
    rights = [math.inline(line.node, numbers=line.numbers) for line in block.lines]
    if block.one_line:
        rights = [" = ".join(rights)]
    lines: list[str] = []
    for place, right in enumerate(rights):
        head = f"{left} {block.sign} " if place == 0 else f"{'= ':>{len(left) + len(block.sign) + 2}}"
        lines.extend(_wrapped(head, right, line))
        words = "" if block.one_line else block.lines[place].words
        if words and len(lines[-1]) + len(words) + 5 <= line.width:
            lines[-1] += f"   # {visible(words)}"
        elif words:
            lines.append(line.filled(f"# {words}", " " * min(len(head), line.width // 3)))
    lines.extend(line.filled(note, "    ") if line.narrow else f"    {visible(note)}" for note in block.notes)
    return "\n".join(lines or [left])


def _wrapped(head: str, right: str, line: Room) -> list[str]:
    """A right side over several lines, broken before a sign: outside brackets if that is enough, else inside too."""
    width = line.width
    if len(head) + len(right) <= width:
        return [head + right]
    if line.narrow and len(head) > width // 2:  # it needs a line of its own
        continues = head.strip() == "="
        return _wrapped("    = ", right, line) if continues else [head.rstrip(), *_wrapped("    ", right, line)]
    pieces = _pieces(right, 0)
    if any(len(head) + len(piece) > width for piece in pieces):
        pieces = _pieces(right, 2)
    if line.narrow and any(len(head) + len(piece) > width for piece in pieces):
        pieces = [part for piece in pieces for part in re.split(r"(?<=,) | (?=[*/@⊙] )", piece)]
    lines: list[str] = []
    margin = " " * len(head)
    current = head
    for piece in pieces:
        if current not in (head, margin) and len(current) + len(piece) + 1 > width:
            lines.append(current.rstrip())
            current = margin
        current += piece if current in (head, margin) else f" {piece}"
    return [*lines, current.rstrip()]


def _pieces(text: str, deepest: int) -> list[str]:
    """The text cut before every sign that stands in no more than so many brackets."""
    pieces: list[str] = []
    depth = start = 0
    for place, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if depth <= deepest and text[place : place + 3] in (" + ", " - ", " = "):
            pieces.append(text[start:place])
            start = place + 1
    return [*pieces, text[start:]]
