"""Grades a worksheet: every blank right, right from the student's own numbers, wrong for a reason, or missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.address import Address
from ..base.checks import number
from ..base.errors import OptionError
from ..render.board import Board
from ..render.shown import Displayed
from .answers import Answer, Answers, as_answers
from .comparing import agrees
from .exercise import Blank
from .mistakes import MistakeSearch
from .outcome import Mark, Outcome
from .report import report_board
from .results import plain_json
from .trusting import CreditCheck, Manner
from .worksheet import Worksheet

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Grading(Outcome, Displayed):
    """The outcome of a worksheet, and its report. Its attributes are those of `Outcome`."""

    def board(self) -> Board:
        """The report as it is written on the board."""
        return report_board(self)

    def to_text(self) -> str:
        """The report as plain text."""
        return self.board().to_text()

    def to_json(self) -> str:
        """Every blank with its verdict, as JSON."""
        return plain_json(self)

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
        UnknownNameError: where none of the answers belongs to a blank; it suggests the nearest.
        OptionError: where the credit is not between 0 and 1.
    """
    credit = number("grade", "follow_credit", follow_credit, 0.0)
    if credit > 1:
        raise OptionError(f"grade: follow_credit is a share, 0 to 1; it is {follow_credit!r}")
    reading = as_answers(answers, sheet)
    return _Grading(sheet, reading, min(credit, 1.0)).run()


class _Grading:
    def __init__(self, sheet: Worksheet, answers: Answers, credit: float) -> None:
        self.sheet, self.reading, self.credit = sheet, answers, credit
        self.answers: dict[Address, Answer] = {
            b.address: answers.by_address[b.address] for b in sheet.blanks if b.address in answers.by_address
        }
        self.addresses = [b.address for b in sheet.blanks]

    def run(self) -> Grading:
        trace = self.sheet.trace
        usual = self.sheet.comparison
        errors = {a for a, answer in self.answers.items() if not usual.same(a, answer.value, self._right(a))}
        all_own, wrong_own = self._arrays(set(self.answers)), self._arrays(errors)
        wide = usual.with_manners(all_own, wrong_own) if errors else usual
        manners = [Manner(trace, numbers, errors) for numbers in (all_own, wrong_own)]
        verdicts: dict[Address, str] = {}
        following: dict[Address, list[Manner]] = {}
        for address, answer in self.answers.items():
            if address not in errors:
                verdicts[address] = "right"
                continue
            agreeing = [m for m in manners if wide.same(address, answer.value, m.value(address))]
            if not agreeing:
                verdicts[address] = "wrong"
            elif not all(m.reaches(address) for m in agreeing):
                verdicts[address] = "right"
            else:
                verdicts[address], following[address] = "follows", agreeing
        trusting = CreditCheck(self.sheet, self.answers, verdicts, wide)
        reasons = trusting.doubts(following)
        reasons |= trusting.same_everywhere([a for a, verdict in verdicts.items() if verdict == "right"])
        verdicts.update(dict.fromkeys(reasons, "wrong"))
        wrong = [a for a, verdict in verdicts.items() if verdict == "wrong" and a not in reasons]
        few = self._with_too_few_digits(wrong, manners)
        wrong = [a for a in wrong if a not in few]
        causes = MistakeSearch(self.sheet, self.answers, wrong, (all_own, wrong_own), wide).causes()
        causes.sort(key=lambda c: self.addresses.index(c.blanks[0]))
        reasons |= few | {a: c.text for c in causes for a in c.blanks}
        reasons |= {a: entry.reason for a, entry in self.reading.unreadable.items()}
        verdicts.update(dict.fromkeys(self.reading.unreadable, "wrong"))
        marks = tuple(self._mark(i, b, verdicts, reasons, manners[1]) for i, b in enumerate(self.sheet.blanks, start=1))
        return Grading(self.sheet, marks, tuple(causes), self.reading.student, self.credit, self.reading.notes)

    def _with_too_few_digits(self, wrong: list[Address], manners: list[Manner]) -> dict[Address, str]:
        """Wrong numbers that agree with the right ones, or those that follow, as far as they go."""
        reasons: dict[Address, str] = {}
        for address in wrong:
            answer, digits = self.answers[address], self.sheet.digits
            if answer.digits is None or not 0 < answer.digits < digits:
                continue
            for value in (self._right(address), *(m.value(address) for m in manners)):
                if agrees(answer, value):
                    reasons[address] = f"too few digits: right as far as it goes, but {digits} are asked for"
                    break
        return reasons

    def _right(self, address: Address) -> float:
        return float(self.sheet.trace[address.name][address.place])

    def _arrays(self, addresses: set[Address]) -> dict[str, Array]:
        """The answers at these addresses by value, NaN elsewhere."""
        arrays: dict[str, Array] = {}
        for address in addresses:
            array = arrays.setdefault(address.name, np.full(self.sheet.trace[address.name].shape, np.nan))
            array[address.place] = self.answers[address].value
        return arrays

    def _mark(
        self, place: int, blank: Blank, verdicts: Mapping[Address, str], reasons: Mapping[Address, str], manner: Manner
    ) -> Mark:
        address = blank.address
        verdict = verdicts.get(address, "missing")
        share = {"right": 1.0, "follows": self.credit}.get(verdict, 0.0)
        answer = self.answers.get(address) or self.reading.unreadable.get(address)
        return Mark(
            place,
            blank,
            verdict,
            blank.points * share,
            answer.text if answer is not None else "",
            self._right(address),
            manner.value(address),
            reasons.get(address, ""),
        )
