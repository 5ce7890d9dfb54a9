"""The contents of a worked example: all its values, or the elements of one of them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from ..base.address import Address
from ..base.errors import OptionError
from ..diagram import neurons
from ..examples.example import Example
from ..explain.derive import in_rows
from ..explain.elements import elements_board
from ..explain.trace import Trace
from ..render.blocks import Drawing, Paragraph, Style, Table
from ..render.board import Board


def elements(file: str, trace: Trace, name: str, settings: Mapping[str, Any]) -> Board:
    """A whole value: each of its elements with what made it, as many as `steps` says, and how one of them is opened."""
    explain = partial(trace.explain, **settings)

    def opened(address: str) -> str:
        return f"chalkgrad explain {shlex.quote(file)} {shlex.quote(address)}"

    return elements_board(trace, name, settings["steps"], explain, more="--steps N", opened=opened)


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
