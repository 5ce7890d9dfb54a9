"""A grading as blocks on the board."""

from __future__ import annotations

from ..diagnosis.slips.wrong_line import wrong_line
from ..explain.derive import equation
from ..render.blocks import Block, Equation, Heading, Paragraph, Table
from ..render.board import Board
from .mistakes import Cause
from .names import name_and_address, style_of, with_zeros
from .outcome import Mark, Outcome
from .sheet import points, title

WORDS = {
    "right": "right",
    "follows": "right from your own numbers",
    "wrong": "wrong",
    "missing": "missing",
}


def report_board(grading: Outcome) -> Board:
    """The score, the mistakes with the right and the wrong line, and every blank in a table."""
    trace = grading.sheet.trace
    blocks: list[Block] = [Paragraph(f"{title(grading.sheet)}{_by(grading)}."), Paragraph(summary(grading))]
    blocks.extend(Paragraph(note if note.endswith("?") else f"{note}.") for note in grading.notes)
    for place, cause in enumerate(grading.causes, start=1):
        blocks.extend(_cause(cause, grading, place if len(grading.causes) > 1 else 0))
    blocks.append(Heading("Every blank"))
    rows = [
        (
            str(m.number),
            name_and_address(m.blank.address, trace),
            m.answer or "-",
            with_zeros(m.right, grading.sheet.digits),
            f"{m.score:g} of {m.blank.points:g}",
            verdict_text(m, grading),
        )
        for m in grading.marks
    ]
    blocks.append(Table(("no.", "blank", "answer", "right number", "points", "verdict"), tuple(rows), (0, 2, 3, 4)))
    head = f"{grading.score:g} of {points(grading.points)}"
    return Board(head, tuple(blocks), style_of(trace, grading.sheet.digits + 2))


def _by(grading: Outcome) -> str:
    return f", by {grading.student}" if grading.student else ""


def summary(grading: Outcome) -> str:
    """How many blanks are what, in one sentence."""
    parts = [f"{grading.count(v)} {_told(v)}" for v in WORDS if grading.count(v)]
    credit = ""
    if grading.count("follows") and grading.follow_credit < 1:
        credit = f" What is right from own numbers counts {100 * grading.follow_credit:g} %."
    return f"Of {len(grading.marks)} blanks {', '.join(parts)}.{credit}"


def _told(verdict: str) -> str:
    return WORDS[verdict].replace("your", "the student's")


def verdict_text(mark: Mark, grading: Outcome, *, tell: bool = True) -> str:
    """A blank's verdict in words; `tell` says what the student's own numbers lead to where the answer does not."""
    text = WORDS[mark.verdict]
    if mark.verdict != "wrong":
        return text
    if mark.cause:
        return f"{text}: {mark.cause}"
    digits = grading.sheet.digits
    expected, right = with_zeros(mark.expected, digits), with_zeros(mark.right, digits)
    if tell and expected != right:
        return f"{text}; from the student's own numbers it would be {expected}"
    return f"{text}, by no usual mistake"


def _cause(cause: Cause, grading: Outcome, place: int) -> list[Block]:
    numbers = {m.blank.address: m.number for m in grading.marks}
    which = ", ".join(str(numbers[a]) for a in cause.blanks)
    plural = "s" * (len(cause.blanks) != 1)
    blocks: list[Block] = [
        Heading(f"{f'Mistake {place}' if place else 'The mistake'}: {cause.text}"),
        Paragraph(f"It makes the number{plural} of blank{plural} {which}."),
    ]
    if cause.slip is None:
        return blocks
    program = grading.sheet.trace.program
    right = equation(cause.slip.step, program, None)
    blocks.append(Equation(right.left, right.lines, "", ("right",), sign=right.sign))
    wrong = wrong_line(cause.slip, program)
    return [*blocks, wrong] if wrong is not None else blocks
