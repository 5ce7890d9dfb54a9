"""chalkgrad replay: the figures of the five works and of eight examples of our own, calculated again."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from .options import add_output
from .output import chosen_format, show

HELP = "recompute the figures of worked examples and say which printed ones are right"
DESCRIPTION = (
    "Shows every printed figure beside ours. Where they differ, names the mistake that gives the printed one. "
    "docs/documents.md in the repository says what the examples are."
)
EXAMPLES = ("chalkgrad replay 002", "chalkgrad replay 000 --only-wrong --out replay.html")

SHOWN = 4
"""How many numbers of a matrix stand in a table of plain text."""


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add(
        "document",
        nargs="?",
        metavar="EXAMPLE",
        help="000 (a convolutional network by hand), 001 (a digit recogniser), 002 (the 2-2-2 network), 003 (a neuron "
        "and a layer), web (the example that 002 follows), or one of our own: residual, shared, rnn, lstm, gru, "
        "attention, transformer-block, backprop-by-hand; all if not given",
    )
    add("--quick", action="store_true", help="leave out the two long trainings of 000 (a minute)")
    add("--only-wrong", action="store_true", help="only figures that are not what correct back-propagation gives")
    add_output(add)


def run(arguments: Namespace) -> int:
    """The command."""
    from ..replay import REPLAYS, replay
    from ..replay.board import replays_board

    names = [arguments.document] if arguments.document is not None else list(REPLAYS)
    if "000" in names and not arguments.quick and sys.stderr.isatty():
        print("running the two long trainings of 000, about a minute (--quick leaves them out)", file=sys.stderr)
    replays = [replay(name, long=not arguments.quick) for name in names]
    form = chosen_format(arguments.format, arguments.out)
    board = replays_board(replays, most=SHOWN if form == "text" else None, only_wrong=arguments.only_wrong)
    show(board, form, arguments.out)
    return 0
