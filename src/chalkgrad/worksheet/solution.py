"""A worksheet's solution, as blocks on the board."""

from __future__ import annotations

import itertools

from ..explain.board import equation as opened_equation
from ..explain.derive import TITLES, equation
from ..render.blocks import Block, Heading, Paragraph, Table
from ..render.board import Board
from .exercise import Exercise
from .names import name_and_address, style_of, with_zeros
from .sheet import givens_table, needed, title


def solution_board(sheet: Exercise) -> Board:
    """The answers in a list, then the whole derivation with its numbers, every blank opened into what made it."""
    trace, precision = sheet.trace, sheet.digits + 2
    rows = [
        (
            str(place),
            sheet.words[b.address],
            name_and_address(b.address, trace),
            with_zeros(float(trace[b.address.name][b.address.place]), sheet.digits),
        )
        for place, b in enumerate(sheet.blanks, start=1)
    ]
    blocks: list[Block] = [
        Table(("no.", "name", "which is", "answer"), tuple(rows), (0, 3)),
        Paragraph(
            f"The answers have {sheet.digits} significant digits, the derivation {precision}; it is computed with all "
            "of them. Where every step is rounded by hand the last digit may differ, which grading allows."
        ),
        Heading("Given"),
        givens_table(sheet),
    ]
    numbers = {b.address: place for place, b in enumerate(sheet.blanks, start=1)}
    steps = needed(sheet, "forward", "loss", "backward", "update")
    for part, of_part in itertools.groupby(steps, key=lambda s: s.part):
        blocks.append(Heading(TITLES[part]))
        for step in of_part:
            blocks.append(equation(step, trace.program, trace))
            for address in (a for a in numbers if a.name == step.output):
                derivation = trace.explain(str(address), steps=1, terms=16, precision=precision)
                blocks.append(Paragraph(f"Blank {numbers[address]}:"))
                blocks.append(opened_equation(derivation))
    return Board(f"Solution: {title(sheet)}", tuple(blocks), style_of(trace, precision))
