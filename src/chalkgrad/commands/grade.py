"""chalkgrad grade: scores the answers to a worksheet and names the mistakes behind the wrong ones."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from ..render.formats import in_format
from ..worksheet import grade, read_worksheet
from ..worksheet.answers import read_answers
from ..worksheet.files import REPORT_FORMATS, SHEET, grading_files
from .worksheet import write_files


def run(arguments: Namespace) -> int:
    """The command."""
    path = Path(arguments.worksheet)
    sheet = read_worksheet(path / SHEET if path.is_dir() else path)
    grading = grade(sheet, read_answers(arguments.answers, sheet), follow_credit=arguments.follow_credit)
    if arguments.out is None:
        form = arguments.format[0] if arguments.format else "text"
        text = grading.to_json() if form == "json" else in_format(grading.board(), form)
        print(text, end="" if text.endswith("\n") else "\n")
        return 0
    folder = Path(arguments.out)
    formats = [f for f in arguments.format or REPORT_FORMATS[:3] if f in REPORT_FORMATS]
    write_files(folder, grading_files(grading, formats))
    print(f"{grading.score:g} of {grading.points:g} points; the report is in {folder}")
    return 0
