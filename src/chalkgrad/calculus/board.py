"""A derivation as a board: every move one line with its name."""

from __future__ import annotations

from collections.abc import Sequence

from ..formula.expression import Deriving
from ..formula.formula import Formula
from ..formula.nodes import Binary, Element, Node, Number, Symbol
from ..formula.text import text
from ..render.blocks import Block, Equation, Heading, Line, Paragraph, Style
from ..render.board import Board
from .backward import Share
from .derivative import Derivative, Passing
from .names import derivative_name
from .terms import tidied


def derivation_board(
    forward: Sequence[Formula], derivatives: Sequence[Derivative], together: Sequence[Derivative]
) -> Board:
    """The board of a derivation: the forward lines, then one section for each backward line.

    Args:
        forward: the forward lines.
        derivatives: the backward lines.
        together: backward lines without the values in between.
    """
    blocks: list[Block] = [Heading("Forward")]
    blocks += [Equation(line.left, (Line(line.right),), notes=_ranges(line)) for line in forward]
    for one in derivatives:
        blocks.append(Heading(derivative_name(one.of)))
        blocks += _section(one)
    for one in together:
        blocks.append(Heading(f"{derivative_name(one.of)}, without the values in between"))
        blocks.append(Equation(one.left, (Line(one.right),), sign=_sign(one)))
    blocks.append(Heading("Backward"))
    blocks += [Equation(one.left, (Line(one.right),), sign=_sign(one)) for one in derivatives]
    names = {d.of for d in derivatives} | {line.output for line in forward}
    style = Style(derivatives={derivative_name(name): name for name in names})
    return Board(f"The backward lines of {text(forward[-1].left)}", tuple(blocks), style)


def _ranges(line: Formula) -> tuple[str, ...]:
    if not line.bounds:
        return ()
    return ("for " + ", ".join(f"{index} < {text(bound)}" for index, bound in line.bounds.items()),)


def _sign(one: Derivative) -> str:
    return "+=" if one.scattered else "="


def _section(one: Derivative) -> list[Block]:
    blocks: list[Block] = []
    several = len(one.passing) > 1
    if several:
        places = ", ".join(f"{text(p.share.local.place)} in {text(p.line.left)}" for p in one.passing)
        blocks.append(Paragraph(f"{one.of} stands in {len(one.passing)} places: {places}. Each gives a share."))
    for passing in one.passing:
        blocks.append(_moves(passing))
        if several:
            blocks.append(
                Equation(_place(one.of, passing.share), (_gathered(passing),), sign=_share_sign(passing.share))
            )
    first, *others = one.forms
    words = "the shares added up" if several else _collected(one.passing[0].share)
    lines = [Line(first.node, words=words)]
    lines += [Line(form.node, words=form.name) for form in others]
    blocks.append(Equation(one.left, tuple(lines), sign=_sign(one)))
    return blocks


def _place(of: str, share: Share) -> Node:
    return Element(derivative_name(of), share.place) if share.place else Symbol(derivative_name(of))


def _share_sign(share: Share) -> str:
    return "+=" if share.scattered else "="


def _gathered(passing: Passing) -> Line:
    return Line(tidied(passing.share.body), words=_collected(passing.share))


def _collected(share: Share) -> str:
    """What is done with the local derivative, in words."""
    words = "times what comes back"
    if share.collected:
        one = len(share.collected) == 1
        letters = ", ".join(share.collected)
        words += f"; the place has no {letters}: the sum over {'it' if one else 'them'}"
    if share.turned:
        are = "is the index" if len(share.turned) == 1 else "are the indices"
        words += f"; {' and '.join(share.turned)} {are} here, turned round"
    elif share.scattered:
        words += "; added where it falls"
    return words


def _moves(passing: Passing) -> Equation:
    """The local derivative, one line a move."""
    line, by = passing.line, passing.share.local
    left = Deriving(line.left, by.place)
    if not by.moves:
        return Equation(left, (Line(Number(1.0), words="the operand itself"),))
    lines = [Line(Deriving(line.right, by.place))]
    for move in by.moves:
        words = f"{move.name} ({move.note})" if move.note else move.name
        last = move.rest == by.place
        node = tidied(move.factor) if last else _before(move.factor, Deriving(move.rest, by.place))
        lines.append(Line(node, words=words))
    return Equation(left, tuple(lines))


def _before(factor: Node, rest: Node) -> Node:
    front = tidied(factor)
    return rest if front == Number(1.0) else Binary("*", front, rest)
