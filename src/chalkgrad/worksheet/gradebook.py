"""Grades a class at once: a line for every student, the mistakes of all, and a table for the gradebook."""

from __future__ import annotations

import contextlib
import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

from ..base.errors import ChalkgradError, DataError
from ..base.text import visible
from ..parallel.failure import Failure
from ..parallel.mapped import cores, mapped
from ..render.blocks import Block, Heading, Paragraph, Table
from ..render.board import Board
from .answers import read_answers
from .files import SHEET, grading_files
from .grading import Grading, grade
from .sheet import points
from .submissions import Submission
from .worksheet import Worksheet, read_worksheet

FORMULA = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001
"""A cell that begins with one of these may be a formula to a spreadsheet."""
SHORT, MOST_MISTAKES = 60, 20
ALONE = 8
"""So few submissions are graded by one process."""


@dataclass(frozen=True, slots=True)
class SubmissionGrade:
    """The grade of one submission.

    Attributes:
        submission: what was graded.
        student: the name on the sheet, or the submission's own.
        score, points: the points given, and those there are; without a grade 0 and those of its sheet, if known.
        by_blank: the points given for every blank, by what it is called.
        mistakes: the mistakes that were named, those that explain most blanks first.
        fault: why there is no grade; empty where there is one.
        files: the report's files by name, where they were asked for.
    """

    submission: Submission
    student: str
    score: float = 0.0
    points: float = 0.0
    by_blank: Mapping[str, float] = field(default_factory=dict[str, float])
    mistakes: tuple[str, ...] = ()
    fault: str = ""
    files: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @property
    def percent(self) -> float:
        """The share of the points, in percent."""
        return 100 * self.score / self.points if self.points else 0.0


def grade_class(
    submissions: Sequence[Submission], *, follow_credit: float = 1.0, formats: Sequence[str] | None = None
) -> list[SubmissionGrade]:
    """Grades submissions, on all of the machine's cores where there are many.

    Args:
        submissions: what came from the students. What cannot be graded costs only itself.
        follow_credit: which share of its points a number gets that is right from the student's own.
        formats: those of the reports, where files are wanted.
    """
    if len({s.sheet for s in submissions}) == 1:
        read_worksheet(submissions[0].sheet)  # one sheet for all that cannot be read is not the students' fault
    work = partial(grade_submission, follow_credit=follow_credit, formats=formats)
    workers = 0 if len(submissions) <= ALONE or cores() < 2 else cores()
    graded = mapped(work, submissions, workers=workers)
    return [
        _ungraded(g.item, f"it cannot be graded: {g}", 0.0, formats) if isinstance(g, Failure) else g for g in graded
    ]


def grade_submission(submission: Submission, *, follow_credit: float, formats: Sequence[str] | None) -> SubmissionGrade:
    """Grades one submission; what keeps it from being graded is its fault, and nobody else's."""
    student, total = visible(submission.name), 0.0
    try:
        if submission.fault:
            with contextlib.suppress(ChalkgradError):
                total = _sheet(submission.sheet).points
            raise DataError(submission.fault)
        sheet = _sheet(submission.sheet)
        total = sheet.points
        _check_same(submission, sheet)
        grading = _only_answers(
            [grade(sheet, read_answers(a, sheet), follow_credit=follow_credit) for a in submission.answers]
        )
        return SubmissionGrade(
            submission,
            visible(grading.student) or student,
            grading.score,
            grading.points,
            {sheet.words[m.blank.address]: m.score for m in grading.marks},
            tuple(c.text for c in sorted(grading.causes, key=lambda c: -len(c.blanks))),
            files={} if formats is None else grading_files(grading, formats),
        )
    except (ChalkgradError, OSError) as error:
        fault = str(error)
    except Exception as error:  # whatever one file does, the others are graded
        fault = f"it cannot be graded: {type(error).__name__}: {error}"
    return _ungraded(submission, fault, total, formats)


def _ungraded(submission: Submission, fault: str, total: float, formats: Sequence[str] | None) -> SubmissionGrade:
    student, fault = visible(submission.name), visible(fault)[:600]
    report = f"{student}\n{'=' * len(student)}\n\nNot graded: {fault}\n"
    return SubmissionGrade(
        submission, student, 0.0, total, fault=fault, files={} if formats is None else {"report.txt": report}
    )


