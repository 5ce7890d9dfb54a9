"""Replays as blocks on the board: every figure in a table, what is printed beside what is correct."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..base.digits import significant
from ..render.blocks import Block, Heading, Paragraph, Table
from ..render.board import Board
from .figure import Figure, Replay, Value, printed_digits

HEAD = ("figure", "printed", "correct", "verdict")
INTRODUCTION = (
    "Every figure that five published examples and eight of our own print, and those of their formulas that can be "
    "computed, beside what correct back-propagation gives. The same means: equal at the digits printed; numbers "
    "printed with all digits may differ by 4 parts in 10^15, which another order of summation makes. Where they "
    "differ, the named mistake was put into the calculation, and the printed figure came out. Made by chalkgrad replay."
)


def replays_board(replays: Sequence[Replay], *, most: int | None, only_wrong: bool = False) -> Board:
    """The replays, one after the other.

    Args:
        replays: what was calculated again.
        most: how many numbers of a matrix are shown; None for all.
        only_wrong: leave out the figures that are the same.
    """
    blocks: list[Block] = [Paragraph(INTRODUCTION)]
    for replay in replays:
        blocks += [
            Heading(f"{replay.title} (chalkgrad replay {replay.document})"),
            Paragraph(replay.text),
            Paragraph(f"{_first_up(replay.counts)}."),
        ]
        for section in replay.sections:
            figures = [f for f in section.figures if not (only_wrong and (f.agrees or f.ours))]
            if figures:
                blocks += [Heading(section.title, 3), Table(HEAD, tuple(_row(f, most) for f in figures))]
    return Board("Worked examples, replayed", tuple(blocks))


def _row(figure: Figure, most: int | None) -> tuple[str, str, str, str]:
    verdict = figure.verdict + (f" ({figure.note})" if figure.note else "")
    if figure.formula is not None:
        numbers = "as a formula, giving " + _numbers(figure.formula, figure, most)
    else:
        numbers = _number_list(figure.printed or (), most)
    return figure.name, numbers, _numbers(figure.correct, figure, most), verdict


def _numbers(value: Value | None, figure: Figure, most: int | None) -> str:
    """The correct value with the digits that the printed one has, and at least nine."""
    if value is None:
        return ""
    digits = max(9, printed_digits(figure.printed or ()))
    return _number_list([significant(float(v), digits) for v in np.ravel(value)], most)


def _number_list(numbers: Sequence[str], most: int | None) -> str:
    first = numbers if most is None else numbers[:most]
    return ", ".join(first) + (f", ... {len(numbers) - len(first)} more" if len(first) < len(numbers) else "")


def _first_up(text: str) -> str:
    return text[:1].upper() + text[1:]
