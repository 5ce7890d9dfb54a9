"""Shows how a network becomes C, stage by stage: `python -m chalkgrad.engines.c --show plan web`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ...base.errors import ChalkgradError
from .schedule.products import Machine
from .schedule.request import training_request
from .show import STAGES, show


def main(argv: Sequence[str] | None = None) -> None:
    """Prints a stage for a worked example or a saved network, a training step by SGD of its samples or of 32.

    Args:
        argv: the arguments; those of the process where there are none.
    """
    parser = argparse.ArgumentParser(prog="python -m chalkgrad.engines.c", description=__doc__)
    parser.add_argument("--show", choices=STAGES, default="c", help="the stage (default: %(default)s)")
    parser.add_argument("--bytes", type=int, default=16, help="bytes of the widest vector (default: %(default)s)")
    parser.add_argument("network", metavar="EXAMPLE_OR_DIR", help="a worked example's name, or a saved network")
    arguments = parser.parse_args(argv)

    from ... import SGD, load, load_example  # the tool stands above the engine that it shows

    try:
        if Path(arguments.network).is_dir():
            network, batch = load(arguments.network), 32
        else:
            example = load_example(arguments.network)
            network, batch = example.network, len(example.x)
    except ChalkgradError as error:
        parser.error(str(error))
    program = network.updated_by(SGD())
    loss = program.resolve("L")
    carried = [*network.parameters, *network.states]
    title, machine = repr(network), Machine(arguments.bytes, 16, network.dtype.itemsize, arguments.bytes)
    request = training_request(program, carried, batch, 1, loss, title, network.dtype)
    print(show(arguments.show, request, machine))


if __name__ == "__main__":
    main()
