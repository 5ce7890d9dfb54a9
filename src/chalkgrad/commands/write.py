"""chalkgrad write: the network as a script that stands alone."""

from __future__ import annotations

import io
from argparse import Namespace
from pathlib import Path

import numpy as np

from ..errors import OptionError
from ..example import Example
from ..render.board import Board, Listing
from ..render.formats import in_format
from ..write.given import data_needed, weights_needed
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
    script = network.source(arguments.to, x, y, optimizer=optimizer, steps=steps, title=title)
    stands_alone = arguments.to == "c"
    beside = {} if stands_alone else {"weights.npz": weights_needed(network), "data.npz": data_needed(network, x, y)}
    needed = {name: arrays for name, arrays in beside.items() if arrays is not None}
    if needed and arguments.out is None:
        raise OptionError(f"the script reads {' and '.join(needed)} beside it: say where with --out FILE.py")
    form = chosen_format(arguments.format, arguments.out, ("", ".c" if stands_alone else ".py"))
    if form != "text":
        script = in_format(Board(title or f"The network in {arguments.to}", (Listing(script),)), form)
    for name, arrays in needed.items():  # first what the script needs
        content = io.BytesIO()
        np.savez(content, **arrays)  # pyright: ignore[reportArgumentType]
        deliver(content.getvalue(), str(Path(arguments.out).parent / name))
    deliver(script, arguments.out)
    return 0
