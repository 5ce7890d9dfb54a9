"""chalkgrad grade: scores the answers to a worksheet, of one student or of a class, and names the mistakes."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

HELP = "grade a filled-in worksheet and name the mistakes in it"
DESCRIPTION = (
    "Scores every blank. A number that follows correctly from the student's own earlier, wrong numbers counts too "
    "(--follow-credit). Names the mistakes that give the wrong numbers."
)
EXAMPLES = (
    "chalkgrad grade sheet/worksheet.toml answers.toml --out graded",
    "chalkgrad grade sheet/worksheet.toml submissions/ --out graded",
    "chalkgrad grade class --out graded",
)


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add(
        "worksheet",
        metavar="WORKSHEET",
        help="the sheet's worksheet.toml; or, for a class, the first folder that holds one with its answers",
    )
    add(
        "answers",
        nargs="*",
        metavar="ANSWERS",
        help="the student's numbers: a .toml, .json or .csv file of numbers by address or label; for a class, "
        "several files or folders",
    )
    add(
        "--out",
        metavar="DIR",
        help="write the report, results.json (Gradescope), grading.json and an Otter test into this folder; for a "
        "class, grades.csv and a report on everyone",
    )
    add(
        "--follow-credit",
        type=float,
        default=1.0,
        metavar="X",
        help="share of the points, 0 to 1, for a number that is right from the student's own earlier numbers "
        "(default 1)",
    )
    add(
        "--format",
        nargs="+",
        choices=("text", "markdown", "html", "latex"),
        metavar="FORMAT",
        help="the report's formats: text, markdown, html, latex (default: text; with --out the first three)",
    )


def run(arguments: Namespace) -> int:
    """The command."""
    from ..worksheet.files import SHEET
    from ..worksheet.submissions import find
    from .grading import grade_all, grade_one

    path = Path(arguments.worksheet)
    answers = [Path(name) for name in arguments.answers]
    if len(answers) == 1 and not answers[0].is_dir():
        return grade_one(path / SHEET if path.is_dir() else path, answers[0], arguments)
    return grade_all(find([path, *answers]), arguments)
