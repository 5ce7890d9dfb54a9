"""The files of a worksheet and of a grading, by name."""

from __future__ import annotations

from collections.abc import Collection

from ..render.formats import in_format
from .answers import template
from .grading import Grading
from .notebook import notebook
from .otter import OTTER_NAME, otter_test
from .results import gradescope, plain_json
from .worksheet import Worksheet

ENDINGS = {"markdown": "md", "latex": "tex", "html": "html", "text": "txt"}
SHEET_FORMATS = ("markdown", "latex", "html", "notebook")
REPORT_FORMATS = ("text", "markdown", "html", "latex")
SHEET, ANSWERS = "worksheet.toml", "answers.toml"
SOLUTION, SOLUTIONS = "solution", "solutions"
"""The folder of what only the teacher may see: of a sheet, and of a class."""
OTTER = f"tests/{OTTER_NAME}.py"


def sheet_files(sheet: Worksheet, formats: Collection[str] = SHEET_FORMATS, *, hints: bool = False) -> dict[str, str]:
    """The worksheet in the formats, the empty answer sheet, and what grading needs, by name; none tells an answer."""
    board = sheet.board(hints=hints)
    files = {f"worksheet.{ENDINGS[form]}": in_format(board, form) for form in formats if form != "notebook"}
    if "notebook" in formats:
        files["worksheet.ipynb"] = notebook(sheet, hints=hints)
    return files | {ANSWERS: template(sheet), SHEET: sheet.to_toml()}


def solution_files(sheet: Worksheet, formats: Collection[str] = SHEET_FORMATS) -> dict[str, str]:
    """The files for the teacher alone: the solution in the formats, and the Otter test with its right numbers."""
    solution = sheet.solution()
    texts = [form for form in formats if form != "notebook"] or ["markdown"]
    files = {f"solution.{ENDINGS[form]}": in_format(solution, form) for form in texts}
    return files | {OTTER: otter_test(sheet)}


def grading_files(grading: Grading, formats: Collection[str] = REPORT_FORMATS[:3]) -> dict[str, str]:
    """The report in the formats, and the results that graders read, by file name."""
    board = grading.board()
    files = {f"report.{ENDINGS[form]}": in_format(board, form) for form in formats}
    files["results.json"] = gradescope(grading)
    files["grading.json"] = plain_json(grading)
    files[OTTER] = otter_test(grading.sheet)
    return files
