"""chalkgrad explain: opens one number of a worked example, or lists all values that can be opened."""

from __future__ import annotations

from argparse import Namespace

import numpy as np

from ..address import Address
from ..diagram import neurons
from ..errors import OptionError
from ..example import Example, load_example
from ..explain.trace import Trace
from ..numerals import significant
from ..render.board import Board, Drawing, Paragraph, Style, Table
from .output import chosen_format, deliver, printed


def run(arguments: Namespace) -> int:
    """The command."""
    example = load_example(arguments.file)
    trace = example.trace(arguments.after)
    form = chosen_format(arguments.format, arguments.out)
    if arguments.address is None:
        deliver(printed(contents(example, trace, arguments.precision), form), arguments.out)
        return 0
    derivation = trace.explain(
        arguments.address,
        form=arguments.form,
        style=arguments.style,
        precision=arguments.precision,
        terms=arguments.terms,
        steps=arguments.steps,
        hand_rounding=arguments.hand_rounding,
        labels={} if arguments.no_labels else None,
    )
    deliver(printed(derivation, form), arguments.out)
    return 0


def contents(example: Example, trace: Trace, precision: int) -> Board:
    """Every value of the pass with its shape and its first numbers."""
    parts = {s.output: s.part for s in trace.program}
    rows: list[tuple[str, ...]] = []
    for name in trace:
        flat = trace[name].ravel()
        shown = " ".join(significant(float(v), precision) for v in flat[:6]) + (" ..." if flat.size > 6 else "")
        shape = " x ".join(map(str, trace[name].shape)) or "number"
        row = (parts.get(name, "given"), name, shape, shown)
        own = [trace.labels.get(str(Address(name, tuple(map(int, p)))), "") for p in np.ndindex(trace[name].shape)]
        rows.append((*row, " ".join(filter(None, own))) if trace.labels else row)
    blocks = [Paragraph(example.text)] if example.text else []
    head = ("part", "value", "shape", "numbers")
    table = Table((*head, "labels") if trace.labels else head, tuple(rows))
    hint = Paragraph('Open any of them by its address, such as "dW1[0, 0]", or by a label.')
    return Board(example.title, (*blocks, *_drawing(example, trace), table, hint), Style(precision))


def _drawing(example: Example, trace: Trace) -> tuple[Drawing, ...]:
    """The network's neurons with their numbers, where it is small enough for that."""
    try:
        picture = neurons(example.network, trace)
    except OptionError:
        return ()
    return (Drawing(picture.svg, picture.title),)
