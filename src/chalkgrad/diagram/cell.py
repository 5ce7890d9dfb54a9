"""The cell of a recurrent layer: what it computes at one step of time, and what goes round to the next step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..base.errors import OptionError
from ..describe.layers import Recurrent
from ..explain.derive import equation
from ..model.model import Model
from ..program import Loop, Program, Step
from ..render.blocks import Style
from ..render.text import TextMath
from .picture import Picture
from .svg import BLUE, INK, PALE_BLUE, PALE_GREY, SOFT, Box, Canvas, Point, Span, shortened, text_width
from .tracks import Edge, Tracks, place, rows_of

SIZE = 12.5
SMALL = 11.0
ROW = 17.0
GAP = 24.0
"""The height between two rows in which no line turns."""
BEND = 10.0
"""What a gap grows by for each line that turns in it."""
APART = 28.0
"""The width between two columns."""
LANE = 16.0
"""How far the ways round lie from the boxes and from each other."""
IN_TIME = "5 4"


def cell(network: Model) -> Picture:
    """The cell of every recurrent layer: a box for each value of one step, dashed lines for what goes round.

    Raises:
        OptionError: where no layer is recurrent.
    """
    loops = [s for s in network.program.segments if isinstance(s, Loop) and s.steps[0].part == "forward"]
    if not loops:
        raise OptionError("no layer is recurrent, so there is no cell to draw; see the layers, kind 'layers'")
    canvas, said = Canvas(), list[str]()
    for loop in loops:
        top = max((b.bottom for b in canvas.extents), default=-30.0) + 30
        line = loop.steps[0].owner.line
        prefix = None if line is None else network.layout.lines[line].prefix
        drawing = _Drawing(network.program, loop, "" if prefix is None else f"{prefix}.")
        drawing.draw(canvas, top, _goes_on(network, loop))
        said.append(drawing.describe())
    return canvas.picture(f"Cell: {', '.join(loop.steps[0].owner.text for loop in loops)}", " ".join(said))


def _goes_on(network: Model, loop: Loop) -> str:
    """Which step's last value the layers after it take."""
    line = loop.steps[0].owner.line
    layer = None if line is None else network.layout.lines[line].layer
    if not isinstance(layer, Recurrent) or layer.sequences:
        return "goes on at every step"
    return f"of the {'first' if layer.reverse else 'last'} step goes on"


def line_text(step: Step, program: Program) -> str:
    """A step of a loop as mathematics for one step of time: "c1 = f1 ⊙ c1' + i1 ⊙ g1"."""
    found, math = equation(step, program, None), TextMath(Style())
    text = f"{math.inline(found.left)} {found.sign} {math.inline(found.lines[0].node)}"
    for time, short in (("[t]", ""), ("[t - 1]", "'"), ("[t + 1]", "'")):
        text = text.replace(time, short)
    return text


@dataclass(slots=True)
class _Node:
    """A box: a value of the step before, one from outside, or what some steps compute.

    Attributes:
        name: the value's name.
        before: whether it is that of the step before.
        steps: what computes it; none for a value that is given.
        lines: lines of text under its name.
        shown: the name without that of its layer, which stands above the cell.
    """

    name: str
    before: bool = False
    steps: list[Step] = field(default_factory=list[Step])
    lines: list[str] = field(default_factory=list[str])
    shown: str = ""

    @property
    def title(self) -> str:
        return f"{self.shown}'" if self.before else self.shown

    @property
    def width(self) -> float:
        widest = max((text_width(shortened(line, 60), SMALL) for line in self.lines), default=0.0)
        return max(44.0, text_width(shortened(self.title), SIZE, bold=True) + 20, widest + 20)

    @property
    def height(self) -> float:
        return 26 + ROW * len(self.lines)


