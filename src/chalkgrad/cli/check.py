"""chalkgrad check: a worked example's gradients against central differences, or somebody's numbers against them."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import replace

from ..base.colour import coloured
from ..base.errors import OptionError, ShapeError, UnknownNameError
from .options import WORKED_OR_RUN, add_output, add_run
from .output import chosen_format, deliver, fitted, show, terminal_width

HELP = "check gradients, or find the mistake in somebody's gradients"
DESCRIPTION = (
    "Without --claimed, compares every gradient with central differences. With --claimed, compares the claimed numbers "
    "with the right ones and names the mistakes that give the wrong ones; with --code, those that a function of your "
    "own computes. The exit code is 1 where something is wrong."
)
NUMBERS = 100
"""So many numbers of each gradient of a run are compared where nothing is said."""
EXAMPLES = (
    "chalkgrad check web",
    "chalkgrad check web --claimed answers.toml --out report.html",
    "chalkgrad check web --code my_backward.py:gradients",
    "chalkgrad check runs/digits-mlp --samples 8",
)


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add("file", metavar="FILE.toml", help=WORKED_OR_RUN)
    add(
        "--claimed",
        metavar="ANSWERS",
        help="the numbers to check: a .toml, .json, .csv, .npz or .safetensors file of numbers by name, address or "
        "label (L_next is the loss after the update); gradients may have PyTorch's names, 0.weight",
    )
    add(
        "--code",
        metavar="FILE.py:NAME",
        help="the code to check: a function of the parameters by name, x and y that gives gradients by the parameters' "
        "names, or an nn.Module. The file is run",
    )
    add(
        "--before",
        metavar="FILE.toml",
        help="the example of an earlier pass, whose values may have been used again (needs --claimed or --code)",
    )
    add_run(add)
    add(
        "--numbers",
        type=int,
        metavar="N",
        help="compare N numbers of each gradient, drawn from the seed (default: all; of a run 100)",
    )
    add_output(add)


def run(arguments: Namespace) -> int:
    """The command: 0 where nothing is wrong, 1 where something is."""
    from ..diagnosis import diagnose
    from ..diagnosis.claims.file import read_claims_file
    from ..render.blocks import Listing, Paragraph
    from ..render.board import Board
    from .code import read_code, watched
    from .subject import is_run, read_example, read_worked

    if arguments.claimed is not None and arguments.code is not None:
        raise OptionError("--claimed gives numbers and --code what computes them: give one of the two")
    example = read_worked(arguments)
    of_run = is_run(arguments.file)
    about = (Paragraph(example.text),) if of_run else ()
    form = chosen_format(arguments.format, arguments.out)
    if arguments.claimed is None and arguments.code is None:
        if arguments.before is not None:
            raise OptionError("--before needs --claimed or --code")
        numbers = NUMBERS if arguments.numbers is None and of_run else arguments.numbers
        report = example.network.check_gradients(
            example.x, example.y, samples=numbers, sample_weight=example.sample_weight
        )
        if form == "text":
            said = ""
            if of_run:
                said = fitted(f"{example.text} At most {numbers} numbers of each gradient are compared.") + "\n\n"
            text = report.to_text(width=terminal_width(arguments.out)) + "\n"
            if arguments.out is None:
                for word, style in (("same", "green"), ("DIFFERS", "red")):
                    text = text.replace(f"  {word}\n", f"  {coloured(word, style, sys.stdout)}\n")
            deliver(said + text, arguments.out)
        else:
            title = f"{example.title}: gradients against central differences"
            show(Board(title, (*about, Listing(str(report), "text"))), form, arguments.out)
        return 0 if report.passed else 1
    settings = {
        "optimizer": example.optimizer,
        "before": None if arguments.before is None else dict(read_example(arguments.before).network.parameters),
        "labels": example.labels,
        "optimizer_state": example.carried,
        "sample_weight": example.sample_weight,
    }
    if arguments.code is None:
        claimed = read_claims_file(str(arguments.claimed))
        if isinstance(claimed.get("name"), str) and "name" not in example.labels.values():
            del claimed["name"]  # of an answer sheet: whose it is
        try:
            diagnosis = diagnose(example.network, example.x, example.y, claimed, **settings)
        except (UnknownNameError, ShapeError) as error:
            raise type(error)(f"{arguments.claimed}: {error}") from None
    else:
        code = watched(read_code(arguments.code), arguments.code)
        diagnosis = diagnose(code, example.x, example.y, like=example.network, **settings)
    board = diagnosis.board()
    board = replace(board, blocks=(*about, *board.blocks)) if of_run else board
    if form == "json":
        deliver(diagnosis.to_json() + "\n", arguments.out)
    else:
        show(board, form, arguments.out)
    return 0 if diagnosis.correct else 1
