"""The picture of a sweep: the loss over the epochs, and every seed's figure beside the mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..plots.figure import INK, new_figure, plain, png, short
from .table import HEADS, Figure, Row, judged_by

COLOURS = (
    "#0b6e99", "#d9730d", "#0f7b6c", "#ad1a72", "#6940a5", "#dfab01", "#e03e3e", "#64473a", "#787774", "#337ea9",
)  # fmt: skip
MOST_ROWS = 40
WIDE = 10.0
"""Losses that differ by more than this factor are drawn on a logarithmic scale."""


@plain()
def picture(found: Sequence[Row]) -> bytes | None:
    """Left the mean loss of every choice of settings, with a band of a standard deviation where two seeds or more
    were still trained; right what the choice is judged by: a point for each seed, mean and spread. As PNG; None where
    nothing is done, or where there are too many settings to be told apart.
    """
    quantity, drawn = judged_by(found), [row for row in found if row.done]
    if quantity is None or len(drawn) > MOST_ROWS:
        return None
    figure = new_figure(10, max(3.6, 1.2 + 0.32 * len(drawn)))
    left, right = figure.subplots(1, 2)
    curves = len(drawn) <= len(COLOURS)
    for place, row in enumerate(drawn):
        colour = COLOURS[place % len(COLOURS)]
        _curve(left, row, colour)
        _points(right, row, quantity, place, colour)
    validation = any(o.validation_loss is not None for row in drawn for o in row.done)
    left.set_title(f"{'validation' if validation else 'training'} loss: mean, ± s over the seeds", fontsize=10)
    left.set_xlabel("epoch")
    left.grid(alpha=0.3)
    left.xaxis.get_major_locator().set_params(integer=True)
    losses = [loss for row in drawn for o in row.done for loss in o.curve if math.isfinite(loss)]
    if losses and 0 < WIDE * min(losses) < max(losses):
        from matplotlib.ticker import LogLocator, StrMethodFormatter

        left.set_yscale("log")
        left.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        left.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        left.yaxis.set_minor_formatter("")
    right.set_title(f"{HEADS[quantity]}: every seed, mean ± s", fontsize=10)
    right.set_yticks(range(len(drawn)), [short(row.group.name or "all", 34) for row in drawn], fontsize=8)
    right.set_ylim(len(drawn) - 0.5, -0.5)
    right.grid(alpha=0.3)
    if not curves:
        left.set_title(left.get_title() + "; colours repeat", fontsize=10)
    return png(figure)


def _curve(axes: Any, row: Row, colour: str) -> None:
    """The mean loss of a choice of settings over the epochs."""
    curves = [o.curve for o in row.done if o.curve]
    means: list[float] = []
    lows: list[float] = []
    highs: list[float] = []
    for epoch in range(max(map(len, curves), default=0)):
        values = [c[epoch] for c in curves if len(c) > epoch and math.isfinite(c[epoch])]
        if len(values) < min(2, len(curves)):
            break  # a mean over one seed would jump from that over several
        figure = Figure.of(values)
        means.append(figure.mean)
        lows.append(figure.mean - (figure.spread or 0.0))
        highs.append(figure.mean + (figure.spread or 0.0))
    epochs = range(1, len(means) + 1)
    axes.plot(epochs, means, color=colour, lw=1.5, marker="o" if len(means) < 2 else None)
    floor = min((m for m in means if m > 0), default=0.0) / 10
    axes.fill_between(epochs, [max(low, floor) for low in lows], highs, color=colour, alpha=0.15, lw=0)


def _points(axes: Any, row: Row, quantity: str, place: int, colour: str) -> None:
    """Every seed of a choice of settings, and mean and spread."""
    scale = 100 if quantity.endswith("accuracy") else 1
    values = [scale * getattr(o, quantity) for o in row.done]
    figure = row.figures[quantity]
    axes.plot(values, [place] * len(values), "o", color=colour, ms=5, alpha=0.5, mew=0)
    axes.errorbar(
        scale * figure.mean,
        place + 0.22,
        xerr=scale * (figure.spread or 0.0),
        color=INK,
        fmt="|",
        ms=9,
        lw=1.2,
        capsize=3,
    )
