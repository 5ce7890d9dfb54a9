"""Where the nodes of a picture of neurons stand: their sizes, and the columns from left to right."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .column import Column, Shown, Unit
from .svg import Box, Span, shortened, text_width
from .tracks import rows_of

SMALL = 11
SIZE = 12.5
ROW = 15.0
"""From one baseline to the next."""


def measure(columns: list[Column]) -> None:
    """Gives every node its size; those of a column are equally wide."""
    for column in columns:
        for unit in column.units:
            rows = [stage.rows() for stage in unit.stages]
            unit.width = max(48.0, max(map(widest_row, rows)) + 22)
            unit.height = ROW * sum(map(len, rows)) + 14 + 7 * (len(unit.stages) - 1)
            if unit.height > unit.width and column.kind == "input":
                unit.width = unit.height
        widest = max(u.width for u in column.units)
        for unit in column.units:
            unit.width = widest


def row_width(row: Sequence[Span], size: float) -> float:
    """The width of a row of text."""
    return sum(text_width(s.text, size, bold=bool(s.bold)) for s in row)


def room_above(unit: Unit) -> float:
    """The height that a node's bias takes above it."""
    return (ROW * len(bias_rows(unit)) + 14) if unit.bias else 0.0


def room_below(unit: Unit) -> float:
    """The height that a node's target takes below it."""
    return 22.0 if unit.target else 0.0


def bias_rows(unit: Unit) -> list[list[Span]]:
    """The rows of a node's bias; none where it has none."""
    return unit.bias.rows() if unit.bias else []


def letter_sizes(rows: Sequence[object]) -> list[float]:
    """The letters' height in every row of a label: the gradient is smaller."""
    return [SIZE if row == 0 else SMALL for row in range(len(rows))]


def widest_row(rows: Sequence[Sequence[Span]]) -> float:
    """The width of a label's widest row."""
    return max((row_width(r, size) for r, size in zip(rows, letter_sizes(rows), strict=True)), default=0.0)


def _weight_size(column: Column) -> tuple[float, float]:
    """The width and height of the largest label on the lines into a column; 0 where there are none."""
    labels = [w.rows() for row in column.weights for w in row if w is not None]
    if not labels:
        return 0.0, 0.0
    return max(map(widest_row, labels)), 14.0 * max(map(len, labels))


def place_nodes(columns: list[Column], room: float) -> None:
    """Puts the columns from left to right, each in the middle of the height; branches below each other."""
    pitches: list[float] = []
    users = [[c for c in columns if place in c.sources] for place in range(len(columns))]
    for place, column in enumerate(columns):
        least = max(u.height + room_above(u) + room_below(u) for u in column.units) + 26
        around = [c for c in (column, *users[place]) if c.weights]
        down = max((_weight_size(c)[1] for c in around), default=0.0)
        pitches.append(max(least, 3.2 * (down + 5)) * math.sqrt(room) if down else least)
    for place, column in enumerate(columns):
        if column.paired:
            alike = [*column.sources, place]
            for other in alike:
                pitches[other] = max(pitches[k] for k in alike)
    ranks = rows_of([column.sources for column in columns])
    groups = [[k for k, r in enumerate(ranks) if r == rank] for rank in range(1 + max(ranks))]
    height = max(_stacked([columns[k] for k in group], [pitches[k] for k in group]) for group in groups)
    x = 0.0
    for rank, group in enumerate(groups):
        inside = [columns[k] for k in group]
        half = max(c.units[0].width for c in inside) / 2
        bias = max((row_width(r, SMALL) for c in inside for u in c.units for r in bias_rows(u)), default=0.0) / 2
        heading = max(text_width(shortened(line), SIZE, bold=True) for c in inside for line in c.heading) / 2
        reach = max(half, bias - 8, heading - 16)
        if rank:
            across = max(_weight_size(c)[0] for c in inside)
            bare = 96 if any(len(c.sources) > 1 for c in inside) else 48
            labelled = sum(w is not None for c in inside for row in c.weights for w in row)
            x += max(across * (1.35 + 0.034 * labelled) + 22, 104) * room + reach if across else bare + reach
        y = -_stacked(inside, [pitches[k] for k in group]) / 2
        for k in group:
            column = columns[k]
            alone = len(group) == 1
            pitch = min(height / len(column.units), 1.7 * pitches[k]) if alone else pitches[k]
            y += 0 if alone or k == group[0] else _headed(column)
            middle = 0.0 if alone else y + pitch * len(column.units) / 2
            for u, unit in enumerate(column.units):
                unit.x = x
                unit.y = middle + (u - (len(column.units) - 1) / 2) * pitch
            if not alone:
                column.top = column.units[0].y - column.units[0].height / 2 - room_above(column.units[0])
            y += pitch * len(column.units)
        x += reach


def _stacked(columns: Sequence[Column], pitches: Sequence[float]) -> float:
    """The height of columns below each other."""
    return sum(p * len(c.units) for p, c in zip(pitches, columns, strict=True)) + sum(map(_headed, columns[1:]))


def _headed(column: Column) -> float:
    """The room for a heading between two columns that stand below each other."""
    return ROW * len(column.heading) + 26


def side_boxes(unit: Unit) -> list[Box]:
    """The places of what stands above and below a node."""
    boxes: list[Box] = []
    if unit.bias:
        across = max(row_width(r, SMALL) for r in bias_rows(unit)) / 2 + 3
        top = unit.y - unit.height / 2
        boxes.append(Box(unit.x - across, top - room_above(unit), unit.x + across, top))
    if unit.target:
        across = row_width(target_row(unit.target), SMALL) / 2 + 3
        bottom = unit.y + unit.height / 2
        boxes.append(Box(unit.x - across, bottom, unit.x + across, bottom + 20))
    return boxes


def target_row(target: Shown) -> list[Span]:
    """A target as a row of text."""
    return [Span("target "), *target.rows()[0]]
