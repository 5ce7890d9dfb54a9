"""Lines for values that pass other columns of neurons: below the picture, one for a whole column."""

from __future__ import annotations

from .column import Column
from .svg import PAPER, SOFT, Canvas, Point
from .tracks import rows_of

LANE = 22.0
"""The height of one line with its label."""
ASIDE = 9.0
"""How far a line keeps from the column that it passes."""


def draw_skips(canvas: Canvas, columns: list[Column]) -> None:
    """Draws what goes past other columns, under all that is drawn already."""
    ranks = rows_of([column.sources for column in columns])
    bottom = max(b.bottom for b in canvas.extents) + 10
    ways = [(s, k) for k, c in enumerate(columns) for s in dict.fromkeys(c.sources) if ranks[s] < ranks[k] - 1]
    ways.sort(key=lambda way: ranks[way[1]] - ranks[way[0]])
    for place, (source, target) in enumerate(ways):
        y = bottom + LANE * (place + 1)
        leave = _down(columns, ranks, source, 1, place)
        arrive = _down(columns, ranks, target, -1, place)
        points: list[Point] = [*leave, (leave[-1][0], y), (arrive[-1][0], y), *reversed(arrive)]
        canvas.line(points, stroke=SOFT, width=1.8, arrow=True)
        label = f"{columns[source].value}: each value to a node of its own"
        middle = (leave[-1][0] + arrive[-1][0]) / 2
        canvas.text(middle, y - 5, label, size=11, fill=SOFT, halo=PAPER)


def _down(columns: list[Column], ranks: list[int], at: int, side: int, place: int) -> list[Point]:
    """The way from a column to below it: straight down, or past the columns under it on one side."""
    unit = columns[at].units[-1]
    below = [c for c, r in zip(columns, ranks, strict=True) if r == ranks[at] and c.units[0].y > unit.y]
    if not below:
        x = unit.x + side * (8 + 6 * place)
        return [(x, unit.y + unit.height / 2 + 2)]
    x = unit.x + side * (max(c.units[0].width for c in (columns[at], *below)) / 2 + ASIDE + 5 * place)
    y = unit.y + unit.height / 4
    return [(unit.x + side * (unit.width / 2 + 2), y), (x, y)]
