"""The contents of a worked example: all its values, or the elements of one of them."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..base.address import Address
from ..base.checks import whole
from ..base.digits import significant
from ..base.errors import OptionError
from ..diagram import neurons
from ..examples.example import Example
from ..explain.board import printed
from ..explain.derive import in_rows
from ..explain.trace import Trace
from ..render.blocks import Drawing, Paragraph, Style, Table
from ..render.board import Board
from ..render.text import TextMath


def elements(file: str, trace: Trace, name: str, settings: Mapping[str, Any]) -> Board:
    """A whole value: each of its elements with what made it, as many as `steps` says, and how one of them is opened."""
    shape = trace[name].shape
    if not trace[name].size:
        raise OptionError(f"{name} has no elements: its shape is {shape}")
    places = list(itertools.islice(np.ndindex(shape), whole("explain", "steps", settings["steps"])))
    derivations = [trace.explain(str(Address(name, place)), **settings) for place in places]
    first = derivations[0]
    printer = TextMath(first.settings)
    rows = [
        (d.address, printer.inline(d.head), significant(printed(d), d.settings.precision),
         d.symbols if d.expression is not None else "given")
        for d in derivations
    ]  # fmt: skip
    renamed = any(row[0] != row[1] for row in rows)
    head = ("element", "called", "number", "what made it")
    columns = [i for i in range(4) if i != 1 or renamed]
    cells = tuple(tuple(row[i] for i in columns) for row in rows)
    table = Table(tuple(head[i] for i in columns), cells, (columns.index(2),))
    rule = [Paragraph(f"{first.rule}: {first.formula}, {first.layer}")] if first.formula else []
    remaining = trace[name].size - len(rows)
    more = [Paragraph(f"{remaining:,} more are not shown: --steps N shows N of them.")] if remaining else []
    moment = [Paragraph(trace.moment)] if trace.moment else []
    hint = f"Open one of them with: chalkgrad explain {shlex.quote(file)} {shlex.quote(first.address)}"
    title = f"{name}, {' x '.join(map(str, shape))}"
    return Board(title, (*moment, *rule, table, *more, Paragraph(hint)), Style(first.settings.precision))


def contents(example: Example, trace: Trace, precision: int) -> Board:
    """Every value of the pass with its shape and its first numbers."""
    parts = {s.output: s.part for s in trace.program}
    operands = {name for step in trace.program for name in step.inputs}
    rows: list[tuple[str, ...]] = []
    for name in trace:
        if parts.get(name) is None and name not in operands:
            continue  # a clock that nothing asks for
        shape = " x ".join(map(str, trace[name].shape)) or "number"
        row = (parts.get(name, "given"), name, shape, in_rows(trace[name], precision))
        rows.append((*row, _labels(trace, name)) if trace.labels else row)
    blocks = [Paragraph(text) for text in (example.text, trace.moment) if text]
    head = ("part", "value", "shape", "numbers")
    table = Table((*head, "labels") if trace.labels else head, tuple(rows))
    hint = Paragraph('Open any of them by its address, such as "dW1[0, 0]", or by a label.')
    return Board(example.title, (*blocks, *_drawing(example, trace), table, hint), Style(precision))


def _labels(trace: Trace, name: str) -> str:
    """A value's labels in rows like its numbers; elements without one are a dash."""
    array = trace[name]
    labels = {a.place: label for a, label in ((Address.parse(k), v) for k, v in trace.labels.items()) if a.name == name}
    if not labels:
        return ""
    if array.ndim > 2 or array.size > 36:
        return " ".join(labels.values())
    rows = np.array([labels.get(p, "-") for p in np.ndindex(array.shape)], dtype=object).reshape(array.shape or (1,))
    inner = ", ".join(f"[{', '.join(row)}]" for row in np.atleast_2d(rows))
    return inner[1:-1] if array.ndim == 0 else inner if array.ndim == 1 else f"[{inner}]"


def _drawing(example: Example, trace: Trace) -> tuple[Drawing, ...]:
    """The network's neurons with their numbers, where it is small enough for that."""
    try:
        picture = neurons(example.network, trace)
    except OptionError:
        return ()
    return (Drawing(picture.svg, picture.title),)
