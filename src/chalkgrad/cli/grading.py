"""Grading the answers of one student or of a class, and writing the reports."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from ..base.checks import number
from ..base.errors import OptionError
from ..base.text import visible
from ..render.formats import in_format
from ..worksheet import grade, read_worksheet
from ..worksheet.answers import read_answers
from ..worksheet.files import ENDINGS, REPORT_FORMATS, grading_files
from ..worksheet.gradebook import class_board, grade_class, gradebook, unreadable
from ..worksheet.output_files import OutputFiles
from ..worksheet.submissions import CLASS, GRADES, REPORTS, Submission, report_names


def grade_one(path: Path, answers: Path, arguments: Namespace) -> int:
    """Grades one student; 0.

    Args:
        path: the worksheet.
        answers: the student's answers.
        arguments: the command's.
    """
    sheet = read_worksheet(path)
    grading = grade(sheet, read_answers(answers, sheet), follow_credit=arguments.follow_credit)
    if arguments.out is None:
        form = arguments.format[0] if arguments.format else "text"
        print(in_format(grading.board(), form), end="")
        return 0
    _write(Path(arguments.out), grading_files(grading, _formats(arguments)))
    print(f"{grading.score:g} of {grading.points:g} points; the report is in {visible(arguments.out)}")
    return 0


def grade_all(submissions: list[Submission], arguments: Namespace) -> int:
    """Grades a class; 0 where anything could be graded, else 1."""
    if number("grade", "follow_credit", arguments.follow_credit, 0.0) > 1:
        raise OptionError(f"grade: follow_credit must be a share from 0 to 1; it is {arguments.follow_credit!r}")
    out = None if arguments.out is None else Path(arguments.out)
    sources = {(s.place if s.place.is_dir() else s.place.parent).resolve() for s in submissions}
    if out is not None and out.resolve() in sources:
        raise OptionError(f"{out} holds what was handed in: give the reports a folder of their own with --out")
    formats = _formats(arguments)
    class_ = grade_class(submissions, follow_credit=arguments.follow_credit, formats=None if out is None else formats)
    board = class_board(class_)
    if out is not None:
        files = {f"{CLASS}.{ENDINGS[form]}": in_format(board, form) for form in formats} | {GRADES: gradebook(class_)}
        for name, graded in zip(report_names(submissions), class_, strict=True):
            files |= {f"{REPORTS}/{name}/{file}": text for file, text in graded.files.items()}
        _write(out, files)
    form = arguments.format[0] if arguments.format and out is None else "text"
    print(in_format(board, form), end="")
    if out is not None:
        print(f"\n{visible(str(out))}: {GRADES}, {CLASS}.*, and a report on everyone in {REPORTS}/")
    for line in unreadable(class_):
        print(f"chalkgrad grade: {visible(line)}", file=sys.stderr)
    return 1 if all(g.fault for g in class_) else 0


def _write(out: Path, files: Mapping[str, str]) -> None:
    """Writes reports, but over none that somebody has changed since, such as a remark in the table of grades."""
    reports = OutputFiles({out / name: text for name, text in files.items()}, out)
    reports.check()
    reports.write()


def _formats(arguments: Namespace) -> list[str]:
    return arguments.format or list(REPORT_FORMATS[:3])