@lru_cache(maxsize=4)
def _sheet(path: Path) -> Worksheet:
    return read_worksheet(path)


def _check_same(submission: Submission, sheet: Worksheet) -> None:
    """Raises DataError where the folder has a sheet of its own that is another than the one it is graded by."""
    own = submission.place / SHEET
    if own == submission.sheet or not own.is_file():
        return
    own_sheet = read_worksheet(own)
    if own_sheet.table != sheet.table or [b.address for b in own_sheet.blanks] != [b.address for b in sheet.blanks]:
        raise DataError(f"{own} is another sheet than {submission.sheet}: grade the folder by its own, {own.parent}")


def _only_answers(gradings: Sequence[Grading]) -> Grading:
    """Of the files that may be the answers the one that has any."""
    candidates = [g for g in gradings if g.count("missing") < len(g.marks)]
    if len(candidates) > 1:
        raise DataError("several files are filled in: keep one of them")
    return (candidates or gradings)[0]


# -- what is shown and kept ----------------------------------------------------------------------------------


def class_board(class_: Sequence[SubmissionGrade]) -> Board:
    """Every student with points and the mistake that explains most, then the commonest mistakes of the class."""
    marked = [g for g in class_ if not g.fault]
    count = f"{len(class_)} submission{'s' * (len(class_) != 1)}"
    blocks: list[Block] = []
    if marked:
        mean = sum(g.score for g in marked) / len(marked)
        totals = {g.points for g in marked}
        of = f" of {points(totals.pop())}" if len(totals) == 1 else ""
        without = f"; {len(class_) - len(marked)} without a grade" if len(marked) < len(class_) else ""
        blocks.append(
            Paragraph(f"{mean:.3g}{of} on average, {sum(g.percent for g in marked) / len(marked):.3g} %{without}.")
        )
    rows = [
        (g.student, visible(str(g.submission.place)), f"{g.score:g} of {g.points:g}", _brief(_remark(g)))
        for g in class_
    ]
    blocks.append(Table(("student", "from", "points", "commonest mistake"), tuple(rows), (2,)))
    mistakes = Counter(text for g in marked for text in dict.fromkeys(g.mistakes))
    if mistakes:
        blocks.append(Heading("The mistakes of the class"))
        most = mistakes.most_common(MOST_MISTAKES)
        blocks.append(Table(("students", "mistake"), tuple((str(n), text) for text, n in most), (0,)))
    return Board(f"{count} graded" if len(marked) == len(class_) else f"{len(marked)} of {count} graded", tuple(blocks))


def _remark(graded: SubmissionGrade) -> str:
    if graded.fault:
        return f"unreadable: {graded.fault}"
    return graded.mistakes[0] if graded.mistakes else "-"


def _brief(text: str) -> str:
    return text if len(text) <= 2 * SHORT else f"{text[: 2 * SHORT]} ..."


def gradebook(class_: Sequence[SubmissionGrade]) -> str:
    """The class as CSV, UTF-8: name, folder, score, points, percent, remark, and the points for every blank.

    No cell is a formula to a spreadsheet: text that might be one begins with an apostrophe.
    """
    blanks = list(dict.fromkeys(name for g in class_ for name in g.by_blank))
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow([*("name", "folder", "score", "points", "percent", "remark"), *map(_cell, blanks)])
    for student in class_:
        remark = "" if not student.fault and not student.mistakes else _remark(student)
        numbers = [f"{round(n, 6):g}" for n in (student.score, student.points, student.percent)]
        texts = [_cell(student.student), _cell(str(student.submission.place))]
        points = [f"{round(student.by_blank[b], 6):g}" if b in student.by_blank else "" for b in blanks]
        writer.writerow([*texts, *numbers, _cell(remark), *points])
    return lines.getvalue()


def _cell(text: str) -> str:
    """Text as a cell that no spreadsheet computes."""
    content = visible(text)
    return f"'{content}" if content.lstrip().startswith(tuple(FORMULA)) else content


def unreadable(class_: Sequence[SubmissionGrade]) -> Iterator[str]:
    """A line for every submission without a grade."""
    for student in class_:
        if student.fault:
            place = visible(str(student.submission.place))
            yield student.fault if student.fault.startswith(place) else f"{place}: {student.fault}"
