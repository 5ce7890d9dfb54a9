"""A model's summary: every layer with its value, its shape and its parameters, as text and on a board."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..base.columns import table
from ..render.blocks import Paragraph, Table
from ..render.board import Board
from .model import Model
from .writer import BATCH

HEAD = ("layer", "value", "shape", "parameters")
MOST_KINDS = 6
"""The most layers that a name tells one by one."""


def summary_text(model: Model) -> str:
    """The summary as text."""
    return f"{table(HEAD, _rows(model))}\n\n{_about(model)}"


def summary_board(model: Model) -> Board:
    """The summary on a board."""
    title = f"Network of {len(model.layers)} layer{'s' * (len(model.layers) != 1)}: {kinds(model)}"
    return Board(title, (Table(HEAD, tuple(_rows(model))), Paragraph(_about(model))))


def kinds(model: Model) -> str:
    """The layers in order, by their kinds; of many the first and the last."""
    names = [layer.kind for layer in model.layers]
    if len(names) > MOST_KINDS:
        names[MOST_KINDS - 2 : -1] = ["..."]
    return " - ".join(names)


def _rows(model: Model) -> list[tuple[str, ...]]:
    steps = model.program.part("forward")
    rows: list[tuple[str, ...]] = [("", n, _shape((BATCH, *s)), "") for n, s in model.layout.inputs.items()]
    for line in model.layout.lines:
        outputs = [s for s in steps if s.owner.line == line.place]
        sizes = {name: parameter.shape for name, parameter in line.parameters.items()}
        count = sum(math.prod(s) for s in sizes.values())
        detail = ", ".join(f"{n} {'x'.join(map(str, s))}" for n, s in sizes.items())
        value, shape = (outputs[-1].output, _shape(outputs[-1].shape)) if outputs else ("", "")
        rows.append((line.label, value, shape, f"{count:,} ({detail})" if sizes else ""))
    return rows


def _about(model: Model) -> str:
    frozen = f", of which {', '.join(model.frozen)} frozen" if model.frozen else ""
    loss = model.loss_function
    return (
        f"{model.flat.size:,} parameters{frozen}, {model.dtype}, loss {loss.kind} ({loss.reduction} over the samples)"
    )


def _shape(shape: Sequence[Any]) -> str:
    return " x ".join(map(str, shape))
