"""The lines between the columns of neurons, and where the weights stand on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .column import Column, Shown
from .node_places import place_nodes, side_boxes, widest_row
from .placing import Tied, spread
from .svg import LINE, Box, Point
from .tracks import rows_of

TONES = ("#4a5a66", "#0b6e99", "#7b3fa0", "#2e7031", "#a3123f", "#6b4f3a", "#3f51b5", "#00736a")
"""The colours of the lines, one for each node that they come from."""

MOST_ROOM = 3.0
"""How far a picture is stretched at most, so that no label stands on another."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What is drawn between two columns: lines, each with a tone, a weight or none, and the weight's place.

    Attributes:
        roomy: whether every label has a place of its own.
    """

    lines: list[list[Point]]
    tones: list[str]
    weights: list[Shown | None]
    places: list[Point]
    roomy: bool


def roomy_gaps(columns: list[Column]) -> list[Gap]:
    """As `gaps_of`, with as little room as every label needs, and `MOST_ROOM` at most."""
    room, gaps = 1.0, gaps_of(columns, 1.0)
    while not all(gap.roomy for gap in gaps) and room < MOST_ROOM:
        room *= 1.12
        gaps = gaps_of(columns, room)
    return gaps


def gaps_of(columns: list[Column], room: float) -> list[Gap]:
    """Gives every unit its place, with `room` times the usual room for labels; then every line and its label."""
    place_nodes(columns, room)
    obstacles = [b for c in columns for u in c.units for b in side_boxes(u)]
    ranks = rows_of([column.sources for column in columns])
    return [_gap(rank, columns, ranks, obstacles) for rank in range(1, 1 + max(ranks))]


def _gap(rank: int, columns: Sequence[Column], ranks: Sequence[int], obstacles: Sequence[Box]) -> Gap:
    """The lines into the columns of a rank from those of the rank before.

    They are slanted only between the widest nodes of the two, so that they pass under no other node.
    """
    lines: list[list[Point]] = []
    tied: list[Tied] = []
    tones: list[str] = []
    weights: list[Shown | None] = []
    into = [c for c, r in zip(columns, ranks, strict=True) if r == rank]
    left = max(u.box.right for c, r in zip(columns, ranks, strict=True) if r == rank - 1 for u in c.units)
    right = min(u.box.left for c in into for u in c.units) - 2
    for column in into:
        for before in dict.fromkeys(s for s in column.sources if ranks[s] == rank - 1):
            for i, o in column.lines(before, len(columns[before].units)):
                source, target = columns[before].units[i], column.units[o]
                weight = column.weights[i][o] if column.weights else None
                rows = weight.rows() if weight is not None else []
                start, end = (left, source.y), (right, target.y)
                lines.append([(source.box.right, source.y), start, end, (target.box.left - 2, target.y)])
                tied.append(Tied(start, end, widest_row(rows), 14.0 * len(rows)))
                # every unit's lines have a tone of their own, so that they can be followed through the crossings
                tones.append(LINE if weight is None else TONES[i % len(TONES)])
                weights.append(weight)
    places, roomy = spread(tied, obstacles)
    return Gap(lines, tones, weights, places, roomy)
