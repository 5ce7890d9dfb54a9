"""chalkgrad write: the network as a script that stands alone."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..base.errors import OptionError
from ..base.text import visible
from ..files.writing import is_stream
from ..render.formats import in_format
from .options import DESCRIBED, add_output
from .output import chosen_format, deliver

HELP = "write the network as a script that stands alone"
DESCRIPTION = "Writes the forward pass, the backward pass and the update as a script in NumPy, in PyTorch or in C."
EXAMPLES = ("chalkgrad write web --to numpy --out by_hand.py",)


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add("file", metavar="FILE.toml", help=DESCRIBED)
    add(
        "--to",
        choices=("numpy", "torch", "c"),
        metavar="LANGUAGE",
        help="numpy (the default), torch, or c (the default for --out FILE.c): a program that needs a C compiler and "
        "nothing else",
    )
    add("--steps", type=int, metavar="N", help="how many updates it makes; 0: it predicts (default: the example's)")
    add_output(add)


def run(arguments: Namespace) -> int:
    """The command."""
    from ..examples.example import Example
    from ..render.blocks import Listing
    from ..render.board import Board
    from ..write.arrays import files_beside
    from .subject import read_subject

    subject = read_subject(arguments.file)
    if isinstance(subject, Example):
        network, x, y, optimizer = subject.network, subject.x, subject.y, subject.optimizer
        steps = subject.steps if arguments.steps is None else arguments.steps
        title, weights = subject.title, subject.sample_weight
        if steps and subject.optimizer_state:
            raise OptionError(
                f"a script starts at the first update, but {arguments.file} after {subject.steps_before}, with what "
                f"{optimizer.kind} carries on: write the prediction (--steps 0), or the example from its start"
            )
    else:
        network, x, y, optimizer = subject, None, None, "SGD"
        steps, title, weights = 1 if arguments.steps is None else arguments.steps, "", None
    to = arguments.to or ("c" if str(arguments.out).lower().endswith(".c") else "numpy")
    stands_alone = to == "c"
    form = chosen_format(arguments.format, arguments.out, ("", ".c" if stands_alone else ".py"))
    to_file = arguments.out is not None and form == "text" and not is_stream(Path(arguments.out))
    out = arguments.out if to_file else None  # a page holds all of it, and beside a stream there is no place for files
    script = network.source(
        to, x, y, optimizer=optimizer, steps=steps, title=title, out=out, sample_weight=weights
    )  # fmt: skip
    if form != "text":
        script = in_format(Board(title or f"The network in {to}", (Listing(script),)), form)
    if out is None:
        deliver(script, arguments.out)
        return 0
    path = Path(out)
    beside = {} if stands_alone else files_beside(network, x, y, path.stem, weights)
    for file in (*(path.parent / name for name in beside), path):
        print(f"written: {visible(str(file))}")
    return 0
