"""chalkgrad worksheet: makes an exercise from a worked example, with its solution and what grading needs."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from ..base.checks import whole
from ..base.errors import OptionError
from ..base.text import visible
from ..worksheet import Worksheet, make_worksheet
from ..worksheet.files import SHEET_FORMATS, SOLUTION, SOLUTIONS, sheet_files, solution_files
from ..worksheet.sheet import points
from ..worksheet.written import Written
from .described import read_example

MOST_SHEETS = 1000


def run(arguments: Namespace) -> int:
    """The command."""
    example = read_example(arguments.file)
    count = 1 if arguments.count is None else whole("worksheet", "count", arguments.count)
    if count > MOST_SHEETS:
        raise OptionError(f"worksheet: count is at most {MOST_SHEETS:,}; it is {count:,}")
    if arguments.count is not None and arguments.seed is None:
        raise OptionError("worksheet: --count makes sheets with numbers of their own, so it needs --seed")
    formats = arguments.format or SHEET_FORMATS
    out = Path(arguments.out)
    made: list[tuple[str, Written]] = []
    for place in range(count):
        sheet = make_worksheet(
            example,
            blanks=split(arguments.blanks),
            kind=arguments.kind,
            seed=None if arguments.seed is None else arguments.seed + place,
            digits=arguments.digits,
            points=arguments.points,
            step=getattr(arguments, "step", None),
        )
        folder, solution = out, out / SOLUTION
        if arguments.count is not None:  # what a student gets is a folder that has nothing else in it
            folder, solution = out / f"sheet-{sheet.seed}", out / SOLUTIONS / f"sheet-{sheet.seed}"
        files = {folder / name: text for name, text in sheet_files(sheet, formats, hints=arguments.hints).items()}
        files |= {solution / name: text for name, text in solution_files(sheet, formats).items()}
        made.append((_said(sheet, folder, solution), Written(files, solution)))
    for _, written in made:
        written.check()
    for text, written in made:
        written.write()
        print(text)
    return 0


def split(blanks: list[str] | None) -> list[str] | None:
    """Blanks given one by one or with commas between them; commas inside an address's brackets stay."""
    if not blanks:
        return None
    found: list[str] = []
    for text in blanks:
        depth = start = 0
        for place, character in enumerate(f"{text},"):
            depth += (character == "[") - (character == "]")
            if character == "," and depth <= 0:
                found.append(text[start:place].strip())
                start = place + 1
        if depth > 0:
            found.append(text[start:].strip())
    return [one for one in found if one]


def _said(sheet: Worksheet, folder: Path, solution: Path) -> str:
    count = len(sheet.blanks)
    where, beside = visible(str(folder)), visible(str(solution))
    return f"{where}: {count} blank{'s' * (count != 1)}, {points(sheet.points)}; the solution is in {beside}"
