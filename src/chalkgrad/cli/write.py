"""chalkgrad write: the network as a script that stands alone, as an ONNX model, or its weights."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import OptionError
from ..base.text import visible
from ..files.writing import is_stream
from ..render.formats import in_format
from .options import DESCRIBED, add_output
from .output import chosen_format, deliver

if TYPE_CHECKING:
    from ..network import Network

HELP = "write the network as a script that stands alone, or as an ONNX model"
DESCRIPTION = (
    "Writes the forward pass, the backward pass and the update as a script in NumPy, in PyTorch or in C; the forward "
    "pass as an ONNX model; or the weights alone as a .safetensors file."
)
EXAMPLES = ("chalkgrad write web --to numpy --out by_hand.py", "chalkgrad write runs/mnist --out net.onnx")
ENDINGS = {".c": "c", ".onnx": "onnx", ".safetensors": "safetensors"}
"""What a file of this ending is written as, if --to does not say it."""
FILES = ("onnx", "safetensors")
"""What is a file of bytes, and no script."""


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add("file", metavar="FILE.toml", help=DESCRIBED)
    add(
        "--to",
        choices=("numpy", "torch", "c", *FILES),
        metavar="LANGUAGE",
        help="numpy (the default), torch, or c (the default for --out FILE.c): a program that needs a C compiler and "
        "nothing else; onnx (for FILE.onnx), the forward pass for other programs; safetensors, the weights alone",
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
    to = arguments.to or ENDINGS.get(Path(str(arguments.out)).suffix.lower(), "numpy")
    if to in FILES:
        return _write_file(network, to, arguments, title)
    stands_alone = to == "c"
    form = chosen_format(arguments.format, arguments.out, ("", ".c" if stands_alone else ".py"), (".py", *ENDINGS))
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


def _write_file(network: Network, to: str, arguments: Namespace, title: str) -> int:
    """Writes the network as an ONNX model, or its weights."""
    if arguments.out is None:
        raise OptionError(f"--to {to} gives a file of bytes: say --out FILE.{to}")
    if arguments.format is not None or arguments.steps is not None:
        raise OptionError(f"--to {to} gives no text, and holds no training: leave --format and --steps out")
    if to == "onnx":
        network.export(arguments.out, title=title)
    else:
        network.save_weights(arguments.out)
    print(f"written: {visible(arguments.out)}")
    return 0