def _nodes(program: Program, loop: Loop) -> tuple[list[_Node], list[list[int]]]:
    """The boxes, and for each the places of those that it takes."""
    own = {step.output: step for step in loop.steps}
    readers = {name: [s for s in loop.steps if name in s.inputs] for name in own}
    delays = {step.output: each for step, each in zip(loop.steps, loop.delays, strict=True)}

    def inside(step: Step) -> Step | None:
        """The pre-activation that stands in the box of its activation."""
        first = own.get(step.inputs[0] or "")
        if first is None or len(step.inputs) > 1 or first.output in loop.carried:
            return None
        return first if readers[first.output] == [step] else None

    merged = {z.output for step in loop.steps if (z := inside(step)) is not None}
    nodes: list[_Node] = [_Node(name, before=True) for name in loop.carried]
    nodes += [_Node(name) for name in _outside(program, loop)]
    computed = [step for step in loop.steps if step.output not in merged]
    for step in computed:
        z = inside(step)
        text = f"{step.rule.name}({z.output})" if z is not None else line_text(step, program).partition(" = ")[2]
        nodes.append(_Node(step.output, steps=[step] if z is None else [z, step], lines=[text]))
    at = {(node.name, node.before): k for k, node in enumerate(nodes)}
    sources: list[list[int]] = []
    for node in nodes:
        keys = [(i, bool(delay)) for s in node.steps for i, delay in zip(s.inputs, delays[s.output], strict=True) if i]
        sources.append([at[key] for key in dict.fromkeys(keys) if key in at])
    return nodes, sources


def _outside(program: Program, loop: Loop) -> Iterable[str]:
    """The values, no parameters, that a loop takes from before it."""
    own = {step.output for step in loop.steps}
    names = dict.fromkeys(i for step in loop.steps for i in step.inputs if i is not None and i not in own)
    return [name for name in names if name not in program.parameters]


