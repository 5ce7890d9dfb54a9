"""The picture of the layers where these are no chain: from the top down, branches side by side, skips as lines."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.model import Model
from .blocks import SIZE, SMALL, draw_loss, draw_planes, draw_vector, length, planes_size
from .picture import Picture
from .shapes import shape_text
from .stages import Stage, describe_stages
from .svg import INK, PAPER, SOFT, Canvas, Point, Span, shortened, text_width
from .tracks import Edge, Tracks, place

LONGEST = 120.0
"""How long a vector's bar becomes."""
LEADING = 15.0
"""From one line of text to the next."""
GAP = 30.0
"""The height between two rows."""
BEND = 10.0
"""What a gap grows by for each line that turns in it."""
APART = 30.0
"""The width between two columns."""


@dataclass(slots=True)
class _Cell:
    """A value's drawing with the text to the right of it.

    Attributes:
        stage: what it shows.
        text: lines of text, with the size of their letters.
        size: width and height of the drawing, and its planes (0: a bar).
    """

    stage: Stage
    text: list[tuple[list[Span], float]]
    size: tuple[float, float, int]

    @property
    def right(self) -> float:
        """How far it reaches to the right of the drawing's middle."""
        widest = max((sum(text_width(s.text, z, bold=bool(s.bold)) for s in row) for row, z in self.text), default=0.0)
        return self.size[0] / 2 + 10 + widest

    @property
    def height(self) -> float:
        return max(self.size[1], LEADING * len(self.text))


def branches(network: Model, stages: list[Stage], many: str) -> Picture:
    """Draws the stages of a network that is a graph."""
    cells = [_cell(stage, stages, many) for stage in stages]
    loss = Stage([], "L", ())
    cells.append(_Cell(loss, [([Span(network.loss_function.kind)], SIZE)], (36, 36, 0)))
    tracks = place([*(stage.sources for stage in stages), (len(stages) - 1,)])
    drawing = _Drawing(cells, tracks)
    drawing.draw(many)
    canvas = drawing.canvas
    left, bottom = min(b.left for b in canvas.extents), max(b.bottom for b in canvas.extents)
    total = f"{network.flat.size:,} parameters in all"
    canvas.text(left, bottom + 26, total, size=SMALL, anchor="start", fill=SOFT)
    title = "Layers: " + " - ".join(layer.kind for layer in network.layers)
    return canvas.picture(title, describe_stages(network, stages, many))


def _cell(stage: Stage, stages: list[Stage], many: str) -> _Cell:
    text = [([Span(shortened(line, 40))], SIZE) for line in stage.said]
    if len(stage.sources) > 1:
        of = " and ".join(shortened(stages[s].value) for s in stage.sources)
        text.append(([Span(f"of {of}", SOFT)], SMALL))
    shape = shape_text(("N", *stage.shape), many)
    text.append(([Span(shortened(stage.value), bold=True), Span(f" {shape}")], SIZE))
    text += [([Span(shortened(line, 40), SOFT)], SMALL) for line in stage.parameters]
    if stage.count:
        text.append(([Span(f"{stage.count:,} parameters", SOFT)], SMALL))
    vector = len(stage.shape) == 1
    return _Cell(stage, text, (length(stage.shape[0], 44, LONGEST), 18, 0) if vector else planes_size(stage.shape))


