"""chalkgrad derive: the whole forward and backward pass as mathematics."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace

from ..base.errors import OptionError
from .options import DESCRIBED, add_output, add_precision, add_run
from .output import chosen_format, show

HELP = "write out the whole forward and backward pass as mathematics"
DESCRIPTION = "Writes every step in matrix form, with its shape and, if asked, its numbers."
EXAMPLES = ("chalkgrad derive web", "chalkgrad derive web --numbers --out pass.html")


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add("file", metavar="FILE.toml", help=DESCRIBED)
    add("--numbers", action="store_true", help="show the numbers too (of a worked example or a run)")
    add("--update", action="store_true", help="show the update too (of a worked example or a run)")
    add_run(add)
    add_precision(add)
    add_output(add)


def run(arguments: Namespace) -> int:
    """The command."""
    from ..examples.example import Example
    from ..render.blocks import Paragraph
    from .subject import is_run, read_subject, read_worked

    with_samples = is_run(arguments.file) and (arguments.numbers or arguments.update)
    subject = read_worked(arguments) if with_samples else read_subject(arguments.file)
    if isinstance(subject, Example):
        x, y = (subject.x, subject.y) if arguments.numbers else (None, None)
        board = subject.network.derive(
            x,
            y,
            optimizer=subject.optimizer if arguments.update else None,
            precision=arguments.precision,
            labels=subject.labels,
            title=f"{subject.title}: forward and backward pass",
            optimizer_state=subject.carried if arguments.update else None,
            sample_weight=subject.sample_weight,
        )
    else:
        for option in ("numbers", "update"):
            if getattr(arguments, option):
                raise OptionError(f"--{option} needs a worked example, with x and y; {arguments.file} has none")
        board = subject.derive(precision=arguments.precision)
    if with_samples and isinstance(subject, Example):
        board = replace(board, blocks=(Paragraph(subject.text), *board.blocks))
    show(board, chosen_format(arguments.format, arguments.out), arguments.out)
    return 0
