"""chalkgrad draw: the network as SVG."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from ..base.errors import OptionError
from ..examples.example import Example
from ..files.writing import is_stream
from .described import read_described
from .output import deliver


def run(arguments: Namespace) -> int:
    """The command."""
    batch: int | str = arguments.batch
    if batch != "N":
        try:
            batch = int(arguments.batch)
        except ValueError:
            raise OptionError(f"--batch is a number of samples, or N; not {arguments.batch}") from None
    found = read_described(arguments.file)
    if isinstance(found, Example):
        picture = found.network.diagram(
            arguments.kind, found.x, found.y, labels=found.labels, batch=batch, sample=arguments.sample
        )
    else:
        picture = found.diagram(arguments.kind, batch=batch)
    out = arguments.out
    if out is not None and not out.lower().endswith(".svg") and not is_stream(Path(out)):
        raise OptionError(f"draw writes SVG: give --out a name that ends in .svg, not {out}")
    deliver(picture.svg, out)
    return 0