class _Drawing:
    """Gives every row and column its place, then draws the lines and the cells."""

    def __init__(self, cells: list[_Cell], tracks: Tracks) -> None:
        self.cells, self.tracks = cells, tracks
        self.canvas = Canvas()
        self.x = self._columns()
        self.entries = self._entries()
        self.turns = self._turns()
        self.top, self.bottom = self._rows()

    def draw(self, many: str) -> None:
        for edge in self.tracks.edges:
            self._line(edge)
        for node, cell in enumerate(self.cells):
            self._value(node, cell, many)

    # -- places ----------------------------------------------------------------------------------------------

    def _columns(self) -> list[float]:
        """The middle of each column; one of lines alone is narrow."""
        columns = range(1 + max((*self.tracks.columns, *(e.column for e in self.tracks.edges))))
        found: list[float] = []
        edge = 0.0
        for column in columns:
            inside = [c for c, place in zip(self.cells, self.tracks.columns, strict=True) if place == column]
            x = edge + max((c.size[0] / 2 for c in inside), default=0.0)
            found.append(x)
            edge = x + max((c.right for c in inside), default=0.0) + APART
        return found

    def _entries(self) -> dict[Edge, float]:
        """Where each line meets the upper side of its target: those from the left to the left."""
        entries: dict[Edge, float] = {}
        for node, cell in enumerate(self.cells):
            middle = self.x[self.tracks.columns[node]]
            edges = [e for e in self.tracks.edges if e.target == node]
            left = sorted((e for e in edges if self.x[e.column] < middle), key=lambda e: -self.x[e.column])
            right = sorted((e for e in edges if self.x[e.column] > middle), key=lambda e: self.x[e.column])
            straight = len(edges) > len(left) + len(right)
            for sign, side in ((-1, left), (1, right)):
                room = (cell.size[0] / 2 - 3) / max(len(side), 1)
                for k, e in enumerate(side):
                    first = 1 if straight or len(side) < len(edges) else 0
                    entries[e] = middle + sign * min(16.0, room) * (k + first)
            entries.update({e: middle for e in edges if e not in entries})
        return entries

    def _turns(self) -> dict[int, list[tuple[int, int]]]:
        """For each gap, what turns in it: a value that leaves its column, (node, -1), or enters another, (s, t)."""
        turns: dict[int, list[tuple[int, int]]] = {}
        rows = self.tracks.rows
        for e in self.tracks.edges:
            if self._leaves(e):
                turns.setdefault(rows[e.source], []).append((e.source, -1))
        for e in self.tracks.edges:
            if self._enters(e):
                turns.setdefault(rows[e.target] - 1, []).append((e.source, e.target))
        return {gap: list(dict.fromkeys(found)) for gap, found in turns.items()}

    def _leaves(self, e: Edge) -> bool:
        return e.column != self.tracks.columns[e.source]

    def _enters(self, e: Edge) -> bool:
        return self.x[e.column] != self.entries[e]

    def _rows(self) -> tuple[list[float], list[float]]:
        """The upper and lower edge of each row."""
        tops: list[float] = []
        bottoms: list[float] = []
        y = 0.0
        for row in range(1 + max(self.tracks.rows)):
            inside = [c for c, place in zip(self.cells, self.tracks.rows, strict=True) if place == row]
            tops.append(y)
            bottoms.append(y + max(c.height for c in inside))
            y = bottoms[-1] + GAP + BEND * len(self.turns.get(row, []))
        return tops, bottoms

    def _turn(self, gap: int, what: tuple[int, int]) -> float:
        return self.bottom[gap] + 10 + BEND * self.turns[gap].index(what)

    def _middle(self, node: int) -> Point:
        row = self.tracks.rows[node]
        return self.x[self.tracks.columns[node]], (self.top[row] + self.bottom[row]) / 2

    # -- pieces ----------------------------------------------------------------------------------------------

    def _line(self, e: Edge) -> None:
        (x, y), (_, below) = self._middle(e.source), self._middle(e.target)
        points = [(x, y + self.cells[e.source].size[1] / 2)]
        lane, entry = self.x[e.column], self.entries[e]
        if self._leaves(e):
            turn = self._turn(self.tracks.rows[e.source], (e.source, -1))
            points += [(x, turn), (lane, turn)]
            self.canvas.dot(x, turn)
        if self._enters(e):
            turn = self._turn(self.tracks.rows[e.target] - 1, (e.source, e.target))
            points += [(lane, turn), (entry, turn)]
        points.append((entry, below - self.cells[e.target].size[1] / 2 - 2))
        self.canvas.line(points, stroke=INK, arrow=True)

    def _value(self, node: int, cell: _Cell, many: str) -> None:
        x, y = self._middle(node)
        across, down, planes = cell.size
        corner = (x - across / 2, y - down / 2)
        given = not cell.stage.said
        if not cell.stage.shape:
            draw_loss(self.canvas, x, y, cell.stage.value)
        elif planes:
            draw_planes(self.canvas, corner, (across, down), planes, given=given)
        else:
            draw_vector(self.canvas, corner, (across, down), cell.stage.shape[0], given=given)
        first = y - LEADING * (len(cell.text) - 1) / 2 + 0.36 * SIZE
        for row, (line, size) in enumerate(cell.text):
            base = first + LEADING * row
            self.canvas.text(x + across / 2 + 10, base, line, size=size, anchor="start", halo=PAPER)
