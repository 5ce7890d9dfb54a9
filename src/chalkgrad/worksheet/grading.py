"""Grades a worksheet: every blank right, right from the student's own numbers, wrong for a reason, or missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..address import Address
from ..checks import number
from ..diagnosis.rerun import Rerun
from ..errors import OptionError
from .answers import Answer, Answers, as_answers
from .comparing import Comparing
from .mistakes import Cause, Explaining
from .own_pass import OwnPass

if TYPE_CHECKING:
    from ..render.board import Board
    from .worksheet import Blank, Worksheet

Array = np.ndarray[Any, Any]
VERDICTS = ("right", "follows", "wrong", "missing")


@dataclass(frozen=True, slots=True)
class Mark:
    """What came of one blank.

    Attributes:
        number: which blank it is, from 1.
        blank: the blank.
        verdict: "right"; "follows" (right from the student's own earlier numbers, which are wrong); "wrong"; "missing".
        score: the points given.
        answer: the number as it was written; empty where it is missing.
        right: the right number.
        expected: what the student's own earlier numbers lead to.
        cause: the mistake behind a wrong number, where one was found; may be empty.
    """

    number: int
    blank: Blank
    verdict: str
    score: float
    answer: str
    right: float
    expected: float
    cause: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Grading:
    """What came of a worksheet.

    Attributes:
        sheet: the worksheet.
        marks: one for every blank, in order.
        causes: the mistakes that were named, with the blanks that they explain.
        student: the name on the sheet; may be empty.
        follow_credit: which share of its points a number gets that is right from the student's own.
    """

    sheet: Worksheet = field(repr=False)
    marks: tuple[Mark, ...]
    causes: tuple[Cause, ...]
    student: str = ""
    follow_credit: float = 1.0

    @property
    def score(self) -> float:
        """The points given."""
        return sum(m.score for m in self.marks)

    @property
    def points(self) -> float:
        """The points that there are."""
        return self.sheet.points

    def count(self, verdict: str) -> int:
        """How many blanks have a verdict."""
        return sum(m.verdict == verdict for m in self.marks)

    def board(self) -> Board:
        """The report as it is written on the board."""
        from .report import report_board

        return report_board(self)

    def to_text(self) -> str:
        """The report as plain text."""
        return self.board().to_text()

    def to_json(self) -> str:
        """Every blank with its verdict, as JSON."""
        from .results import plain_json

        return plain_json(self)

    def _repr_html_(self) -> str:
        return self.board()._repr_html_()  # pyright: ignore[reportPrivateUsage]

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<grading: {self.score:g} of {self.points:g} points>"


def grade(sheet: Worksheet, answers: Answers | Mapping[str, Any], *, follow_credit: float = 1.0) -> Grading:
    """Scores every blank of a worksheet.

    Args:
        sheet: the worksheet.
        answers: numbers or text by address or label, or what `read_answers` read.
        follow_credit: which share of its points a number gets that is right from the student's own wrong ones: 0 to 1.

    Raises:
        UnknownNameError: where an answer belongs to no blank; it suggests the nearest.
        DataError: where an answer is no number; it names the blank.
        OptionError: where the credit is not between 0 and 1.
    """
    credit = number("grade", "follow_credit", follow_credit, 0.0)
    if credit > 1:
        raise OptionError(f"grade: follow_credit is a share, 0 to 1; it is {follow_credit!r}")
    given = as_answers(answers, sheet)
    return _Grading(sheet, given, min(credit, 1.0)).run()


class _Grading:
    def __init__(self, sheet: Worksheet, given: Answers, credit: float) -> None:
        self.sheet, self.given, self.credit = sheet, given, credit
        self.answers: dict[Address, Answer] = {
            b.address: given.by_address[b.address] for b in sheet.blanks if b.address in given.by_address
        }
        self.addresses = [b.address for b in sheet.blanks]

    def run(self) -> Grading:
        trace = self.sheet.trace
        usual = Comparing(trace, self.addresses, self.sheet.digits)
        off = {a for a, answer in self.answers.items() if not usual.same(a, answer.value, self._right(a))}
        all_own, wrong_own = self._written(set(self.answers)), self._written(off)
        wide = Comparing(trace, self.addresses, self.sheet.digits, all_own, wrong_own) if off else usual
        ways = [OwnPass(trace, all_own), OwnPass(trace, wrong_own)]
        touched = self._touched(off)
        verdicts: dict[Address, str] = {}
        for address, answer in self.answers.items():
            led = [float(way.made(address.name)[address.place]) for way in ways]
            if address not in off:
                verdicts[address] = "right"
            elif any(wide.same(address, answer.value, value) for value in led):
                verdicts[address] = "follows" if address.name in touched else "right"
            else:
                verdicts[address] = "wrong"
        wrong = [a for a, verdict in verdicts.items() if verdict == "wrong"]
        causes = Explaining(self.sheet, self.answers, wrong, (all_own, wrong_own), wide).causes()
        causes.sort(key=lambda c: self.addresses.index(c.blanks[0]))
        said = {a: c.text for c in causes for a in c.blanks}
        marks = tuple(self._mark(i, b, verdicts, said, ways[1]) for i, b in enumerate(self.sheet.blanks, start=1))
        return Grading(self.sheet, marks, tuple(causes), self.given.student, self.credit)

    def _right(self, address: Address) -> float:
        return float(self.sheet.trace[address.name][address.place])

    def _written(self, which: set[Address]) -> dict[str, Array]:
        """The answers at these addresses by value, NaN elsewhere."""
        written: dict[str, Array] = {}
        for address in which:
            array = written.setdefault(address.name, np.full(self.sheet.trace[address.name].shape, np.nan))
            array[address.place] = self.answers[address].value
        return written

    def _touched(self, off: set[Address]) -> set[str]:
        """The values that are computed from values with numbers that are not right."""
        rerun = Rerun(self.sheet.trace.program, self.sheet.trace)
        sources = {a.name for a in off}
        return {n for n in {a.name for a in self.addresses} if (set(rerun.upstream(n)) - {n}) & sources}

    def _mark(
        self, place: int, blank: Blank, verdicts: Mapping[Address, str], said: Mapping[Address, str], way: OwnPass
    ) -> Mark:
        address = blank.address
        verdict = verdicts.get(address, "missing")
        share = {"right": 1.0, "follows": self.credit}.get(verdict, 0.0)
        answer = self.answers.get(address)
        return Mark(
            place,
            blank,
            verdict,
            blank.points * share,
            answer.text if answer is not None else "",
            self._right(address),
            float(way.made(address.name)[address.place]),
            said.get(address, ""),
        )
