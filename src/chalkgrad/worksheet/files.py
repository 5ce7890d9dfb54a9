"""The files of a worksheet and of a grading, by name."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ..render.formats import in_format
from .answers import template
from .notebook import notebook
from .results import OTTER_NAME, gradescope, otter_test, plain_json

if TYPE_CHECKING:
    from .grading import Grading
    from .worksheet import Worksheet

ENDINGS = {"markdown": "md", "latex": "tex", "html": "html", "text": "txt"}
SHEET_FORMATS = ("markdown", "latex", "html", "notebook")
REPORT_FORMATS = ("text", "markdown", "html", "latex")
SHEET, ANSWERS = "worksheet.toml", "answers.toml"
OTTER = f"tests/{OTTER_NAME}.py"


def sheet_files(sheet: Worksheet, formats: Collection[str] = SHEET_FORMATS, *, hints: bool = False) -> dict[str, str]:
    """Worksheet and solution in the formats, the empty answer sheet, and what grading needs, by file name."""
    board, solution = sheet.board(hints=hints), sheet.solution()
    files: dict[str, str] = {}
    for form in formats:
        if form == "notebook":
            files["worksheet.ipynb"] = notebook(sheet, hints=hints)
            continue
        files[f"worksheet.{ENDINGS[form]}"] = in_format(board, form)
        files[f"solution.{ENDINGS[form]}"] = in_format(solution, form)
    if not any(name.startswith("solution") for name in files):
        files["solution.md"] = in_format(solution, "markdown")
    files[ANSWERS] = template(sheet)
    files[SHEET] = sheet.to_toml()
    files[OTTER] = otter_test(sheet)
    return files


def grading_files(grading: Grading, formats: Collection[str] = REPORT_FORMATS[:3]) -> dict[str, str]:
    """The report in the formats, and the results that graders read, by file name."""
    board = grading.board()
    files = {f"report.{ENDINGS[form]}": in_format(board, form) for form in formats}
    files["results.json"] = gradescope(grading)
    files["grading.json"] = plain_json(grading)
    files[OTTER] = otter_test(grading.sheet)
    return files
