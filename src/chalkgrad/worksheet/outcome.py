"""The outcome of a grading: a mark for every blank, the points, the mistakes."""

from __future__ import annotations

from dataclasses import dataclass, field

from .exercise import Blank
from .mistakes import Cause
from .worksheet import Worksheet


@dataclass(frozen=True, slots=True)
class Mark:
    """The mark of one blank.

    Attributes:
        number: which blank it is, from 1.
        blank: the blank.
        verdict: "right"; "follows" (right from the student's own earlier numbers, which are wrong); "wrong"; "missing".
        score: the points given.
        answer: the number as it was written; empty where it is missing.
        right: the right number.
        expected: what the student's own earlier numbers lead to.
        cause: why it is wrong, where that is known: the mistake, that it is no number, has too few digits,
            follows from the student's own numbers as it would from any, or stands everywhere; may be empty.
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
class Outcome:
    """The marks, mistakes and points of a worksheet.

    Attributes:
        sheet: the worksheet.
        marks: one for every blank, in order.
        causes: the mistakes that were named, with the blanks that they explain.
        student: the name on the sheet; may be empty.
        follow_credit: which share of its points a number gets that is right from the student's own.
        notes: what came back and belongs to no blank, a sentence each without a full stop.
    """

    sheet: Worksheet = field(repr=False)
    marks: tuple[Mark, ...]
    causes: tuple[Cause, ...]
    student: str = ""
    follow_credit: float = 1.0
    notes: tuple[str, ...] = ()

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
