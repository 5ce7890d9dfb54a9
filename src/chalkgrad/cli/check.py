"""chalkgrad check: a worked example's gradients against central differences, or somebody's numbers against them."""

from __future__ import annotations

from argparse import Namespace

from ..base.errors import OptionError
from ..diagnosis import diagnose
from ..diagnosis.answers import read_answers
from ..render.blocks import Listing
from ..render.board import Board
from .described import read_example
from .output import chosen_format, deliver, show, terminal_width


def run(arguments: Namespace) -> int:
    """The command: 0 where nothing is wrong, 1 where something is."""
    example = read_example(arguments.file)
    form = chosen_format(arguments.format, arguments.out)
    if arguments.claimed is None:
        if arguments.before is not None:
            raise OptionError("--before belongs to --claimed")
        found = example.network.check_gradients(example.x, example.y)
        board = Board(f"{example.title}: gradients against central differences", (Listing(str(found), "text"),))
        if form == "text":
            deliver(found.to_text(width=terminal_width(arguments.out)) + "\n", arguments.out)
        else:
            show(board, form, arguments.out)
        return 0 if found.passed else 1
    diagnosis = diagnose(
        example.network,
        example.x,
        example.y,
        read_answers(arguments.claimed),
        optimizer=example.optimizer,
        before=None if arguments.before is None else dict(read_example(arguments.before).network.parameters),
        labels=example.labels,
        optimizer_state=example.carried,
    )
    board = diagnosis.board()
    if form == "json":
        deliver(diagnosis.to_json() + "\n", arguments.out)
    else:
        show(board, form, arguments.out)
    return 0 if diagnosis.correct else 1
