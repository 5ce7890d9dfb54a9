"""The computation graph: one node a step, shapes on the arrows, gradients flowing back beside the values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..base.errors import OptionError
from ..program import Program, Role, Step
from .picture import Picture
from .shapes import batch_text, shape_text
from .svg import BLUE, INK, ORANGE, PALE_BLUE, SOFT, Box, Canvas, Span, shortened, text_width

MOST_STEPS = 60
SIZE = 12.5
SMALL = 11
ROW = 17.0
LANE = 34.0
"""How far the arrows down and up lie from the middle."""
ARROW = 46.0
"""The height of an arrow between two nodes."""
SIDE = 30.0
"""The length of an arrow from or to a parameter."""


@dataclass(slots=True)
class _Node:
    """A step of the forward pass or the loss; several where a value by-passes some of them.

    Attributes:
        steps: the steps inside, in order.
        enters: what comes from the node before: names of values.
        sides: parameters, targets and the like that come in from outside.
        inner: values that stay inside, with their gradients; and help values of the backward pass.
    """

    steps: list[Step]
    enters: list[str] = field(default_factory=list[str])
    sides: list[str] = field(default_factory=list[str])
    inner: list[tuple[Step | None, Step | None]] = field(default_factory=list[tuple["Step | None", "Step | None"]])

    @property
    def outputs(self) -> set[str]:
        return {s.output for s in self.steps}

    @property
    def inputs(self) -> list[str]:
        """Names from outside the node, each once, in the order in which they are needed."""
        found = dict.fromkeys(i for s in self.steps for i in s.inputs if i is not None)
        return [name for name in found if name not in self.outputs]


def graph(program: Program, *, batch: int | str = "N") -> Picture:
    """The computation graph of a program, with the shapes of a batch: values go down, gradients come back up.

    Steps that a value by-passes stand together in one node, which lists them. Updates are not drawn.

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
    nodes = _nodes(forward)
    _bind(program, nodes)
    return _Drawing(program, nodes, many).draw()


def _nodes(steps: Sequence[Step]) -> list[_Node]:
    """The steps in a chain of nodes: what a value by-passes is drawn together with where it goes."""
    nodes: list[_Node] = []
    for step in steps:
        together = step.part == "forward" and nodes and nodes[-1].steps[-1].owner == step.owner
        if together:
            nodes[-1].steps.append(step)
        else:
            nodes.append(_Node([step]))
    at = 0
    while at < len(nodes):
        made = {o: k for k, node in enumerate(nodes) for o in node.outputs}
        sources = [made[i] for i in nodes[at].inputs if i in made]
        first = min(sources, default=at)
        if first < at - 1:
            merged = _Node([s for node in nodes[first + 1 : at + 1] for s in node.steps])
            nodes[first + 1 : at + 1] = [merged]
            at = first + 1
            continue
        at += 1
    return nodes


def _bind(program: Program, nodes: list[_Node]) -> None:
    """Says for every node what enters, what comes from the side, and what stays inside."""
    backward = {s.output: s for s in program.part("backward")}
    derivatives = program.derivative_of
    shown: set[str] = set()
    before: set[str] = {"x"}
    for place, node in enumerate(nodes):
        node.enters = [i for i in node.inputs if i in before]
        node.sides = [i for i in node.inputs if i not in before]
        shown.update(derivatives[i] for i in node.inputs if i in derivatives)
        last = node.steps[-1].output
        behind = nodes[place + 1].inputs if place + 1 < len(nodes) else [last]
        leaving = {s.output for s in node.steps if s.output in behind} | {last}
        inside = [s for s in node.steps if s.output not in leaving]
        node.inner = [(s, backward.get(derivatives.get(s.output, ""))) for s in inside]
        shown.update(derivatives[s.output] for s in node.steps if s.output in derivatives)
        before = node.outputs
    for step in backward.values():  # help values stand in the node of their layer
        if step.output not in shown and step.value.role is not Role.SHARE:
            home = next((n for n in nodes if any(s.owner == step.owner for s in n.steps)), nodes[-1])
            home.inner.append((None, step))


