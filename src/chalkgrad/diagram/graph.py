"""The computation graph: one node a step, shapes on the arrows, gradients flowing back beside the values."""

from __future__ import annotations

from collections.abc import Sequence

from ..base.errors import OptionError
from ..program import Program, Step
from ..rules import shares
from .computation import Graph, Node, read_graph
from .lanes import Lanes
from .picture import Picture
from .shapes import batch_text, shape_text
from .svg import BLUE, INK, ORANGE, PALE_BLUE, PAPER, SOFT, Box, Canvas, Span, shortened, text_width

MOST_STEPS = 60
SIZE = 12.5
SMALL = 11
ROW = 17.0
LANE = 34.0
"""How far the arrows down and up lie from the middle."""
ARROW = 46.0
"""The height of an arrow between two nodes."""
IN_TIME = "4 3"
"""The dashes of an arrow from one step of time to the next."""
SIDE = 30.0
"""The length of an arrow from or to a parameter."""


def graph(program: Program, *, batch: int | str = "N") -> Picture:
    """The computation graph of a program, with the shapes of a batch: values go down, gradients come back up.

    A value that later nodes take too goes there by a line on the left, and its derivative's shares come back on the
    right. Steps that the loss by-passes stand together in one node, which lists them. Updates are not drawn.

    Args:
        program: a network's program.
        batch: the number of samples, or the letter that stands for it.

    Raises:
        OptionError: where the program is too long, or `batch` is no number of samples.
    """
    many = batch_text(batch)
    forward = program.part("forward", "loss")
    if len(forward) > MOST_STEPS:
        raise OptionError(
            f"the program has {len(forward)} forward steps, more than the {MOST_STEPS} that can be drawn; draw the "
            "network's layers instead, kind 'layers', or print the program"
        )
    return _Drawing(program, read_graph(program), many).draw()


