"""chalkgrad write: the network as a script that stands alone."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from ..base.errors import OptionError
from ..base.text import visible
from ..examples.example import Example
from ..files.writing import is_stream
from ..render.blocks import Listing
from ..render.board import Board
from ..render.formats import in_format
from ..write.given import files_beside
from .described import read_described
from .output import chosen_format, deliver


def run(arguments: Namespace) -> int:
    """The command."""
    found = read_described(arguments.file)
    if isinstance(found, Example):
        network, x, y, optimizer = found.network, found.x, found.y, found.optimizer
        steps = found.steps if arguments.steps is None else arguments.steps
        title = found.title
        if steps and found.optimizer_state:
            raise OptionError(
                f"a script starts at the first update, and {arguments.file} after {found.steps_before}, with what "
                f"{optimizer.kind} carries on: write the prediction (--steps 0), or the example from its start"
            )
    else:
        network, x, y, optimizer = found, None, None, "SGD"
        steps, title = 1 if arguments.steps is None else arguments.steps, ""
    to = arguments.to or ("c" if str(arguments.out).lower().endswith(".c") else "numpy")
    stands_alone = to == "c"
    form = chosen_format(arguments.format, arguments.out, ("", ".c" if stands_alone else ".py"))
    to_file = arguments.out is not None and form == "text" and not is_stream(Path(arguments.out))
    out = arguments.out if to_file else None  # a page holds all of it, and beside a stream lies nothing
    script = network.source(to, x, y, optimizer=optimizer, steps=steps, title=title, out=out)
    if form != "text":
        script = in_format(Board(title or f"The network in {to}", (Listing(script),)), form)
    if out is None:
        deliver(script, arguments.out)
        return 0
    path = Path(out)
    beside = {} if stands_alone else files_beside(network, x, y, path.stem)
    for file in (*(path.parent / name for name in beside), path):
        print(f"written: {visible(str(file))}")
    return 0
