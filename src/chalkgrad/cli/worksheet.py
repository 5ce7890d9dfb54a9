"""chalkgrad worksheet: makes an exercise from a worked example, with its solution and what grading needs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..base.errors import OptionError
from ..base.text import visible
from .options import WORKED_EXAMPLE, seed

HELP = "make an exercise from a worked example, with its solution"
DESCRIPTION = "Writes the network, its numbers and lines with blanks; a separate solution; and what grading needs."
EXAMPLES = (
    "chalkgrad worksheet web --kind backward --out sheet",
    "chalkgrad worksheet web --seed 1 --count 30 --out class",
)

MOST_SHEETS = 1000


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add("file", metavar="FILE.toml", help=WORKED_EXAMPLE)
    add(
        "--out", metavar="DIR", default="worksheet", help="the folder of the sheet and its solution (default worksheet)"
    )
    add("--blanks", nargs="+", metavar="NAME", help='leave these blank: values "dW1", elements "dW1[0, 0]", labels')
    add("--kind", metavar="KIND", help="leave all of a kind blank: forward, loss, backward, update, gradients or all")
    add("--seed", type=seed, metavar="N", help="draw new round numbers with this seed (default: the example's numbers)")
    add("--count", type=int, metavar="K", help="make K sheets, with the seeds N, N + 1, ...")
    add(
        "--step",
        type=int,
        metavar="K",
        help="the step of the training (default: the first; with --seed the second, where the update is asked for and "
        "the optimizer has a state)",
    )
    add("--digits", type=int, default=4, metavar="N", help="significant digits of the answers (default 4)")
    add("--points", type=float, default=1.0, metavar="X", help="points for every blank (default 1)")
    add("--hints", action="store_true", help="show the formula of every blank")
    add(
        "--format",
        nargs="+",
        choices=("markdown", "latex", "html", "notebook"),
        metavar="FORMAT",
        help="markdown, latex, html, notebook (default: all four)",
    )


def run(arguments: Namespace) -> int:
    """The command."""
    from ..base.checks import whole
    from ..worksheet.class_sheets import Wanted, make_sheets
    from ..worksheet.files import SHEET_FORMATS, SOLUTION, SOLUTIONS
    from ..worksheet.output_files import OutputFiles
    from ..worksheet.sheet import points
    from .subject import read_example

    example = read_example(arguments.file)
    count = 1 if arguments.count is None else whole("worksheet", "count", arguments.count)
    if count > MOST_SHEETS:
        raise OptionError(f"worksheet: count is at most {MOST_SHEETS:,}; it is {count:,}")
    if arguments.count is not None and arguments.seed is None:
        raise OptionError("worksheet: --count makes sheets with numbers of their own, so it needs --seed")
    out = Path(arguments.out)
    wanted = Wanted(
        example,
        tuple(arguments.format or SHEET_FORMATS),
        arguments.hints,
        {
            "blanks": split(arguments.blanks),
            "kind": arguments.kind,
            "digits": arguments.digits,
            "points": arguments.points,
            "step": arguments.step,
        },
    )
    seeds = [None if arguments.seed is None else arguments.seed + place for place in range(count)]
    sheets: list[tuple[str, OutputFiles]] = []
    for sheet in make_sheets(wanted, seeds):
        folder, solution = out, out / SOLUTION
        if arguments.count is not None:  # what a student gets is a folder that has nothing else in it
            folder, solution = out / f"sheet-{sheet.seed}", out / SOLUTIONS / f"sheet-{sheet.seed}"
        files = {folder / name: text for name, text in sheet.files.items()}
        files |= {solution / name: text for name, text in sheet.solution.items()}
        blanks = f"{sheet.blanks} blank{'s' * (sheet.blanks != 1)}, {points(sheet.points)}"
        line = f"{visible(str(folder))}: {blanks}; the solution is in {visible(str(solution))}"
        sheets.append((line, OutputFiles(files, solution)))
    for _, sheet_and_solution in sheets:
        sheet_and_solution.check()
    for line, sheet_and_solution in sheets:
        sheet_and_solution.write()
        print(line)
    return 0


def split(blanks: list[str] | None) -> list[str] | None:
    """Blanks given one by one or with commas between them; commas inside an address's brackets stay."""
    if not blanks:
        return None
    parts: list[str] = []
    for text in blanks:
        depth = start = 0
        for place, character in enumerate(f"{text},"):
            depth += (character == "[") - (character == "]")
            if character == "," and depth <= 0:
                parts.append(text[start:place].strip())
                start = place + 1
        if depth > 0:
            parts.append(text[start:].strip())
    return [part for part in parts if part]
