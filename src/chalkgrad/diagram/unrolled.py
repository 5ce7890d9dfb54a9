"""A network over sequences, unrolled: a column for each step of time, a row for each layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from itertools import pairwise

from ..base.errors import OptionError
from ..describe.layers import Attention, Conv1D, Layer, LayerNorm, Recurrent
from ..model.model import Model
from ..program import Loop
from .blocks import draw_loss
from .picture import Picture
from .stages import Stage, describe_stages, read_stages
from .svg import BLUE, INK, PALE_BLUE, PALE_GREY, SOFT, Box, Canvas, shortened, text_width

MOST_TIMES = 6
"""Up to so many steps all are drawn; of more the first three and the last."""
FIRST = 3
SIZE = 12.5
SMALL = 11.0
HIGH = 30.0
"""The height of a box."""
GAP = 26.0
"""The height between two rows in which no line turns."""
BEND = 10.0
"""What a gap grows by for each line that turns in it."""
LANE = 9.0
"""How far the lines beside a column lie from each other."""
APART = 40.0
"""The room between two columns without such lines."""


@singledispatch
def mixes(layer: Layer) -> bool:
    """Whether a layer, not step after step, takes other steps too; by its class, `mixes.register` adds one."""
    return False


@mixes.register(Attention)
@mixes.register(Conv1D)
def _(layer: Attention | Conv1D) -> bool:
    return True


@mixes.register
def _(layer: LayerNorm) -> bool:
    return layer.over == "sample"


def unrolled(network: Model) -> Picture:
    """A network over sequences, unrolled over time: a box for every step's value, arrows for what goes between them.

    Args:
        network: a network with recurrent layers or attention.

    Raises:
        OptionError: where it has none, or sequences of several lengths.
    """
    first = next((n for n in network.layout.lines if isinstance(n.layer, (Recurrent, Attention))), None)
    if first is None:
        raise OptionError(
            "no layer goes over time (RNN, LSTM, GRU, Attention), so there is nothing to unroll; see kind 'layers'"
        )
    T = first.shapes[0][0]
    stages = read_stages(network)
    lengths = dict.fromkeys([T, *(s.shape[0] for s in stages if len(s.shape) == 2)])
    if len(lengths) > 1:
        said = " and ".join(map(str, lengths))
        raise OptionError(
            f"the network has sequences of {said} steps, but one length can be unrolled; see kind 'layers'"
        )
    rows = _rows(network, stages, T)
    canvas = Canvas()
    _Drawing(canvas, rows, T).draw()
    title = f"Unrolled over {T} step{'s' * (T > 1)} of time"
    return canvas.picture(title, f"{title}. {describe_stages(network, stages, 'N')}")


@dataclass(slots=True)
class _Row:
    """One value in all its steps, or in one box where it has no time.

    Attributes:
        said: what makes it, in lines of text.
        name: what stands in its boxes, where it has time with the step.
        boxes: whether there is a box for every step; else one.
        sources: the rows that it takes.
        way: 0, or how what it hands on runs between its boxes: 1 to the right, -1 to the left.
        link: how other steps' values reach a box from above: "" not, "right" those before, "both" all.
        timed: whether its value has time: what leaves every box.
        leaves: where its value has none, the box that it leaves: 0 or -1.
    """

    said: list[str]
    name: str
    boxes: bool
    sources: tuple[int, ...]
    way: int = 0
    link: str = ""
    timed: bool = True
    leaves: int = -1
    given: bool = False
    small: list[str] = field(default_factory=list[str])


def _rows(network: Model, stages: Sequence[Stage], T: int) -> list[_Row]:
    loops = {s.steps[0].owner.line: s for s in network.program.segments if isinstance(s, Loop)
             and s.steps[0].part == "forward"}  # fmt: skip
    layout = network.layout
    rows: list[_Row] = []
    for stage in stages:
        timed = len(stage.shape) == 2 or (not stage.lines and stage.value in (*layout.ids, *layout.masks))
        if not stage.lines:
            rows.append(_Row([], stage.value, timed, (), timed=timed, given=True))
            continue
        layer, place = stage.lines[0].layer, stage.lines[0].place
        row = _Row(list(stage.said), stage.value, timed, stage.sources, timed=timed)
        if place in loops:
            loop = loops[place]
            row.boxes, row.name, row.way = True, loop.steps[-1].output, -1 if loop.backward else 1
            row.leaves = 0 if loop.backward else -1
            row.small = [f"hands on {' and '.join(reversed(loop.carried))}"]
        elif not timed and any(rows[s].timed for s in stage.sources):
            row.link, row.small = "one", ["of all steps"]
        elif any(mixes(line.layer) for line in stage.lines):
            causal = isinstance(layer, Attention) and layer.causal
            row.link = "right" if causal else "both"
            row.small = ["each step takes from itself and those before" if causal else "each step takes from all"]
        rows.append(row)
    last = rows[-1]
    loss = _Row([network.loss_function.kind], "L", False, (len(rows) - 1,), timed=False, link="one" * last.timed)
    return [*rows, loss]


class _Drawing:
    """Places columns and rows, then draws lines and boxes."""

    def __init__(self, canvas: Canvas, rows: list[_Row], T: int) -> None:
        self.canvas, self.rows = canvas, rows
        self.times: list[int | None] = list(range(T))
        if T > MOST_TIMES:
            self.times = [*range(FIRST), None, T - 1]
        self.columns = [c for c, t in enumerate(self.times) if t is not None]
        self.skips = [(s, k) for k, row in enumerate(rows) for s in dict.fromkeys(row.sources) if s < k - 1]
        self.lanes = _lanes(self.skips)
        named = [text_width(self._title(row, c), SIZE, bold=True) for row in rows for c in self.columns]
        self.width = max(44.0, *named) + 18
        step = self.width + APART + LANE * (1 + max(self.lanes.values(), default=-1))
        self.x = [step * c for c in range(len(self.times))]
        self.top = self._tops()

    def draw(self) -> None:
        for k, row in enumerate(self.rows):
            for source in dict.fromkeys(row.sources):
                self._edge(source, k)
            self._link(k)
        for k, row in enumerate(self.rows):
            self._handed_on(k)
            for column in self._boxes(row):
                self._box(k, column)
            if row.boxes and None in self.times:
                self.canvas.text(self.x[self.times.index(None)], self.top[k] + HIGH / 2 + 4, "\u2026", size=SIZE)
            self._said(k)

    # -- places --------------------------------------------------------------------------------------------------------

    def _title(self, row: _Row, column: int) -> str:
        return shortened(f"{row.name}[{self.times[column]}]" if row.boxes else row.name, 20)

    def _boxes(self, row: _Row) -> list[int]:
        return self.columns if row.boxes else self.columns[-1:]

    def _slots(self, k: int) -> list[tuple[str, int]]:
        """What turns in the gap above a row: values that leave for a lane, values that come from one, its link."""
        leaving = [("leave", k - 1)] if any(s == k - 1 for s, _ in self.skips) else []
        entering = [("enter", s) for s, t in self.skips if t == k]
        bends = [("bend", k - 1)] if self._bends(k - 1, k) else []
        return [*leaving, *entering, *bends, *([("link", k)] if self.rows[k].link else [])]

    def _bends(self, source: int, target: int) -> bool:
        """Whether a value goes from its one box to another column's."""
        if source not in self.rows[target].sources:
            return False
        return any(a != b for a, b in self._pairs(source, target))

    def _pairs(self, source: int, target: int) -> list[tuple[int, int]]:
        """From which column to which a value goes."""
        giving, taking = self.rows[source], self.rows[target]
        if giving.timed:
            return [(c, c) for c in self.columns]
        leaves = self.columns[giving.leaves if giving.boxes else -1]
        return [(leaves, leaves if taking.boxes else self.columns[-1])]

    def _tops(self) -> list[float]:
        tops: list[float] = []
        y = 0.0
        for k, row in enumerate(self.rows):
            if k:
                y += GAP + BEND * len(self._slots(k))
            tops.append(y)
            y += max(HIGH, 15.0 * (len(row.said) + len(row.small)) + 2)
        return tops

    def _slot(self, k: int, what: tuple[str, int]) -> float:
        slots = self._slots(k)
        return self.top[k] - 13 - BEND * (len(slots) - 1 - slots.index(what))

    # -- pieces --------------------------------------------------------------------------------------------------------

    def _edge(self, source: int, target: int) -> None:
        linked = self.rows[target].link == "one" and self.rows[source].timed
        for a, b in self._pairs(source, target):
            start, end = self.top[source] + HIGH, self.top[target] - 2
            x, goal = self.x[a], self.x[b]
            if linked:
                b, goal, end = a, self.x[a], self._slot(target, ("link", target))
            if source < target - 1:
                lane = x + self.width / 2 + 10 + LANE * self.lanes[source, target]
                leave, enter = self._slot(source + 1, ("leave", source)), self._slot(target, ("enter", source))
                entering = [s for s, t in self.skips if t == target]
                goal += 0.0 if linked else 10.0 + 8.0 * entering.index(source)
                self.canvas.dot(x, leave)
                points = [(x, start), (x, leave), (lane, leave), (lane, enter), (goal, enter), (goal, end)]
            elif x != goal:
                bend = self._slot(target, ("bend", source))
                points = [(x, start), (x, bend), (goal, bend), (goal, end)]
            else:
                points = [(x, start), (x, end)]
            self.canvas.line(points, stroke=INK, arrow=not linked)

    def _link(self, k: int) -> None:
        """The line above a row by which other steps' values reach a box."""
        row = self.rows[k]
        if not row.link:
            return
        y = self._slot(k, ("link", k))
        if row.link == "one":
            last = self.x[self.columns[-1]]
            self.canvas.line([(self.x[0], y), (last, y), (last, self.top[k] - 2)], stroke=INK, arrow=True)
            return
        places = [self.x[column] for column in self.columns]
        for left, right in pairwise(places):
            if row.link == "right":
                self.canvas.line([(left, y), (right - 3, y)], stroke=BLUE, width=1.6, arrow=True)
            else:
                middle = (left + right) / 2
                self.canvas.line([(middle, y), (left + 3, y)], stroke=BLUE, width=1.6, arrow=True)
                self.canvas.line([(middle, y), (right - 3, y)], stroke=BLUE, width=1.6, arrow=True)
        for x in places:
            self.canvas.dot(x, y)

    def _handed_on(self, k: int) -> None:
        """The arrows between a recurrent layer's boxes."""
        row = self.rows[k]
        if not row.way:
            return
        y = self.top[k] + HIGH / 2
        for left in range(len(self.times) - 1):
            ends = [self._side(left, 1), self._side(left + 1, -1)]
            start, end = ends if row.way > 0 else ends[::-1]
            self.canvas.line([(start, y), (end - 2 * row.way, y)], stroke=BLUE, width=1.6, arrow=True)

    def _side(self, column: int, side: int) -> float:
        return self.x[column] + side * (self.width / 2 if self.times[column] is not None else 12.0)

    def _box(self, k: int, column: int) -> None:
        row, x, y = self.rows[k], self.x[column], self.top[k]
        if row.name == "L" and k == len(self.rows) - 1:
            draw_loss(self.canvas, x, y + HIGH / 2 + 3, row.name)
            return
        box = Box(x - self.width / 2, y, x + self.width / 2, y + HIGH)
        fill, stroke = (PALE_GREY, SOFT) if row.given else (PALE_BLUE, BLUE)
        self.canvas.rectangle(box, radius=7, fill=fill, stroke=stroke, width=1.5)
        self.canvas.text(x, y + HIGH / 2 + 4.5, self._title(row, column), size=SIZE, bold=True)

    def _said(self, k: int) -> None:
        """What makes a row, on its left."""
        row = self.rows[k]
        x = self.x[0] - self.width / 2 - 16
        y = self.top[k] + 12.0 if len(row.said) + len(row.small) > 1 else self.top[k] + HIGH / 2 + 4
        for line in row.said:
            self.canvas.text(x, y, shortened(line, 40), size=SIZE, anchor="end")
            y += 15
        for line in row.small:
            self.canvas.text(x, y, shortened(line, 46), size=SMALL, anchor="end", fill=SOFT)
            y += 15


def _lanes(ways: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """A number for each way past rows such that ways beside the same row have different ones; short ways lie inside."""
    lanes: dict[tuple[int, int], int] = {}
    for way in sorted(ways, key=lambda w: (w[1] - w[0], w)):
        numbers = {n for other, n in lanes.items() if other[0] < way[1] and way[0] < other[1]}
        lanes[way] = next(n for n in range(len(ways)) if n not in numbers)
    return lanes
