"""Claimed backward lines beside the right ones, as a board."""

from __future__ import annotations

from collections.abc import Sequence

from ..formula.formula import Formula
from ..render.blocks import Block, Equation, Heading, Line, Paragraph, Style, Table
from ..render.board import Board
from .claim import Claim, Verdict
from .names import derivative_name
from .terms import tidied


def claims_board(lines: Sequence[Formula], claims: Sequence[Claim]) -> Board:
    """The board of a comparison: the forward lines, then what is said of each claimed line.

    Args:
        lines: the forward lines.
        claims: the claimed lines.
    """
    blocks: list[Block] = [Heading("Forward")]
    blocks += [Equation(line.left, (Line(line.right),)) for line in lines]
    for claim in claims:
        blocks.append(Heading(f"{derivative_name(claim.of)}: {claim.verdict}"))
        blocks += _section(claim)
    names = {c.of for c in claims} | {line.output for line in lines}
    style = Style(derivatives={derivative_name(name): name for name in names})
    title = f"{claims[0].claimed.text}: {claims[0].verdict}" if len(claims) == 1 else "Claimed backward lines"
    return Board(title, tuple(blocks), style)


def _section(claim: Claim) -> list[Block]:
    sign = "+=" if claim.claimed.accumulates else "="
    blocks: list[Block] = [Equation(claim.left, (Line(tidied(claim.theirs)),), notes=("claimed",), sign=sign)]
    if claim.verdict is Verdict.EQUAL:
        return blocks
    blocks.append(Equation(claim.left, (Line(claim.ours),), notes=("right",), sign=sign))
    if claim.because:
        blocks.append(Paragraph(f"Equal, because {'; '.join(claim.because)}."))
    if claim.conditions:
        blocks.append(Paragraph(f"Equal where {', or where '.join(claim.conditions)}."))
    if claim.differences:
        blocks.append(Table(("what differs",), tuple((d.words,) for d in claim.differences)))
    if claim.apart and claim.apart != float("inf"):
        blocks.append(Paragraph(f"On drawn numbers they lie {claim.apart:.2g} of the largest apart ({claim.drawn})."))
    return blocks
