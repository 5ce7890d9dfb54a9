"""chalkgrad derive: the whole forward and backward pass as mathematics."""

from __future__ import annotations

from argparse import Namespace

from ..base.errors import OptionError
from ..examples.example import Example
from .described import read_described
from .output import chosen_format, show


def run(arguments: Namespace) -> int:
    """The command."""
    found = read_described(arguments.file)
    if isinstance(found, Example):
        x, y = (found.x, found.y) if arguments.numbers else (None, None)
        optimizer = found.optimizer if arguments.update else None
        board = found.network.derive(
            x, y, optimizer=optimizer, precision=arguments.precision, labels=found.labels,
            title=f"{found.title}: forward and backward pass",
            optimizer_state=found.carried if arguments.update else None,
        )  # fmt: skip
    else:
        for wanted in ("numbers", "update"):
            if getattr(arguments, wanted):
                raise OptionError(f"--{wanted} needs a worked example, with x and y; {arguments.file} has none")
        board = found.derive(precision=arguments.precision)
    form = chosen_format(arguments.format, arguments.out)
    show(board, form, arguments.out)
    return 0
