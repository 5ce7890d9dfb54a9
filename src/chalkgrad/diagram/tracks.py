"""Places the nodes of a graph in rows and columns: who takes a value stands below it, branches side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True, slots=True)
class Edge:
    """The way of a value from the node that gives it to one that takes it.

    Attributes:
        source, target: the places of the nodes.
        column: the column in which it passes the rows between the two.
    """

    source: int
    target: int
    column: int


@dataclass(frozen=True, slots=True)
class Tracks:
    """Where every node stands, and which way every value goes.

    Attributes:
        rows, columns: of each node, from 0.
        edges: in the order of the targets.
    """

    rows: list[int]
    columns: list[int]
    edges: list[Edge]


def rows_of(sources: Sequence[Sequence[int]]) -> list[int]:
    """The row of each node: one below the lowest of those whose values it takes, 0 where it takes none."""
    rows: list[int] = []
    for taken in sources:
        rows.append(1 + max((rows[s] for s in taken), default=-1))
    return rows


def place(sources: Sequence[Sequence[int]]) -> Tracks:
    """Places nodes, each given by the places of the earlier nodes whose values it takes.

    A node stands below one of its sources where there is room. A value that passes other rows keeps to a column in
    which nothing else is.
    """
    rows = rows_of(sources)
    columns: list[int] = []
    edges: list[Edge] = []
    cells: set[tuple[int, int]] = set()

    def free(column: int, first: int, last: int) -> bool:
        return not any((column, row) in cells for row in range(first, last + 1))

    for node, given in enumerate(sources):
        row = rows[node]
        below = [s for s in sorted(given, key=lambda s: columns[s]) if free(columns[s], rows[s] + 1, row)]
        column = columns[below[0]] if below else next(c for c in count() if free(c, row, row))
        columns.append(column)
        if below:
            cells.update((column, r) for r in range(rows[below[0]] + 1, row))
        cells.add((column, row))
        for source in dict.fromkeys(given):
            first, last = rows[source] + 1, row - 1
            if below and source == below[0]:
                lane = column
            elif first > last:
                lane = columns[source]
            else:
                lane = next(c for c in (columns[source], column, *range(len(cells) + 1)) if free(c, first, last))
                cells.update((lane, r) for r in range(first, last + 1))
            edges.append(Edge(source, node, lane))
    return Tracks(rows, columns, edges)
