"""chalkgrad replay: the figures of the five works, calculated again."""

from __future__ import annotations

import sys
from argparse import Namespace

from ..replay import REPLAYS, replay
from ..replay.board import replays_board
from .output import chosen_format, show

SHOWN = 4
"""How many numbers of a matrix stand in a table of plain text."""


def run(arguments: Namespace) -> int:
    """The command."""
    names = [arguments.document] if arguments.document is not None else list(REPLAYS)
    if "000" in names and not arguments.quick and sys.stderr.isatty():
        print("training the class of 000 and its correct version, about a minute (--quick leaves it out)",
              file=sys.stderr)  # fmt: skip
    replays = [replay(name, long=not arguments.quick) for name in names]
    form = chosen_format(arguments.format, arguments.out)
    board = replays_board(replays, most=SHOWN if form == "text" else None, only_wrong=arguments.only_wrong)
    show(board, form, arguments.out)
    return 0
