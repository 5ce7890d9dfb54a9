"""chalkgrad rule: from a forward formula its backward formulas, with the reasoning."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..base.errors import OptionError
from ..base.seeds import A_SEED
from .options import add_output, seed
from .output import chosen_format, deliver, show

HELP = "derive the backward formulas of a forward formula"
DESCRIPTION = (
    "From a forward line, or several, come the backward lines, every move one line with its name; and all of them as "
    "NumPy. The lines are index formulas: an array has brackets, a setting has none."
)
EXAMPLES = (
    'chalkgrad rule "z[n,o] = sum_i x[n,i] * W[i,o] + b[o]"',
    'chalkgrad rule "a[n] = z[n] / (1 + exp(-z[n]))" --check',
    'chalkgrad rule "a[n] = tanh(z[n])" --to torch --out tanh.py',
    'chalkgrad rule "a[n] = tanh(z[n])" --claimed "dz[n] = da[n]"',
)
LANGUAGES = ("numpy", "torch", "c", "latex")
ENDINGS = {"numpy": ".py", "torch": ".py", "c": ".c", "latex": ".tex"}


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add(
        "lines",
        nargs="+",
        metavar="FORMULA",
        help="forward lines in order, or one TOML file with formula = [...], name and source",
    )
    add("--name", metavar="NAME", help="the operation's name in what is written (default: the output's)")
    add(
        "--to",
        choices=LANGUAGES,
        metavar="LANGUAGE",
        help="write the operation with its backward pass and a test of its own: numpy, torch (a "
        "torch.autograd.Function), c; or the derivation as latex",
    )
    add(
        "--claimed",
        action="append",
        default=[],
        metavar="FORMULA",
        help="somebody's backward line, or a file of them: is it right, always or on conditions, or which term differs",
    )
    add("--check", action="store_true", help="compare with central differences on drawn shapes, and say what was drawn")
    add("--seed", type=seed, default=0, metavar="N", help=f"for what --check draws: {A_SEED} (default 0)")
    add_output(add)


def run(arguments: Namespace) -> int:
    """The command."""
    from ..calculus.check import checked
    from ..calculus.claims import compare
    from ..render.blocks import Heading, Listing
    from ..render.board import Board
    from ..write.operation import operation_text
    from .lines import read_claimed, read_given

    given = read_given(arguments.lines, arguments.name)
    if sum(map(bool, (arguments.to, arguments.claimed, arguments.check))) > 1:
        raise OptionError("--to, --claimed and --check are three things: give one of them")
    if arguments.claimed:
        comparison = compare(given.formulas, read_claimed(arguments.claimed))
        show(comparison.board(), chosen_format(arguments.format, arguments.out), arguments.out)
        return 0 if comparison.correct else 1
    if arguments.check:
        report = checked(given, arguments.seed)
        show(report.board(), chosen_format(arguments.format, arguments.out), arguments.out)
        return 0 if report.passed else 1
    if arguments.to == "latex":
        deliver(given.derivation.to_latex(), arguments.out)
        return 0
    if arguments.to:
        if arguments.format not in (None, "text"):
            raise OptionError(f"--to {arguments.to} writes a program; --format is for the derivation")
        ending = ENDINGS[arguments.to]
        if arguments.out and Path(arguments.out).suffix.lower() not in (ending, ""):
            raise OptionError(f"--to {arguments.to} writes a program; --out {arguments.out} does not end in {ending}")
        deliver(operation_text(given, arguments.to), arguments.out)
        return 0
    board = given.derivation.board()
    code = (Heading("As NumPy"), Listing(operation_text(given, "numpy", test=False)))
    whole = Board(board.title, (*board.blocks, *code), board.style)
    show(whole, chosen_format(arguments.format, arguments.out), arguments.out)
    return 0