class _Drawing:
    """Draws the nodes from the top down; what passes some of them, on lanes beside them."""

    def __init__(self, program: Program, graph: Graph, many: str) -> None:
        self.program, self.graph, self.nodes, self.many = program, graph, graph.nodes, many
        self.shapes = program.shapes
        self.backward = {s.output: s for s in program.part("backward")}
        self.canvas = Canvas()
        self.half = max(self._half(node) for node in self.nodes)
        self.lanes = Lanes(graph, self._reach() if graph.passing else 0.0)
        self.exits: dict[str, float] = {}  # where a value leaves for its lane
        self.returns: dict[tuple[str, int], float] = {}  # where a share comes back to

    def draw(self) -> Picture:
        y = 0.0
        for name in self.graph.inputs:
            y = self._exit(y, name)
        for place, node in enumerate(self.nodes):
            y = self._between(y, node.enters, node)
            y = self._node(y, node, place)
            for name in (s.output for s in node.steps):
                y = self._exit(y, name)
        y = self._end(y)
        left = min(b.left for b in self.canvas.extents)
        legend = [
            Span("Down: the forward pass. "),
            Span("Up: the gradients, dz being the derivative of L by z.", fill=ORANGE),
        ]
        self.canvas.text(left, y + 26, legend, size=SMALL, anchor="start")
        if self.graph.sums or any(node.sums for node in self.nodes):
            said = "What is used several times gets a share of its derivative from each use; +: their sum."
            self.canvas.text(left, y + 26 + ROW, [Span(said, fill=ORANGE)], size=SMALL, anchor="start")
        if any(node.states for node in self.nodes):
            said = [
                Span("Dashed: from the step of time before. "),
                Span("And back to it: the shares of the derivative that the step before gets.", fill=ORANGE),
            ]
            bottom = max(b.bottom for b in self.canvas.extents)
            self.canvas.text(left, bottom + ROW - 3, said, size=SMALL, anchor="start")
        return self.canvas.picture("Computation graph with the shapes of a batch", self._describe())

    # -- pieces ----------------------------------------------------------------------------------------------

    def _said(self, name: str) -> str:
        return f"{name}  {shape_text(self.shapes[name], self.many)}"

    def _gradients(self, name: str, node: Node) -> list[Step]:
        """The steps that compute what a node sends back for one of its inputs; several where it takes it twice."""
        owners = {s.owner for s in node.steps}
        back = [s for s in self.backward.values() if s.value.of == name and s.owner in owners]
        return [s for s in back if s.rule is not shares.sum_of_shares]

    def _titles(self, node: Node) -> list[str]:
        """What is written in a node: the layers it stands for, and the rule where it is one step."""
        of = dict.fromkeys(_kind(s) for s in node.steps)
        return [" and ".join(of)]

    def _half(self, node: Node) -> float:
        widths = [text_width(t, SIZE, bold=True) / 2 for t in self._titles(node)]
        if len(node.steps) == 1:
            widths.append(text_width(_formula(node.steps[0]), SMALL) / 2)
        for value, gradient in node.inner:
            widths += [text_width(self._said(s.output), SMALL) + 8 for s in (value, gradient) if s is not None]
        if len(node.steps) > 1:
            widths += [text_width(_formula(s), SMALL) / 2 for s in node.steps]
        widths += [text_width(text, SMALL) / 2 for text in (*node.shared, *map(self._sum_text, node.sums))]
        return max(80.0, max(widths) + 14)

    def _between(self, y: float, names: Sequence[str], node: Node) -> float:
        """The arrows into a node: values down on the left, gradients up on the right."""
        if not names:
            return y + ROW
        gradients = [g for n in names for g in self._gradients(n, node)]
        height = max(ARROW, ROW * max(len(names), len(gradients)) + 12)
        middle = y + height / 2
        self.canvas.line([(-LANE, y + 2), (-LANE, y + height - 2)], stroke=INK, arrow=True)
        if gradients:
            self.canvas.line([(LANE, y + height - 2), (LANE, y + 2)], stroke=ORANGE, arrow=True)
        for place, name in enumerate(names):
            base = middle + ROW * (place - (len(names) - 1) / 2) + 4
            if name not in self.exits:
                self._value(-LANE - 9, base, name, "end")
        for place, step in enumerate(gradients):
            base = middle + ROW * (place - (len(gradients) - 1) / 2) + 4
            self._back(LANE + 9, base, step, "start")
        return y + height

    def _exit(self, y: float, name: str) -> float:
        """Below a node: what it gives leaves for a lane, and the shares of the derivative come back and are added."""
        skipping = self.graph.skips(name)
        if not skipping:
            return y
        straight = len(self.graph.users[name]) > len(skipping)
        sums = self.graph.sums.get(name, [])
        returns = [(name, k) for k in skipping if self._gradients(name, self.nodes[k])]
        self._value(-LANE - 9, y + 17, name, "end")
        turn = self.exits[name] = y + 28
        top = y + 28 + ROW * len(sums)
        for place, way in enumerate(returns):
            self.returns[way] = top + 11 + 14 * place
        bottom = top + 8 + 14 * max(len(returns), 1)
        end = bottom + 2 if straight else turn
        self.canvas.line([(-LANE, y + 2), (-LANE, end)], stroke=INK)
        if not self.graph.home(name) < 0 or straight:
            self.canvas.dot(-LANE, turn)
        if sums:
            self.canvas.line([(LANE, top), (LANE, y + 2)], stroke=ORANGE, arrow=True)
            box = Box(LANE - 9, top, LANE + 9, bottom)
            self.canvas.rectangle(box, radius=6, fill=PAPER, stroke=ORANGE, width=1.5)
            self.canvas.text(LANE, (top + bottom) / 2 + 4.5, "+", size=SIZE, bold=True, fill=ORANGE)
            for place, step in enumerate(reversed(sums)):
                self._back(LANE + 9, y + 17 + ROW * place, step, "start")
            self.canvas.text(
                LANE + 9, y + 17 + ROW * len(sums), self._sum_text(sums[-1]), size=SMALL, anchor="start", fill=ORANGE
            )
        elif returns:
            self.canvas.line([(LANE, self.returns[returns[0]]), (LANE, y + 2)], stroke=ORANGE, arrow=True)
            self._back(LANE + 9, y + 17, self._gradients(name, self.nodes[skipping[0]])[0], "start")
        return bottom

    def _sum_text(self, step: Step) -> str:
        return shortened(f"{step.output} = {' + '.join(i for i in step.inputs if i is not None)}", 110)

    def _reach(self) -> float:
        """How far the texts beside the nodes reach from the middle."""
        names = [*self.shapes, *self.backward]
        widest = max(text_width(self._said(n), SIZE, bold=True) for n in names if n in self.shapes)
        sums = [text_width(self._sum_text(s), SMALL) for found in self.graph.sums.values() for s in found]
        return max(self.half + SIDE + widest + 20, LANE + max(sums, default=0.0) + 30)

    def _value(self, x: float, y: float, name: str, anchor: str, size: float = SIZE, *, before: bool = False) -> None:
        shape = shape_text(self.shapes[name], self.many)
        hint = f"{name}: {self._origin(name)}"
        spans = [Span(shortened(name, 28), bold=True), Span(" of the step before" if before else f" {shape}")]
        self.canvas.text(x, y, spans, size=size, anchor=anchor, hint=hint)

    def _back(self, x: float, y: float, step: Step, anchor: str, size: float = SIZE) -> None:
        spans = [Span(shortened(step.output, 28), bold=True), Span(f" {shape_text(step.shape, self.many)}")]
        self.canvas.text(x, y, spans, size=size, anchor=anchor, fill=ORANGE, hint=f"{step}, {step.owner}")

    def _origin(self, name: str) -> str:
        for step in self.program:
            if step.output == name:
                return f"{step}, {step.owner}"
        if name in self.program.parameters:
            return "a parameter"
        if name in self.program.states:
            return "a running average" if name in self.program.updated else "learned from the samples"
        return "given"

    def _node(self, y: float, node: Node, at: int) -> float:
        many_steps = len(node.steps) > 1
        lines = 1 + len(node.steps) + len(node.shared) + len(node.sums)
        inner = len(node.inner)
        height = 16 + ROW * lines - 2 + (ROW * inner + 6 if inner else 0)
        beside = [*node.states, *node.skips, *node.sides]
        rooms = [24.0 + 18.0 * len(self._beside(name, node)[1:]) for name in beside]
        height = max(height, sum(rooms) + 6)
        box = Box(-self.half, y, self.half, y + height)
        self.canvas.rectangle(box, radius=9, fill=PALE_BLUE, stroke=BLUE, width=1.5)
        used = 16 + ROW * lines - 2 + (ROW * inner + 6 if inner else 0)
        base = y + (height - used) / 2 + 8 + SIZE
        self.canvas.text(0, base, self._titles(node)[0], size=SIZE, bold=True)
        for step in node.steps:
            base += ROW
            self.canvas.text(0, base, _formula(step), size=SMALL, fill=SOFT if not many_steps else INK, hint=str(step))
        for text in node.shared:
            base += ROW
            self.canvas.text(0, base, text, size=SMALL, fill=SOFT)
        for step in node.sums:
            base += ROW
            self.canvas.text(0, base, self._sum_text(step), size=SMALL, fill=ORANGE, hint=f"{step}, {step.owner}")
        if inner:
            self.canvas.line([(-self.half + 12, base + 9), (self.half - 12, base + 9)], width=0.8)
            base += 6
        for value, gradient in node.inner:
            base += ROW
            if value is not None:
                self._value(-7, base, value.output, "end", SMALL)
            if gradient is not None:
                self._back(7, base, gradient, "start", SMALL)
        for place, name in enumerate(beside):
            middle = y + (height - sum(rooms)) / 2 + sum(rooms[:place]) + 12
            if name in node.states:
                self._state(middle, name, node)
            elif name in node.skips:
                self._skip(middle, name, node, at)
            else:
                self._side(middle, name, node)
        return y + height

    def _skip(self, y: float, name: str, node: Node, at: int) -> None:
        """A value that comes past other nodes on the left, and its derivative's share going back on the right."""
        edge, lane = self.half + 2, self.lanes.left[name]
        turn = self.exits[name]
        self.canvas.line([(-LANE, turn), (lane, turn), (lane, y), (-edge, y)], stroke=INK, arrow=True)
        self._value(-edge - 10, y - 5.5, name, "end")
        gradients = self._gradients(name, node)
        if gradients:
            lane, turn = self.lanes.right[name, at], self.returns[name, at]
            end = LANE + 11 if self.graph.sums.get(name) else LANE
            ways = [(edge, y), (lane, y), (lane, turn), (end, turn)]
            self.canvas.line(ways, stroke=ORANGE, arrow=bool(self.graph.sums.get(name)))
            for place, step in enumerate(gradients):  # two where the node takes the value twice
                self._back(edge + 10, y - 5.5 + 18 * place, step, "start")

    def _beside(self, name: str, node: Node) -> list[Step]:
        """The steps whose values stand one below the other on the right of a node, for one that enters on the left."""
        if name in node.states:
            return node.states[name]
        return self._gradients(name, node) if name in node.skips else []

    def _state(self, y: float, name: str, node: Node) -> None:
        """A value that comes from the step of time before, and the shares of its derivative that go back there."""
        edge = self.half + 2
        self.canvas.line([(-edge - SIDE, y), (-edge, y)], stroke=INK, arrow=True, dashes=IN_TIME)
        self._value(-edge - SIDE - 6, y + 4, name, "end", before=True)
        if node.states[name]:
            self.canvas.line([(edge, y), (edge + SIDE, y)], stroke=ORANGE, arrow=True, dashes=IN_TIME)
        for place, step in enumerate(node.states[name]):
            self._back(edge + SIDE + 6, y + 4 + 18 * place, step, "start")

    def _side(self, y: float, name: str, node: Node) -> None:
        """A parameter or target coming in from the left, and its gradient going out on the right."""
        edge = self.half + 2
        self.canvas.line([(-edge - SIDE, y), (-edge, y)], stroke=INK, arrow=True)
        self._value(-edge - SIDE - 6, y + 4, name, "end")
        for gradient in self._gradients(name, node)[:1]:
            self.canvas.line([(edge, y), (edge + SIDE, y)], stroke=ORANGE, arrow=True)
            self._back(edge + SIDE + 6, y + 4, gradient, "start")

    def _end(self, y: float) -> float:
        """What comes out at the bottom: the loss."""
        last = self.nodes[-1].steps[-1].output
        self.canvas.line([(-LANE, y + 2), (-LANE, y + ARROW - 2)], stroke=INK, arrow=True)
        self._value(-LANE - 9, y + ARROW / 2 + 4, last, "end")
        return y + ARROW

    def _describe(self) -> str:
        parts: list[str] = []
        for node in self.nodes:
            results = "; ".join(f"{s} of shape {shape_text(s.shape, self.many)}" for s in node.steps)
            parts.append(f"{' and '.join(self._titles(node))}: {results}.")
        back = [f"{s} of shape {shape_text(s.shape, self.many)}" for s in self.backward.values()]
        return " ".join(["Forward.", *parts, f"Backward: {'; '.join(back)}."])


def _kind(step: Step) -> str:
    """A step's layer without its number: "Dense" of "layer 1, Dense"; for the last step "mean over the samples"."""
    return step.rule.title or (step.owner.text if step.owner.kind == "input" else step.owner.title)


def _formula(step: Step) -> str:
    return shortened(str(step), 60)