class _Drawing:
    """Draws the chain of nodes from the top down."""

    def __init__(self, program: Program, nodes: list[_Node], many: str) -> None:
        self.program, self.nodes, self.many = program, nodes, many
        self.shapes = program.shapes
        self.backward = {s.output: s for s in program.part("backward")}
        self.canvas = Canvas()
        self.half = max(self._half(node) for node in nodes)

    def draw(self) -> Picture:
        y = 0.0
        for place, node in enumerate(self.nodes):
            y = self._between(y, node.enters, first=place == 0)
            y = self._node(y, node)
        y = self._end(y)
        left = min(b.left for b in self.canvas.extents)
        legend = [
            Span("Down: the forward pass. "),
            Span("Up: the gradients, dz being the derivative of L by z.", fill=ORANGE),
        ]
        self.canvas.text(left, y + 26, legend, size=SMALL, anchor="start")
        return self.canvas.picture("Computation graph with the shapes of a batch", self._describe())

    # -- pieces ----------------------------------------------------------------------------------------------

    def _said(self, name: str) -> str:
        return f"{name}  {shape_text(self.shapes[name], self.many)}"

    def _gradient(self, name: str, node: _Node) -> Step | None:
        """The step that computes what a node sends back for one of its inputs."""
        owners = {s.owner for s in node.steps}
        return next((s for s in self.backward.values() if s.value.of == name and s.owner in owners), None)

    def _titles(self, node: _Node) -> list[str]:
        """What is written in a node: the layers it stands for, and the rule where it is one step."""
        of = dict.fromkeys(_kind(s) for s in node.steps)
        return [" and ".join(of)]

    def _half(self, node: _Node) -> float:
        widths = [text_width(t, SIZE, bold=True) / 2 for t in self._titles(node)]
        if len(node.steps) == 1:
            widths.append(text_width(_formula(node.steps[0]), SMALL) / 2)
        for value, gradient in node.inner:
            widths += [text_width(self._said(s.output), SMALL) + 8 for s in (value, gradient) if s is not None]
        if len(node.steps) > 1:
            widths += [text_width(_formula(s), SMALL) / 2 for s in node.steps]
        return max(80.0, max(widths) + 14)

    def _between(self, y: float, names: Sequence[str], *, first: bool) -> float:
        """The arrows into a node: values down on the left, gradients up on the right."""
        node = next(n for n in self.nodes if n.enters is names)
        height = max(ARROW, ROW * len(names) + 18)
        middle = y + height / 2
        self.canvas.line([(-LANE, y + 2), (-LANE, y + height - 2)], stroke=INK, arrow=True)
        gradients = [g for g in (self._gradient(n, node) for n in names) if g is not None]
        if gradients:
            self.canvas.line([(LANE, y + height - 2), (LANE, y + 2)], stroke=ORANGE, arrow=True)
        for place, name in enumerate(names):
            base = middle + ROW * (place - (len(names) - 1) / 2) + 4
            self._value(-LANE - 9, base, name, "end")
        for place, step in enumerate(gradients):
            base = middle + ROW * (place - (len(gradients) - 1) / 2) + 4
            self._back(LANE + 9, base, step, "start")
        return y + height

    def _value(self, x: float, y: float, name: str, anchor: str, size: float = SIZE) -> None:
        shape = shape_text(self.shapes[name], self.many)
        hint = f"{name}: {self._origin(name)}"
        spans = [Span(shortened(name, 28), bold=True), Span(f" {shape}")]
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
        return "a running average" if name in self.program.states else "given"

    def _node(self, y: float, node: _Node) -> float:
        many_steps = len(node.steps) > 1
        lines = 1 + len(node.steps)
        inner = len(node.inner)
        height = 16 + ROW * lines - 2 + (ROW * inner + 6 if inner else 0)
        height = max(height, 24.0 * len(node.sides) + 6)
        box = Box(-self.half, y, self.half, y + height)
        self.canvas.rectangle(box, radius=9, fill=PALE_BLUE, stroke=BLUE, width=1.5)
        used = 16 + ROW * lines - 2 + (ROW * inner + 6 if inner else 0)
        base = y + (height - used) / 2 + 8 + SIZE
        self.canvas.text(0, base, self._titles(node)[0], size=SIZE, bold=True)
        for step in node.steps:
            base += ROW
            self.canvas.text(0, base, _formula(step), size=SMALL, fill=SOFT if not many_steps else INK, hint=str(step))
        if inner:
            self.canvas.line([(-self.half + 12, base + 9), (self.half - 12, base + 9)], width=0.8)
            base += 6
        for value, gradient in node.inner:
            base += ROW
            if value is not None:
                self._value(-7, base, value.output, "end", SMALL)
            if gradient is not None:
                self._back(7, base, gradient, "start", SMALL)
        for place, name in enumerate(node.sides):
            middle = y + height / 2 + 24.0 * (place - (len(node.sides) - 1) / 2)
            self._side(middle, name, node)
        return y + height

    def _side(self, y: float, name: str, node: _Node) -> None:
        """A parameter or target coming in from the left, and its gradient going out on the right."""
        edge = self.half + 2
        self.canvas.line([(-edge - SIDE, y), (-edge, y)], stroke=INK, arrow=True)
        self._value(-edge - SIDE - 6, y + 4, name, "end")
        gradient = self._gradient(name, node)
        if gradient is not None:
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
            made = "; ".join(f"{s} of shape {shape_text(s.shape, self.many)}" for s in node.steps)
            parts.append(f"{' and '.join(self._titles(node))}: {made}.")
        back = [f"{s} of shape {shape_text(s.shape, self.many)}" for s in self.backward.values()]
        return " ".join(["Forward.", *parts, f"Backward: {'; '.join(back)}."])


def _kind(step: Step) -> str:
    """A step's layer without its number: "Dense" of "layer 1, Dense"; for the last step "mean over the samples"."""
    return step.rule.title or step.owner.title


def _formula(step: Step) -> str:
    return shortened(str(step), 60)