class _Drawing:
    """Places the boxes in rows and columns, and draws lines that turn between the rows."""

    def __init__(self, program: Program, loop: Loop, prefix: str) -> None:
        self.program, self.loop, self.prefix = program, loop, prefix
        nodes, sources = _nodes(program, loop)
        for node in nodes:
            node.shown = self._short(node.name)
            node.lines = [self._short(line) for line in node.lines]
        rows = rows_of(sources)
        users = {k: [rows[t] for t, taken in enumerate(sources) if k in taken] for k in range(len(nodes))}
        self.late = [k for k, node in enumerate(nodes) if node.before and min(users[k], default=0) > 1]
        order = [k for k in range(len(nodes)) if k not in self.late]
        new = {k: place for place, k in enumerate([*order, *self.late])}
        self.nodes = [nodes[k] for k in (*order, *self.late)]
        tracks = place([[new[s] for s in sources[k] if s not in self.late] for k in order])
        columns = 1 + max((*tracks.columns, *(e.column for e in tracks.edges)))
        edges = [Edge(new[k], new[t], columns + n) for n, k in enumerate(self.late)
                 for t, taken in enumerate(sources) if k in taken]  # fmt: skip
        self.late = [new[k] for k in self.late]
        self.tracks = Tracks(
            tracks.rows + [0] * len(self.late),
            tracks.columns + [columns + n for n in range(len(self.late))],
            tracks.edges + edges,
        )
        self.producer = {
            k: next(t for t, other in enumerate(self.nodes) if other.name == node.name and not other.before)
            for k, node in enumerate(self.nodes)
            if node.before
        }
        self.x = self._columns()
        self.entries = self._entries()
        self.levels = self._levels()

    def draw(self, canvas: Canvas, top: float, goes_on: str) -> None:
        self.canvas = canvas
        title = self.loop.steps[0].owner.text
        left = min(self.x[c] - n.width / 2 for c, n in zip(self.tracks.columns, self.nodes, strict=True))
        right = max(self.x[c] + n.width / 2 for c, n in zip(self.tracks.columns, self.nodes, strict=True))
        head = top + 12
        canvas.text(left - 2 * LANE, head, f"{title}: one step of time", size=SIZE, anchor="start", bold=True)
        ways = {False: [k for k in self.producer if k not in self.late], True: self.late}
        self.top = self._tops(head + 14 + LANE * (1 + max(map(len, ways.values()))))
        for node, other in self.producer.items():
            side = ways[node in self.late]
            self._round(node, other, left, right, side.index(node) + 1)
        for source in range(len(self.nodes)):
            self._lines(source)
        for k, node in enumerate(self.nodes):
            self._box(k, node)
        self._out(goes_on)
        self._formulas(left - 2 * LANE)

    def describe(self) -> str:
        """The cell in words."""
        lines = "; ".join(line_text(step, self.program) for step in self.loop.steps)
        round_ = " and ".join(self.loop.carried)
        return f"{self.loop.steps[0].owner.text}, one step: {lines}. {round_} go round to the next step."

    def _short(self, text: str) -> str:
        return text.replace(self.prefix, "") if self.prefix else text

    # -- places --------------------------------------------------------------------------------------------------------

    def _columns(self) -> list[float]:
        columns: list[float] = []
        edge = 0.0
        for column in range(1 + max((*self.tracks.columns, *(e.column for e in self.tracks.edges)))):
            # a wide box alone in its row may reach into the columns beside it
            inside = [n.width for n, c, r in zip(self.nodes, self.tracks.columns, self.tracks.rows, strict=True)
                      if c == column and self.tracks.rows.count(r) > 1]  # fmt: skip
            width = max(inside, default=20.0)
            columns.append(edge + width / 2)
            edge += width + APART
        for node, (column, row) in enumerate(zip(self.tracks.columns, self.tracks.rows, strict=True)):
            beside = [e.column for e in self.tracks.edges if e.column > column
                      and self.tracks.rows[e.source] < row < self.tracks.rows[e.target]]  # fmt: skip
            if beside:
                lacking = columns[column] + self.nodes[node].width / 2 + APART / 2 - columns[min(beside)]
                columns = [x + max(lacking, 0.0) * (c >= min(beside)) for c, x in enumerate(columns)]
        return columns

    def _entries(self) -> dict[Edge, float]:
        """Where each line meets its target's upper side; the middle is for a line that comes straight down."""
        entries: dict[Edge, float] = {}
        for node, (column, row) in enumerate(zip(self.tracks.columns, self.tracks.rows, strict=True)):
            middle, edges = self.x[column], [e for e in self.tracks.edges if e.target == node]
            above = any(
                c == column and r == row - 1 for c, r in zip(self.tracks.columns, self.tracks.rows, strict=True)
            )
            for sign in (-1, 1):
                side = [e for e in edges if (self._from(e) - middle) * sign > 0]
                side.sort(key=lambda e: abs(self._from(e) - middle))
                shift = 1 if above or len(side) < len(edges) else 0
                room = (self.nodes[node].width / 2 - 6) / max(len(side), 1)
                entries.update({e: middle + sign * min(14.0, room) * (k + shift) for k, e in enumerate(side)})
            entries.update({e: middle for e in edges if e not in entries})
        return entries

    def _from(self, e: Edge) -> float:
        """The x from which a line comes to the row of its target."""
        return self.x[e.column]

    def _passes(self, e: Edge) -> bool:
        return self.tracks.rows[e.target] - self.tracks.rows[e.source] > 1

    def _levels(self) -> dict[int, list[tuple[int, int]]]:
        """For each gap what turns in it: a value leaving its column, (node, -1), or entering another, (s, t)."""
        levels: dict[int, list[tuple[int, int]]] = {row: [] for row in range(1 + max(self.tracks.rows))}
        for node, row in enumerate(self.tracks.rows):
            if self._turns(node) or node in self.producer.values():
                levels[row].append((node, -1))
        for e in self.tracks.edges:
            if self._passes(e) and self.entries[e] != self.x[e.column]:
                levels[self.tracks.rows[e.target] - 1].append((e.source, e.target))
        return levels

    def _turns(self, node: int) -> list[float]:
        """The x at which lines go down from a value's level, where that is not below it."""
        turns: list[float] = []
        for e in (e for e in self.tracks.edges if e.source == node):
            goal = self.x[e.column] if self._passes(e) else self.entries[e]
            if goal != self.x[self.tracks.columns[node]]:
                turns.append(goal)
        return list(dict.fromkeys(turns))

    def _tops(self, y: float) -> list[float]:
        tops: list[float] = []
        self.bottom: list[float] = []
        for row in range(1 + max(self.tracks.rows)):
            tops.append(y)
            self.bottom.append(y + max(n.height for n, r in zip(self.nodes, self.tracks.rows, strict=True) if r == row))
            y = self.bottom[-1] + GAP + BEND * len(self.levels[row])
        return tops

    def _level(self, row: int, what: tuple[int, int]) -> float:
        return self.bottom[row] + 11 + BEND * self.levels[row].index(what)

    def _middle(self, node: int) -> Point:
        row = self.tracks.rows[node]
        return self.x[self.tracks.columns[node]], (self.top[row] + self.bottom[row]) / 2

    # -- pieces --------------------------------------------------------------------------------------------------------

    def _lines(self, node: int) -> None:
        """All lines from a value: down its column, and along its level to where they go down."""
        x, y = self._middle(node)
        start, row = y + self.nodes[node].height / 2, self.tracks.rows[node]
        turns = self._turns(node)
        level = self._level(row, (node, -1)) if turns else start
        for e in (e for e in self.tracks.edges if e.source == node):
            lane = self.x[e.column] if self._passes(e) else self.entries[e]
            points = [(x, start), (x, level), (lane, level)] if lane != x else [(x, start)]
            if self._passes(e) and self.entries[e] != lane:
                turn = self._level(self.tracks.rows[e.target] - 1, (e.source, e.target))
                points += [(lane, turn), (self.entries[e], turn)]
            below = self._middle(e.target)[1] - self.nodes[e.target].height / 2
            self.canvas.line([*points, (self.entries[e], below - 2)], stroke=INK, arrow=True)
        reach = [x, *turns]
        straight = any(e.source == node and (self.x[e.column] if self._passes(e) else self.entries[e]) == x
                       for e in self.tracks.edges)  # fmt: skip
        for dot in sorted(set(reach)):
            corner = dot in (min(reach), max(reach)) and not (dot == x and (straight or min(reach) < x < max(reach)))
            if turns and not corner:
                self.canvas.dot(dot, level)

    def _round(self, node: int, other: int, left: float, right: float, way: int) -> None:
        """The dashed way of a value round to the box of the step before: from below it, beside all boxes, up."""
        (x, y), (goal, _) = self._middle(other), self._middle(node)
        level = self._level(self.tracks.rows[other], (other, -1))
        lane = right + LANE * way if node in self.late else left - LANE * way
        above = self.top[0] - LANE * way - 4
        top = self._middle(node)[1] - self.nodes[node].height / 2 - 2
        start = y + self.nodes[other].height / 2
        points = [(x, start), (x, level), (lane, level), (lane, above), (goal, above), (goal, top)]
        self.canvas.line(points, stroke=BLUE, width=1.6, arrow=True, dashes=IN_TIME)

    def _box(self, place: int, node: _Node) -> None:
        x, y = self._middle(place)
        box = Box(x - node.width / 2, y - node.height / 2, x + node.width / 2, y + node.height / 2)
        given = not node.steps
        self.canvas.rectangle(
            box, radius=13 if given else 8, fill=PALE_GREY if given else PALE_BLUE, stroke=SOFT if given else BLUE,
            width=1.5,
        )  # fmt: skip
        hint = "the value of the step before" if node.before else "; ".join(map(str, node.steps)) or "given"
        self.canvas.text(x, box.top + 17, shortened(node.title), size=SIZE, bold=True, hint=hint)
        for k, line in enumerate(node.lines):
            self.canvas.text(x, box.top + 17 + ROW * (k + 1), shortened(line, 60), size=SMALL)

    def _out(self, goes_on: str) -> None:
        """What leaves the cell at the bottom."""
        name = self.loop.steps[-1].output
        node = next(k for k, n in enumerate(self.nodes) if n.name == name and not n.before)
        x, y = self._middle(node)
        start = y + self.nodes[node].height / 2
        end = self.bottom[-1] + 14 + BEND * len(self.levels[len(self.bottom) - 1]) + 16
        self.canvas.line([(x, start), (x, end)], stroke=INK, arrow=True)
        self.canvas.dot(x, self._level(self.tracks.rows[node], (node, -1)))
        self.canvas.text(
            x + 10, end - 2, [Span(self._short(name), bold=True), Span(f" {goes_on}")], size=SMALL, anchor="start"
        )
        self.end = end

    def _formulas(self, left: float) -> None:
        """The pre-activations, and what the dashes are."""
        y = self.end + 24
        texts = [self._short(line_text(n.steps[0], self.program)) for n in self.nodes if len(n.steps) > 1]
        for text in texts:
            self.canvas.text(left, y, shortened(text, 100), size=SMALL, anchor="start")
            y += ROW
        names = " and ".join(f"{self._short(name)}'" for name in self.loop.carried)
        after = ", here the one after it: time runs backwards" if self.loop.backward else ""
        verb = "are" if len(self.loop.carried) > 1 else "is"
        said = f"Dashed: to the next step. {names} {verb} of the step before{after}; 0 at first."
        self.canvas.text(left, y, said, size=SMALL, anchor="start", fill=SOFT)
