"""chalkgrad draw: the network as SVG."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..base.errors import OptionError
from .options import DESCRIBED
from .output import check_ending, deliver

HELP = "draw the network as SVG"
DESCRIPTION = (
    "Draws the neurons with their values and weights, the layers with their shapes, or the computation graph; of "
    "networks over sequences the cell of recurrent layers, the steps of time side by side, the attention, and how "
    "large the gradient is at each step back in time."
)
EXAMPLES = (
    "chalkgrad draw cnn --kind graph --out graph.svg",
    "chalkgrad draw runs/names-lstm --kind unrolled --out unrolled.svg",
)
KINDS = ("auto", "neurons", "layers", "graph", "cell", "unrolled", "attention", "gradients")


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add("file", metavar="FILE.toml", help=DESCRIBED)
    add(
        "--kind",
        default="auto",
        choices=KINDS,
        metavar="KIND",
        help="neurons: nodes and edges with their values; layers: the structure with shapes; graph: the computation "
        "with batch shapes; cell: a step of each recurrent layer; unrolled: the steps of time side by side; attention: "
        "which query sees which key, and with samples how much; gradients: their size at each step back in time; auto "
        "(the default): neurons where the network is small, else layers",
    )
    add("--sample", type=int, default=0, metavar="N", help="the sample whose numbers the neurons show (default 0)")
    add("--batch", default="N", metavar="N", help="the number of samples in shapes (default: the letter N)")
    add("--out", metavar="FILE.svg", help="write to this file instead of the terminal")


def run(arguments: Namespace) -> int:
    """The command."""
    from ..examples.example import Example
    from .subject import read_subject

    check_ending(arguments.out, (".svg",), "draw writes SVG")
    batch: int | str = arguments.batch
    if batch != "N":
        try:
            batch = int(arguments.batch)
        except ValueError:
            raise OptionError(f"--batch is a number of samples, or N; not {arguments.batch}") from None
    subject = read_subject(arguments.file)
    if isinstance(subject, Example):
        picture = subject.network.diagram(
            arguments.kind, subject.x, subject.y, labels=subject.labels, batch=batch, sample=arguments.sample,
            sample_weight=subject.sample_weight,
        )  # fmt: skip
    else:
        picture = subject.diagram(arguments.kind, batch=batch)
    deliver(picture.svg, arguments.out)
    return 0
